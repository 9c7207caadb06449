"""K nearest neighbours, with distances that every machine computes to the bit.

Standardised columns are rounded to a grid so coarse that sums of their squares are whole numbers of 53 bits: equal
distances are then equal everywhere, and the earlier training row is the nearer one. Scikit-learn's own search breaks
ties as they come; it is used for fitting only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from trainer.errors import UserError
from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Choice, Value, Whole

if TYPE_CHECKING:
    from trainer.export.graph import Graph

NUMBERS_MAX = 5_000_000
"""Of training rows in the artefact, 40 MB; a prediction looks at all of them."""
ROWS_MAX = 100_000
NEIGHBOURS_MAX = 1000
AUTO_MOST = 50
LIMIT = 64.0
"""Standard deviations; what lies further out counts as this far."""
BITS = 53
BLOCK_NUMBERS = 2_000_000


class KNearestNeighbors(Family):
    """KNeighborsClassifier and KNeighborsRegressor on standardised columns. Nothing to cut: a fit keeps the rows."""

    name = "k_nearest_neighbors"
    title = "k nearest neighbours"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-12
    inexact = (
        "Of rows at exactly the same distance the earlier one counts, here and when predicting; model.joblib, used "
        "directly, may choose another and then differ on such rows."
    )
    hyperparameters = {
        "n_neighbors": Whole(None, 0, NEIGHBOURS_MAX, none_at_zero=True, zero="chosen by the number of rows"),
        "weights": Choice("distance", ("uniform", "distance")),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del seed
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        kind = KNeighborsRegressor if task == "regression" else KNeighborsClassifier
        return kind(n_neighbors=chosen["n_neighbors"] or 1, weights=chosen["weights"], algorithm="brute")

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        wanted = cast(int, chosen["n_neighbors"] or min(AUTO_MOST, max(1, round(0.75 * math.sqrt(len(X))))))
        estimator.n_neighbors = min(wanted, len(X))
        estimator.fit(on_grid(X) / steps_of_grid(X.shape[1]), y)

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del chosen
        if rows > ROWS_MAX or rows * width > NUMBERS_MAX:
            other = "hist_gradient_boosting"
            raise UserError(
                "TooManyRowsForNeighbours",
                f"Nearest neighbours keep every training row: {rows:,} rows of {width:,} columns would make each "
                f"{task} slow; {ROWS_MAX:,} rows and {NUMBERS_MAX:,} numbers are the most.",
                f"Use {other}, or fewer rows or features.",
            )

    def predict(self, estimator: Estimator, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
        known = on_grid(estimator._fit_X)
        labels = estimator.classes_[estimator._y] if classes else estimator._y
        outputs = _outputs(labels, classes)
        rows = max(1, BLOCK_NUMBERS // max(len(known), estimator.n_neighbors * outputs.shape[1]))
        told = [
            _averaged(estimator, on_grid(X[start : start + rows]), known, outputs) for start in range(0, len(X), rows)
        ]
        found = np.concatenate(told) if told else np.empty((0, max(classes, 1)))
        return found if classes else np.asarray(found[:, 0])

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.neighbours import neighbours_graph

        labels = estimator.classes_[estimator._y] if task == "classification" else estimator._y
        outputs = _outputs(labels, int(estimator.classes_.max()) + 1 if task == "classification" else 0)
        if task == "classification":
            outputs = outputs[:, estimator.classes_]
        return neighbours_graph(
            on_grid(estimator._fit_X),
            outputs,
            estimator.n_neighbors,
            estimator.weights == "distance",
            (LIMIT, steps_of_grid(width)),
            task,
        )


def steps_of_grid(width: int) -> float:
    """How many steps a standard deviation has: a power of two for which squared distances fit into 53 bits."""
    bits = (BITS - 2 - math.ceil(math.log2(max(width, 1)))) // 2
    return math.ldexp(1.0, bits - int(math.log2(LIMIT)))


def on_grid(X: NDArray[np.floating]) -> NDArray[np.float64]:
    """In whole steps."""
    return np.asarray(np.rint(np.clip(X, -LIMIT, LIMIT) * steps_of_grid(X.shape[1])))


def _averaged(
    estimator: Estimator, rows: NDArray[np.float64], known: NDArray[np.float64], outputs: NDArray[np.float64]
) -> NDArray[np.float64]:
    # Whole numbers below 2^53 throughout: exact in any order.
    squares = np.sum(rows * rows, axis=1)[:, None] - 2.0 * (rows @ known.T) + np.sum(known * known, axis=1)
    nearest = _nearest(squares, estimator.n_neighbors)
    weights = np.ones(nearest.shape)
    if estimator.weights == "distance":
        weights = _by_distance(np.sqrt(np.take_along_axis(squares, nearest, axis=1)))
    return np.asarray(np.sum(weights[:, :, None] * outputs[nearest], axis=1) / np.sum(weights, axis=1)[:, None])


def _nearest(squares: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """[rows, count], in the order of training rows: all nearer ones, and of the equally far the first."""
    furthest = np.partition(squares, count - 1, axis=1)[:, count - 1 : count]
    nearer, equal = squares < furthest, squares == furthest
    room = count - np.count_nonzero(nearer, axis=1)
    chosen = nearer | (equal & (np.cumsum(equal, axis=1) <= room[:, None]))
    return np.nonzero(chosen)[1].reshape(len(squares), count)


def _by_distance(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / distance; rows with neighbours at the very place go by those alone."""
    same = distances == 0
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), 1.0 / distances))


def _outputs(labels: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """A row of outputs for each training row: its value, or 1 at its class."""
    if not classes:
        return np.asarray(labels, dtype=np.float64).reshape(-1, 1)
    return np.asarray(np.eye(classes)[labels])
