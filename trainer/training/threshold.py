"""From which probability of the second of two classes it is predicted: chosen on predictions out of fold, never on the
rows that the model is judged on.

The best cut of one sample is an accident of a few rows. So the best cuts of many resamples are averaged, and drawn
towards the share of class 1, which is the best cut of probabilities that are true, the more the fewer rows the smaller
class has. Even odds stay where that gains nothing. Simulated with 100 to 2,000 rows, against the plain best cut: a
higher balanced accuracy on new rows everywhere, and a third less spread from 400 rows on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats
from trainer.training.problem import Problem

UNEQUAL_BELOW = 0.4
"""Two classes are unequal when the smaller one has less than this share of the rows."""
RESAMPLES = 100
EVEN = 0.5
PRIOR_ROWS = 50
"""So many rows of the smaller class weigh as much as the share."""


def wants_threshold(problem: Problem) -> bool:
    """Two classes, unequal."""
    if len(problem.classes or ()) != 2:
        return False
    share = float(np.mean(problem.y))
    return min(share, 1 - share) < UNEQUAL_BELOW


def best_threshold(truth: NDArray[Any], told: Floats, otherwise: float | None, seed: int) -> float | None:
    """The probability of class 1 that promises the largest balanced accuracy.

    `truth` [rows] of 0 and 1, `told` [rows, 2] probabilities out of fold. `otherwise`: where one class is absent, or
    nothing is gained.
    """
    positive = truth == 1
    if positive.all() or not positive.any():
        return otherwise
    order = np.argsort(told[:, 1], kind="stable")
    ranked, hits = told[order, 1], positive[order]
    random = np.random.default_rng(seed)
    cuts = [
        _best_cut(ranked, hits, random.multinomial(len(hits), np.full(len(hits), 1 / len(hits))))
        for _ in range(RESAMPLES)
    ]
    least = min(int(hits.sum()), int((~hits).sum()))
    trust = least / (least + PRIOR_ROWS)
    threshold = float(trust * np.mean(cuts) + (1 - trust) * hits.mean())
    return threshold if _gains(ranked, hits, threshold) else otherwise


def _best_cut(ranked: Floats, hits: NDArray[np.bool_], times: NDArray[np.int64]) -> float:
    """Of rows in the order of their probabilities, each counted so many times. Of equal cuts the nearest to 0.5."""
    places = np.nonzero(np.diff(ranked))[0] + 1
    ones, zeros = np.cumsum(times * hits), np.cumsum(times * ~hits)
    if not len(places) or not ones[-1] or not zeros[-1]:
        return EVEN
    # A cut before a place says class 1 from there on.
    balanced = (1 - ones[places - 1] / ones[-1] + zeros[places - 1] / zeros[-1]) / 2
    middles = (ranked[places - 1] + ranked[places]) / 2
    best = np.nonzero(balanced >= balanced.max() - 1e-12)[0]
    return float(middles[best[np.argmin(np.abs(middles[best] - EVEN))]])


def _gains(ranked: Floats, hits: NDArray[np.bool_], threshold: float) -> bool:
    """Whether the threshold has a better balanced accuracy than even odds."""

    def balanced(cut: float) -> float:
        return float(np.mean(ranked[hits] >= cut) + np.mean(ranked[~hits] < cut))

    return balanced(threshold) > balanced(EVEN)
