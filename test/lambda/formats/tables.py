"""Parquet files for parquet.test.ts, by pyarrow, and what the worker reads in them.

`tables.py write FOLDER` writes one table with every kind of column in many ways, beside each file the worker's texts
of its cells (<name>.json). `tables.py same SOURCE RESULT` writes out, as JSON, how the columns of two files differ, and
what is new.
"""

from __future__ import annotations

import datetime
import decimal
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[3]))

from trainer.table import parquet as worker

ROWS = 400
WORDS = ["a", "b,c", "d;e", 'f"g', "tab\there", "bar|", "new\nline", "cr\r", "", " x ", "é", "😀", '"q"', "NA", "PAR1"]
DELTA = dict.fromkeys(("int32", "int64", "uint32", "uint64"), "DELTA_BINARY_PACKED")
VARIANTS: dict[str, dict[str, Any]] = {
    "snappy in row groups": {"compression": "snappy", "row_group_size": 150},
    "zstd, second version": {"compression": "zstd", "data_page_version": "2.0", "data_page_size": 500},
    "gzip, plain, checksums": {"compression": "gzip", "use_dictionary": False, "write_page_checksum": True},
    "brotli": {"compression": "brotli", "data_page_size": 300},
    "lz4": {"compression": "lz4", "data_page_version": "2.0"},
    "unpacked, without Arrow's schema": {"compression": "none", "store_schema": False, "write_page_index": True},
    "old timestamps": {"use_deprecated_int96_timestamps": True},
    "bytes apart": {
        "use_dictionary": False,
        "use_byte_stream_split": ["float16", "float32", "float64", "int32", "int64"],
    },
    "deltas": {
        "use_dictionary": False,
        "column_encoding": {
            **DELTA,
            "text": "DELTA_BYTE_ARRAY",
            "different": "DELTA_BYTE_ARRAY",
            "large": "DELTA_LENGTH_BYTE_ARRAY",
            "boolean": "RLE",
        },
    },
}
KNOWN_TO_CHANGE = {"null", "dictionary", "large", "date64", "zoned ms"}
"""Of another Arrow type once Arrow's own schema is gone; the values are the same."""

chance = random.Random(6)  # noqa: S311


def some(make: Any, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([None if chance.random() < 0.1 else make() for _ in range(ROWS)], kind)


def decimals(digits: int, scale: int) -> pa.Array:
    context = decimal.Context(prec=80)

    def make() -> decimal.Decimal:
        most = 10 ** chance.randint(1, digits) - 1
        return decimal.Decimal(chance.randint(-most, most)).scaleb(-scale, context)

    return some(make, pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale))


def moments(unit: str, zone: str | None) -> pa.Array:
    second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    span = 9 * 10**9

    def make() -> int:
        kind = chance.randint(0, 2)
        if kind == 0:
            return chance.randint(-span, span) * second
        return (
            chance.randint(-(10**5), 10**5) * 86_400 * second
            if kind == 1
            else chance.randint(-span * second, span * second)
        )

    return some(make, pa.int64()).cast(pa.timestamp(unit, zone))


def floats(low: int, high: int, special: list[float]) -> list[float]:
    return special + [chance.uniform(-1, 1) * 10 ** chance.randint(low, high) for _ in range(ROWS - len(special))]


