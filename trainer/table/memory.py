"""Does the table fit, and its training? Asked before it is read: a refusal in seconds, not a process killed in an hour.

Before: `source.py`. The estimate is rough and meant from above: the table's columns as `columns.py` keeps them, the
encoded matrix of the model's family with a copy of half of it, and what Python and its libraries take.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from trainer.errors import OutOfMemoryError
from trainer.families import FAMILIES
from trainer.features.fitting import ONE_HOT_MAX
from trainer.table.building import DISTINCT_MAX
from trainer.table.cells import number_of, strip
from trainer.table.excel import unpacked_bytes
from trainer.table.machine import available_bytes
from trainer.table.parquet import shape_of
from trainer.table.source import SAMPLE_LETTERS, Source

GIB = 2**30
BASE_BYTES = 350 * 1024**2
"""Python, numpy, scikit-learn, and what an export takes."""
MATRIX_COPIES = 1.5
TEXT_BYTES = 150
"""A text in a list and in an index, besides its letters."""
DIFFERENT = 0.5
"""A column of which more than this share of a sample's cells differ has many different values."""
EXCEL_CELL_BYTES = 35
"""Of XML, at least."""
SHARE_USABLE = 0.94
"""Of an instance's nominal memory; the rest is the kernel's and the system's."""
INSTANCES = (
    ("m7i.large", 8),
    ("r7i.large", 16),
    ("r7i.xlarge", 32),
    ("r7i.2xlarge", 64),
    ("r7i.4xlarge", 128),
    ("r7i.8xlarge", 256),
    ("r7i.12xlarge", 384),
    ("r7i.16xlarge", 512),
    ("r7i.24xlarge", 768),
    ("r7i.48xlarge", 1536),
)


@dataclass(frozen=True)
class Need:
    """In bytes. `table`: columns in memory; `matrix`: encoded once; `texts`: different texts of all columns.

    `rows`: 0 where nobody knows.
    """

    rows: int
    table: int
    matrix: int
    texts: int

    @property
    def total(self) -> int:
        return int(BASE_BYTES + self.table + self.texts + MATRIX_COPIES * self.matrix)


def require_memory(
    source: Source, name: str, model: str, available: Callable[[], int | None] = available_bytes
) -> Need:
    """Raises OutOfMemoryError `NotEnoughMemory` when table and training will not fit."""
    need = estimate(source, name, model)
    left = available()
    if left is None or need.total <= left:
        return need
    about = f" (about {need.rows:,} rows)" if need.rows else ""
    wanted = math.ceil(need.total / SHARE_USABLE / GIB)
    raise OutOfMemoryError(
        "NotEnoughMemory",
        f"Training {model} on {name}{about} needs about {need.total / GIB:.1f} GiB of memory, "
        f"this instance has {left / GIB:.1f} GiB.",
        f"Ask for resources.memoryGiB: {wanted}{_instance(wanted)}, or leave out rows or columns.",
    )


def estimate(source: Source, name: str, model: str) -> Need:
    """From a sample of the text, or from what the file says of itself."""
    family = FAMILIES.get(model)
    number_bytes = 4 if family and family.input_type == "float32" else 8
    most_texts = DISTINCT_MAX * TEXT_BYTES
    if source.format == "parquet":
        shape = shape_of(source.path, name)
        texts = min(4 * shape.unpacked, shape.columns * most_texts)
        return Need(shape.rows, shape.rows * shape.cell_bytes, shape.rows * shape.columns * number_bytes, texts)
    if source.format == "xlsx":
        unpacked = unpacked_bytes(source.path, name)
        cells = unpacked // EXCEL_CELL_BYTES
        return Need(0, 8 * cells, number_bytes * cells, unpacked)
    one_hot_all = family is None or family.scheme == "linear"
    return _of_text(source, number_bytes, one_hot_all)


def _of_text(source: Source, number_bytes: int, one_hot_all: bool) -> Need:
    with source.open_text() as text:
        sample = text.read(SAMPLE_LETTERS)
    whole = sample.count("\n") + sample.count("\r") < 2 or len(sample) < SAMPLE_LETTERS
    letters = sample if whole else sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1]
    records = _records(letters, source.delimiter)
    header, body = records[0], records[1:]
    row_letters = max(1.0, (len(letters) - sum(map(len, header))) / max(len(body), 1))
    letter_bytes = 2 if source.encoding.startswith("utf-16") else max(1.0, len(letters.encode()) / len(letters))
    rows = math.ceil(source.text_bytes / letter_bytes / row_letters)
    table = matrix = texts = 0
    for place in range(len(header)):
        cells = [strip(record[place]) for record in body if place < len(record)]
        column = _column([cell for cell in cells if cell], rows, one_hot_all)
        table += rows * column[0]
        matrix += rows * column[1] * number_bytes
        texts += column[2]
    return Need(rows, table, matrix, texts)


def _column(cells: Sequence[str], rows: int, one_hot_all: bool) -> tuple[int, int, int]:
    """Bytes a cell, numbers in the matrix a cell, bytes of the texts."""
    different = set(cells)
    many = len(different) > DIFFERENT * len(cells)
    some = list(different)[:100]
    if all(math.isfinite(number_of(cell)) for cell in some):
        return (8, 1, 0) if many else (4, 1, 0)
    if many:
        letters = sum(map(len, some)) / len(some)
        return 4, ONE_HOT_MAX if one_hot_all else 1, int(min(rows, DISTINCT_MAX) * (TEXT_BYTES + letters))
    few = len(different) <= ONE_HOT_MAX
    return 4, min(len(different), ONE_HOT_MAX) if few or one_hot_all else 1, 0


def _records(letters: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    with suppress(csv.Error):  # the reader tells, with the line
        records.extend(record for record in csv.reader(io.StringIO(letters, newline=""), delimiter=delimiter) if record)
    return records or [[""]]


def _instance(gib: int) -> str:
    name = next((name for name, memory in INSTANCES if memory >= gib), "")
    return f" (a {name} would do)" if name else " (more than one instance has)"
