"""Gaussian naive Bayes: columns taken for independent within each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.families.class_weight import CLASS_WEIGHT, row_weights
from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Real, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.export.graph import Graph


class NaiveBayes(Family):
    """GaussianNB on standardised columns. One pass over the rows: the fit cannot be cut.

    `var_smoothing` is far above scikit-learn's 1e-9: a category that a class has hardly met would otherwise outweigh
    all else. Measured: area under ROC .78 instead of .73, log loss 0.6 instead of 3.7 on German credit.
    """

    name = "naive_bayes"
    title = "naive Bayes"
    tasks = frozenset[Task]({"classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {
        "var_smoothing": Real(0.1, 1e-12, 100.0),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        del task, seed
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB(var_smoothing=chosen["var_smoothing"])

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step
        estimator.fit(X, y, sample_weight=row_weights(chosen, y))

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        del task
        from trainer.export.bayes import gaussian_graph

        return gaussian_graph(estimator.theta_, estimator.var_, estimator.class_prior_, width)
