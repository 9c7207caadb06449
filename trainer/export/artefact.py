"""The files a finished job leaves: model.onnx, model.joblib, metrics.json, report.json, pictures and manifest.json.

Before: `training/course.py` finished. Each file has a maker of its own beside this one; `parity.py` must agree first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trainer.evaluation.evaluation import evaluate
from trainer.export.blend import graph_of
from trainer.export.manifest import as_json, inexact, manifest
from trainer.export.notes import notes
from trainer.export.parity import check
from trainer.export.python_model import FILE, python_model
from trainer.export.report import report
from trainer.pictures.album import draw
from trainer.table.source import Source
from trainer.ticket import Request
from trainer.training.course import Outcome
from trainer.training.problem import Problem


@dataclass(frozen=True)
class Artefact:
    """File name to content, manifest last; the metrics and their intervals for result.json."""

    files: dict[str, bytes]
    metrics: dict[str, float]
    intervals: dict[str, list[float]]


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
    graph = graph_of(outcome.fit, problem.task)
    held_out = problem.table.take(outcome.test_rows)
    parity = check(graph, outcome.fit, held_out, len(problem.classes or ()), outcome.threshold, request.seed)
    evaluation = evaluate(problem, outcome, request.seed)
    told = notes(problem, outcome, request, evaluation, parity, inexact(outcome.fit))
    findings = report(problem, outcome, evaluation, told, request.seed)
    files = {
        "model.onnx": graph.model,
        FILE: python_model(problem, outcome),
        "metrics.json": as_json({**outcome.metrics, "intervals": evaluation.intervals}),
        "report.json": as_json(findings),
        **draw(findings),
        **(more_files or {}),
    }
    body = manifest(problem, outcome, evaluation, request, source, name, now, graph, parity, told, files)
    return Artefact({**files, "manifest.json": as_json(body)}, outcome.metrics, evaluation.intervals)
