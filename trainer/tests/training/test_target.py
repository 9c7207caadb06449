"""The target as an analyst may get it wrong: odd notations, mixed texts, dates, spellings of yes and no."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.errors import JobError
from trainer.table.columns import Column, table_of
from trainer.training.target import Target, read_target


def read(cells: list[str], task: str = "auto") -> Target:
    return read_target(table_of({"y": cells}).columns["y"], task)


def test_yes_and_no_are_two_classes_however_they_are_spelled() -> None:
    target = read(["Yes", "yes", "Y", "no", "yes", ""] * 3)
    assert target.classes == ["no", "yes"]
    assert target.y[:5].tolist() == [1, 1, 1, 0, 1]
    assert target.rows[:6].tolist() == [0, 1, 2, 3, 4, 6]
    assert any("“Y”, “Yes”, “yes” are one class" in note for note in target.notes)
    assert any("it says yes or no" in note for note in target.notes)


def test_probabilities_are_of_yes_in_any_language() -> None:
    assert read(["ja", "nein"] * 5).classes == ["nein", "ja"]


def test_equal_numbers_are_one_class() -> None:
    target = read(["1", "1.0", "2", "1"] * 5)
    assert target.classes == ["1", "2"]
    assert target.y[:4].tolist() == [0, 0, 1, 0]


def test_other_spellings_stay_apart_and_are_told() -> None:
    target = read(["Red", "red", "blue"] * 5)
    assert target.classes == ["Red", "blue", "red"]
    assert any("in capitals only" in note for note in target.notes)


@pytest.mark.parametrize(
    ("cells", "values", "words"),
    [
        (["1.234,50 €", "999,00 €", "12,25 €"], [1234.5, 999.0, 12.25], "a comma before decimals, a point between"),
        (["$1,200", "$350.5", "$7"], [1200, 350.5, 7], "the unit $"),
        (["1 200,5", "350,5", "7"], [1200.5, 350.5, 7], "a space between thousands"),
        (["1'200.5", "350.5", "7"], [1200.5, 350.5, 7], "an apostrophe between thousands"),
        (["12,345", "1,234", "7"], [12345, 1234, 7], "12,345 is read as 12345"),
    ],
)
def test_numbers_are_read_by_their_notation_which_is_told(cells: list[str], values: list[float], words: str) -> None:
    target = read(cells * 5, "regression")
    assert target.y[:3].tolist() == values
    assert any(words in note for note in target.notes)


def test_classes_of_numbers_in_a_notation_are_sorted_by_value() -> None:
    target = read(["10,5", "9,5"] * 5)
    assert target.task == "classification"
    assert target.classes == ["9,5", "10,5"]


def test_infinities_and_words_among_numbers_are_left_out() -> None:
    target = read([str(i / 4) for i in range(40)] + ["inf", "-inf", "1e999", "oops"])
    assert target.task == "regression"
    assert len(target.rows) == 40
    assert any("infinite or no numbers" in note for note in target.notes)
    labels = read(["0", "1"] * 40 + ["oops"])
    assert labels.classes == ["0", "1"]
    assert len(labels.rows) == 80


def test_eight_digits_are_numbers_where_regression_is_asked_for() -> None:
    cells = ["20240101", "20230506", "20220607", "20210708", "20200809"]
    assert read(cells, "regression").y[0] == 20240101
    with pytest.raises(JobError, match="TargetIsDate"):
        read(cells)


def test_mostly_one_value_is_told() -> None:
    assert any(
        "the same target (0)" in note for note in read(["0"] * 95 + ["1", "2", "3", "4", "5"], "regression").notes
    )


@pytest.mark.parametrize(
    ("cells", "task", "code"),
    [
        (["2024-05-31", "2024-06-01"] * 5, "auto", "TargetIsDate"),
        (["2024-05-31", "2024-06-01"] * 5, "regression", "TargetIsDate"),
        ([str(i) if i % 2 else f"w{i}" for i in range(300)], "auto", "TargetMixed"),
        ([str(i) if i % 2 else f"w{i}" for i in range(300)], "regression", "TargetNotNumeric"),
        ([f"row {i}" for i in range(300)], "auto", "TargetIsId"),
        (["yes"] * 5, "auto", "OneClass"),
        (["a"] * 10 + ["b"], "auto", "ClassTooSmall"),
        ([""] * 10, "auto", "TargetEmpty"),
        (["inf"] * 10, "regression", "TargetEmpty"),
        (["1", "2"], "guess", "BadTask"),
    ],
)
def test_what_cannot_be_predicted(cells: list[str], task: str, code: str) -> None:
    with pytest.raises(JobError) as caught:
        read(cells, task)
    assert caught.value.code == code
    assert caught.value.message
    assert caught.value.hint


def test_a_target_of_too_many_texts_is_refused() -> None:
    column = Column("y", [], None, np.full(50, np.nan), overflow=True)
    with pytest.raises(JobError, match="TargetIsId"):
        read_target(column, "auto")


def test_dates_may_be_classes_when_that_is_asked_for() -> None:
    assert read(["2024-05-31", "2024-06-01"] * 5, "classification").classes == ["2024-05-31", "2024-06-01"]
