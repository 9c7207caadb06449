"""A Parquet file into columns, batch by batch: only the columns' arrays and one batch are in memory.

Values become the texts that a CSV of the same table would hold, so that a model meets the same cells when it serves:
numbers in the shortest form that reads back (3, not 3.0), true and false, dates and times as ISO 8601 (UTC where the
column has a time zone).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.table.building import ColumnBuilder
from trainer.table.cells import BLANK, Floats, short_time, text_of_float
from trainer.table.columns import MISSING, Column
from trainer.table.header import check_header, listed
from trainer.table.libraries import library

BATCH_CELLS = 1_000_000
BATCH_ROWS = 65_536
BUFFER_BYTES = 1024 * 1024
ROWS_MAX = 2**40
"""More are promised by damaged or hostile files only."""
INDEX_NAME = "__index_level_"
"""pandas writes the numbers of its rows under this name."""


@dataclass(frozen=True)
class Shape:
    """What the file promises. `cell_bytes`: of one row in memory, at most; `unpacked`: of its pages."""

    rows: int
    columns: int
    cell_bytes: int
    unpacked: int


def shape_of(path: Path, name: str) -> Shape:
    """By the metadata alone. Raises DataError where they cannot be true."""
    with _opened(path, name) as file:
        told = file.metadata
        groups = [told.row_group(place) for place in range(told.num_row_groups)]
        rows = told.num_rows
        counts = [group.num_rows for group in groups]
        sizes = [group.total_byte_size for group in groups]
        if not 0 <= rows <= ROWS_MAX or rows != sum(counts) or min([0, *counts, *sizes]) < 0:
            raise _damaged(name)
        cell_bytes = sum(4 if _writer(field.type) is _texts else 8 for field in file.schema_arrow)
        return Shape(rows, told.num_columns, cell_bytes, sum(sizes))


def read_parquet(path: Path, name: str, *, keep_text: bool) -> tuple[list[Column], list[str]]:
    """Columns, and what was odd. Raises DataError."""
    shape_of(path, name)
    with _opened(path, name) as file:
        fields, notes = _usable(file.schema_arrow, name)
        header = check_header([str(field.name).strip(BLANK) for field in fields], name)
        builders = [ColumnBuilder(column, keep_text) for column in header]
        writers = [_writer(field.type) for field in fields]
        size = max(1, min(BATCH_ROWS, BATCH_CELLS // len(fields)))
        rows = 0
        for batch in file.iter_batches(size, columns=[field.name for field in fields]):
            rows += batch.num_rows
            for builder, writer, array in zip(builders, writers, batch.columns, strict=True):
                assert writer is not None
                writer(builder, array)
        if rows != file.metadata.num_rows:
            raise _damaged(name)
        return [builder.build() for builder in builders], notes


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    arrow = library("pyarrow", "Parquet")
    parquet = library("pyarrow.parquet", "Parquet")
    try:
        with parquet.ParquetFile(
            path, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        ) as file:
            yield file
    except MemoryError:
        raise
    except (arrow.ArrowException, OSError, ValueError, UnicodeError) as error:
        raise _damaged(name) from error
    finally:
        arrow.default_memory_pool().release_unused()


def _damaged(name: str) -> DataError:
    return DataError("BadParquet", f"The Parquet file {name} is damaged or cut off.", "Write and upload it again.")


def _usable(schema: Any, name: str) -> tuple[list[Any], list[str]]:
    """The columns that hold one value a cell, and notes on the others."""
    names = [field.name for field in schema]
    if len(set(names)) != len(names):
        check_header([column.strip(BLANK) for column in names], name)
    columns = [field for field in schema if not field.name.startswith(INDEX_NAME)]
    fields = [field for field in columns if _writer(field.type) is not None]
    others = [field.name for field in columns if _writer(field.type) is None]
    if others and len(fields) < 2:
        raise DataError(
            "NestedColumns",
            f"{name} holds lists, records or bytes in the columns {listed(others)}.",
            "Write every value into a column of its own.",
        )
    if not others:
        return fields, []
    return fields, [f"Columns that hold lists, records, durations or bytes were left out: {listed(others)}."]


Writer = Callable[[ColumnBuilder, Any], None]


def _writer(kind: Any) -> Writer | None:
    """How cells of a type are added; None: they cannot be."""
    types = library("pyarrow", "Parquet").types
    if types.is_dictionary(kind):
        return _texts if _writer(kind.value_type) is not None else None
    if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
        return _numbers
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _texts
    if types.is_boolean(kind) or types.is_temporal(kind) or types.is_null(kind):
        return None if types.is_duration(kind) or types.is_interval(kind) else _texts
    return None


def _texts(builder: ColumnBuilder, array: Any) -> None:
    """Different values become texts once; a batch's cells are places among them."""
    arrow = library("pyarrow", "Parquet")
    if arrow.types.is_null(array.type):
        builder.append_coded([], np.full(len(array), MISSING, np.int64))
        return
    if not arrow.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    builder.append_coded(_texts_of(array.dictionary), _places(array.indices))


def _numbers(builder: ColumnBuilder, array: Any) -> None:
    if not builder.wants_numbers:
        _texts(builder, array)
        return
    arrow = library("pyarrow", "Parquet")
    kind = array.type
    if (arrow.types.is_floating(kind) and kind.bit_width < 64) or arrow.types.is_decimal(kind):
        array = _single(array).cast(arrow.string()).cast(arrow.float64())
    values: Floats = array.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    builder.append_numbers(values, int(np.count_nonzero(np.isnan(values))))


def _places(indices: Any) -> NDArray[np.int64]:
    arrow = library("pyarrow", "Parquet")
    filled = indices.cast(arrow.int64()).fill_null(MISSING)
    places: NDArray[np.int64] = filled.to_numpy(zero_copy_only=False)
    return places


def _single(array: Any) -> Any:
    """Half floats as floats: nothing writes them as text."""
    arrow = library("pyarrow", "Parquet")
    return array.cast(arrow.float32()) if arrow.types.is_float16(array.type) else array


def _texts_of(values: Any) -> list[str]:
    """Of different values, as a CSV would hold them; empty where missing."""
    arrow = library("pyarrow", "Parquet")
    types, kind = arrow.types, values.type
    if types.is_floating(kind):
        if kind.bit_width < 64:  # the shortest text of the short number: .1, not .10000000149011612
            values = _single(values).cast(arrow.string()).cast(arrow.float64())
        return ["" if value is None or math.isnan(value) else text_of_float(value) for value in values.to_pylist()]
    if types.is_timestamp(kind):
        return [_timestamp(text, kind.tz) for text in _cast(values)]
    if types.is_date64(kind):
        values = values.cast(arrow.date32())
    return _cast(values)


def _cast(values: Any) -> list[str]:
    arrow = library("pyarrow", "Parquet")
    kind = values.type
    if arrow.types.is_timestamp(kind) and kind.tz:
        values = values.cast(arrow.timestamp(kind.unit, "UTC")).cast(arrow.timestamp(kind.unit))
    texts = [text or "" for text in values.cast(arrow.string()).to_pylist()]
    return [short_time(text) for text in texts] if arrow.types.is_time(kind) else texts


def _timestamp(text: str, zone: str | None) -> str:
    """2024-01-31 at midnight, 2024-01-31T12:30:00.5 else; with Z where the column knows its time zone."""
    day, _, time = text.partition(" ")
    time = short_time(time)
    if not text or (time == "00:00:00" and not zone):
        return day
    return f"{day}T{time}{'Z' if zone else ''}"
