"""Which rows a model is judged on: a hold-out of 20 %, or folds where a hold-out would be too small to say much.

    random   folds or one fifth, class by class; every class with two rows or more stays in every training part
    group    the same, but rows of a group are never on both sides
    time     trained on the past, tested on the future: the last fifth, or windows that grow

A search judges its candidates by `folds` too, inside the training rows, with the same separator. Why folds below 1,000
rows: a hold-out of 160 rows tells an area under ROC to ± .08, five folds of 800 to ± .035, for six fits instead of two,
which at such sizes are seconds. For `auto` each fold would search anew, with a sixth of the time that a search may
take: it gets a hold-out from 200 rows on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.table.cells import Floats
from trainer.table.columns import Indices
from trainer.training.separator import Separator

HOLD_OUT = 0.2
FOLDS_BELOW_ROWS = 1000
SEARCHING_FOLDS_BELOW_ROWS = 200
"""The same where each fold chooses model and hyperparameters for itself."""
FOLDS = 5
REFIT_BELOW_ROWS = 20_000
"""Below this the model handed over has learned from all rows; above, the last fifth would cost more than it brings."""
DEALT_ONE_BY_ONE = 5000
"""Up to so many groups each goes where it fits best; more are dealt by the row."""
LEAST_OF_A_CLASS = 2
"""Rows that a sample has of each class, where it has so many: one to learn from and one to be judged on."""
NOT_TESTED = -1

Pair = tuple[Indices, Indices]


@dataclass(frozen=True)
class Plan:
    """`kind`: random, group, time, or these with folds, e.g. `group 5-fold`; plainly `5-fold` when random. `folds`:
    pairs of training and test rows. `refit`: the model handed over is fitted anew on all rows."""

    kind: str
    folds: list[Pair]
    refit: bool

    @property
    def test_rows(self) -> int:
        return sum(len(test) for _, test in self.folds)

    @property
    def train_rows(self) -> int:
        """Of the first fold, which has the most where they grow."""
        return len(self.folds[0][0])


def plan(y: NDArray[Any], classes: int, by: Separator | None, seed: int, *, searching: bool = False) -> Plan:
    """`classes`: 0 for regression. `searching`: each fold will choose the model for itself."""
    rows = len(y)
    kind: str = by.kind if by else "random"
    few = rows < (SEARCHING_FOLDS_BELOW_ROWS if searching else FOLDS_BELOW_ROWS)
    if kind == "time":
        assert by is not None
        pairs = _windows(y, classes, by.keys, FOLDS) if few else _past_and_future(y, classes, by.keys)
    else:
        pairs = folds(y, classes, round(1 / HOLD_OUT), seed, by)
        if not few:
            pairs = sorted(pairs, key=lambda pair: abs(len(pair[1]) - HOLD_OUT * rows))[:1]
    if not pairs:
        raise _refused(kind, classes)
    if few:
        kind = f"{len(pairs)}-fold" if kind == "random" else f"{kind} {len(pairs)}-fold"
    all_known = not classes or len(np.unique(y[pairs[0][0]])) == classes  # a class may have no row with a time
    return Plan(kind, pairs, rows < REFIT_BELOW_ROWS or not all_known)


def folds(y: NDArray[Any], classes: int, count: int, seed: int, by: Separator | None = None) -> list[Pair]:
    """At most `count` pairs of training and test rows, never an empty side; no pair where it cannot be done.

    What would else be missing from a training part (a class with one row or one group, the only different number) is
    never tested.
    """
    if by is not None and by.kind == "time":
        return _windows(y, classes, by.keys, count)
    random = np.random.default_rng(seed)
    groups = by.groups if by else None
    where = _dealt(y, classes, count, random) if groups is None else _dealt_groups(y, classes, groups, count, random)
    _keep_in_training(where, y, classes, groups)
    return [
        (np.nonzero(where != fold)[0], test)
        for fold in range(count)
        if 0 < len(test := np.nonzero(where == fold)[0]) < len(y)
    ]


def inner_folds(y: NDArray[Any], classes: int, count: int, seed: int, by: Separator | None) -> list[Pair]:
    """`folds` for a search inside training rows; less strict ones rather than none."""
    return folds(y, classes, count, seed, by) or folds(y, classes, count, seed) or folds(y, 0, count, seed)


def sample(y: NDArray[Any], classes: int, count: int, seed: int) -> Indices:
    """`count` places of rows, in order, drawn class by class: no class is missing because it is rare."""
    random = np.random.default_rng(seed)
    if not classes:
        return np.sort(random.choice(len(y), count, replace=False))
    rows = np.bincount(y, minlength=classes)
    least = np.minimum(rows, LEAST_OF_A_CLASS)
    share = (rows - least) * (count - least.sum()) / max(len(y) - least.sum(), 1)
    drawn = least + np.floor(share).astype(np.int64)
    drawn[np.argsort(np.floor(share) - share, kind="stable")[: count - drawn.sum()]] += 1
    places = [random.choice(np.nonzero(y == label)[0], drawn[label], replace=False) for label in range(classes)]
    return np.sort(np.concatenate(places))


def _dealt(y: NDArray[Any], classes: int, count: int, random: np.random.Generator) -> Indices:
    """Rows dealt in turn, class by class, so that every fold has its share."""
    where = np.full(len(y), NOT_TESTED, dtype=np.int64)
    dealt = 0
    for label in range(max(classes, 1)):
        members = np.nonzero(y == label)[0] if classes else np.arange(len(y))
        if len(members) < 2 and classes:
            continue
        shuffled = random.permutation(members)
        where[shuffled] = (np.arange(len(shuffled)) + dealt) % count
        dealt += len(shuffled)
    return where


def _dealt_groups(
    y: NDArray[Any], classes: int, groups: NDArray[np.int64], count: int, random: np.random.Generator
) -> Indices:
    """Whole groups, the largest first, each to the fold that then is nearest to an even share of every class."""
    size = int(groups.max()) + 1
    rows = np.bincount(groups, minlength=size)
    order = random.permutation(size)
    place = np.empty(size, dtype=np.int64)
    if size > DEALT_ONE_BY_ONE:
        middles = np.cumsum(rows[order]) - rows[order] / 2
        place[order] = np.minimum(middles * count // len(y), count - 1).astype(np.int64)
        return np.asarray(place[groups])
    kinds = max(classes, 1)
    label = y if classes else np.zeros(len(y), dtype=np.int64)
    held = np.bincount(groups * kinds + label, minlength=size * kinds).reshape(size, kinds).astype(np.float64)
    held /= np.maximum(held.sum(axis=0), 1)  # as shares of a class, so that a rare one counts as much
    full = np.zeros((count, kinds))
    for group in order[np.argsort(-rows[order], kind="stable")]:
        # The sum of squares grows least where the fold has least of what the group brings.
        fold = int(np.argmin(full @ held[group]))
        full[fold] += held[group]
        place[group] = fold
    return np.asarray(place[groups])


def _keep_in_training(where: Indices, y: NDArray[Any], classes: int, groups: NDArray[np.int64] | None) -> None:
    """Takes out of testing what a fold would test and its training part not know: a class, or that numbers differ."""
    if classes:
        for label in range(classes):
            members = np.nonzero(y == label)[0]
            if len(members) and where[members[0]] != NOT_TESTED and np.all(where[members] == where[members[0]]):
                where[_together(members[0], groups)] = NOT_TESTED
        return
    for fold in np.unique(where):
        train = y[where != fold]
        if fold != NOT_TESTED and len(train) and np.all(train == train[0]):
            different = np.nonzero((where == fold) & (y != train[0]))[0]
            if len(different):
                where[_together(different[0], groups)] = NOT_TESTED


def _together(row: int, groups: NDArray[np.int64] | None) -> Any:
    return row if groups is None else groups == groups[row]


def _past_and_future(y: NDArray[Any], classes: int, moments: Floats) -> list[Pair]:
    order = _in_time(moments)
    cuts = _between_moments(moments[order], [len(order) - max(1, round(len(order) * HOLD_OUT))])
    return _learnable([(order[:cut], order[cut:]) for cut in cuts], y, classes, order)


def _windows(y: NDArray[Any], classes: int, moments: Floats, count: int) -> list[Pair]:
    """The second half of the time in `count` windows, the latest first: each is predicted from all before it."""
    order = _in_time(moments)
    half = len(order) / 2
    cuts = _between_moments(moments[order], [round(half + half * part / count) for part in range(count)])
    ends = [*cuts, len(order)][1:]
    pairs = [(order[:cut], order[cut:end]) for cut, end in zip(cuts, ends, strict=True)]
    return _learnable(pairs[::-1], y, classes, order)


def _in_time(moments: Floats) -> Indices:
    """Rows with a time, the earliest first."""
    order = np.argsort(moments, kind="stable")
    return order[: len(order) - int(np.count_nonzero(np.isnan(moments)))]


def _between_moments(ordered: Floats, wanted: Sequence[int]) -> list[int]:
    """The nearest places at which time goes on: what happened at the same moment stays on one side."""
    steps = np.nonzero(np.diff(ordered))[0] + 1
    return sorted({int(steps[np.argmin(np.abs(steps - cut))]) for cut in wanted}) if len(steps) else []


def _learnable(pairs: list[Pair], y: NDArray[Any], classes: int, rows: Indices) -> list[Pair]:
    """Those that have seen every class of the rows, or different numbers, in training."""
    known = len(np.unique(y[rows])) if classes else 2
    return [(train, test) for train, test in pairs if len(np.unique(y[train])) >= known]


def _refused(kind: str, classes: int) -> DataError:
    if not classes:
        return DataError(
            "TargetConstantInTraining",
            f"Split by {kind}, the target is the same in all rows to learn from.",
            "Use the split random, or another column.",
        )
    if kind == "time":
        return DataError(
            "ClassNotInTraining",
            "Split by time, some classes are first seen in the rows to be judged on.",
            "Use the split random, or leave out rows of classes that are new.",
        )
    return DataError(
        "GroupsAreClasses",
        "Each class is a group of its own: no row could be judged by a model that knows its class.",
        "Use the split random, or a column whose groups have rows of several classes.",
    )
