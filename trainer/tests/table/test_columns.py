"""Cells of text become numbers and codes exactly as the manifest's grammar says."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.table.building import DISTINCT_BEFORE_NUMBERS, ColumnBuilder
from trainer.table.cells import number_of, numbers_of
from trainer.table.columns import table_of


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("+1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("1E-3", 0.001), ("007", 7.0), ("-0", 0.0)],
)
def test_numbers_of_the_grammar_are_read(text: str, value: float) -> None:
    assert number_of(text) == value
    assert numbers_of([text])[0] == value


@pytest.mark.parametrize(
    "text",
    ["", "5.", "1.e5", ".", "+", "1_000", "0x10", "inf", "nan", "1e400", "-1e400", "１２", "1,5", "1 2", "e5", "1-2"],
)
def test_anything_else_is_not_a_number(text: str) -> None:
    assert math.isnan(number_of(text))
    assert math.isnan(numbers_of([text])[0])
    assert np.isnan(numbers_of(["1", text, "2"])).tolist() == [False, True, False]


@given(
    st.lists(st.one_of(st.text(alphabet="0123456789+-.eE \n", max_size=6), st.floats().map(repr), st.text(max_size=4)))
)
def test_the_fast_way_over_many_cells_equals_the_slow_way_over_each(cells: list[str]) -> None:
    texts = [re.sub(r"\s", "", cell) for cell in cells]
    np.testing.assert_array_equal(numbers_of(texts), np.array([number_of(text) for text in texts], dtype=float))


def test_blanks_around_a_cell_do_not_matter_and_missing_texts_are_missing() -> None:
    table = table_of({"a": [" 1 ", "\u00a02\ufeff", "", "NA", "n/a", "x"]})
    column = table.columns["a"]
    assert column.missing() == 3
    np.testing.assert_array_equal(column.numbers(), [1, 2, np.nan, np.nan, np.nan, np.nan])
    assert [column.text_at(row) for row in range(6)] == ["1", "2", "", "", "", "x"]


def test_a_long_column_of_numbers_keeps_numbers_only_and_says_the_same() -> None:
    cells = [repr(i / 7) for i in range(DISTINCT_BEFORE_NUMBERS * 2)] + ["", "oops"]
    packed, plain = ColumnBuilder("n"), ColumnBuilder("n", keep_text=True)
    for start in range(0, len(cells), 1000):
        packed.append(cells[start : start + 1000])
        plain.append(cells[start : start + 1000])
    small, full = packed.build(), plain.build()
    assert small.codes is None
    assert full.codes is not None
    np.testing.assert_array_equal(small.numbers(), full.numbers())
    assert small.missing() == full.missing() == 1
    assert small.rows == full.rows == len(cells)
    assert small.text_at(7) == full.text_at(7) == "1.0"
    rows = np.array([7, len(cells) - 2])
    np.testing.assert_array_equal(small.take(rows).numbers(), [1.0, np.nan])


def test_a_column_of_endless_different_texts_lets_them_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.building.DISTINCT_MAX", 5000)
    builder = ColumnBuilder("t")
    for start in range(0, 12_000, 1000):
        builder.append([f"text {i}" for i in range(start, start + 1000)])
    column = builder.build()
    assert column.overflow
    assert column.codes is None


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match="RaggedColumns"):
        table_of({"a": ["1"], "b": []})
