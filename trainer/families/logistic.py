"""Logistic regression, binary and multinomial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Choice, Real, Value, Whole

if TYPE_CHECKING:
    from trainer.export.graph import Graph


class Logistic(Family):
    """LogisticRegression (lbfgs) on standardised columns."""

    name = "logistic"
    title = "logistic regression"
    tasks = frozenset[Task]({"classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {  # noqa: RUF012
        "C": Real(1.0, 1e-9, 1e9),
        "max_iter": Whole(1000, 10, 100_000),
        "class_weight": Choice(None, ("none", "balanced")),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(
            C=chosen["C"], max_iter=chosen["max_iter"], class_weight=chosen["class_weight"], random_state=seed
        )

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import classification_graph

        return classification_graph(estimator.coef_, estimator.intercept_, width)
