"""Records of text (from CSV or Excel) into columns: widths are checked, blank records skipped.

Before: `delimited.py`, `excel.py`. Memory holds columns and one batch of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from trainer.errors import DataError
from trainer.table.building import ColumnBuilder
from trainer.table.cells import BLANK
from trainer.table.columns import Column

BATCH_ROWS = 8192
BATCH_CELLS = 500_000
"""A wide table's batch has fewer rows: a cell on its way is a text of about 60 bytes."""


class Rows:
    """`place` names rows for messages: line or row."""

    def __init__(self, header: Sequence[str], name: str, place: str, keep_text: bool) -> None:
        self._width = len(header)
        self._file = name
        self._place = place
        self._builders = [ColumnBuilder(column, keep_text) for column in header]
        self._batch_rows = min(BATCH_ROWS, BATCH_CELLS // self._width + 1)
        self._short = 0
        self._first_short = 0
        self.count = 0

    def add(self, records: Iterable[list[str]], line: Callable[[], int]) -> list[str]:
        """Takes records till their end; `line`: where the newest of them stands in the file. The last record."""
        batch: list[list[str]] = []
        width, size = self._width, self._batch_rows
        record: list[str] = []
        for record in records:
            if len(record) == width:
                batch.append(record)
            else:
                fitted = self._fit(record, line)
                if fitted is None:
                    continue
                batch.append(fitted)
            if len(batch) == size:
                self._flush(batch)
                batch = []
        self._flush(batch)
        return record

    def add_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """As many cells for each column."""
        for builder, cells in zip(self._builders, columns, strict=True):
            builder.append(cells)
        self.count += len(columns[0])

    def build(self) -> list[Column]:
        return [builder.build() for builder in self._builders]

    def notes(self) -> list[str]:
        if not self._short:
            return []
        return [
            f"{self._short} rows had fewer cells than the header (first: {self._place} {self._first_short}); "
            "the cells that are not there count as missing."
        ]

    def _fit(self, record: list[str], line: Callable[[], int]) -> list[str] | None:
        """A record of another width: blank ones are skipped, cells not there are missing, more are an error."""
        width = self._width
        if not record or (len(record) == 1 and not record[0].strip(BLANK)):
            return None
        if len(record) < width:
            self._short += 1
            self._first_short = self._first_short or line()
            return record + [""] * (width - len(record))
        if any(cell.strip(BLANK) for cell in record[width:]):
            raise DataError(
                "RaggedRows",
                f"{self._file}: {self._place} {line()} has {len(record)} cells, the header has {width}.",
                "Put cells that contain the delimiter or line breaks in quotation marks."
                if self._place == "line"
                else "Give every column with content a name in the header.",
            )
        return record[:width]

    def _flush(self, batch: list[list[str]]) -> None:
        if batch:
            self.add_columns(list(zip(*batch, strict=True)))
