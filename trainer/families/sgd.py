"""Linear models by stochastic gradient descent, some epochs a step: for rows by the million."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from trainer.errors import UserError
from trainer.families.class_weight import CLASS_WEIGHT, class_arguments
from trainer.families.family import STEPS_MAX, Estimator, Family, Task
from trainer.families.hyperparameters import Choice, Real, Value, Whole
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    from trainer.export.graph import Graph

UPDATES = 1_000_000
EPOCHS_MOST = 300
LOSSES: dict[Task, tuple[str, ...]] = {
    "classification": ("log_loss",),
    "regression": ("squared_error", "huber"),
}
PENALTY_SUM: dict[Task, float] = {"classification": 10.0, "regression": 0.1}
"""alpha times rows where alpha is not given: what logistic and ridge do by default."""


class Sgd(Family):
    """SGDClassifier (log loss) and SGDRegressor on standardised columns and target.

    Epochs are shuffled by seed and number and the learning rate falls with every row; learning stops where an epoch
    hardly moves the weights. All of this is in the estimator: cut or not, the same epochs follow.
    """

    name = "sgd"
    title = "stochastic gradient descent"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-10
    hyperparameters = {
        "loss": Choice("auto", ("auto", "log_loss", "squared_error", "huber")),
        "penalty": Choice("l2", ("l2", "l1", "elasticnet", "none")),
        "alpha": Real(None, 0.0, 1e3, auto="less the more rows there are"),
        "l1_ratio": Real(0.15, 0.0, 1.0),
        "eta0": Real(0.2, 1e-7, 1.0),
        "max_iter": Whole(None, 0, 100_000, none_at_zero=True, zero="chosen by the number of rows"),
        "tol": Real(1e-4, 0.0, 1.0),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.linear_model import SGDClassifier, SGDRegressor

        loss = LOSSES[task][0] if chosen["loss"] == "auto" else chosen["loss"]
        shared = {
            "loss": loss,
            "penalty": chosen["penalty"],
            "alpha": 1e-4 if chosen["alpha"] is None else chosen["alpha"],
            "l1_ratio": chosen["l1_ratio"],
            "eta0": chosen["eta0"],
            "random_state": seed,
        }
        if task == "regression":
            return SGDRegressor(**shared, learning_rate="invscaling")
        return SGDClassifier(**shared, learning_rate="optimal" if chosen["alpha"] != 0 else "invscaling")

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX, cast(int, chosen["max_iter"] or STEPS_MAX))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        steps = self.steps(chosen)
        epochs = cast(int, chosen["max_iter"] or int(np.clip(UPDATES // len(X), STEPS_MAX, EPOCHS_MOST)))
        classifies = hasattr(estimator, "predict_proba")
        if step == 0:
            _begin(estimator, X, chosen, "classification" if classifies else "regression")
        more: dict[str, Any] = {}
        scale = None
        if classifies:
            more = class_arguments(chosen, y)
        else:
            scale = TargetScale.of(y)
            y = scale.standardise(y)
            if step:
                scale.unfold(estimator.coef_, estimator.intercept_)
        seed = estimator.random_state
        for epoch in range(epochs * step // steps, epochs * (step + 1) // steps):
            if estimator.settled_:
                break
            before = estimator.coef_.copy() if hasattr(estimator, "coef_") else np.zeros(1)
            estimator.random_state = (seed + epoch) % 2**31
            estimator.partial_fit(X, y, **more)
            moved, size = np.abs(estimator.coef_ - before).max(), np.abs(estimator.coef_).max()
            estimator.settled_ = bool(moved <= cast(float, chosen["tol"]) * size)
        estimator.random_state = seed
        if scale is not None:
            scale.fold(estimator.coef_, estimator.intercept_)

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del rows, width
        if chosen["loss"] not in {"auto", *LOSSES[task]}:
            raise UserError(
                "LossNotForTask",
                f"sgd has no loss {chosen['loss']} for {task}.",
                f"Use one of: {', '.join(['auto', *LOSSES[task]])}.",
            )

    def predict(self, estimator: Estimator, X: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
        """As the estimator; but of three classes or more whose probabilities are all too small for a float64, which
        scikit-learn divides 0 by 0 for, still the ratios."""
        if classes == 0 or len(estimator.classes_) == 2:
            return super().predict(estimator, X, classes)
        logs = -np.logaddexp(0.0, -estimator.decision_function(X))
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        probabilities = np.zeros((len(X), classes))
        probabilities[:, estimator.classes_] = shares / shares.sum(axis=1, keepdims=True)
        return probabilities

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.linear import classification_graph, one_against_rest_graph, regression_graph

        if task == "regression":
            return regression_graph(estimator.coef_, estimator.intercept_, width)
        make = classification_graph if len(estimator.classes_) == 2 else one_against_rest_graph
        return make(estimator.coef_, estimator.intercept_, width)


def _begin(estimator: Estimator, X: NDArray[np.floating], chosen: Mapping[str, Value], task: Task) -> None:
    estimator.settled_ = False
    if chosen["alpha"] is None:
        estimator.alpha = float(np.clip(PENALTY_SUM[task] / len(X), 1e-7, 0.1))
    # A step longer than this on the longest row would throw the weights further off with every epoch.
    longest = float(np.einsum("ij,ij->i", X, X).max()) + 1.0
    estimator.eta0 = min(cast(float, chosen["eta0"]), 1.0 / longest)
