"""Leakage suspects: a column that alone predicts the target is more likely to know it than to explain it.

Each column is cut into bins (categories, or quantiles of numbers and dates); a majority or mean a bin, learned on some
rows, predicts the others. Training goes on with a note; the preflight shows it before money is spent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.features.profile import Feature, read_column, values_of
from trainer.table.cells import Floats
from trainer.table.columns import Column, Table

SUSPICIOUS = 0.98
ROWS_MAX = 20_000
CELLS_MAX = 10_000_000
"""Of wide tables fewer rows are looked at."""
ROWS_MIN = 50
"""Of fewer rows a column can predict the target by chance, or because the table is a textbook's."""
BINS = 64
CATEGORIES_MAX = 1000
FOLDS = 3

_Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Suspect:
    """A column and how well it alone predicts: `figure` of `metric`, out of fold."""

    column: str
    metric: str
    figure: float
    identical: bool = False

    @property
    def words(self) -> str:
        shown = f"“{self.column[:60]}”"
        what = "equals the target" if self.identical else f"alone predicts the target ({self.metric} {self.figure:.3f})"
        return f"{shown} {what}. Would it be known before the target is? If not, leave it out: it leaks the answer."


def suspects(features: Iterable[Feature], table: Table, y: NDArray[Any], classes: int) -> list[Suspect]:
    """Those of `features` that predict `y` (numbers, or indices of `classes`), most telling first."""
    features = list(features)
    if len(y) < ROWS_MIN:
        return []
    rows = _sample(len(y), len(features))
    truth = y if rows is None else y[rows]
    judge = _Judge(truth, classes)
    found = []
    for feature in features:
        column = table.columns[feature.name]
        suspect = judge.judge(feature, column if rows is None else column.take(rows))
        if suspect:
            found.append(suspect)
    return sorted(found, key=lambda suspect: (-suspect.figure, suspect.column))


def telling_id(column: Column, y: NDArray[Any], classes: int) -> Suspect | None:
    """Of a column that is no feature (an id): does its order, or how it begins, tell the target?"""
    feature = read_column(column).feature
    if len(y) < ROWS_MIN:
        return None
    rows = _sample(len(y), 1)
    if rows is not None:
        column, y = column.take(rows), y[rows]
    if feature.type == "category" and column.codes is not None:
        column = _beginnings(column)
    return _Judge(y, classes).judge(feature, column)


def _beginnings(column: Column) -> Column:
    """The texts up to their first digit: the `fraud-` of fraud-0017."""
    assert column.codes is not None
    index: dict[str, int] = {}
    places = [index.setdefault(re.split(r"[0-9]", text, maxsplit=1)[0][:40], len(index)) for text in column.texts]
    return Column(column.name, list(index), np.array([*places, -1], dtype=np.int32)[column.codes])


