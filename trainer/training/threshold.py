"""From which probability of the second of two classes it is predicted: chosen on predictions out of fold, never on the
rows that the model is judged on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.columns import Floats
from trainer.training.problem import Problem

UNEQUAL_BELOW = 0.4
"""Two classes are unequal when the smaller one has less than this share of the rows."""


def wants_threshold(problem: Problem) -> bool:
    """Two classes, unequal."""
    if len(problem.classes or ()) != 2:
        return False
    share = float(np.mean(problem.y))
    return min(share, 1 - share) < UNEQUAL_BELOW


def best_threshold(truth: NDArray[Any], told: Floats, otherwise: float | None) -> float | None:
    """The probability of class 1 that gives the largest balanced accuracy; of equally good ones the nearest to 0.5.

    `truth` [rows] of 0 and 1, `told` [rows, 2] probabilities out of fold. `otherwise`: where one class is absent.
    """
    positive = truth == 1
    if positive.all() or not positive.any():
        return otherwise
    order = np.argsort(told[:, 1], kind="stable")
    ranked, hits = told[order, 1], positive[order]
    # A cut before place i says class 1 from the i-th probability on.
    cuts = np.nonzero(np.diff(ranked))[0] + 1
    misses = np.cumsum(hits)[cuts - 1] / positive.sum()
    rejected = np.cumsum(~hits)[cuts - 1] / (~positive).sum()
    if not len(cuts):
        return otherwise
    balanced = (1 - misses + rejected) / 2
    middles = (ranked[cuts - 1] + ranked[cuts]) / 2
    best = np.nonzero(balanced >= balanced.max() - 1e-12)[0]
    return float(middles[best[np.argmin(np.abs(middles[best] - 0.5))]])
