"""The files a finished job leaves: model.onnx, model.joblib, metrics.json, report.json and manifest.json.

Before: `training/course.py` finished and `parity.py` agreed. The manifest follows cloud/contract/manifest.schema.json.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from trainer import __version__
from trainer.clock import iso
from trainer.export.blend import graph_of
from trainer.export.graph import INPUT, OUTPUT, Graph
from trainer.export.parity import Parity, check
from trainer.features.encoding import to_json
from trainer.table.columns import MISSING_TEXTS
from trainer.table.source import Source
from trainer.ticket import Request
from trainer.training.course import Outcome
from trainer.training.fitting import Fit
from trainer.training.problem import Problem
from trainer.training.split import FOLDS_BELOW_ROWS

FEW_ROWS = 1000


@dataclass(frozen=True)
class Artefact:
    """File name to content, manifest last, and the metrics for result.json."""

    files: dict[str, bytes]
    metrics: dict[str, float]


def describe_file(name: str, body: bytes) -> dict[str, Any]:
    """As manifest and result list it."""
    return {"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def export(
    problem: Problem,
    outcome: Outcome,
    request: Request,
    source: Source,
    name: str,
    now: datetime,
    more_files: dict[str, bytes] | None = None,
) -> Artefact:
    """Raises PlatformError when graph and estimator differ. `more_files` are listed in the manifest too."""
    fit = outcome.fit
    classes = len(problem.classes or ())
    graph = graph_of(fit, problem.task)
    held_out = problem.table.take(outcome.test_rows)
    parity = check(graph, fit, held_out, classes, outcome.threshold, request.seed)
    files = {
        "model.onnx": graph.model,
        "model.joblib": _joblib(fit),
        "metrics.json": as_json(outcome.metrics),
        "report.json": as_json(report(problem, outcome)),
        **(more_files or {}),
    }
    manifest = {
        "version": 1,
        "createdAt": iso(now),
        "task": problem.task,
        "target": {"name": problem.target, "classes": problem.classes},
        "model": {
            "type": fit.name,
            "estimator": " + ".join(dict.fromkeys(type(member.estimator).__name__ for member in fit.members)),
            "hyperparameters": dict(fit.members[0].ingredient.chosen) if len(fit.members) == 1 else {},
            "members": [
                {
                    "type": member.ingredient.family_name,
                    "hyperparameters": dict(member.ingredient.chosen),
                    "weight": member.ingredient.weight,
                }
                for member in fit.members
            ],
        },
        "onnx": _onnx(graph),
        "threshold": outcome.threshold,
        "preprocessing": {"missing": list(MISSING_TEXTS), "columns": to_json(fit.columns)},
        "features": [{"name": f.name, "type": f.type, "example": f.example} for f in problem.features],
        "dropped": [{"name": d.name, "reason": d.reason} for d in problem.dropped],
        "data": {
            "name": name,
            "bytes": source.bytes,
            "sha256": source.sha256,
            "rows": len(problem.y),
            "columns": problem.columns_in_file,
            "encoding": source.encoding,
            "delimiter": source.delimiter,
        },
        "split": {"kind": outcome.plan.kind, "trainRows": outcome.plan.train_rows, "testRows": outcome.plan.test_rows},
        "metrics": outcome.metrics,
        "parity": parity.to_json(),
        "notes": notes(problem, outcome, request, parity),
        "seed": request.seed,
        "versions": _versions(),
        "files": [describe_file(name, body) for name, body in files.items()],
    }
    return Artefact({**files, "manifest.json": as_json(manifest)}, outcome.metrics)


def as_json(value: object) -> bytes:
    """UTF-8, keys in the order given, no NaN."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _onnx(graph: Graph) -> dict[str, Any]:
    return {
        "file": "model.onnx",
        "input": {"name": INPUT, "type": graph.input_type, "width": graph.width},
        "output": {"name": OUTPUT, "kind": graph.kind, "divisor": graph.divisor},
    }


def _joblib(fit: Fit) -> bytes:
    """For Python users; never loaded where the model serves."""
    import joblib

    buffer = io.BytesIO()
    members = [
        {
            "estimator": member.estimator,
            "weight": member.ingredient.weight,
            "columns": to_json(fit.columns_by_scheme[member.family.scheme]),
        }
        for member in fit.members
    ]
    joblib.dump({"members": members}, buffer, compress=3)
    return buffer.getvalue()


def _versions() -> dict[str, str]:
    import onnx
    import onnxruntime
    import scipy
    import sklearn

    return {
        "trainer": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def notes(problem: Problem, outcome: Outcome, request: Request, parity: Parity) -> list[str]:
    """What the user should know about this model, in words."""
    told = list(problem.notes)
    plan = outcome.plan
    if len(plan.folds) > 1:
        told.append(
            f"With fewer than {FOLDS_BELOW_ROWS} rows the metrics come from {len(plan.folds)}-fold "
            "cross-validation: every row was predicted by a model that had not seen it."
        )
    else:
        told.append(f"The metrics come from {plan.test_rows:,} rows the judged model had not seen.")
    told.append(
        "The model handed over has then learned from all rows."
        if plan.refit
        else "The model handed over is the judged one."
    )
    if len(problem.y) < FEW_ROWS:
        told.append(f"{len(problem.y)} rows are few: another sample could give clearly different metrics.")
    board = outcome.choice.leaderboard
    if board:
        compared = ", ".join(candidate.name for candidate in board)
        told.append(f"auto chose {outcome.fit.name} among {compared} by cross-validation.")
    told.append(
        f"The exported model equals scikit-learn's on {parity.rows + parity.dirtied_rows:,} rows, half of them "
        f"dirtied, within {parity.largest:.1e}."
    )
    return told


def report(problem: Problem, outcome: Outcome) -> dict[str, Any]:
    """Numbers behind the pictures: leaderboard, confusion matrix, what matters most."""
    fit = outcome.fit
    body: dict[str, Any] = {
        "task": problem.task,
        "model": fit.name,
        "leaderboard": {candidate.name: candidate.score for candidate in outcome.choice.leaderboard},
        "importance": importance(fit),
    }
    if problem.classes:
        size = len(problem.classes)
        assert outcome.labels is not None
        counts = np.bincount(outcome.truth * size + outcome.labels, minlength=size * size).reshape(size, size)
        body["confusionMatrix"] = {"classes": problem.classes, "rows": counts.tolist()}
    else:
        body["residuals"] = {"quantiles": np.quantile(outcome.told - outcome.truth, np.linspace(0, 1, 11)).tolist()}
    return body


def importance(fit: Fit) -> dict[str, float]:
    """By column, adding up to 1, largest first: impurity for trees, |coefficient| of standardised columns otherwise."""
    estimator = fit.members[0].estimator
    if hasattr(estimator, "feature_importances_"):
        weights = np.asarray(estimator.feature_importances_)
    else:
        weights = np.abs(np.atleast_2d(estimator.coef_)).mean(axis=0)
    totals: dict[str, float] = {}
    start = 0
    for column in fit.columns:
        totals[column.column] = float(weights[start : start + column.width].sum())
        start += column.width
    whole = sum(totals.values()) or 1.0
    return {name: value / whole for name, value in sorted(totals.items(), key=lambda item: -item[1])}
