"""Rows taken out of a large table are taken when a column is asked for, and are the same as rows taken at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.table.building import DISTINCT_MAX, ColumnBuilder
from trainer.table.columns import Table, Taken, table_of

SMALL = table_of({"a": ["1", "x", "", "3"], "b": ["u", "v", "u", "NA"]})
ROWS = st.lists(st.integers(0, 3), max_size=6).map(lambda rows: np.array(rows, dtype=np.int64))


def texts(table: Table) -> dict[str, list[str]]:
    return {name: [column.text_at(row) for row in range(column.rows)] for name, column in table.columns.items()}


@given(ROWS, st.data())
def test_rows_taken_late_are_rows_taken_at_once(rows: np.ndarray, data: st.DataObject) -> None:
    late = Table(Taken(SMALL.columns, rows), len(rows))
    assert texts(late) == texts(SMALL.take(rows))
    again = np.array(data.draw(st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=len(rows))), dtype=np.int64)
    assert texts(late.take(again)) == texts(SMALL.take(rows).take(again))
    assert texts(late.only(["b"])) == {"b": texts(late)["b"]}
    assert len(late.columns) == 2


def test_large_tables_are_taken_late_and_all_rows_are_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.columns.EAGER_CELLS", 3)
    assert isinstance(SMALL.take(np.array([1, 0])).columns, Taken)
    assert not isinstance(SMALL.take(np.array([1])).columns, Taken)
    assert SMALL.take(np.arange(4)) is SMALL


def test_dates_and_written_numbers_are_kept_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.building.DISTINCT_BEFORE_NUMBERS", 10)
    monkeypatch.setattr("trainer.table.building.DISTINCT_MAX", 100)
    for form in ("2024-01-31T12:00:{:02}.5", "{}.000,50", "$ {},000.5", "{} km"):
        builder = ColumnBuilder("c")
        for start in range(0, 1000, 50):
            builder.append([form.format(i) for i in range(start, start + 50)])
        column = builder.build()
        assert column.codes is not None, form
        assert len(column.texts) == 1000
    builder = ColumnBuilder("c")
    builder.append([f"customer {i}" for i in range(1000)])
    assert builder.build().overflow
    assert DISTINCT_MAX > 100


@given(st.lists(st.lists(st.sampled_from(["a", " a ", "1.5", "", "NA", "inf"]), max_size=5), max_size=4))
def test_cells_by_their_places_are_cells_one_by_one(batches: list[list[str]]) -> None:
    coded, plain = ColumnBuilder("c"), ColumnBuilder("c")
    for cells in batches:
        different = list(dict.fromkeys(cells))
        coded.append_coded(different, np.array([different.index(cell) for cell in cells], dtype=np.int64))
        plain.append(cells)
    assert texts(Table({"c": coded.build()}, 0)) == texts(Table({"c": plain.build()}, 0))
