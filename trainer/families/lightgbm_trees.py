"""LightGBM: boosted trees that grow leaf by leaf, some rounds a step.

The estimator is LightGBM's scikit-learn wrapper, for the sake of Python users; its booster is updated round by round.
Each step draws anew, from seeds of its own: a booster that goes on from a checkpoint has forgotten what it had drawn.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from trainer.families.class_weight import CLASS_WEIGHT, row_weights
from trainer.families.family import STEPS_MAX, Estimator, Family, Task
from trainer.families.growth import LEAF_BY_ROWS, THREADS_FROM_ROWS, smallest_leaf
from trainer.families.hyperparameters import Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

LEAF_SHARE = 0.0125
LEAF_MOST = 20
COPIED_UP_TO = 0.5
"""LightGBM copies the drawn rows of a round when they are so few, and its booster cannot be told to draw anew."""
STEPS_ANEW = 4
"""So each step then begins with a new booster, which must prepare all rows again: few steps."""


class LightGBM(Family):
    """LGBMClassifier and LGBMRegressor."""

    name = "lightgbm"
    title = "LightGBM"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-11
    library = "lightgbm"
    hyperparameters = {
        "n_estimators": Whole(200, 1, 5000),
        "learning_rate": Real(0.05, 1e-4, 1.0),
        "num_leaves": Whole(8, 2, 10_000),
        "max_depth": Whole(None, 0, 1000, none_at_zero=True),
        "min_child_samples": LEAF_BY_ROWS,
        "subsample": Real(0.7, 0.05, 1.0),
        "colsample_bytree": Real(0.5, 0.01, 1.0),
        "reg_lambda": Real(1.0, 0.0, 1e9),
        "reg_alpha": Real(0.0, 0.0, 1e9),
        "max_bin": Whole(255, 2, 4096),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from lightgbm import LGBMClassifier, LGBMRegressor

        own = {name: value for name, value in chosen.items() if name not in {"class_weight", "max_depth"}}
        kind: Any = LGBMRegressor if task == "regression" else LGBMClassifier
        return kind(
            **own,
            max_depth=-1 if chosen["max_depth"] is None else chosen["max_depth"],
            subsample_freq=1,
            random_state=seed,
            deterministic=True,
            force_col_wise=True,
            verbosity=-1,
        )

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX if _goes_on(chosen) else STEPS_ANEW, cast(int, chosen["n_estimators"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        if not step:
            _begin(estimator, X, y, chosen)
            estimator._Booster = self._trained(estimator, None, X, y, step, chosen)
        elif estimator._Booster.feature_importance().any():  # otherwise nothing can be split, which is an error by now
            estimator._Booster = self._trained(estimator, estimator._Booster, X, y, step, chosen)
        if step == self.steps(chosen) - 1:
            estimator._Booster.free_dataset()

    def _trained(
        self,
        estimator: Estimator,
        booster: Any,
        X: NDArray[np.floating],
        y: NDArray[Any],
        step: int,
        chosen: Mapping[str, Value],
    ) -> Any:
        """The booster after a step: the same one where it can go on."""
        import lightgbm

        steps, rounds = self.steps(chosen), cast(int, chosen["n_estimators"])
        more = rounds * (step + 1) // steps - rounds * step // steps
        draws = _draws(estimator, step)
        if getattr(booster, "train_set", None) is not None and _goes_on(chosen):
            booster.reset_parameter(draws)
            for _ in range(more):
                booster.update()
            return booster
        parameters = _parameters(estimator, len(X)) | draws
        data = _data(estimator, X, y, chosen, parameters)
        return lightgbm.train(parameters, data, num_boost_round=more, init_model=booster, keep_training_booster=True)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.lightgbm_model import trees_of_lightgbm
        from trainer.export.trees import boosting_graph

        trees = trees_of_lightgbm(estimator.booster_)
        return boosting_graph(trees, [0.0] * trees[0].weights.shape[1], task, width)


def _begin(estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], chosen: Mapping[str, Value]) -> None:
    """Lets the wrapper set its attributes on a few rows, of each class; its booster is replaced afterwards."""
    import numpy as np

    estimator.min_child_samples = smallest_leaf(chosen["min_child_samples"], len(X), LEAF_SHARE, LEAF_MOST)
    few = np.unique(y, return_index=True)[1] if hasattr(estimator, "predict_proba") else np.arange(2)
    estimator.set_params(n_estimators=1, n_jobs=1, subsample=1.0)
    estimator.fit(X[few], y[few])
    share = max(cast(float, chosen["subsample"]), min(1.0, 2 / len(X)))  # LightGBM cannot draw no row
    estimator.set_params(n_estimators=chosen["n_estimators"], subsample=share)


def _parameters(estimator: Estimator, rows: int) -> dict[str, Any]:
    parameters: dict[str, Any] = estimator.get_params()
    for name in ("n_estimators", "importance_type", "class_weight", "n_jobs", "objective", "boosting_type"):
        del parameters[name]
    parameters |= {
        "objective": estimator.objective_,
        "num_threads": (os.cpu_count() or 1) if rows >= THREADS_FROM_ROWS else 1,
    }
    if estimator.objective_ == "multiclass":
        parameters["num_class"] = len(estimator.classes_)
    return {name: value for name, value in parameters.items() if value is not None}


def _goes_on(chosen: Mapping[str, Value]) -> bool:
    return cast(float, chosen["subsample"]) > COPIED_UP_TO


def _draws(estimator: Estimator, step: int) -> dict[str, float]:
    """How a step draws rows and columns. Of every second step the share of rows is a bit smaller, by the last of its 53
    bits: LightGBM begins to draw anew only when the share changes. Seeds are 31 bits wide."""
    seed, share = (estimator.random_state * 1_000_003 + step) % 2**30, estimator.subsample
    if step % 2 and share < 1:
        share = math.nextafter(share, 0)
    return {"bagging_seed": seed, "feature_fraction_seed": seed + 1, "subsample": share}


def _data(
    estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], chosen: Mapping[str, Value], parameters: Any
) -> Any:
    import lightgbm
    import numpy as np

    weights = None
    if hasattr(estimator, "predict_proba"):
        weights = row_weights(chosen, y)
        y = np.searchsorted(estimator.classes_, y)
    return lightgbm.Dataset(X, y, weight=weights, params=parameters, categorical_feature=[])