def table() -> pa.Table:
    odd = [0.1, 1e-5, 1e-4, 1.5e16, 1e15, 1e16, -0.0, float("nan"), float("inf"), 16777216.0, 2.0**87]
    columns: dict[str, pa.Array] = {}
    for bits in (8, 16, 32, 64):
        low = 2 ** (bits - 1)
        columns[f"int{bits}"] = some(lambda low=low: chance.randint(-low, low - 1), getattr(pa, f"int{bits}")())
        columns[f"uint{bits}"] = some(lambda low=low: chance.randint(0, 2 * low - 1), getattr(pa, f"uint{bits}")())
    columns["float16"] = pa.array(np.array(floats(-7, 4, [0.1, 6.17578125]), dtype=np.float16))
    columns["float32"] = pa.array(floats(-40, 37, odd), pa.float32())
    columns["float64"] = pa.array(floats(-300, 300, [*odd, 5e-324, 1e22, 123456789012345680.0]))
    columns |= {f"decimal{digits}": decimals(digits, scale) for digits, scale in ((9, 2), (18, 10), (38, 0), (50, 20))}
    columns["boolean"] = some(lambda: chance.random() < 0.5)
    day = lambda: datetime.date(1, 1, 1) + datetime.timedelta(days=chance.randint(0, 3_652_058))  # noqa: E731
    columns["date"] = some(day, pa.date32())
    columns["date64"] = some(day, pa.date64())
    for unit in ("s", "ms", "us", "ns"):
        columns[f"naive {unit}"] = moments(unit, None)
        columns[f"zoned {unit}"] = moments(unit, "Europe/Berlin" if unit == "ms" else "UTC")
    columns["time ms"] = some(lambda: chance.randint(0, 86_399_999), pa.int32()).cast(pa.time32("ms"))
    columns["time us"] = some(lambda: chance.randint(0, 86_399) * 10**6, pa.int64()).cast(pa.time64("us"))
    columns["time ns"] = some(lambda: chance.randint(0, 86_399_999_999_999), pa.int64()).cast(pa.time64("ns"))
    columns["text"] = some(lambda: chance.choice(WORDS))
    columns["different"] = some(lambda: f"{chance.choice(WORDS)}{chance.randint(0, 10**9)}")
    columns["large"] = some(lambda: chance.choice(WORDS), pa.large_string())
    columns["dictionary"] = some(lambda: chance.choice(WORDS)).dictionary_encode()
    columns["null"] = pa.array([None] * ROWS, pa.null())
    columns["list"] = pa.array([[1, 2]] * ROWS)
    columns["bytes"] = pa.array([b"x"] * ROWS)
    columns["record"] = pa.array([{"a": 1, "b": "x"}] * ROWS)
    columns["required"] = pa.array(range(ROWS))
    fields = [pa.field(name, array.type, nullable=name != "required") for name, array in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def worker_texts(path: Path) -> dict[str, list[str]]:
    file = pq.ParquetFile(path)
    texts: dict[str, list[str]] = {}
    for field in file.schema_arrow:
        if worker._writer(field.type) is not None:
            texts[field.name] = [text for chunk in file.read([field.name]).column(0).chunks for text in cells(chunk)]
    return texts


def cells(array: Any) -> list[str]:
    if pa.types.is_null(array.type):
        return [""] * len(array)
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    texts = worker._texts_of(coded.dictionary)
    return ["" if code is None else texts[code] for code in coded.indices.to_pylist()]


def write(folder: Path) -> None:
    whole = table()
    for name, options in VARIANTS.items():
        path = folder / f"{name}.parquet"
        pq.write_table(whole, path, **options)
        path.with_suffix(".json").write_text(json.dumps(worker_texts(path)))


def comparable(column: Any) -> Any:
    """As it comes back from cells: without dictionary, and missing where it was NaN."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column


def same(source: Path, result: Path) -> None:
    before, after = pq.read_table(source), pq.read_table(result)
    told: dict[str, Any] = {
        "rows": after.num_rows,
        "groups": pq.ParquetFile(result).num_row_groups,
        "new": {},
        "differ": [],
    }
    for name in after.column_names:
        column = after.column(name)
        if name not in before.column_names:
            told["new"][name] = {"type": str(column.type), "values": column.to_pylist()[:5]}
        else:
            expected = comparable(before.column(name))
            if not expected.cast(column.type).equals(column):
                told["differ"].append(name)
            elif name not in KNOWN_TO_CHANGE and column.type != expected.type:
                told["differ"].append(f"{name}: {expected.type} became {column.type}")
    sys.stdout.write(json.dumps(told, default=str))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        same(Path(sys.argv[2]), Path(sys.argv[3]))
