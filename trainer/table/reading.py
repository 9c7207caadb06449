"""Records of a CSV file into a `Table`: one pass, in batches, so that memory holds columns and never rows.

Before: `source.py` found encoding and delimiter. Next: `features/profile.py` says what each column is.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from trainer.errors import DataError
from trainer.table.columns import BLANK, ColumnBuilder, Table
from trainer.table.source import Source

BATCH_ROWS = 8192
CELL_MAX_LETTERS = 1024 * 1024
COLUMNS_MAX = 20_000
NAME_SHOWN = 60


@dataclass(frozen=True)
class Reading:
    """A table, and what was odd about its file, in words."""

    table: Table
    notes: list[str]


def shown(name: str) -> str:
    """A column's name for a message: shortened, so that 300 letters do not drown the sentence."""
    return f"“{name}”" if len(name) <= NAME_SHOWN else f"“{name[: NAME_SHOWN - 1]}…” ({len(name)} letters)"


def listed(names: list[str], most: int = 8) -> str:
    """Some names for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more


def read_table(source: Source, name: str, *, keep_text: bool = False) -> Reading:
    """Reads the whole file. Raises DataError with the line that is wrong."""
    csv.field_size_limit(CELL_MAX_LETTERS)
    with source.open_text() as text:
        records = csv.reader(text, delimiter=source.delimiter, strict=False)
        try:
            header = _header(records, name)
            reader = _Rows(header, records, name, keep_text)
            table = reader.read()
        except csv.Error as error:
            line = records.line_num
            if "field larger" in str(error):
                raise DataError(
                    "CellTooLong",
                    f"{name}: a cell that ends near line {line} is longer than 1 MB.",
                    "Look for a quotation mark that is opened and never closed, or drop that column.",
                ) from error
            raise DataError(
                "BadCsv", f"{name}: line {line} cannot be read as CSV.", "Look for a stray quotation mark in that line."
            ) from error
    return Reading(table, reader.notes())


def _header(records: Iterator[list[str]], name: str) -> list[str]:
    """The first line that is not blank."""
    for record in records:
        cells = [cell.strip(BLANK) for cell in record]
        if any(cells):
            if len(cells) > COLUMNS_MAX:
                raise DataError(
                    "TooManyColumns",
                    f"{name} has {len(cells):,} columns; {COLUMNS_MAX:,} are the most.",
                    "Leave out columns that cannot matter.",
                )
            return cells
    raise DataError("EmptyFile", f"The file {name} is empty.", "Upload a table with a header line and rows.")


class _Rows:
    """Batches of records into column builders."""

    def __init__(self, header: list[str], records: Iterator[list[str]], name: str, keep_text: bool) -> None:
        self._header = header
        self._records = records
        self._file = name
        self._builders = [ColumnBuilder(column, keep_text) for column in header]
        self._short = 0
        self._first_short = 0
        self._nameless: list[int] = []

    def read(self) -> Table:
        rows = 0
        batch: list[list[str]] = []
        width = len(self._header)
        for record in self._records:
            if len(record) != width:
                fitted = self._fit(record, width)
                if fitted is None:
                    continue
                batch.append(fitted)
            else:
                batch.append(record)
            if len(batch) == BATCH_ROWS:
                rows += self._flush(batch)
                batch = []
        rows += self._flush(batch)
        return self._table(rows)

    def _fit(self, record: list[str], width: int) -> list[str] | None:
        """A record of another width: blank lines are skipped, cells not there are missing, more are an error."""
        if not record or (len(record) == 1 and not record[0].strip(BLANK)):
            return None
        if len(record) < width:
            self._short += 1
            self._first_short = self._first_short or self._line()
            return record + [""] * (width - len(record))
        if any(cell.strip(BLANK) for cell in record[width:]):
            raise DataError(
                "RaggedRows",
                f"{self._file}: line {self._line()} has {len(record)} cells, the header has {width}.",
                "Put cells that contain the delimiter or line breaks in quotation marks.",
            )
        return record[:width]

    def _line(self) -> int:
        return int(getattr(self._records, "line_num", 0))

    def _flush(self, batch: list[list[str]]) -> int:
        if batch:
            for builder, cells in zip(self._builders, zip(*batch, strict=True), strict=True):
                builder.append(cells)
        return len(batch)

    def _table(self, rows: int) -> Table:
        columns = [builder.build() for builder in self._builders]
        named = [column for column in columns if column.name]
        self._nameless = [place for place, column in enumerate(columns, 1) if not column.name]
        repeated = [name for name, count in Counter(column.name for column in named).items() if count > 1]
        if repeated:
            raise DataError(
                "DuplicateColumns",
                f"{self._file} has more than one column named {listed(repeated)}.",
                "Give every column a name of its own.",
            )
        if len(named) < 2:
            raise DataError(
                "OneColumn",
                f"{self._file} has {'one column' if named else 'no column with a name'}.",
                "A table needs a target and at least one other column, separated by commas, semicolons, tabs or |.",
            )
        if rows == 0:
            raise DataError("NoRows", f"{self._file} has a header line but no rows.", "Add rows below the header.")
        return Table({column.name: column for column in named}, rows)

    def notes(self) -> list[str]:
        notes = []
        if self._nameless:
            notes.append(f"{len(self._nameless)} columns without a name were left out.")
        if self._short:
            notes.append(
                f"{self._short} rows had fewer cells than the header (first: line {self._first_short}); "
                "the cells that are not there count as missing."
            )
        return notes
