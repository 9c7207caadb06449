"""How far the figures of a finished training can be trusted: their intervals, and whether the model is better than one
that looks at nothing by more than chance. Before: `training/course.py`. Next: `export/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.evaluation.intervals import Judged, draw, interval, intervals, ranked
from trainer.table.cells import Floats
from trainer.training import metrics
from trainer.training.course import Outcome
from trainer.training.problem import Problem

ACCURACY = "accuracy"


@dataclass(frozen=True)
class Comparison:
    """With the trivial model, on the same resampled rows. `lead`: of the model, positive when it is better; `span`:
    its 95 % interval, None where it cannot be told."""

    metric: str
    model: float
    baseline: float
    lead: float
    span: list[float] | None

    @property
    def better(self) -> bool:
        """Beyond chance."""
        return self.span is not None and self.span[0] > 0

    def to_json(self) -> dict[str, Any]:
        """As report.json wants it."""
        return {
            "metric": self.metric,
            "model": self.model,
            "baseline": self.baseline,
            "lead": self.lead,
            "interval": self.span,
            "better": self.better,
        }


@dataclass(frozen=True)
class Evaluation:
    """`comparisons`: the first one says whether the model is of use, later ones what else there is to say."""

    intervals: dict[str, list[float]]
    comparisons: list[Comparison]


def evaluate(problem: Problem, outcome: Outcome, seed: int) -> Evaluation:
    """Less than a second for any number of rows and a few classes."""
    measured = outcome.metrics
    groups = problem.separator.take(outcome.test_rows).groups if problem.separator else None
    judged = Judged(outcome.truth, outcome.told, _trivial(problem, outcome), outcome.labels, groups, seed)
    draws = draw(judged)
    found = intervals(draws, measured, ranked(judged))
    return Evaluation(found, _comparisons(draws, measured))


def _trivial(problem: Problem, outcome: Outcome) -> Floats:
    classes = len(problem.classes or ())
    parts = [metrics.trivial(problem.y[train], len(test), classes) for train, test in outcome.plan.folds]
    return np.concatenate(parts)


def _comparisons(draws: dict[str, Floats], measured: dict[str, float]) -> list[Comparison]:
    """By what ranks tell for classes, by the squared error for numbers; then by accuracy."""
    error = "root_mean_squared_error"
    if error in measured:
        lead = measured[f"baseline_{error}"] - measured[error]
        span = interval(draws[f"baseline_{error}"] - draws[error])
        return [Comparison(error, measured[error], measured[f"baseline_{error}"], lead, span)]
    if ACCURACY not in measured:
        return []
    found = []
    for name in ("roc_auc", "roc_auc_ovr", "balanced_accuracy"):
        if name in measured and name in draws:
            chance = measured[f"baseline_{name}"]
            span = interval(draws[name] - chance)
            found.append(Comparison(name, measured[name], chance, measured[name] - chance, span))
            break
    span = interval(draws[ACCURACY] - draws[f"baseline_{ACCURACY}"])
    model, trivial = measured[ACCURACY], measured[f"baseline_{ACCURACY}"]
    return [*found, Comparison(ACCURACY, model, trivial, model - trivial, span)]
