"""manifest.json: what a model is and how its inputs are encoded (cloud/contract/manifest.schema.json)."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from trainer import __version__
from trainer.clock import iso
from trainer.evaluation.evaluation import Evaluation
from trainer.export.graph import INPUT, OUTPUT, Graph
from trainer.export.parity import Parity
from trainer.features.encoding import to_json
from trainer.features.statistics import statistics
from trainer.table.cells import MISSING_TEXTS
from trainer.table.columns import Indices
from trainer.table.source import Source
from trainer.ticket import Request
from trainer.training.course import Outcome
from trainer.training.fitting import Fit
from trainer.training.problem import Problem


def manifest(
    problem: Problem,
    outcome: Outcome,
    evaluation: Evaluation,
    request: Request,
    source: Source,
    name: str,
    now: datetime,
    graph: Graph,
    parity: Parity,
    told: list[str],
    files: Mapping[str, bytes],
) -> dict[str, Any]:
    """`name`: of the data; `told`: the notes; `files`: all but the manifest itself."""
    fit = outcome.fit
    trained = problem.table.take(_trained_rows(problem, outcome))
    return {
        "version": 1,
        "createdAt": iso(now),
        "task": problem.task,
        "target": {"name": problem.target, "classes": problem.classes},
        "model": {
            "type": fit.name,
            "estimator": " + ".join(dict.fromkeys(type(member.estimator).__name__ for member in fit.members)),
            "hyperparameters": dict(fit.members[0].ingredient.chosen) if len(fit.members) == 1 else {},
            "members": members(fit),
        },
        "onnx": {
            "file": "model.onnx",
            "input": {"name": INPUT, "type": graph.input_type, "width": graph.width},
            "output": {"name": OUTPUT, "kind": graph.kind, "divisor": graph.divisor},
        },
        "threshold": outcome.threshold,
        "preprocessing": {"missing": list(MISSING_TEXTS), "columns": to_json(fit.columns)},
        "features": [
            {
                "name": feature.name,
                "type": feature.type,
                "example": feature.example,
                "statistics": statistics(feature, trained.columns[feature.name]),
            }
            for feature in problem.features
        ],
        "dropped": [{"name": dropped.name, "reason": dropped.reason} for dropped in problem.dropped],
        "data": {
            "name": name,
            "bytes": source.bytes,
            "sha256": source.sha256,
            "rows": len(problem.y),
            "columns": problem.columns_in_file,
            "encoding": source.encoding,
            "delimiter": source.delimiter,
        },
        "split": split(outcome),
        "metrics": outcome.metrics,
        "intervals": evaluation.intervals,
        "parity": {**parity.to_json(), **({"inexact": text} if (text := inexact(fit)) else {})},
        "notes": told,
        "seed": request.seed,
        "versions": _versions(fit),
        "files": [describe_file(file, body) for file, body in files.items()],
    }


def members(fit: Fit) -> list[dict[str, Any]]:
    """What the prediction is made of."""
    return [
        {
            "type": member.ingredient.family_name,
            "hyperparameters": dict(member.ingredient.chosen),
            "weight": member.ingredient.weight,
        }
        for member in fit.members
    ]


def split(outcome: Outcome) -> dict[str, Any]:
    """How the model was judged."""
    plan = outcome.plan
    return {"kind": plan.kind, "trainRows": plan.train_rows, "testRows": plan.test_rows}


def inexact(fit: Fit) -> str:
    """Why the graph may differ from the estimators on some rows; empty where it cannot."""
    return " ".join(dict.fromkeys(member.family.inexact for member in fit.members if member.family.inexact))


def describe_file(name: str, body: bytes) -> dict[str, Any]:
    """As manifest and result list it."""
    return {"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def as_json(value: object) -> bytes:
    """UTF-8, keys in the order given, no NaN."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _trained_rows(problem: Problem, outcome: Outcome) -> Indices:
    """Of the model handed over."""
    return np.arange(len(problem.y)) if outcome.plan.refit else outcome.plan.folds[0][0]


def _versions(fit: Fit) -> dict[str, str]:
    import onnx
    import onnxruntime
    import scipy
    import sklearn

    made_with = {member.family.library for member in fit.members} - {"sklearn"}
    return {
        "trainer": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        **{library: str(sys.modules[library].__version__) for library in sorted(made_with)},
    }
