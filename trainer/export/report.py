"""report.json: the data behind every picture of a model (cloud/contract/report.schema.json). Drawing needs no more.

Texts are as in the data, numbers are finite: what is not, is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.evaluation.curves import calibration, curved_classes, precision_recall_curve, roc_curve, rounded
from trainer.evaluation.evaluation import Evaluation
from trainer.evaluation.importance import importance, scoring
from trainer.export.manifest import members, split
from trainer.features.statistics import deciles
from trainer.training.course import Outcome
from trainer.training.problem import Problem

SAMPLE_MAX = 500


def report(problem: Problem, outcome: Outcome, evaluation: Evaluation, told: list[str], seed: int) -> dict[str, Any]:
    """`told`: the notes."""
    body: dict[str, Any] = {
        "version": 1,
        "task": problem.task,
        "target": {"name": problem.target, "classes": problem.classes},
        "model": {"type": outcome.fit.name, "members": members(outcome.fit)},
        "rows": len(problem.y),
        "split": {**split(outcome), "folds": len(outcome.plan.folds)},
        "metrics": outcome.metrics,
        "intervals": evaluation.intervals,
        "comparisons": [one.to_json() for one in evaluation.comparisons],
        "leaderboard": _leaderboard(outcome),
        "learningCurve": _learning_curve(problem, outcome),
        "importance": _importance(problem, outcome),
        "threshold": outcome.threshold,
        **(_classes(problem, outcome) if problem.classes else _values(outcome, seed)),
        "notes": told,
    }
    return body


def _leaderboard(outcome: Outcome) -> dict[str, Any]:
    """Only of auto: what was compared, best first, and what was not."""
    choice = outcome.choice
    rows = [
        {
            "name": one.name,
            "score": one.score if np.isfinite(one.score) else None,
            "rows": one.rows,
            "members": [
                {"type": part.family_name, "hyperparameters": dict(part.chosen), "weight": part.weight}
                for part in one.ingredients
            ],
        }
        for one in choice.leaderboard
    ]
    skipped = [{"name": one.name, "type": one.ingredient.family_name, "reason": one.reason} for one in choice.skipped]
    return {"scoring": choice.score_name, "candidates": rows, "skipped": skipped}


def _learning_curve(problem: Problem, outcome: Outcome) -> dict[str, Any]:
    """Loss on rows held out, step by step of the first fit, member by member."""
    lines: dict[int, dict[str, Any]] = {}
    for point in outcome.curve:
        if np.isfinite(point.loss):
            line = lines.setdefault(point.member, {"type": point.family_name, "steps": [], "loss": []})
            line["steps"].append(point.step)
            line["loss"].append(point.loss)
    metric = "log_loss" if problem.classes else "root_mean_squared_error"
    return {"metric": metric, "members": list(lines.values())}


def _importance(problem: Problem, outcome: Outcome) -> dict[str, Any]:
    """By the judged models, on rows they had not seen."""
    parts = outcome.shuffled
    return {
        "scoring": scoring(problem),
        "rows": sum(part.rows for part in parts),
        "columns": [
            {"name": one.column, "mean": one.mean, "std": one.std} for one in importance(parts, problem, outcome.truth)
        ],
        "unmeasured": len(problem.features) - len({name for part in parts for name in part.columns}),
    }


def _classes(problem: Problem, outcome: Outcome) -> dict[str, Any]:
    names, truth, told = problem.classes, outcome.truth, outcome.told
    assert names is not None and outcome.labels is not None
    size = len(names)
    counts = np.bincount(truth * size + outcome.labels, minlength=size * size).reshape(size, size)
    rows = np.bincount(problem.y, minlength=size)
    curves = curved_classes(truth, size)
    return {
        "classes": [{"name": name, "rows": int(count)} for name, count in zip(names, rows, strict=True)],
        "confusionMatrix": {"classes": names, "rows": counts.tolist()},
        "rocCurves": [{"class": names[label], **roc_curve(truth == label, told[:, label])} for label in curves],
        "precisionRecallCurves": [
            {
                "class": names[label],
                "share": float(np.mean(truth == label)),
                **precision_recall_curve(truth == label, told[:, label]),
            }
            for label in curves
        ],
        "calibration": {"class": names[1] if size == 2 else None, **calibration(truth, told)},
    }


def _values(outcome: Outcome, seed: int) -> dict[str, Any]:
    finite = np.nonzero(np.isfinite(outcome.told))[0]
    actual, predicted = outcome.truth[finite], outcome.told[finite]
    sample = finite[:0]
    if len(finite):
        sample = np.arange(len(finite))
        if len(finite) > SAMPLE_MAX:
            sample = np.sort(np.random.default_rng(seed).choice(sample, SAMPLE_MAX, replace=False))
    quantiles = {
        name: deciles(values) if len(values) else []
        for name, values in (("actual", actual), ("predicted", predicted), ("residual", actual - predicted))
    }
    return {
        "predictedVsActual": {"actual": rounded(actual[sample]), "predicted": rounded(predicted[sample])},
        "quantiles": quantiles,
    }
