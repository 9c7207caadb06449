"""Histogram gradient boosting: boosted trees on binned columns, quick on many rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import Estimator, Family, Task
from trainer.families.growth import LEAF_BY_ROWS, THREADS_FROM_ROWS, smallest_leaf
from trainer.families.hyperparameters import Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

STEPS = 4
"""Each step bins all columns again and predicts all rows by all trees so far."""
LEAF_SHARE = 0.0125
LEAF_MOST = 20


class HistGradientBoosting(Family):
    """HistGradientBoostingClassifier and HistGradientBoostingRegressor."""

    name = "hist_gradient_boosting"
    title = "histogram gradient boosting"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-11
    hyperparameters = {
        "max_iter": Whole(200, 1, 5000),
        "learning_rate": Real(0.05, 1e-4, 1.0),
        "max_leaf_nodes": Whole(15, 2, 10_000),
        "max_depth": Whole(None, 0, 1000, none_at_zero=True),
        "min_samples_leaf": LEAF_BY_ROWS,
        "l2_regularization": Real(1.0, 0.0, 1e9),
        "max_features": Real(0.3, 0.01, 1.0),
        "max_bins": Whole(255, 2, 255),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        names = ("learning_rate", "max_leaf_nodes", "max_depth", "l2_regularization", "max_features", "max_bins")
        shared = {name: chosen[name] for name in names} | {
            "max_iter": 1,
            "early_stopping": False,
            "random_state": seed,
            "warm_start": True,
        }
        if task == "regression":
            return HistGradientBoostingRegressor(**shared)
        return HistGradientBoostingClassifier(**shared, class_weight=chosen["class_weight"])

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS, cast(int, chosen["max_iter"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        estimator.max_iter = cast(int, chosen["max_iter"]) * (step + 1) // self.steps(chosen)
        estimator.min_samples_leaf = smallest_leaf(chosen["min_samples_leaf"], len(X), LEAF_SHARE, LEAF_MOST)
        with _threads_for(len(X)):
            estimator.fit(X, y)

    def predict(self, estimator: Estimator, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
        with _threads_for(len(X)):
            return super().predict(estimator, X, classes)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.histograms import trees_of_histograms
        from trainer.export.trees import boosting_graph

        return boosting_graph(trees_of_histograms(estimator._predictors), estimator._baseline_prediction, task, width)


def _threads_for(rows: int) -> AbstractContextManager[object]:
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1 if rows < THREADS_FROM_ROWS else None, "openmp")
    return limits
