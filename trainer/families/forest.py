"""What random forest and extra trees share: independent trees, averaged, grown some at each step."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from trainer.errors import UserError
from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import STEPS_MAX, Estimator, Family, Task
from trainer.families.growth import LEAF_BY_ROWS, affordable_leaf, smallest_leaf
from trainer.families.hyperparameters import Choice, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

TREES_A_STEP = 32
"""A multiple of most machines' cores: the trees of a step are grown at once, and a core without a tree waits."""
THREADS_FROM_ROWS = 5000
"""With fewer rows, starting threads takes longer than growing the trees."""
LEAF_SHARE = 0.005
NODES_REFUSED = 40_000_000
"""As a graph they would have 2 GB, the most an ONNX file can have."""


class Forest(Family):
    """Averaged trees with seeds of their own."""

    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-12
    leaf_most: ClassVar[int]
    """The smallest leaf on data of some size, unless asked for."""

    @abstractmethod
    def _kind(self, task: Task) -> Any:
        """The estimator's class."""

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        features = chosen["max_features"]
        if features == "auto":
            features = "sqrt" if task == "classification" else None
        shared = {
            "n_estimators": 0,
            "max_depth": chosen["max_depth"],
            "max_features": features,
            "random_state": seed,
            "warm_start": True,
        }
        if task == "regression":
            return self._kind(task)(**shared)
        return self._kind(task)(**shared, class_weight=chosen["class_weight"])

    def steps(self, chosen: Mapping[str, Value]) -> int:
        trees = cast(int, chosen["n_estimators"])
        return -(-trees // _trees_a_step(trees))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        trees = cast(int, chosen["n_estimators"])
        estimator.n_estimators = min(trees, (step + 1) * _trees_a_step(trees))
        leaf = smallest_leaf(chosen["min_samples_leaf"], len(X), LEAF_SHARE, self.leaf_most)
        if chosen["min_samples_leaf"] is None:
            leaf = max(leaf, affordable_leaf(len(X), trees))
        estimator.min_samples_leaf = leaf
        # Trees have seeds of their own, so threads do not change them; sums of predictions they would: one thread then.
        estimator.n_jobs = os.cpu_count() if len(X) >= THREADS_FROM_ROWS else 1
        with warnings.catch_warnings():
            # Balanced weights are said to differ from step to step; every step sees the same rows.
            warnings.filterwarnings("ignore", message="class_weight presets", category=UserWarning)
            estimator.fit(X, y)
        estimator.n_jobs = 1

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del width, task
        leaf, depth, trees = chosen["min_samples_leaf"], chosen["max_depth"], cast(int, chosen["n_estimators"])
        if leaf is None:
            return
        nodes = rows * 4 // 3 // cast(int, leaf)
        if isinstance(depth, int):
            nodes = min(nodes, 2 ** (min(depth, 40) + 1))
        if nodes * trees > NODES_REFUSED:
            raise UserError(
                "ModelTooLarge",
                f"{trees} trees that grow down to {leaf} of {rows:,} rows a leaf may have {nodes * trees:,} nodes; "
                f"{NODES_REFUSED:,} are the most.",
                "Leave min_samples_leaf out, or choose a larger one, a max_depth, or fewer n_estimators.",
            )

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import forest_graph

        return forest_graph([tree.tree_ for tree in estimator.estimators_], task, width)


def hyperparameters_of_forests(trees: int) -> dict[str, Whole | Choice]:
    return {
        "n_estimators": Whole(trees, 1, 5000),
        "max_depth": Whole(None, 0, 1000, none_at_zero=True),
        "min_samples_leaf": LEAF_BY_ROWS,
        "max_features": Choice("auto", ("sqrt", "log2", "none", "auto")),
        "class_weight": CLASS_WEIGHT,
    }


def _trees_a_step(trees: int) -> int:
    return TREES_A_STEP * max(1, -(-trees // (STEPS_MAX * TREES_A_STEP)))
