"""Nobody is judged on rows it has learned from, and every class is learned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.table.columns import table_of
from trainer.training.split import folds, plan


def test_few_rows_are_judged_by_folds_that_cover_all() -> None:
    chosen = plan("random", np.arange(20.0), 0, None, 1)
    assert chosen.kind == "5-fold"
    assert chosen.refit
    assert sorted(np.concatenate([test for _, test in chosen.folds]).tolist()) == list(range(20))


def test_more_rows_are_judged_by_a_stratified_fifth() -> None:
    y = np.array([0] * 900 + [1] * 100)
    chosen = plan("random", y, 2, None, 1)
    (train, test) = chosen.folds[0]
    assert chosen.test_rows == 200
    assert y[test].sum() == 20
    assert not set(train) & set(test)
    assert chosen.train_rows == 800


def test_many_rows_need_no_second_fit() -> None:
    assert not plan("random", np.arange(20_000.0), 0, None, 1).refit


@given(st.lists(st.integers(0, 4), min_size=10, max_size=60), st.integers(0, 99))
def test_every_class_met_twice_is_in_every_training_part(classes: list[int], seed: int) -> None:
    y = np.array(classes)
    for train, test in folds(y, 5, 5, seed):
        assert not set(train) & set(test)
        for label in range(5):
            if np.count_nonzero(y == label) >= 2:
                assert label in y[train]


def test_time_judges_on_the_latest_rows() -> None:
    by = table_of({"t": [str(10 - i) for i in range(10)]}).columns["t"]
    (train, test) = plan("time:t", np.arange(10.0), 0, by, 0).folds[0]
    assert sorted(test.tolist()) == [0, 1]
    assert len(train) == 8
    dates = table_of({"t": ["2024-03-01", "2023-01-05", "2025-01-01", "", "2024-01-01"]}).columns["t"]
    assert plan("time:t", np.arange(5.0), 0, dates, 0).folds[0][1].tolist() == [2]


def test_groups_are_never_torn_apart() -> None:
    names = [f"g{i % 7}" for i in range(70)]
    by = table_of({"g": names}).columns["g"]
    train, test = plan("group:g", np.arange(70.0), 0, by, 3).folds[0]
    assert not {names[i] for i in train} & {names[i] for i in test}
    assert len(test) >= 10
    with pytest.raises(DataError, match="OneGroup"):
        plan("group:g", np.arange(3.0), 0, table_of({"g": ["a", "a", "a"]}).columns["g"], 0)


def test_a_class_that_only_comes_later_is_refused() -> None:
    by = table_of({"t": [str(i) for i in range(10)]}).columns["t"]
    with pytest.raises(DataError, match="ClassNotInTraining"):
        plan("time:t", np.array([0] * 9 + [1]), 2, by, 0)