def _sample(rows: int, columns: int) -> NDArray[np.int64] | None:
    most = min(ROWS_MAX, max(1000, CELLS_MAX // max(columns, 1)))
    return None if rows <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


class _Judge:
    """Of one target. A row is predicted by the rows of the other folds; but first a look at all rows together, which
    rules most columns out at a fraction of the cost."""

    def __init__(self, y: NDArray[Any], classes: int) -> None:
        self._y = y
        self._classes = classes
        self._fold = np.random.default_rng(0).permutation(np.arange(len(y)) % FOLDS)
        self._ones = y.astype(np.float64)

    def judge(self, feature: Feature, column: Column) -> Suspect | None:
        values = values_of(column, feature)
        if values is None and column.codes is None:
            return None
        bins = _bins(values) if values is not None else _categories(column)
        if self._classes:
            metric, figure = self._of_classes(bins)
        elif values is not None and np.array_equal(values, self._y):
            return Suspect(feature.name, "R²", 1.0, identical=True)
        else:
            metric, figure = "R²", self._of_numbers(bins, values)
        return Suspect(feature.name, metric, figure) if figure >= SUSPICIOUS else None

    def _of_classes(self, bins: _Codes) -> tuple[str, float]:
        if self._classes == 2:
            rows: Floats = np.bincount(bins).astype(np.float64)
            ones: Floats = np.bincount(bins, self._ones).astype(np.float64)
            promising = _area(ones / np.maximum(rows, 1), ones, rows - ones) >= SUSPICIOUS
            return "ROC AUC", self._auc(bins) if promising else 0.0
        counts = np.zeros((int(bins.max()) + 1, self._classes))
        np.add.at(counts, (bins, self._y), 1)
        at_best = self._balanced(np.where(counts == counts.max(axis=1, keepdims=True), counts, 0).sum(axis=0))
        return "balanced accuracy", self._hits(bins) if at_best >= SUSPICIOUS else 0.0

    def _of_numbers(self, bins: _Codes, values: Floats | None) -> float:
        figure = 0.0
        counts, sums = np.bincount(bins), np.bincount(bins, self._ones)
        if self._explained((sums / np.maximum(counts, 1))[bins]) >= SUSPICIOUS:
            figure = self._explained(self._means(bins))
        if values is not None and figure < SUSPICIOUS:
            everywhere = np.zeros(len(values), dtype=np.int64)
            if self._explained(self._line(values, everywhere, everywhere + 1)) >= SUSPICIOUS:
                figure = max(figure, self._explained(self._line(values, self._fold, self._fold)))
        return figure

    def _table(self, bins: _Codes, weights: Floats | None = None) -> Floats:
        """[fold, bin]: how many rows, or the sum of their weights."""
        size = int(bins.max()) + 1
        counts = np.bincount(self._fold * size + bins, weights, FOLDS * size)
        return counts.astype(np.float64).reshape(FOLDS, size)

    def _auc(self, bins: _Codes) -> float:
        """Of the share of class 1 in the bin, learned on the other folds; the mean over folds."""
        rows, ones = self._table(bins), self._table(bins, self._ones)
        areas = []
        for fold in range(FOLDS):
            others, hits = rows.sum(axis=0) - rows[fold], ones.sum(axis=0) - ones[fold]
            overall = hits.sum() / max(others.sum(), 1)
            if 0 < ones[fold].sum() < rows[fold].sum():
                areas.append(_area((hits + overall) / (others + 1), ones[fold], rows[fold] - ones[fold]))
        return float(np.mean(areas)) if areas else 0.0

    def _hits(self, bins: _Codes) -> float:
        """Balanced accuracy of the bin's most frequent class."""
        size = int(bins.max()) + 1
        counts = np.zeros((FOLDS, size, self._classes))
        np.add.at(counts, (self._fold, bins, self._y), 1)
        right = np.zeros(self._classes)
        for fold in range(FOLDS):
            told = np.argmax(counts.sum(axis=0) - counts[fold], axis=1)
            np.add.at(right, told, counts[fold][np.arange(size), told])
        return self._balanced(right)

    def _balanced(self, right: Floats) -> float:
        present = np.bincount(self._y, minlength=self._classes)
        return float(np.mean(right[present > 0] / present[present > 0]))

    def _means(self, bins: _Codes) -> Floats:
        """The bin's mean, learned on the other folds."""
        rows, sums = self._table(bins), self._table(bins, self._ones)
        others = rows.sum(axis=0) - rows
        mean = (sums.sum(axis=0) - sums + self._y.mean()) / (others + 1)
        return np.asarray(mean[self._fold, bins])

    def _line(self, values: Floats, fold: _Codes, other_than: _Codes) -> Floats:
        """A straight line through the rows of which `other_than` is another number than the row's `fold`."""
        told = np.full(len(values), self._y.mean())
        known = ~np.isnan(values)
        for number in np.unique(fold):
            train, test = known & (other_than != number), known & (fold == number)
            x, y = values[train], self._y[train]
            if len(x) < 2:
                continue
            with np.errstate(all="ignore"):
                centre = x.mean()
                slope = ((x - centre) * (y - y.mean())).sum() / ((x - centre) ** 2).sum()
                told[test] = y.mean() + slope * (values[test] - centre)
        return told

    def _explained(self, told: Floats) -> float:
        with np.errstate(all="ignore"):
            share = 1 - ((self._y - told) ** 2).sum() / ((self._y - self._y.mean()) ** 2).sum()
        return float(share) if np.isfinite(share) else 0.0


def _area(score: Floats, positive: Floats, negative: Floats) -> float:
    """Under the ROC curve, of bins with a score and so many rows of either class."""
    order = np.argsort(score, kind="stable")
    score, positive, negative = score[order], positive[order], negative[order]
    first = np.concatenate([[True], score[1:] != score[:-1]])
    level = np.cumsum(first) - 1
    up, down = np.bincount(level, positive), np.bincount(level, negative)
    pairs = up.sum() * down.sum()
    below = np.cumsum(down) - down
    return float((up * (below + down / 2)).sum() / pairs) if pairs else 0.0


def _bins(values: Floats) -> _Codes:
    """Quantiles, or each value its own where they are few; missing cells last."""
    absent = np.isnan(values)
    ordered = np.sort(values)[: len(values) - int(np.count_nonzero(absent))]
    if len(ordered) == 0:
        return np.zeros(len(values), dtype=np.int64)
    edges = ordered[np.arange(1, BINS) * len(ordered) // BINS]
    edges = edges[np.concatenate([[True], edges[1:] != edges[:-1]])]
    bins: _Codes = np.searchsorted(edges, values, side="right").astype(np.int64)
    bins[absent] = len(edges) + 1
    return bins


def _categories(column: Column) -> _Codes:
    """A bin for each of the most frequent texts, one for all others, one for missing cells."""
    assert column.codes is not None
    counts = np.bincount(column.codes + 1, minlength=len(column.texts) + 1)[1:]
    frequent = np.argsort(-counts, kind="stable")[:CATEGORIES_MAX]
    place = np.full(len(column.texts) + 1, CATEGORIES_MAX, dtype=np.int64)
    place[frequent] = np.arange(len(frequent))
    place[-1] = CATEGORIES_MAX + 1
    return place[column.codes]
