"""Least squares with an L2 penalty: steadier than plain least squares when columns are many or alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Flag, Real, Value

if TYPE_CHECKING:
    from trainer.export.graph import Graph


class Ridge(Family):
    """Ridge on standardised columns."""

    name = "ridge"
    title = "ridge regression"
    tasks = frozenset[Task]({"regression"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {"alpha": Real(1.0, 1e-9, 1e9), "fit_intercept": Flag(True)}  # noqa: RUF012

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import Ridge as Estimating

        return Estimating(alpha=chosen["alpha"], fit_intercept=chosen["fit_intercept"], random_state=seed)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import regression_graph

        return regression_graph(estimator.coef_, estimator.intercept_, width)
