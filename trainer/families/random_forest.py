"""Random forest, grown a few trees a step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from trainer.families.family import STEPS_MAX, Estimator, Family, Task, portion
from trainer.families.hyperparameters import Choice, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


THREADS_FROM_ROWS = 5000
"""With fewer rows, starting threads takes longer than growing the trees."""


class RandomForest(Family):
    """RandomForestClassifier and RandomForestRegressor."""

    name = "random_forest"
    title = "random forest"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-9
    hyperparameters = {  # noqa: RUF012
        "n_estimators": Whole(100, 1, 5000),
        "max_depth": Whole(None, 0, 1000, none_at_zero=True),
        "min_samples_leaf": Whole(1, 1, 1_000_000),
        "max_features": Choice("sqrt", ("sqrt", "log2", "none")),
        "class_weight": Choice(None, ("none", "balanced")),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        shared = {
            "n_estimators": 0,
            "max_depth": chosen["max_depth"],
            "min_samples_leaf": chosen["min_samples_leaf"],
            "max_features": chosen["max_features"],
            "random_state": seed,
            "warm_start": True,
        }
        if task == "regression":
            return RandomForestRegressor(**shared)
        return RandomForestClassifier(**shared, class_weight=chosen["class_weight"])

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX, cast(int, chosen["n_estimators"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        estimator.n_estimators = portion(cast(int, chosen["n_estimators"]), step)
        # Trees have seeds of their own, so threads do not change them; sums of predictions they would: one thread then.
        estimator.n_jobs = os.cpu_count() if len(X) >= THREADS_FROM_ROWS else 1
        estimator.fit(X, y)
        estimator.n_jobs = 1

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import forest_graph

        return forest_graph([tree.tree_ for tree in estimator.estimators_], task, width)
