"""Nobody is judged on rows it has learned from, every class is learned, groups stay whole and time runs forward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import DataError, UserError
from trainer.table.columns import table_of
from trainer.tests.shop import read
from trainer.ticket import Request
from trainer.training import split
from trainer.training.problem import pose
from trainer.training.separator import Kind, Separator, separator_of
from trainer.training.split import REFIT_BELOW_ROWS, folds, inner_folds, plan, sample


def separator(kind: Kind, cells: list[str], notes: list[str] | None = None) -> Separator:
    return separator_of(kind, table_of({"by": cells}).columns["by"], [] if notes is None else notes)


def test_few_rows_are_judged_by_folds_that_cover_all() -> None:
    chosen = plan(np.arange(20.0), 0, None, 1)
    assert chosen.kind == "5-fold"
    assert chosen.refit
    assert sorted(np.concatenate([test for _, test in chosen.folds]).tolist()) == list(range(20))


def test_more_rows_are_judged_by_a_stratified_fifth() -> None:
    y = np.array([0] * 900 + [1] * 100)
    chosen = plan(y, 2, None, 1)
    ((train, test),) = chosen.folds
    assert chosen.kind == "random"
    assert chosen.test_rows == 200
    assert y[test].sum() == 20
    assert not set(train) & set(test)
    assert chosen.train_rows == 800


def test_a_search_has_folds_only_where_rows_are_very_few() -> None:
    assert len(plan(np.arange(900.0), 0, None, 1, searching=True).folds) == 1
    assert len(plan(np.arange(199.0), 0, None, 1, searching=True).folds) == 5


def test_many_rows_need_no_second_fit() -> None:
    assert not plan(np.arange(20_000.0), 0, None, 1).refit


@given(st.lists(st.integers(0, 4), min_size=10, max_size=60), st.integers(0, 99))
def test_every_class_met_twice_is_in_every_training_part(classes: list[int], seed: int) -> None:
    y = np.array(classes)
    for train, test in folds(y, 5, 5, seed):
        assert not set(train) & set(test)
        for label in range(5):
            if np.count_nonzero(y == label) >= 2:
                assert label in y[train]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=10, max_size=60), st.integers(0, 99))
def test_groups_are_whole_and_every_class_stays_in_training(rows: list[tuple[int, int]], seed: int) -> None:
    y, groups = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    pairs = folds(y, 4, 5, seed, Separator("group", "g", groups))
    for train, test in pairs:
        assert len(test)
        assert not set(groups[train]) & set(groups[test])
        assert set(y[test]) <= set(y[train])
    tested = [row for _, test in pairs for row in test]
    assert len(tested) == len(set(tested))


def test_groups_are_dealt_evenly_and_with_their_classes() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, 40, 2000).astype(float)
    y = (random.random(2000) < 0.1 + 0.3 * (groups % 4 == 0)).astype(int)
    for _, test in folds(y, 2, 5, 1, Separator("group", "g", groups)):
        assert 300 < len(test) < 500
        assert abs(y[test].mean() - y.mean()) < 0.05


def test_very_many_groups_are_dealt_evenly_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "DEALT_ONE_BY_ONE", 10)
    groups = np.repeat(np.arange(100.0), 3)
    pairs = folds(np.arange(300.0), 0, 5, 1, Separator("group", "g", groups))
    assert [len(test) for _, test in pairs] == [60] * 5
    for train, test in pairs:
        assert not set(groups[train]) & set(groups[test])


def test_a_grouped_hold_out_is_the_part_nearest_to_a_fifth() -> None:
    cells = ["big"] * 700 + [f"g{i % 30}" for i in range(300)]
    ((train, test),) = plan(np.arange(1000.0), 0, separator("group", cells), 3).folds
    assert not {cells[i] for i in train} & {cells[i] for i in test}
    assert len(test) < 200


def test_groups_that_keep_nothing_apart_are_refused() -> None:
    with pytest.raises(DataError, match="OneGroup"):
        separator("group", ["a", "a", "a"])
    with pytest.raises(DataError, match="GroupsAreClasses"):
        plan(np.array([0, 0, 1, 1] * 5), 2, separator("group", ["a", "a", "b", "b"] * 5), 0)
    with pytest.raises(DataError, match="TargetConstantInTraining"):
        plan(np.array([0.0] * 10 + [1.0]), 0, separator("group", ["a"] * 10 + ["b"]), 0)


def test_missing_groups_are_one_group_and_told() -> None:
    notes: list[str] = []
    assert separator("group", ["a", "", "b", ""], notes).keys.tolist() == [0, -1, 1, -1]
    assert notes == ["2 rows have no “by”: they count as one group."]
    many = table_of({"by": ["1", "2"]}).columns["by"]
    object.__setattr__(many, "overflow", True)
    with pytest.raises(DataError, match="TooManyGroups"):
        separator_of("group", many, [])


def test_time_judges_on_the_latest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "FOLDS_BELOW_ROWS", 0)
    by = separator("time", [str(10 - i) for i in range(10)])
    ((train, test),) = plan(np.arange(10.0), 0, by, 0).folds
    assert sorted(test.tolist()) == [0, 1]
    assert len(train) == 8
    dates = separator("time", ["2024-03-01", "2023-01-05", "2025-01-01", "2024-01-01"])
    assert plan(np.arange(4.0), 0, dates, 0).folds[0][1].tolist() == [2]


def test_dates_are_read_as_dates_and_not_as_texts() -> None:
    by = separator("time", ["31.01.2023", "02.02.2023", "01.03.2023", "15.01.2022"])
    assert np.argsort(by.keys).tolist() == [3, 0, 1, 2]


def test_few_rows_in_time_are_judged_in_growing_windows() -> None:
    by = separator("time", [f"2024-01-{day:02d}" for day in range(1, 21)])
    chosen = plan(np.arange(20.0), 0, by, 0)
    assert chosen.kind == "time 5-fold"
    assert [(len(train), test.tolist()) for train, test in chosen.folds] == [
        (18, [18, 19]), (16, [16, 17]), (14, [14, 15]), (12, [12, 13]), (10, [10, 11]),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 8), min_size=10, max_size=80), st.integers(1, 6))
def test_the_future_is_never_learned_from(moments: list[int], count: int) -> None:
    times = np.array(moments, dtype=np.float64)
    for train, test in folds(np.arange(float(len(times))), 0, count, 0, Separator("time", "t", times)):
        assert len(test)
        assert times[train].max() < times[test].min()


def test_rows_without_a_time_are_left_out_and_told() -> None:
    notes: list[str] = []
    cells = ["" if i % 5 == 2 else f"2024-01-{i + 1:02d}" for i in range(20)]
    pairs = plan(np.arange(20.0), 0, separator("time", cells, notes), 0).folds
    assert not {2, 7, 12, 17} & {int(row) for pair in pairs for part in pair for row in part}
    assert notes == ["4 rows have no time in “by”: no model is judged on them or with them."]
    for cells in (["soon", "later", "now"], ["1", "", "", ""]):
        with pytest.raises(DataError, match="NoTimes"):
            separator("time", cells)
    with pytest.raises(DataError, match="OneTime"):
        separator("time", ["2024", "2024"])


def test_numbers_that_the_table_kept_without_texts_are_times() -> None:
    column = table_of({"by": ["1", "2", "3"]}).columns["by"]
    kept = type(column)("by", [], None, np.array([3.0, 1.0, 2.0]))
    assert separator_of("time", kept, []).keys.tolist() == [3, 1, 2]
    assert separator_of("group", kept, []).groups.tolist() == [2, 0, 1]  # type: ignore[union-attr] # a group has groups


def test_a_class_that_only_comes_later_is_refused() -> None:
    by = separator("time", [str(i) for i in range(10)])
    with pytest.raises(DataError, match="ClassNotInTraining"):
        plan(np.array([0] * 9 + [1]), 2, by, 0)
    with pytest.raises(DataError, match="TargetConstantInTraining"):
        plan(np.array([0.0] * 9 + [1.0]), 0, by, 0)


def test_windows_begin_once_every_class_is_known() -> None:
    y = np.array([0] * 13 + [1, 0, 1, 0, 1, 0, 1])
    pairs = plan(y, 2, separator("time", [str(i) for i in range(20)]), 0).folds
    assert [len(train) for train, _ in pairs] == [18, 16, 14]


@pytest.mark.parametrize("different", [1, 2])
def test_numbers_differ_in_every_training_part(different: int) -> None:
    y = np.zeros(12)
    y[:different] = 5
    for train, _ in folds(y, 0, 2, 4):
        assert len(np.unique(y[train])) == 2


def test_a_search_always_has_folds() -> None:
    y = np.arange(8)
    assert folds(y, 8, 3, 0) == []
    assert len(inner_folds(y, 8, 3, 0, None)) == 3
    by = Separator("group", "g", np.zeros(8))
    assert len(inner_folds(np.array([0, 1] * 4), 2, 3, 0, by)) == 3


ROWS = "".join(f"2024-01-{i + 1:02d},shop {i % 5},{i % 7},{i * 3 % 11}\n" for i in range(30))


def test_the_group_is_no_feature_and_the_time_may_be(tmp_path: Path) -> None:
    reading = read(tmp_path, "day,shop,size,price\n" + ROWS)
    grouped = pose(reading, Request("price", "ridge", split="group:shop", task="regression"))
    assert "shop" not in {feature.name for feature in grouped.features}
    assert [item.name for item in grouped.dropped if "grouped by it" in item.reason] == ["shop"]
    timed = pose(reading, Request("price", "ridge", split="time:day", task="regression"))
    assert timed.separator is not None
    assert timed.separator.groups is None
    assert not any("grouped by it" in item.reason for item in timed.dropped)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("time:price", "SplitByTarget"),
        ("time:no", "SplitColumnMissing"),
        ("group", "BadSplit"),
        ("random:x", "BadSplit"),
    ],
)
def test_a_split_that_cannot_be_is_refused(tmp_path: Path, asked: str, code: str) -> None:
    reading = read(tmp_path, "day,shop,size,price\n" + ROWS)
    with pytest.raises(UserError, match=code):
        pose(reading, Request("price", "ridge", split=asked))


@given(
    rows=st.lists(st.integers(1, 60), min_size=2, max_size=6),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_sample_has_every_class_about_as_often_as_all_rows(rows: list[int], share: float, seed: int) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(rows)), rows))
    least = sum(min(count, 2) for count in rows)
    count = least + int(share * (len(y) - least))
    places = sample(y, len(rows), count, seed)
    assert len(places) == count and np.all(np.diff(places) > 0)
    drawn = np.bincount(y[places], minlength=len(rows))
    for label, of_all in enumerate(rows):
        assert min(of_all, 2) <= drawn[label] <= of_all
        assert drawn[label] <= 2 + of_all * count / len(y) + 1


def test_a_sample_of_numbers_is_drawn_from_all_rows() -> None:
    places = sample(np.arange(100.0), 0, 30, 1)
    assert len(places) == 30 and np.all(np.diff(places) > 0) and places.max() > 50


def test_a_model_that_lacks_a_class_is_not_handed_over() -> None:
    """A class without a single time is in no training part of a split by time."""
    rows = REFIT_BELOW_ROWS
    y = np.arange(rows) % 2
    y[-2:] = 2
    by = Separator("time", "t", np.append(np.arange(rows - 2.0), [np.nan, np.nan]))
    assert plan(y, 3, by, 0).refit
    assert not plan(y % 2, 2, by, 0).refit
