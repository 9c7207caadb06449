"""A single decision tree: the weakest of the tree families, but one that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import Estimator, Family, Task
from trainer.families.growth import LEAF_BY_ROWS, smallest_leaf
from trainer.families.hyperparameters import Choice, Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

LEAF_SHARE = 0.06
LEAF_MOST = 50


class DecisionTree(Family):
    """DecisionTreeClassifier and DecisionTreeRegressor."""

    name = "decision_tree"
    title = "decision tree"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-12
    hyperparameters = {
        "max_depth": Whole(8, 0, 1000, none_at_zero=True),
        "min_samples_leaf": LEAF_BY_ROWS,
        "min_samples_split": Whole(2, 2, 1_000_000),
        "max_leaf_nodes": Whole(None, 2, 1_000_000),
        "ccp_alpha": Real(0.0, 0.0, 1e9),
        "max_features": Choice(None, ("sqrt", "log2", "none")),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        names = ("max_depth", "min_samples_split", "max_leaf_nodes", "ccp_alpha", "max_features")
        shared = {name: chosen[name] for name in names} | {"random_state": seed}
        if task == "regression":
            return DecisionTreeRegressor(**shared)
        return DecisionTreeClassifier(**shared, class_weight=chosen["class_weight"])

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        estimator.min_samples_leaf = smallest_leaf(chosen["min_samples_leaf"], len(X), LEAF_SHARE, LEAF_MOST)
        estimator.fit(X, y)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import forest_graph

        return forest_graph([estimator.tree_], task, width)
