"""An Excel workbook (.xlsx) into columns, row by row.

Values become the texts that a CSV of the same sheet would hold: whole numbers without a decimal point, true and false,
dates as ISO 8601; of a formula its last result. The first sheet that holds a table is read, and a note names it.
"""

from __future__ import annotations

import datetime as dt
import math
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from trainer.errors import DataError
from trainer.table.cells import BLANK, short_time, text_of_float
from trainer.table.columns import Column
from trainer.table.header import check_header, shown
from trainer.table.libraries import library
from trainer.table.rows import Rows

ROWS_MAX = 1_048_576
"""Excel's own limit."""
INFLATED_MAX = 200
"""A workbook's parts may be this many times as large as the file, past the first 100 MB."""
INFLATED_FREE_BYTES = 100_000_000
HEAD_BYTES = 4096
ERRORS = frozenset(("#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#N/A", "#SPILL!", "#CALC!"))
"""What a formula that failed shows: the cell is missing."""

Values = Sequence[object]


def read_excel(path: Path, name: str, *, keep_text: bool) -> tuple[list[Column], list[str]]:
    """Columns, and what was odd. Raises DataError."""
    unpacked_bytes(path, name)
    with _opened(path, name) as book:
        sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
        if not sheets:
            raise DataError("EmptyFile", f"{name} has no sheet of cells.", "Put the table on a sheet.")
        for sheet in sheets:
            with closing(_Sheet(sheet, name)) as reader:
                header = reader.header()
                if header:
                    rows = Rows(check_header(header, name), name, "row", keep_text)
                    reader.read(rows, len(header))
                    return rows.build(), reader.notes(len(sheets))
    raise DataError(
        "EmptyFile", f"No sheet of {name} holds a table.", "A table has a row of at least two names and rows below it."
    )


def unpacked_bytes(path: Path, name: str) -> int:
    """Of all parts, by the archive's own directory. Raises DataError for bombs and for what no Excel writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            size = sum(part.file_size for part in parts)
            if size > max(INFLATED_FREE_BYTES, INFLATED_MAX * path.stat().st_size):
                raise DataError(
                    "SuspiciousArchive",
                    f"{name} unpacks to more than {INFLATED_MAX} times its size.",
                    "Save the table as CSV and upload it again.",
                )
            for part in parts:
                if part.filename.endswith(".xml"):
                    with archive.open(part) as opened:
                        head = opened.read(HEAD_BYTES)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise _damaged(name)
            return size
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise _damaged(name) from error


def text_of(value: object) -> str:
    """A cell's value as text; empty where missing."""
    if value is None or (isinstance(value, str) and value in ERRORS):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.timedelta):
        value = value.total_seconds()
    if isinstance(value, float):
        return "" if math.isnan(value) else text_of_float(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    if isinstance(value, (dt.date, dt.time)):
        return short_time(value.isoformat())
    return str(value)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """openpyxl raises anything on a damaged file; our own errors pass."""
    openpyxl = library("openpyxl", "Excel workbooks")
    book = None
    file = path.open("rb")  # a file: of a path openpyxl wants the ending, which a download has not
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        yield book
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(name) from error
    finally:
        if book is not None:
            book.close()
        file.close()


def _damaged(name: str) -> DataError:
    return DataError(
        "BadWorkbook", f"The Excel workbook {name} is damaged.", "Save it again, or as CSV, and upload it again."
    )


def _values(sheet: Any) -> Generator[Values, None, None]:
    yield from sheet.iter_rows(values_only=True)


class _Sheet:
    """`row`: the number of the newest row."""

    def __init__(self, sheet: Any, name: str) -> None:
        sheet.reset_dimensions()  # what the file says of its size can be wrong
        self._title = str(sheet.title)
        self._file = name
        self._rows = _values(sheet)
        self._titles = 0
        self.row = 0

    def close(self) -> None:
        """Lets go of the file, which rows that were not read to the end would keep open."""
        self._rows.close()

    def header(self) -> list[str]:
        """The first row with two filled cells or more; empty when there is none. Others before it are titles."""
        for cells in self._texts():
            if sum(1 for cell in cells if cell) > 1:
                return cells
            self._titles += 1
        return []

    def read(self, rows: Rows, width: int) -> None:
        """The rows below the header that hold something."""
        rows.add((cells + [""] * (width - len(cells)) for cells in self._texts()), lambda: self.row)

    def notes(self, sheets: int) -> list[str]:
        told = []
        if sheets > 1:
            told.append(f"The table was read from the sheet {shown(self._title)}, one of {sheets}.")
        if self._titles:
            told.append(f"{self._titles} rows above the header were taken for titles and left out.")
        return told

    def _texts(self) -> Iterator[list[str]]:
        for values in self._rows:
            self.row += 1
            if self.row > ROWS_MAX:
                raise DataError(
                    "TooManyRows",
                    f"{self._file} has rows beyond {ROWS_MAX:,}, which Excel does not allow.",
                    "Save the table as CSV and upload it again.",
                )
            cells = [text_of(value).strip(BLANK) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield cells
