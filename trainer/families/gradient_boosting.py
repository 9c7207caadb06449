"""Gradient boosted trees, some rounds a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from trainer.families.class_weight import CLASS_WEIGHT, row_weights
from trainer.families.family import Estimator, Family, Task
from trainer.families.growth import LEAF_BY_ROWS, smallest_leaf
from trainer.families.hyperparameters import Choice, Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

STEPS = 10
"""Each step predicts all rows once by all trees so far."""
LEAF_SHARE = 0.0125
LEAF_MOST = 10


class GradientBoosting(Family):
    """GradientBoostingClassifier and GradientBoostingRegressor."""

    name = "gradient_boosting"
    title = "gradient boosting"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-11
    even_odds_second = True
    hyperparameters = {
        "n_estimators": Whole(200, 1, 5000),
        "learning_rate": Real(0.05, 1e-4, 1.0),
        "max_depth": Whole(3, 1, 32),
        "min_samples_leaf": LEAF_BY_ROWS,
        "subsample": Real(0.7, 0.05, 1.0),
        "max_features": Choice("sqrt", ("sqrt", "log2", "none")),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        kind = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
        return kind(
            n_estimators=1,
            learning_rate=chosen["learning_rate"],
            max_depth=chosen["max_depth"],
            subsample=chosen["subsample"],
            max_features=chosen["max_features"],
            random_state=seed,
            warm_start=True,
        )

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS, cast(int, chosen["n_estimators"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        estimator.n_estimators = cast(int, chosen["n_estimators"]) * (step + 1) // self.steps(chosen)
        estimator.min_samples_leaf = smallest_leaf(chosen["min_samples_leaf"], len(X), LEAF_SHARE, LEAF_MOST)
        weights = row_weights(chosen, y) if hasattr(estimator, "predict_proba") else None
        estimator.fit(X, y, sample_weight=weights)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import boosting_graph, rounds_of_sklearn

        rounds = [[tree.tree_ for tree in round_] for round_ in estimator.estimators_]
        # The start is the same for every row: ask the estimator for it instead of rebuilding it from priors.
        start = estimator._raw_predict_init(_one_row(width))[0]
        return boosting_graph(rounds_of_sklearn(rounds, float(estimator.learning_rate)), start, task, width)


def _one_row(width: int) -> Any:
    import numpy as np

    return np.zeros((1, width), dtype=np.float32)
