"""Ordinary least squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Flag, Value

if TYPE_CHECKING:
    from trainer.export.graph import Graph


class Linear(Family):
    """LinearRegression on standardised columns. Solved at once: the fit cannot be cut."""

    name = "linear"
    title = "linear regression"
    tasks = frozenset[Task]({"regression"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-10
    hyperparameters = {"fit_intercept": Flag(True)}

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task, seed
        from sklearn.linear_model import LinearRegression

        return LinearRegression(fit_intercept=chosen["fit_intercept"])

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import regression_graph

        return regression_graph(estimator.coef_, estimator.intercept_, width)
