"""Text with delimiters (CSV, TSV …) into columns, in one pass.

Blocks without quotation marks, in which every line has as many cells as the header, are cut apart at once; Python's
`csv` reads the others, and all that follows the first quotation mark. Both read the same text as the same cells.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain, repeat
from typing import IO, TYPE_CHECKING

from trainer.errors import DataError
from trainer.table.cells import BLANK
from trainer.table.header import check_header
from trainer.table.rows import Rows
from trainer.table.source import Source

if TYPE_CHECKING:
    import _csv

BLOCK_LETTERS = 32 * 1024
"""The cells of so much text stay in the processor's cache: measured 1.1 to 1.7 times as fast as with 1 MB."""
BLOCK_HEADERS = 32
"""A block of a wide table is as many times as long as its header."""
CELL_MAX_LETTERS = 1024 * 1024
END = "\xa0\ufeff\xa0\ufeff\n"
"""A last line of our own. It is blank, so it is skipped, unless a quotation mark before it was never closed."""


def read_delimited(source: Source, name: str, *, keep_text: bool) -> Rows:
    """All rows. Raises DataError with the line that is wrong."""
    csv.field_size_limit(CELL_MAX_LETTERS)
    with source.open_text() as text:
        reader = _Delimited(text, source.delimiter, name)
        header = reader.header()
        rows = Rows(header, name, "line", keep_text)
        reader.read(rows, len(header))
    return rows


class _Delimited:
    """`_line`: how many lines were read before the block in work."""

    def __init__(self, text: IO[str], delimiter: str, name: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._file = name
        self._line = 0
        self._header_letters = 0

    def header(self) -> list[str]:
        """The first record that is not blank."""
        records = self._records(chain(self._text, (END,)))
        try:
            for record in records:
                cells = [cell.strip(BLANK) for cell in record]
                if any(cells):
                    self._closed(record, records.line_num)
                    self._line = records.line_num
                    self._header_letters = sum(map(len, cells))
                    return check_header(cells, self._file)
        except csv.Error as error:
            raise self._wrong(error, records.line_num) from error
        raise DataError("EmptyFile", f"The file {self._file} is empty.", "Upload a table with a header line and rows.")

    def read(self, rows: Rows, width: int) -> None:
        size = max(BLOCK_LETTERS, BLOCK_HEADERS * self._header_letters)
        while block := self._text.read(size):
            block += self._text.readline()
            if '"' in block:
                self._careful(rows, chain(io.StringIO(block, newline=""), self._text, (END,)))
                return
            columns = self._cut(block, width)
            if columns:
                rows.add_columns(columns)
                self._line += len(columns[0])
            else:
                self._careful(rows, io.StringIO(block, newline=""))

    def _cut(self, block: str, width: int) -> list[list[str]] | None:
        """The cells of a block by column; None where that takes a closer look."""
        if "\r" in block:
            if block.count("\r") != block.count("\r\n"):
                return None
            block = block.replace("\r\n", "\n")
        lines = block.removesuffix("\n").split("\n")
        delimiter = self._delimiter
        if set(map(str.count, lines, repeat(delimiter))) != {width - 1} or max(map(len, lines)) > CELL_MAX_LETTERS:
            return None
        cells = delimiter.join(lines).split(delimiter)
        return [cells[place::width] for place in range(width)]

    def _careful(self, rows: Rows, lines: Iterator[str]) -> None:
        records, before = self._records(lines), self._line
        try:
            last = rows.add(records, lambda: before + records.line_num)
        except csv.Error as error:
            raise self._wrong(error, before + records.line_num) from error
        self._line = before + records.line_num
        self._closed(last, self._line)

    def _records(self, lines: Iterator[str]) -> _csv.Reader:
        return csv.reader(lines, delimiter=self._delimiter, strict=False)

    def _closed(self, record: list[str], line: int) -> None:
        """Raises when the last record holds our own last line: it was read as a part of a cell."""
        if not record or record == [END[:-1]] or not record[-1].endswith(END):
            return
        opened = line - record[-1].count("\n") + 1
        raise DataError(
            "UnclosedQuote",
            f"{self._file}: a quotation mark near line {opened} is opened and never closed.",
            "Close it, or write it twice where it belongs to the text.",
        )

    def _wrong(self, error: csv.Error, line: int) -> DataError:
        if "field larger" in str(error):
            return DataError(
                "CellTooLong",
                f"{self._file}: a cell that ends near line {line} is longer than 1 MB.",
                "Look for a quotation mark that is opened and never closed, or drop that column.",
            )
        return DataError(
            "BadCsv",
            f"{self._file}: line {line} cannot be read as CSV.",
            "Look for a stray quotation mark in that line.",
        )
