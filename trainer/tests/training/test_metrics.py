"""Names and values are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.training import metrics


def test_binary_metrics() -> None:
    y = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]])
    measured = metrics.classification(y, scores, metrics.labels(scores, None))
    assert measured["accuracy"] == 0.5
    assert measured["roc_auc"] == 0.75
    assert set(measured) == {
        "accuracy", "balanced_accuracy", "log_loss", "f1", "precision", "recall", "roc_auc", "average_precision",
    }  # fmt: skip
    assert metrics.classification(y, scores, metrics.labels(scores, 0.5))["accuracy"] == 0.75


def test_more_classes_and_a_class_nobody_saw() -> None:
    scores = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]])
    measured = metrics.classification(np.array([0, 1, 2]), scores, metrics.labels(scores, None))
    assert measured["accuracy"] == pytest.approx(2 / 3)
    assert measured["f1_macro"] > 0
    assert np.isfinite(measured["log_loss"])
    assert "roc_auc_ovr" in measured
    assert "roc_auc_ovr" not in metrics.classification(np.array([0, 1, 1]), scores, metrics.labels(scores, None))


def test_regression_metrics_and_the_loss_of_the_log() -> None:
    measured = metrics.regression(np.array([1.0, 2, 3]), np.array([1.0, 2, 5]))
    assert measured["mean_absolute_error"] == pytest.approx(2 / 3)
    assert metrics.loss(np.array([1.0, 3]), np.array([1.0, 1.0]), 0) == pytest.approx(2**0.5)
    assert "r2" not in metrics.regression(np.array([1.0]), np.array([1.0]))


def test_the_trivial_model_knows_shares_and_the_mean() -> None:
    assert metrics.trivial(np.array([0, 0, 1]), 1, 2).tolist() == [[2 / 3, 1 / 3]]
    assert metrics.trivial(np.array([1.0, 3.0]), 2, 0).tolist() == [2, 2]
