"""Least squares with an L2 penalty: steadier than plain least squares when columns are many or alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Flag, Real, Value
from trainer.families.penalty import ridge_strength
from trainer.families.quietly import fit_quietly
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


class Ridge(Family):
    """Ridge on standardised columns. Solved at once: the fit cannot be cut."""

    name = "ridge"
    title = "ridge regression"
    tasks = frozenset[Task]({"regression"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-10
    hyperparameters = {
        "alpha": Real(None, 1e-9, 1e9, auto="the best by leave-one-out"),
        "fit_intercept": Flag(True),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import Ridge as Estimating

        return Estimating(alpha=chosen["alpha"] or 1.0, fit_intercept=chosen["fit_intercept"], random_state=seed)

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        if chosen["alpha"] is None:
            z = TargetScale.of(y).standardise(y)
            estimator.alpha = ridge_strength(X, z, bool(chosen["fit_intercept"]), estimator.random_state)
        fit_quietly(estimator, X, y)

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import regression_graph

        return regression_graph(estimator.coef_, estimator.intercept_, width)
