"""What a column is, and why some are left out."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.features.profile import profile
from trainer.table.columns import Column, Table, table_of


def reason(cells: list[str], name: str = "x") -> str:
    judged = profile(table_of({name: cells}), [name])
    return judged.dropped[0].reason if judged.dropped else ""


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([""] * 30, "empty"),
        (["5"] * 30, "same in all rows (5)"),
        (["a"] * 30, "same in all rows (a)"),
        ([str(i) for i in range(30)], "counts the rows"),
        ([f"id-{i}" for i in range(30)], "text of its own"),
        ([f"{'word ' * 30}{i}" for i in range(10)], "free text"),
        (["1"] + [""] * 200, "cells are missing"),
    ],
)
def test_columns_that_say_nothing_are_dropped_with_the_reason(cells: list[str], words: str) -> None:
    assert words in reason(cells)


def test_an_id_is_known_by_name_and_different_whole_numbers() -> None:
    numbers = [str(i * 7919 % 1000) for i in range(40)]
    assert "id" in reason(numbers, "customer_id")
    assert reason(numbers, "amount") == ""


def test_too_many_texts_are_dropped() -> None:
    column = Column("t", [], None, np.array([np.nan, 1.0]), overflow=True)
    assert "too many" in profile(Table({"t": column}, 2), ["t"]).dropped[0].reason


def test_a_few_words_among_numbers_count_as_missing_and_are_told() -> None:
    judged = profile(table_of({"n": [str(i * i) for i in range(99)] + ["oops"]}), ["n"])
    assert judged.features[0].type == "number"
    assert judged.notes == ["1 cells of “n” are not numbers and count as missing."]


def test_examples_come_from_the_data() -> None:
    judged = profile(table_of({"c": ["", "a" * 120, "b", "c", "b", "c"]}), ["c"])
    assert judged.features[0].type == "category"
    assert judged.features[0].example == "a" * 100
