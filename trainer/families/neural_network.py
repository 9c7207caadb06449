"""A multi-layer perceptron, some epochs a step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from trainer.errors import UserError
from trainer.families.class_weight import CLASS_WEIGHT, class_arguments
from trainer.families.family import STEPS_MAX, Estimator, Family, Task
from trainer.families.hyperparameters import Choice, Layers, Real, Value, Whole
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    from trainer.export.graph import Graph

BATCH_MOST = 200
BATCHES_LEAST = 4
ALPHA_ROWS = 1600
ALPHA_MOST = 2.0
"""Of up to 800 rows in batches of 200; a hundred times as many rows get a hundredth."""
MULTIPLICATIONS_MAX = 2e14
"""Some hours of a core."""


class NeuralNetwork(Family):
    """MLPClassifier and MLPRegressor (Adam) on standardised columns and target.

    Epochs are shuffled by seed and number, and learning stops where the last epochs did not lower the training loss,
    which the estimator remembers: cut or not, the same epochs follow.
    """

    name = "neural_network"
    title = "neural network"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {
        "hidden_layer_sizes": Layers("100"),
        "activation": Choice("relu", ("relu", "tanh", "logistic")),
        "alpha": Real(None, 0.0, 1e4, auto="from 2 for few rows to 0.0001 for many"),
        "learning_rate_init": Real(0.002, 1e-6, 1.0),
        "max_iter": Whole(200, 1, 10_000),
        "n_iter_no_change": Whole(10, 1, 10_000),
        "tol": Real(1e-4, 0.0, 1.0),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        kind = MLPRegressor if task == "regression" else MLPClassifier
        return kind(
            hidden_layer_sizes=_sizes(chosen),
            activation=chosen["activation"],
            alpha=1.0 if chosen["alpha"] is None else chosen["alpha"],
            learning_rate_init=chosen["learning_rate_init"],
            max_iter=chosen["max_iter"],
            n_iter_no_change=chosen["n_iter_no_change"],
            tol=chosen["tol"],
            random_state=seed,
        )

    def steps(self, chosen: Mapping[str, Value]) -> int:
        return min(STEPS_MAX, cast(int, chosen["max_iter"]))

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        epochs, steps = cast(int, chosen["max_iter"]), self.steps(chosen)
        if step == 0:
            # Batches of one size: scikit-learn divides alpha by the rows of a batch, so a last one of few rows would
            # weigh the penalty many times over.
            estimator.batch_size = math.ceil(len(X) / max(BATCHES_LEAST, math.ceil(len(X) / BATCH_MOST)))
            if chosen["alpha"] is None:
                share = estimator.batch_size / BATCH_MOST
                estimator.alpha = float(np.clip(ALPHA_ROWS / len(X), 1e-4, ALPHA_MOST)) * share
        more: dict[str, Any] = {}
        scale = None
        if hasattr(estimator, "predict_proba"):
            more = class_arguments(chosen, y)
        else:
            scale = TargetScale.of(y)
            y = scale.standardise(y)
            if step:
                scale.unfold(estimator.coefs_[-1], estimator.intercepts_[-1])
        seed = estimator.random_state
        for epoch in range(epochs * step // steps, epochs * (step + 1) // steps):
            if _settled(estimator, chosen):
                break
            estimator.random_state = (seed + epoch) % 2**32
            estimator.partial_fit(X, y, **more)
        estimator.random_state = seed
        if scale is not None:
            scale.fold(estimator.coefs_[-1], estimator.intercepts_[-1])

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del task
        layers = [width, *_sizes(chosen), 1]
        weights = sum(first * second for first, second in pairwise(layers))
        if 6.0 * rows * weights * cast(int, chosen["max_iter"]) > MULTIPLICATIONS_MAX:
            raise UserError(
                "NetworkTooLarge",
                f"{chosen['max_iter']} epochs of a network of {weights:,} weights on {rows:,} rows would take days.",
                "Use smaller hidden_layer_sizes or a smaller max_iter, or hist_gradient_boosting.",
            )

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.network import network_graph

        return network_graph(estimator.coefs_, estimator.intercepts_, estimator.activation, task, width)


def _sizes(chosen: Mapping[str, Value]) -> tuple[int, ...]:
    return tuple(int(size) for size in str(chosen["hidden_layer_sizes"]).split(","))


def _settled(estimator: Estimator, chosen: Mapping[str, Value]) -> bool:
    """The best loss of the last epochs is no better than the best before them."""
    losses: Sequence[float] = getattr(estimator, "loss_curve_", ())
    patience = cast(int, chosen["n_iter_no_change"])
    return len(losses) > patience and min(losses[-patience:]) > min(losses[:-patience]) - cast(float, chosen["tol"])
