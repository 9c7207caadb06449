"""A file into a `Table`, whatever its format.

Before: `source.py` found format, encoding and delimiter. Next: `features/profile.py` says what each column is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import DataError
from trainer.table.columns import Column, Table
from trainer.table.delimited import read_delimited
from trainer.table.duplicates import duplicates_note
from trainer.table.excel import read_excel
from trainer.table.parquet import read_parquet
from trainer.table.source import Source


@dataclass(frozen=True)
class Reading:
    """A table, and what was odd about its file, in words."""

    table: Table
    notes: list[str]


def read_table(source: Source, name: str, *, keep_text: bool = False) -> Reading:
    """Reads the whole file. Raises DataError with the place that is wrong."""
    if source.format == "parquet":
        columns, notes = read_parquet(source.path, name, keep_text=keep_text)
    elif source.format == "xlsx":
        columns, notes = read_excel(source.path, name, keep_text=keep_text)
    else:
        rows = read_delimited(source, name, keep_text=keep_text)
        columns, notes = rows.build(), rows.notes()
    return _reading(columns, notes, name, keep_text)


def _reading(columns: Sequence[Column], notes: list[str], name: str, keep_text: bool) -> Reading:
    named = {column.name: column for column in columns if column.name}
    count = columns[0].rows
    if count == 0:
        raise DataError("NoRows", f"{name} has a header line but no rows.", "Add rows below the header.")
    table = Table(named, count)
    nameless = len(columns) - len(named)
    left_out = [f"{nameless} columns without a name were left out."] if nameless else []
    copies = "" if keep_text else duplicates_note(table)
    return Reading(table, [*left_out, *notes, *([copies] if copies else [])])
