"""Curves keep their ends, stay small, and say what scikit-learn says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import auc, roc_auc_score

from trainer.evaluation.curves import (
    POINTS_MAX,
    calibration,
    curved_classes,
    precision_recall_curve,
    roc_curve,
    thinned,
)
from trainer.table.cells import Floats


def scored(rows: int) -> tuple[NDArray[np.bool_], Floats]:
    random = np.random.default_rng(0)
    positive = random.random(rows) < 0.3
    return positive, 1 / (1 + np.exp(-positive.astype(float) - random.normal(size=rows)))


def test_thousands_of_rows_make_two_hundred_points() -> None:
    positive, score = scored(20_000)
    roc = roc_curve(positive, score)
    x, y = roc["falsePositiveRate"], roc["truePositiveRate"]
    assert len(x) == len(y) <= POINTS_MAX
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert auc(x, y) == pytest.approx(roc_auc_score(positive, score), abs=2e-3)
    curve = precision_recall_curve(positive, score)
    assert len(curve["recall"]) <= POINTS_MAX
    assert (curve["recall"][0], curve["precision"][0], curve["recall"][-1]) == (0, 1, 1)
    assert curve["recall"] == sorted(curve["recall"])
    assert curve["precision"][-1] == pytest.approx(positive.mean(), abs=1e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=900))
def test_both_ends_are_kept(values: list[float]) -> None:
    x = np.sort(np.array(values))
    at = thinned(x, x)
    assert (at[0], at[-1]) == (0, len(x) - 1)
    assert len(at) <= POINTS_MAX
    assert (np.diff(at) > 0).all()


def test_at_most_ten_classes_are_drawn_and_only_where_there_is_a_curve() -> None:
    many = np.concatenate([np.repeat(np.arange(12), np.arange(1, 13)), np.array([12])])
    assert curved_classes(many, 14) == list(range(2, 12))
    assert curved_classes(np.array([0, 1]), 2) == [1]
    assert curved_classes(np.array([1, 1]), 2) == []
    assert curved_classes(np.array([2, 2]), 3) == []


def test_a_calibrated_model_has_a_straight_line() -> None:
    random = np.random.default_rng(1)
    said = random.random(20_000)
    truth = (random.random(20_000) < said).astype(int)
    made = calibration(truth, np.column_stack([1 - said, said]))
    assert len(made["rows"]) == 10
    assert sum(made["rows"]) == 20_000
    assert max(made["rows"]) < 2100
    assert made["predicted"] == pytest.approx(made["observed"], abs=0.04)
    assert made["expectedCalibrationError"] < 0.02
    sure = calibration(truth, np.column_stack([said < 0.5, said >= 0.5]).astype(float))
    assert sure["expectedCalibrationError"] > 0.2
    assert len(sure["rows"]) == 2


def test_of_several_classes_the_likeliest_is_asked_for() -> None:
    told = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.2, 0.6, 0.2]])
    made = calibration(np.array([0, 1, 2]), told)
    assert made["predicted"] == [pytest.approx(2 / 3, abs=1e-6)]
    assert made["observed"] == [pytest.approx(2 / 3, abs=1e-6)]
