"""Intervals cover the truth as often as they say, cost little, and are the same every time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from trainer.evaluation.bootstrap import draws_of, resamples
from trainer.evaluation.intervals import Judged, draw, interval, intervals, ranked
from trainer.table.cells import Floats
from trainer.training import metrics


def binary(rows: int, seed: int, strength: float = 1.0, digits: int = 12) -> Judged:
    random = np.random.default_rng(seed)
    y = random.permutation((np.arange(rows) % 3 == 0).astype(np.int64))
    score = np.round(1 / (1 + np.exp(-strength * (y - 0.5) - random.normal(size=rows))), digits)
    told = np.column_stack([1 - score, score])
    return Judged(y, told, metrics.trivial(y, rows, 2), metrics.labels(told, None), None, 3)


def several(rows: int, classes: int, seed: int) -> Judged:
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, rows)
    told = random.dirichlet(np.ones(classes), rows) + 0.2 * np.eye(classes)[y]
    told /= told.sum(axis=1, keepdims=True)
    return Judged(y, told, metrics.trivial(y, rows, classes), metrics.labels(told, None), None, 3)


def numbers(rows: int, seed: int) -> Judged:
    random = np.random.default_rng(seed)
    y = random.normal(100, 10, rows)
    told = y + random.normal(0, 5, rows)
    return Judged(y, told, metrics.trivial(y, rows, 0), None, None, 3)


def measured(judged: Judged) -> dict[str, float]:
    if judged.labels is None:
        return metrics.regression(judged.truth, judged.told)
    return metrics.classification(judged.truth, judged.told, judged.labels)


@pytest.mark.parametrize("judged", [binary(90, 1), binary(90, 1, digits=1), several(90, 4, 1), numbers(90, 1)])
def test_resampling_computes_what_the_metrics_are(judged: Judged) -> None:
    exact = measured(judged)
    ours = ranked(judged)
    assert set(exact) <= set(ours)
    for name, value in exact.items():
        assert ours[name] == pytest.approx(value, rel=0.02 if name == "median_absolute_error" else 1e-9), name


@pytest.mark.parametrize("judged", [binary(90, 1), several(90, 3, 1), numbers(90, 1)])
def test_every_metric_has_an_interval_around_it(judged: Judged) -> None:
    exact = measured(judged)
    found = intervals(draw(judged), exact, ranked(judged))
    assert set(found) == set(exact)
    for name, (low, high) in found.items():
        assert low <= exact[name] <= high
        assert low < high
    assert found == intervals(draw(judged), exact, ranked(judged))


def test_an_area_is_resampled_as_scikit_learn_measures_it() -> None:
    judged = binary(60, 5, digits=2)
    drawn = draw(judged)
    (weights,) = resamples(60, judged.truth, None, judged.seed)
    for place in (0, 7, draws_of(60) - 1):
        rows = np.repeat(np.arange(60), weights[:, place].astype(int))
        y, score = judged.truth[rows], judged.told[rows, 1]
        assert drawn["roc_auc"][place] == pytest.approx(roc_auc_score(y, score))
        assert drawn["average_precision"][place] == pytest.approx(average_precision_score(y, score))


def test_intervals_cover_what_many_rows_say() -> None:
    """Of 40 samples of 120 rows about 95 % must hold the figure of the whole; 85 % leaves room for chance."""
    truth = measured(binary(200_000, 0))["roc_auc"]
    held = 0
    for seed in range(40):
        judged = binary(120, seed + 1)
        span = interval(draw(judged)["roc_auc"])
        assert span is not None
        held += span[0] <= truth <= span[1]
    assert held >= 34


def test_classes_keep_their_rows_and_groups_stay_together() -> None:
    y = np.array([0] * 8 + [1] * 2)
    for weights in resamples(10, y, None, 1):
        assert (weights[8:].sum(axis=0) == 2).all()
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    for weights in resamples(10, y, groups, 1):
        assert (weights[0] == weights[2]).all()
        assert (weights[[0, 3, 5]].sum(axis=0) == 3).all()


def test_rows_that_repeat_each_other_tell_less() -> None:
    alone = numbers(40, 2)
    again = Judged(
        np.repeat(alone.truth, 5),
        np.repeat(alone.told, 5),
        np.repeat(alone.trivial, 5),
        None,
        np.repeat(np.arange(40), 5),
        3,
    )
    name = "root_mean_squared_error"

    def width(judged: Judged) -> float:
        span = interval(draw(judged)[name])
        assert span is not None
        return span[1] - span[0]

    assert width(again) == pytest.approx(width(alone), rel=0.15)
    as_if_apart = Judged(again.truth, again.told, again.trivial, None, None, 3)
    assert width(as_if_apart) < 0.6 * width(again)


def test_a_metric_that_is_mostly_undefined_has_none() -> None:
    values: Floats = np.array([1.0] * 5 + [np.nan] * 5)
    assert interval(values) is None
    assert interval(np.full(10, np.inf)) is None
    judged = Judged(np.array([1e200, -1e200, 5.0] * 4), np.zeros(12), np.zeros(12), None, None, 1)
    assert "root_mean_squared_error" not in intervals(draw(judged), {"root_mean_squared_error": 1.0}, {})


def test_many_ranks_are_cut_without_moving_the_figures() -> None:
    judged = binary(5000, 4)
    ours, exact = ranked(judged), measured(judged)
    assert ours["roc_auc"] == pytest.approx(exact["roc_auc"], abs=1e-3)
    found = intervals(draw(judged), exact, ours)
    assert found["roc_auc"][0] < exact["roc_auc"] < found["roc_auc"][1]


def test_many_rows_cost_little() -> None:
    for judged in (binary(200_000, 1), numbers(200_000, 1)):
        began = time.process_time()
        draw(judged)
        assert time.process_time() - began < 6  # about 1 on an idle core


def test_areas_of_very_many_classes_and_rows_are_not_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.evaluation.intervals.CLASS_ROWS_MAX", 100)
    assert "roc_auc_ovr" not in draw(several(60, 3, 1))
