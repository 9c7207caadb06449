"""Random forest: trees on drawn rows, each split on the best of some columns."""

from __future__ import annotations

from typing import Any

from trainer.families.family import Task
from trainer.families.forest import Forest, hyperparameters_of_forests


class RandomForest(Forest):
    """RandomForestClassifier and RandomForestRegressor."""

    name = "random_forest"
    title = "random forest"
    leaf_most = 3
    hyperparameters = hyperparameters_of_forests(200)

    def _kind(self, task: Task) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestRegressor if task == "regression" else RandomForestClassifier
