"""What matters to a model: how much worse it predicts rows it has not seen when one of their columns is shuffled.

Asked of every judged fit while it is there, on its test rows (`shuffled`, from `training/course.py`), and put together
at the end (`importance`). A column is shuffled as a whole: with everything that is encoded of it, for all members. The
work is bounded by predicted rows and not by a clock: the same data give the same figures anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats
from trainer.table.columns import Indices
from trainer.training.fitting import Encoded, Fit
from trainer.training.metrics import brier
from trainer.training.problem import Problem

Places = dict[str, dict[str, list[tuple[int, int]]]]
"""By scheme and column: where what is encoded of it begins and ends."""

ROWS_MAX = 2000
REPEATS = 5
COLUMNS_MAX = 100
"""Of more columns those that the predictions go along with most are asked for."""
PREDICTED_MAX = 40_000
"""Rows predicted for all columns, folds and repeats together, as far as a repeat has LEAST_ROWS."""
LEAST_ROWS = 25
BATCH_ROWS = 8000
BATCH_NUMBERS = 8_000_000
SPREAD_CLASSES = 10


@dataclass(frozen=True)
class Shuffled:
    """Of one judged fit: `rise` [columns, repeats] of the mean loss, in the target's scale for numbers."""

    columns: tuple[str, ...]
    rows: int
    rise: Floats


@dataclass(frozen=True)
class Importance:
    """Of a column: mean and standard deviation over folds and repeats."""

    column: str
    mean: float
    std: float


def shuffled(fit: Fit, problem: Problem, test: Indices, folds: int, seed: int) -> Shuffled:
    """On up to ROWS_MAX of all test rows; `test` are those of one of `folds` folds."""
    random = np.random.default_rng([seed, len(test), int(test[0])])
    names = list(dict.fromkeys(column.column for column in fit.columns))
    asked = min(len(names), COLUMNS_MAX)
    rows, repeats = _size(len(test), asked, folds)
    sample = np.sort(random.choice(test, rows, replace=False)) if rows < len(test) else test
    classes = len(problem.classes or ())
    encoded = fit.encoded(problem.table.take(sample))
    told = fit.predict_encoded(encoded, classes)
    if len(names) > COLUMNS_MAX:
        names = _followed(fit, encoded, told)[:COLUMNS_MAX]
    y, scale = problem.y[sample], _scale(problem)
    before = float(np.mean(_losses(y, told, scale)))
    rise = np.empty((len(names), repeats))
    places = _places(fit)
    for first, batch in _batches(fit, encoded, names, rows, repeats):
        again = []
        for name in batch:
            orders = np.concatenate([random.permutation(rows) for _ in range(repeats)])
            again.append(_with_order(encoded, places, name, orders))
        whole = {key: np.concatenate([one[key] for one in again]) for key in encoded}
        losses = _losses(np.tile(y, repeats * len(batch)), fit.predict_encoded(whole, classes), scale)
        rise[first : first + len(batch)] = losses.reshape(len(batch), repeats, rows).mean(axis=2) - before
    return Shuffled(tuple(names), rows, rise)


def importance(parts: Sequence[Shuffled], problem: Problem, truth: NDArray[Any]) -> list[Importance]:
    """Of all folds together, largest first: the rise of the Brier score for classes, the fall of R² for numbers."""
    by_column: dict[str, list[tuple[int, Floats]]] = {}
    for part in parts:
        for name, rise in zip(part.columns, part.rise, strict=True):
            by_column.setdefault(name, []).append((part.rows, rise))
    unit = 1.0 if problem.classes else float(np.var(truth / _scale(problem))) or 1.0
    found = []
    for name, pieces in by_column.items():
        rises = np.concatenate([rise for _, rise in pieces]) / unit
        weights = np.concatenate([np.full(len(rise), rows / len(rise)) for rows, rise in pieces])
        mean = float(np.average(rises, weights=weights))
        std = float(np.sqrt(np.average((rises - mean) ** 2, weights=weights)))
        if np.isfinite(mean) and np.isfinite(std):
            found.append(Importance(name, mean, std))
    return sorted(found, key=lambda one: -one.mean)


def scoring(problem: Problem) -> str:
    """By what importance is measured, as scikit-learn names its scorers."""
    return "neg_brier_score" if problem.classes else "r2"


def _size(test_rows: int, columns: int, folds: int) -> tuple[int, int]:
    """Rows and repeats of a fold."""
    left = PREDICTED_MAX // (max(columns, 1) * folds)
    rows = min(test_rows, max(1, ROWS_MAX // folds))
    repeats = max(1, min(REPEATS, left // rows))
    return max(min(rows, LEAST_ROWS), min(rows, left)), repeats


def _batches(fit: Fit, encoded: Encoded, names: list[str], rows: int, repeats: int) -> Iterator[tuple[int, list[str]]]:
    """As many columns as are predicted at once, and the place of the first."""
    width = sum(matrix.shape[1] for matrix in encoded.values())
    at_once = max(1, min(BATCH_ROWS, BATCH_NUMBERS // max(width, 1)) // (rows * repeats))
    for first in range(0, len(names), at_once):
        yield first, names[first : first + at_once]


def _with_order(encoded: Encoded, places: Places, name: str, orders: Indices) -> Encoded:
    """The rows once a repeat, all as they are but for the numbers of column `name`."""
    made: Encoded = {}
    for (scheme, kind), matrix in encoded.items():
        copies = np.tile(matrix, (len(orders) // len(matrix), 1))
        for start, end in places[scheme].get(name, ()):
            copies[:, start:end] = matrix[orders, start:end]
        made[scheme, kind] = copies
    return made


def _places(fit: Fit) -> Places:
    places: Places = {}
    for scheme, columns in fit.columns_by_scheme.items():
        start, of_column = 0, places.setdefault(scheme, {})
        for column in columns:
            of_column.setdefault(column.column, []).append((start, start + column.width))
            start += column.width
    return places


def _followed(fit: Fit, encoded: Encoded, told: Floats) -> list[str]:
    """Columns by the largest correlation of what is encoded of them with the predictions, largest first."""
    predicted = _standard(told[:, np.newaxis] if told.ndim == 1 else told[:, :SPREAD_CLASSES])
    strength: dict[str, float] = {}
    for (scheme, _), matrix in encoded.items():
        related = np.abs(_standard(matrix.astype(np.float64)).T @ predicted).max(axis=1)
        for column, spans in _places(fit)[scheme].items():
            for start, end in spans:
                strength[column] = max(strength.get(column, 0.0), float(related[start:end].max(initial=0)))
    return sorted(strength, key=lambda name: -strength[name])


def _standard(values: Floats) -> Floats:
    """Columns with mean 0 and length 1; of one that does not differ, or overflows, zeros."""
    with np.errstate(all="ignore"):
        centred = values - values.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        made = centred / length
    made[:, ~np.isfinite(length) | (length == 0)] = 0
    return np.asarray(made)


def _scale(problem: Problem) -> float:
    """What errors are divided by before they are squared, so that no square overflows."""
    return 1.0 if problem.classes else float(np.max(np.abs(problem.y))) or 1.0


def _losses(y: NDArray[Any], told: Floats, scale: float) -> Floats:
    if told.ndim == 2:
        return brier(y, told)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(((told - y) / scale) ** 2)
