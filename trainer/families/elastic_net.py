"""Least squares with a mix of L1 and L2 penalties; all L1 is the lasso (`lasso.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Flag, Real, Value, Whole
from trainer.families.penalty import lasso_strength
from trainer.families.quietly import fit_quietly
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


class ElasticNet(Family):
    """ElasticNet on standardised columns and target: alpha means the same in every unit. The fit cannot be cut."""

    name = "elastic_net"
    title = "elastic net"
    tasks = frozenset[Task]({"regression"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-10
    hyperparameters = {
        "alpha": Real(None, 1e-9, 1e6, auto="the best by cross-validation; of a target of standard deviation 1"),
        "l1_ratio": Real(0.5, 0.01, 1.0),
        "fit_intercept": Flag(True),
        "max_iter": Whole(10_000, 10, 1_000_000),
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import ElasticNet as Estimating

        return Estimating(alpha=chosen["alpha"] or 1.0, l1_ratio=chosen["l1_ratio"], **shared_parameters(chosen, seed))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        # A target that is not centred has no mean to lose: without intercept its own mean has to stay in.
        scale = TargetScale.of(y)
        if not chosen["fit_intercept"]:
            scale = TargetScale(0.0, scale.scale)
        z = scale.standardise(y)
        if chosen["alpha"] is None:
            ratio = cast(float, chosen.get("l1_ratio", 1.0))
            with_intercept = bool(chosen["fit_intercept"])
            estimator.alpha = lasso_strength(X, z, ratio, with_intercept, estimator.random_state)
        fit_quietly(estimator, X, z)
        bias = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1)
        scale.fold(estimator.coef_, bias)
        estimator.intercept_ = float(bias[0])

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.linear import regression_graph

        return regression_graph(estimator.coef_, estimator.intercept_, width)


def shared_parameters(chosen: Mapping[str, Value], seed: int) -> dict[str, Any]:
    """What lasso and elastic net are built with alike."""
    return {"fit_intercept": chosen["fit_intercept"], "max_iter": chosen["max_iter"], "random_state": seed}
