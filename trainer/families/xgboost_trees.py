"""XGBoost: boosted trees on histograms, some rounds a step.

The estimator is XGBoost's scikit-learn wrapper, for the sake of Python users; its booster is updated round by round,
because the wrapper's own way to go on would draw each step's rows from the seeds of the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from trainer.families.class_weight import CLASS_WEIGHT, row_weights
from trainer.families.family import STEPS_MAX, Estimator, Family, Task, portion
from trainer.families.growth import THREADS_FROM_ROWS
from trainer.families.hyperparameters import Real, Value, Whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph

THREADS = 2
"""Never by the machine: XGBoost sums in threads, and would give another model on another machine."""

_binned: WeakKeyDictionary[Estimator, Any] = WeakKeyDictionary()
"""Training data of estimators in the making, as XGBoost wants them: a cache, made anew after a checkpoint."""


class XGBoost(Family):
    """XGBClassifier and XGBRegressor."""

    name = "xgboost"
    title = "XGBoost"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "trees"
    input_type = "float32"
    tolerance = 1e-12
    library = "xgboost"
    hyperparameters = {
        "n_estimators": Whole(200, 1, 5000),
        "learning_rate": Real(0.05, 1e-4, 1.0),
        "max_depth": Whole(3, 1, 20),
        "min_child_weight": Real(1.0, 0.0, 1e9),
        "subsample": Real(0.7, 0.05, 1.0),
        "colsample_bytree": Real(0.5, 0.01, 1.0),
        "reg_lambda": Real(1.0, 0.0, 1e9),
        "reg_alpha": Real(0.0, 0.0, 1e9),
        "gamma": Real(0.0, 0.0, 1e9),
        "max_bin": Whole(256, 2, 4096),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from xgboost import XGBClassifier, XGBRegressor

        own = {name: value for name, value in chosen.items() if name != "class_weight"}
        kind = XGBRegressor if task == "regression" else XGBClassifier
        return kind(**own, tree_method="hist", random_state=seed, seed_per_iteration=True)

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX, cast(int, chosen["n_estimators"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        rounds = cast(int, chosen["n_estimators"])
        data = _binned.get(estimator)
        if data is None:
            data = _binned[estimator] = _matrix(estimator, X, y, chosen)
        from trainer.families.xgboost_sums import with_exact_sums

        if step:
            _draw_anew(estimator._Booster)
        else:
            _begin(estimator, y, len(X), data)
        for number in range(portion(rounds, step - 1) if step else 0, portion(rounds, step)):
            estimator._Booster.update(data, iteration=number)
        if step == self.steps(chosen) - 1:
            del _binned[estimator]
            estimator._Booster.load_model(with_exact_sums(estimator._Booster))

    def predict(self, estimator: Estimator, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
        """From XGBoost's own sums; probabilities in float64, because float32 makes even odds of nearly even ones."""
        import numpy as np
        from scipy.special import expit, softmax

        told = estimator.predict(X, output_margin=True).astype(np.float64)
        if not classes:
            return cast("NDArray[np.float64]", told)
        probabilities = np.zeros((len(X), classes))
        seconds = expit(told) if told.ndim == 1 else None
        each = softmax(told, axis=1) if seconds is None else np.stack([1 - seconds, seconds], axis=1)
        probabilities[:, estimator.class_indices_] = each
        return probabilities

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.trees import boosting_graph
        from trainer.export.xgboost_model import trees_of_xgboost

        trees = trees_of_xgboost(estimator.get_booster())
        return boosting_graph(trees, [0.0] * trees[0].weights.shape[1], task, width)


def _matrix(estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], chosen: Mapping[str, Value]) -> Any:
    """XGBoost's classes are numbered without gaps: those that the training rows have."""
    import numpy as np
    from xgboost import QuantileDMatrix

    weights = None
    if hasattr(estimator, "predict_proba"):
        weights = row_weights(chosen, y)
        y = np.unique(y, return_inverse=True)[1]
    return QuantileDMatrix(X, y, weight=weights, max_bin=chosen["max_bin"], nthread=_threads(len(X)))


def _threads(rows: int) -> int:
    return THREADS if rows >= THREADS_FROM_ROWS else 1


def _draw_anew(booster: Any) -> None:
    """Lets go of the drawing of columns so far, as a checkpoint does: it goes with the method, which is changed and
    changed back."""
    booster.set_param({"tree_method": "approx"})
    booster.save_config()
    booster.set_param({"tree_method": "hist"})


def _begin(estimator: Estimator, y: NDArray[Any], rows: int, data: Any) -> None:
    """The attributes that the wrapper's own fit would set, and a booster without trees."""
    import numpy as np
    from xgboost import Booster

    parameters = estimator.get_xgb_params() | {"nthread": _threads(rows)}
    if hasattr(estimator, "predict_proba"):
        estimator.class_indices_ = np.unique(y)
        estimator.n_classes_ = max(len(estimator.class_indices_), 2)
        if estimator.n_classes_ > 2:
            estimator.objective = "multi:softprob"
            parameters |= {"objective": estimator.objective, "num_class": estimator.n_classes_}
    estimator._Booster = Booster(parameters, [data])
