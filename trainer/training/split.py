"""Which rows a model is judged on: a hold-out of 20 %, or folds where rows are few.

Stratified for classes; by time or group when asked. Every class with two rows or more stays in every training part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.table.columns import Column, Indices

HOLD_OUT = 0.2
FOLDS_BELOW_ROWS = 200
"""Below this a hold-out is a lottery: the model is judged by folds instead."""
FOLDS = 5
REFIT_BELOW_ROWS = 20_000
"""Below this the model handed over has learned from all rows; above, the last fifth would cost more than it brings."""


@dataclass(frozen=True)
class Plan:
    """`folds`: pairs of training and test rows. `refit`: the model handed over is fitted anew on all rows."""

    kind: str
    folds: list[tuple[Indices, Indices]]
    refit: bool

    @property
    def test_rows(self) -> int:
        return sum(len(test) for _, test in self.folds)

    @property
    def train_rows(self) -> int:
        """Of the first fold."""
        return len(self.folds[0][0])


def plan(split: str, y: NDArray[Any], classes: int, by: Column | None, seed: int) -> Plan:
    """`classes`: 0 for regression. `by`: the column of a time or group split."""
    kind = split.partition(":")[0]
    rows = len(y)
    refit = rows < REFIT_BELOW_ROWS
    if kind == "time" and by is not None:
        order = np.argsort(_order(by), kind="stable")
        cut = rows - max(1, round(rows * HOLD_OUT))
        return Plan("time", [_checked(order[:cut], order[cut:], y, classes)], refit)
    if kind == "group" and by is not None:
        return Plan("group", [_checked(*_by_group(by, seed), y, classes)], refit)
    if rows < FOLDS_BELOW_ROWS:
        return Plan("5-fold", folds(y, classes, FOLDS, seed), refit=True)
    return Plan("random", [folds(y, classes, round(1 / HOLD_OUT), seed)[0]], refit)


def folds(y: NDArray[Any], classes: int, count: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Rows dealt in turn, class by class, so that every fold has its share; a class with one row is never tested."""
    random = np.random.default_rng(seed)
    where = np.full(len(y), -1, dtype=np.int64)
    dealt = 0
    for label in range(max(classes, 1)):
        members = np.nonzero(y == label)[0] if classes else np.arange(len(y))
        if len(members) < 2 and classes:
            continue
        shuffled = random.permutation(members)
        where[shuffled] = (np.arange(len(shuffled)) + dealt) % count
        dealt += len(shuffled)
    pairs = []
    for fold in range(count):
        test = np.nonzero(where == fold)[0]
        if len(test):
            pairs.append((np.nonzero(where != fold)[0], test))
    return pairs


def _order(column: Column) -> NDArray[np.float64]:
    """A number a row that sorts as the column does: numbers by value, texts by letter, missing first."""
    numbers = column.numbers()
    if column.codes is None or not np.isnan(numbers[column.codes >= 0]).any():
        return np.where(np.isnan(numbers), -np.inf, numbers)
    rank = np.argsort(np.argsort(np.array(column.texts))).astype(np.float64)
    return np.append(rank, -np.inf)[column.codes]


def _by_group(column: Column, seed: int) -> tuple[Indices, Indices]:
    values = _order(column)
    groups = np.random.default_rng(seed).permutation(np.unique(values))
    if len(groups) < 2:
        raise DataError("OneGroup", "The column to group by has the same value in every row.", "Choose another split.")
    sizes = np.array([np.count_nonzero(values == group) for group in groups])
    held = max(1, int(np.searchsorted(np.cumsum(sizes), len(values) * HOLD_OUT)))
    test = np.isin(values, groups[: min(held, len(groups) - 1)])
    return np.nonzero(~test)[0], np.nonzero(test)[0]


def _checked(train: Indices, test: Indices, y: NDArray[Any], classes: int) -> tuple[Indices, Indices]:
    if classes and len(np.unique(y[train])) < classes:
        raise DataError(
            "ClassNotInTraining",
            "With this split some classes are never seen while training.",
            "Use the split random, or leave out rows of classes that are new.",
        )
    return train, test
