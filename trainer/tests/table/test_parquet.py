"""Parquet says the same cells as a CSV of the same table; damage and false promises are refused in words."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import gzip
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.errors import DataError, PlatformError
from trainer.table.building import DISTINCT_BEFORE_NUMBERS
from trainer.table.reading import Reading, read_table
from trainer.table.source import inspect
from trainer.tests.shop import read


def write(folder: Path, columns: dict[str, Any], **more: Any) -> Path:
    path = folder / "data.parquet"
    pq.write_table(pa.table(columns), path, **more)
    return path


def read_file(path: Path) -> Reading:
    return read_table(inspect(path, path.name), path.name)


def cells(reading: Reading, name: str) -> list[str]:
    column = reading.table.columns[name]
    return [column.text_at(row) for row in range(column.rows)]


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([1.0, 2.5, None, math.nan, 1e20, math.inf]), ["1", "2.5", "", "", "1e+20", "inf"]),
        (pa.array([0.1, 3, 1e-7], pa.float32()), ["0.1", "3", "1e-07"]),
        (pa.array(np.array([0.5, 2], np.float16)), ["0.5", "2"]),
        (pa.array([2**53 + 1, -5, None]), ["9007199254740993", "-5", ""]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array(["a", " é ", "", None, "NA"]), ["a", "é", "", "", ""]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["x", "y", None, "x"]).dictionary_encode(), ["x", "y", "", "x"]),
        (pa.array([1, 2, 1]).dictionary_encode(), ["1", "2", "1"]),
        (pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)), ["1.50", ""]),
        (pa.array([dt.date(2024, 1, 31), None]), ["2024-01-31", ""]),
        (pa.array([dt.date(2024, 1, 31)], pa.date64()), ["2024-01-31"]),
        (
            pa.array([dt.datetime(2024, 1, 31), dt.datetime(2024, 1, 31, 1, 2, 3, 500000), None]),
            ["2024-01-31", "2024-01-31T01:02:03.5", ""],
        ),
        (pa.array([0], pa.timestamp("s", "Europe/Berlin")), ["1970-01-01T00:00:00Z"]),
        (pa.array([dt.time(1, 2, 3), dt.time(1, 2, 3, 40000)]), ["01:02:03", "01:02:03.04"]),
        (pa.nulls(2), ["", ""]),
    ],
)
def test_values_become_the_texts_of_a_csv(tmp_path: Path, array: pa.Array, wanted: list[str]) -> None:
    path = write(tmp_path, {"it": array, "other": list(range(len(array)))})
    assert cells(read_file(path), "it") == wanted


def test_the_same_table_as_csv_and_as_parquet_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.parquet.BATCH_ROWS", 1000)
    random = np.random.default_rng(0)
    size = 2 * DISTINCT_BEFORE_NUMBERS
    columns = {
        "number": [None if i % 9 == 0 else float(v) for i, v in enumerate(random.normal(size=size))],
        "short": random.normal(size=size).astype(np.float32),
        "money": [decimal.Decimal(int(v)).scaleb(-2) for v in random.integers(0, 10**9, size)],
        "whole": random.integers(0, 10**12, size),
        "written": [None if i % 5 == 0 else f"{v:.3f}" for i, v in enumerate(random.normal(size=size))],
        "word": random.choice(["red", "green", "blue"], size),
    }
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    parquet = read_file(write(tmp_path, columns, row_group_size=1000)).table
    text = read(tmp_path, out.getvalue()).table
    for name, column in text.columns.items():
        np.testing.assert_array_equal(parquet.columns[name].numbers(), column.numbers())
        assert parquet.columns[name].missing() == column.missing()
    assert parquet.columns["number"].codes is None


def test_columns_that_hold_more_than_one_value_a_cell_are_left_out_and_told(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"a": [1], "b": [2], "list": [[1]], "record": [{"x": 1}], "raw": [b"x"], "__index_level_0__": [0]},
    )
    reading = read_file(path)
    assert list(reading.table.columns) == ["a", "b"]
    assert "“list”, “record”, “raw”" in reading.notes[0]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"a": [[1]], "b": [[2]], "c": [1]}, "NestedColumns"),
        ({"a": [1]}, "OneColumn"),
        ({"a": [1], " a": [2]}, "DuplicateColumns"),
        ({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}, "NoRows"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, columns: dict[str, Any], code: str) -> None:
    with pytest.raises(DataError, match=code):
        read_file(write(tmp_path, columns))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    with pytest.raises(DataError, match="DuplicateColumns"):
        read_file(path)


def test_more_rows_than_can_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.parquet.ROWS_MAX", 1)
    with pytest.raises(DataError, match="BadParquet"):
        read_file(write(tmp_path, {"a": [1, 2], "b": [1, 2]}))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": list(range(1000)), "b": list(range(1000))})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="BadParquet"):
        read_file(path)


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": list(range(1000)), "b": list(range(1000))}, write_page_checksum=True)
    body = bytearray(path.read_bytes())
    body[200] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(DataError, match="BadParquet"):
        read_file(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_whatever_bytes_are_damaged_the_answer_is_a_table_or_a_reason(tmp_path: Path, data: st.DataObject) -> None:
    path = write(tmp_path, {"a": [1.5, None, 2] * 50, "b": ["x", "y", None] * 50})
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(4, len(body) - 5))] = data.draw(st.integers(0, 255))
    path.write_bytes(body)
    try:
        read_file(path)
    except DataError as error:
        assert error.hint


def test_gzip_around_parquet_is_refused_kindly(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": [1], "b": [2]})
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DataError, match="GzippedTwice") as caught:
        read_file(path)
    assert "inside" in caught.value.hint


def test_a_worker_without_the_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, {"a": [1], "b": [2]})
    source = inspect(path, path.name)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(PlatformError, match="LibraryMissing") as caught:
        read_table(source, path.name)
    assert "Parquet" in caught.value.message
