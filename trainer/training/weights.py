"""Which candidates are averaged, and with which weights: greedy ensemble selection on predictions out of fold.

After Caruana et al. 2004, with their cures for overfitting: the selection is repeated on resampled rows and averaged,
and few members are kept. Whether the average is better than the best candidate alone is asked of rows that the
selection has not seen: it is made on one half of the rows and judged on the other. Losses are log loss or squared
error. On tiny tables the simplest good candidates count alike instead (`level`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats
from trainer.table.columns import Indices

MEMBERS_MAX = 4
BAGS = 20
ROUNDS = 8
SHARES = 16
"""Weights are multiples of a sixteenth: simple to read, and they add up to 1 exactly."""
SMALLEST = 1e-6
"""A class said to be less likely than this counts as this: one confident mistake must not decide everything."""
ROWS_MAX = 20_000


def blend(truth: NDArray[Any], told: list[Floats], rows: Indices, best: int, seed: int) -> list[float]:
    """A weight for each candidate, most of them 0; the place `best` has all where an average does not beat it.

    `rows`: which row each prediction is of (repeats have the same).
    """
    view = _View(truth, told)
    alone = [1.0 if place == best else 0.0 for place in range(len(told))]
    if len(told) == 1:
        return alone
    random = np.random.default_rng(seed)
    names, of = np.unique(rows, return_inverse=True)
    half = (random.permutation(len(names)) % 2)[of]
    ours = theirs = 0.0
    for side in (0, 1):
        learned, judged = view.take(half == side), view.take(half != side)
        if not learned.count or not judged.count:
            return alone
        ours += judged.loss(_selected(learned, random)) * judged.count
        theirs += float(judged.losses()[int(np.argmin(learned.losses()))]) * judged.count
    weights = _selected(view, random)
    better = ours < theirs and view.loss(weights) < float(view.losses()[best])
    return [float(weight) for weight in weights] if better else alone


def level(truth: NDArray[Any], told: list[Floats], rows: Indices) -> list[float]:
    """Equal weights for the first MEMBERS_MAX candidates, simplest first, that are not clearly worse than the best.

    For tables too small to choose by: a candidate counts as worse when its losses exceed the best one's by more than
    one standard error (the rule of Breiman et al. 1984), row by row; their average errs less than a choice among them.
    """
    view = _View(truth, told)
    names, of = np.unique(rows, return_inverse=True)
    losses = np.array([np.bincount(of, one) / np.bincount(of) for one in view.each()])
    worse = losses - losses[np.argmin(losses.mean(axis=1))]
    error = worse.std(axis=1, ddof=1) / np.sqrt(len(names)) if len(names) > 1 else np.zeros(len(told))
    kept = np.nonzero(worse.mean(axis=1) <= error)[0][:MEMBERS_MAX]
    return [1 / len(kept) if place in set(kept.tolist()) else 0.0 for place in range(len(told))]


class _View:
    """What the losses need of all candidates: probabilities of the true class, or errors; [candidates, rows]."""

    def __init__(self, truth: NDArray[Any], told: list[Floats]) -> None:
        self._classes = told[0].ndim == 2
        if self._classes:
            self._values = np.array([one[np.arange(len(truth)), truth] for one in told])
        else:
            self._values = np.array([one - truth for one in told])

    @property
    def count(self) -> int:
        return len(self._values[0])

    @property
    def candidates(self) -> int:
        return len(self._values)

    def take(self, where: NDArray[Any]) -> _View:
        view = object.__new__(_View)
        view._classes, view._values = self._classes, self._values[:, where]
        return view

    def losses(self, base: Floats | None = None, chosen: int = 0) -> Floats:
        """Of each candidate averaged with `chosen` earlier ones whose sum is `base`."""
        values = self._values if base is None else (base + self._values) / (chosen + 1)
        if self._classes:
            return np.asarray(-np.mean(np.log(np.maximum(values, SMALLEST)), axis=1))
        return np.asarray(np.mean(values**2, axis=1))

    def each(self) -> Floats:
        """Of each candidate and row."""
        return np.asarray(-np.log(np.maximum(self._values, SMALLEST)) if self._classes else self._values**2)

    def loss(self, weights: Floats) -> float:
        averaged = np.asarray(weights @ self._values)[None, :]
        if self._classes:
            return float(-np.mean(np.log(np.maximum(averaged, SMALLEST))))
        return float(np.mean(averaged**2))

    def values_of(self, candidate: int) -> Floats:
        return np.asarray(self._values[candidate])


def _selected(view: _View, random: np.random.Generator) -> Floats:
    """Weights in sixteenths: the mean of greedy selections on resampled rows, its largest MEMBERS_MAX."""
    counts = np.zeros(view.candidates)
    for _ in range(BAGS):
        drawn = random.integers(view.count, size=min(view.count, ROWS_MAX))
        counts += _greedy(view.take(drawn))
    few = np.argsort(-counts, kind="stable")[:MEMBERS_MAX]
    kept = np.zeros(view.candidates)
    kept[few] = counts[few]
    return _in_shares(kept)


def _greedy(view: _View) -> Floats:
    """How often each candidate is taken in ROUNDS rounds, each time the one that helps the average most."""
    counts = np.zeros(view.candidates)
    base = np.zeros(view.count)
    for chosen in range(ROUNDS):
        best = int(np.argmin(view.losses(base, chosen)))
        counts[best] += 1
        base = base + view.values_of(best)
    return counts / ROUNDS


def _in_shares(counts: Floats) -> Floats:
    """Rounded to sixteenths that add up to 1, by largest remainders."""
    exact = counts / counts.sum() * SHARES
    shares = np.floor(exact)
    missing = SHARES - int(shares.sum())
    shares[np.argsort(-(exact - shares), kind="stable")[:missing]] += 1
    return np.asarray(shares / SHARES)
