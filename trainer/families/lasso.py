"""Least squares with an L1 penalty: few columns keep a weight."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.families.elastic_net import ElasticNet, shared_parameters
from trainer.families.family import Estimator, Task
from trainer.families.hyperparameters import Value


class Lasso(ElasticNet):
    """Lasso on standardised columns and target: an elastic net that is all L1. The fit cannot be cut."""

    name = "lasso"
    title = "lasso"
    hyperparameters = {key: kind for key, kind in ElasticNet.hyperparameters.items() if key != "l1_ratio"}

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task
        from sklearn.linear_model import Lasso as Estimating

        return Estimating(alpha=chosen["alpha"] or 1.0, **shared_parameters(chosen, seed))
