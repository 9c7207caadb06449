"""Logistic regression, binary and multinomial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Real, Value, Whole
from trainer.families.quietly import fit_quietly

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


class Logistic(Family):
    """LogisticRegression on standardised columns: lbfgs, or saga where an L1 penalty is asked for.

    The fit cannot be cut.
    """

    name = "logistic"
    title = "logistic regression"
    tasks = frozenset[Task]({"classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-10
    hyperparameters = {
        "C": Real(0.1, 1e-9, 1e9),
        "l1_ratio": Real(0.0, 0.0, 1.0),
        "max_iter": Whole(1000, 10, 100_000),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(
            C=chosen["C"],
            max_iter=chosen["max_iter"],
            class_weight=chosen["class_weight"],
            random_state=seed,
            **(_with_l1(chosen["l1_ratio"]) if chosen["l1_ratio"] else {}),
        )

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step, chosen
        fit_quietly(estimator, X, y)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import classification_graph

        return classification_graph(estimator.coef_, estimator.intercept_, width)


def _with_l1(l1_ratio: Value) -> dict[str, Any]:
    """Until scikit-learn 1.7 the mix counts only with penalty="elasticnet"; from 1.8 that word is deprecated."""
    import sklearn

    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    penalty = {"penalty": "elasticnet"} if version < (1, 8) else {}
    return {"solver": "saga", "l1_ratio": l1_ratio, **penalty}
