"""What a column is, and why some are left out."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.features.profile import profile
from trainer.table.building import DISTINCT_BEFORE_NUMBERS, ColumnBuilder
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
    assert judged.notes == ["1 cell of “n”: no numbers, treated as missing."]


def test_examples_come_from_the_data() -> None:
    judged = profile(table_of({"c": ["", "a" * 120, "b", "c", "b", "c"]}), ["c"])
    assert judged.features[0].type == "category"
    assert judged.features[0].example == "a" * 100


@pytest.mark.parametrize(
    ("cells", "name", "words"),
    [
        ([f"{i * 2654435761 % 2**32:08x}-1111-2222-3333-{i:012x}" for i in range(60)] * 2, "who", "identifiers"),
        ([f"{i * 2654435761 % 2**32:08x}{i:08x}" for i in range(60)] * 2, "who", "identifiers"),
        ([str(i * 7919 % 1000) for i in range(40)], "CustomerId", "id"),
        ([str(100 + i * i) for i in range(40)], "invoice number", "numbers the rows"),
        ([str(1001 + i) for i in range(40)], "x", ""),
        ([str(5001 + i) for i in range(40)], "x", "counts the rows"),
        ([str(1990 + i) for i in range(30)], "year", ""),
        (["5"] * 199 + ["6"], "x", "all rows but 1"),
        (["a"] * 199 + ["b"], "x", "all rows but 1"),
        (["5"] * 198 + ["6", ""], "x", ""),
        (["lorem ipsum dolor sit amet " + str(i % 50) for i in range(80)], "x", "free text"),
        (["2024-01-01"] * 30, "x", "same in all rows"),
        (["inf"] * 30, "x", "empty"),
    ],
)
def test_more_that_says_nothing(cells: list[str], name: str, words: str) -> None:
    assert (words in reason(cells, name)) if words else reason(cells, name) == ""


def test_a_column_with_the_values_of_another_is_dropped_and_names_it() -> None:
    cells = {
        "a": ["1", "2", "3", "2"],
        "b": ["1.0", "2.0", "3.0", "2.0"],
        "c": ["x", "y", "z", "y"],
        "d": [" x", "y", "z ", "y"],
        "e": ["y", "x", "z", "x"],
    }
    judged = profile(table_of(cells), list(cells))
    assert [feature.name for feature in judged.features] == ["a", "c", "e"]
    assert [(dropped.name, dropped.reason) for dropped in judged.dropped] == [
        ("b", "It holds the same values as “a”."),
        ("d", "It holds the same values as “c”."),
    ]


def test_more_columns_than_rows_are_told() -> None:
    cells = {f"c{i}": [str(i), str(i * i + 7), str(i % 5)] for i in range(1, 9)}
    assert "more columns (8) than rows (3)" in profile(table_of(cells), list(cells)).notes[-1]


def test_infinite_cells_do_not_make_a_column_of_texts() -> None:
    judged = profile(table_of({"n": ["inf", "1.5", "-Infinity", "2.5", "1e999", "3"]}), ["n"])
    assert judged.features[0].type == "number"
    assert judged.notes == ["3 cells of “n”: infinite or no numbers, treated as missing."]


def test_doubts_are_told() -> None:
    judged = profile(table_of({"d": ["01/02/2024", "03/04/2024"], "n": ["1,234", "5,678"]}), ["d", "n"])
    assert "month before day" in judged.notes[0]
    assert "“n”: 1,234 is read as 1234" in judged.notes[1]


def test_numbers_that_go_on_as_texts_are_not_called_empty() -> None:
    builder = ColumnBuilder("mixed")
    builder.append([str(i) for i in range(DISTINCT_BEFORE_NUMBERS + 1)])
    builder.append(["red", "blue"] * DISTINCT_BEFORE_NUMBERS)
    column = builder.build()
    (dropped,) = profile(Table({"mixed": column}, column.rows), ["mixed"]).dropped
    assert dropped.reason == "It begins with numbers and goes on with texts."
