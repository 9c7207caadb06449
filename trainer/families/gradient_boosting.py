"""Gradient boosted trees, some rounds a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from trainer.families.family import STEPS_MAX, Estimator, Family, Task, portion
from trainer.families.hyperparameters import Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


class GradientBoosting(Family):
    """GradientBoostingClassifier and GradientBoostingRegressor."""

    name = "gradient_boosting"
    title = "gradient boosting"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-9
    even_odds_second = True
    hyperparameters = {  # noqa: RUF012
        "n_estimators": Whole(100, 1, 5000),
        "learning_rate": Real(0.1, 1e-4, 1.0),
        "max_depth": Whole(3, 1, 32),
        "min_samples_leaf": Whole(1, 1, 1_000_000),
        "subsample": Real(1.0, 0.05, 1.0),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        kind = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
        return kind(
            n_estimators=1,
            learning_rate=chosen["learning_rate"],
            max_depth=chosen["max_depth"],
            min_samples_leaf=chosen["min_samples_leaf"],
            subsample=chosen["subsample"],
            random_state=seed,
            warm_start=True,
        )

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX, cast(int, chosen["n_estimators"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        estimator.n_estimators = portion(cast(int, chosen["n_estimators"]), step)
        estimator.fit(X, y)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import boosting_graph

        trees = [[tree.tree_ for tree in round_] for round_ in estimator.estimators_]
        # The start is the same for every row: ask the estimator for it instead of rebuilding it from priors.
        start = estimator._raw_predict_init(_one_row(width))[0]
        return boosting_graph(trees, start, float(estimator.learning_rate), task, width)


def _one_row(width: int) -> Any:
    import numpy as np

    return np.zeros((1, width), dtype=np.float32)
