"""Names and values are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from trainer.training import metrics


def test_binary_metrics() -> None:
    y = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]])
    measured = metrics.classification(y, scores, metrics.labels(scores, None))
    assert measured["accuracy"] == 0.5
    assert measured["roc_auc"] == 0.75
    assert set(measured) == {
        "accuracy", "balanced_accuracy", "log_loss", "brier_score_loss", "f1", "precision", "recall", "roc_auc",
        "average_precision",
    }  # fmt: skip
    assert metrics.classification(y, scores, metrics.labels(scores, 0.5))["accuracy"] == 0.75


@pytest.mark.parametrize("classes", [2, 4])
def test_losses_are_scikit_learns(classes: int) -> None:
    random = np.random.default_rng(classes)
    y = random.integers(0, classes, 60)
    scores = random.dirichlet(np.ones(classes), 60)
    measured = metrics.classification(y, scores, metrics.labels(scores, None))
    every = list(range(classes))
    asked = scores[:, 1] if classes == 2 else scores
    if classes == 2:
        assert measured["brier_score_loss"] == pytest.approx(theirs.brier_score_loss(y, asked))
    else:
        assert measured["brier_score_loss"] == pytest.approx(np.mean(((np.eye(classes)[y] - scores) ** 2).sum(axis=1)))
        assert measured["average_precision_macro"] == pytest.approx(theirs.average_precision_score(y, scores))
    assert measured["log_loss"] == pytest.approx(theirs.log_loss(y, scores, labels=every))
    assert metrics.loss(y, scores, classes) == pytest.approx(measured["log_loss"])


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
    assert measured["mean_absolute_percentage_error"] == pytest.approx(2 / 9)
    assert metrics.loss(np.array([1.0, 3]), np.array([1.0, 1.0]), 0) == pytest.approx(2**0.5)
    assert "r2" not in metrics.regression(np.array([1.0]), np.array([1.0]))


@pytest.mark.parametrize("near", [0.0, 1e-9])
def test_no_percentage_error_where_a_target_is_nothing(near: float) -> None:
    measured = metrics.regression(np.array([near, 200.0, -300.0]), np.array([1.0, 200, 300]))
    assert "mean_absolute_percentage_error" not in measured


def test_figures_that_overflow_are_left_out() -> None:
    measured = metrics.regression(np.array([1e200, -1e200, 5.0]), np.array([0.0, 0, 0]))
    assert "root_mean_squared_error" not in measured
    assert np.isfinite(measured["mean_absolute_error"])


def test_the_trivial_model_knows_shares_and_the_mean() -> None:
    assert metrics.trivial(np.array([0, 0, 1]), 1, 2).tolist() == [[2 / 3, 1 / 3]]
    assert metrics.trivial(np.array([1.0, 3.0]), 2, 0).tolist() == [2, 2]


def test_the_baseline_ranks_nothing() -> None:
    """Shares that differ from fold to fold would else look like a ranking, and a wrong one."""
    y = np.array([0, 0, 1, 1])
    told = np.array([[0.4, 0.6], [0.4, 0.6], [0.6, 0.4], [0.6, 0.4]])
    measured = metrics.baseline(y, told, 2)
    assert measured["roc_auc"] == 0.5
    assert measured["average_precision"] == 0.5
    assert measured["accuracy"] == 0
    three = metrics.baseline(np.array([0, 1, 2]), np.full((3, 3), 1 / 3), 3)
    assert three["roc_auc_ovr"] == 0.5
    assert three["average_precision_macro"] == pytest.approx(1 / 3)
    assert metrics.baseline(np.array([1.0, 3.0]), np.array([2.0, 2.0]), 0)["r2"] == 0
