"""The log's lines keep the plan's forms, character by character, whatever the figures are."""

from __future__ import annotations

import pytest

from trainer.training import lines


@pytest.mark.parametrize(
    ("loss", "text"),
    [(0.234, "0.234"), (0.0, "0"), (1.0, "1"), (1.23456789e-7, "0.000000123457"), (1e-300, "0"), (2.5e9, "2500000000"),
     (123456.78, "123457"), (-0.5, "-0.5")],
)  # fmt: skip
def test_an_epoch_is_told_in_plain_digits(loss: float, text: str) -> None:
    assert lines.epoch(10, 100, loss) == f"Epoch 10/100, Loss: {text}"


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_is_not_told(loss: float) -> None:
    assert lines.epoch(1, 2, loss) is None


@pytest.mark.parametrize(("percent", "text"), [(0.0, "0"), (45.2, "45"), (99.4, "99"), (100.0, "100")])
def test_progress_is_told_in_whole_percent(percent: float, text: str) -> None:
    assert lines.progress(percent) == f"Training progress: {text}%"


def test_the_score_is_r2_or_accuracy_or_nothing() -> None:
    assert lines.score({"root_mean_squared_error": 1.0, "r2": 0.85}) == ("r2", 0.85)
    assert lines.score({"log_loss": 1.0, "accuracy": 0.9}) == ("accuracy", 0.9)
    assert lines.score({"root_mean_squared_error": 1.0}) is None


@pytest.mark.parametrize(("value", "text"), [(0.85, "0.85"), (0.851249, "0.8512"), (1.0, "1"), (-3e9, "-3000000000")])
def test_the_models_score_is_told_with_four_decimals_at_most(value: float, text: str) -> None:
    assert lines.model_score("r2", value) == f"Model R2 Score: {text}"
    assert lines.model_score("accuracy", value) == f"Model Accuracy Score: {text}"
