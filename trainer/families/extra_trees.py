"""Extra trees: a forest whose splits are drawn at random, quicker and smoother than a random forest."""

from __future__ import annotations

from typing import Any

from trainer.families.family import Task
from trainer.families.forest import Forest, hyperparameters_of_forests


class ExtraTrees(Forest):
    """ExtraTreesClassifier and ExtraTreesRegressor."""

    name = "extra_trees"
    title = "extra trees"
    leaf_most = 3
    hyperparameters = hyperparameters_of_forests(200)

    def _kind(self, task: Task) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        return ExtraTreesRegressor if task == "regression" else ExtraTreesClassifier
