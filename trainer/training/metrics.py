"""How good a model is, by scikit-learn's names, and how good a trivial one would be (`baseline_…`)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats

NEAR_ZERO = 0.01
"""A target with a row nearer to 0 than this share of the median distance has no sensible percentage error."""


def labels(scores: Floats, threshold: float | None) -> NDArray[np.int64]:
    """The classes that scores mean, as the handler decides: the first largest, or class 1 from a threshold on."""
    if threshold is not None and scores.shape[1] == 2:
        return (scores[:, 1] >= threshold).astype(np.int64)
    return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)


def classification(y: NDArray[Any], probabilities: Floats, predicted: NDArray[np.int64]) -> dict[str, float]:
    """Binary: class 1 is the positive one. More classes: macro averages, one against the rest."""
    from sklearn import metrics

    classes = probabilities.shape[1]
    every = list(range(classes))
    values = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": _balanced_accuracy(y, predicted),
        "log_loss": metrics.log_loss(y, proper(probabilities), labels=every),
        "brier_score_loss": float(np.mean(brier(y, probabilities))),
    }
    if classes == 2:
        values["f1"] = metrics.f1_score(y, predicted, zero_division=0)
        values["precision"] = metrics.precision_score(y, predicted, zero_division=0)
        values["recall"] = metrics.recall_score(y, predicted, zero_division=0)
        if len(np.unique(y)) == 2:
            values["roc_auc"] = metrics.roc_auc_score(y, probabilities[:, 1])
            values["average_precision"] = metrics.average_precision_score(y, probabilities[:, 1])
    else:
        values["f1_macro"] = metrics.f1_score(y, predicted, average="macro", labels=every, zero_division=0)
        if len(np.unique(y)) == classes:
            values["roc_auc_ovr"] = metrics.roc_auc_score(y, proper(probabilities), multi_class="ovr", labels=every)
            values["average_precision_macro"] = np.mean(
                [metrics.average_precision_score(y == label, probabilities[:, label]) for label in every]
            )
    return _finite(values)


def regression(y: NDArray[Any], predicted: Floats) -> dict[str, float]:
    """In units of the target; r2 only where the target differs, the percentage error only where it is never near 0."""
    from sklearn import metrics

    with np.errstate(over="ignore", invalid="ignore"):
        values = {
            "root_mean_squared_error": metrics.root_mean_squared_error(y, predicted),
            "mean_absolute_error": metrics.mean_absolute_error(y, predicted),
            "median_absolute_error": metrics.median_absolute_error(y, predicted),
        }
        size = np.abs(y)
        if size.min() > NEAR_ZERO * np.median(size):
            values["mean_absolute_percentage_error"] = metrics.mean_absolute_percentage_error(y, predicted)
        if len(y) > 1 and np.any(y != y[0]):
            values["r2"] = metrics.r2_score(y, predicted)
    return _finite(values)


def trivial(y: NDArray[Any], rows: int, classes: int) -> Floats:
    """What a model that looks at nothing predicts for `rows` rows: class shares, or the mean."""
    if classes:
        shares = np.bincount(y, minlength=classes) / len(y)
        return np.tile(shares, (rows, 1))
    return np.full(rows, float(np.mean(y)))


def baseline(y: NDArray[Any], told: Floats, classes: int) -> dict[str, float]:
    """The metrics of the trivial model, whose predictions are `told`. It ranks nothing: what ranks measure is by
    definition what chance reaches, and not what the folds' slightly different shares would make of it."""
    if not classes:
        return regression(y, told)
    measured = classification(y, told, labels(told, None))
    shares = np.bincount(y, minlength=classes) / len(y)
    chance = {
        "roc_auc": 0.5,
        "roc_auc_ovr": 0.5,
        "average_precision": float(shares[1]),
        "average_precision_macro": float(np.mean(shares)),
    }
    return {name: chance.get(name, value) for name, value in measured.items()}


def loss(y: NDArray[Any], predicted: Floats, classes: int) -> float:
    """The number in the log's `Loss:`: log loss, or the root of the mean squared error."""
    if not classes:
        return float(np.sqrt(np.mean((y - predicted) ** 2)))
    return float(np.mean(log_losses(y, predicted)))


def log_losses(y: NDArray[Any], probabilities: Floats) -> Floats:
    """Of each row."""
    return np.asarray(-np.log(proper(probabilities)[np.arange(len(y)), y]))


def brier(y: NDArray[Any], probabilities: Floats) -> Floats:
    """Of each row: of two classes the square of one probability's error, of more the sum over all, as scikit-learn."""
    if probabilities.shape[1] == 2:
        return np.asarray((probabilities[:, 1] - y) ** 2)
    right = np.zeros_like(probabilities)
    right[np.arange(len(y)), y] = 1
    return np.asarray(((probabilities - right) ** 2).sum(axis=1))


def proper(probabilities: Floats) -> Floats:
    """Without zeros, rows adding up to 1: a class that a fold never saw must not make the loss infinite."""
    clipped = np.clip(probabilities, 1e-15, 1)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def _balanced_accuracy(y: NDArray[Any], predicted: NDArray[Any]) -> float:
    from sklearn.metrics import balanced_accuracy_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(balanced_accuracy_score(y, predicted))


def _finite(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
