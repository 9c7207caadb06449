"""Rows that are equal to an earlier one, counted by a hash of each row's codes and numbers.

They are kept: equal rows can be real (two customers alike in ten columns), and only the user knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.table.columns import Column, Table

ROWS_MAX = 20_000_000
"""Of more rows the hashes would take too much memory (24 bytes a row while they are sorted)."""
MIX = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)


def count_duplicates(table: Table) -> int | None:
    """None: not known. Of 20 million different rows, two have the same hash once in 100,000 tables."""
    if table.rows > ROWS_MAX or any(column.overflow for column in table.columns.values()):
        return None
    hashes = np.zeros(table.rows, np.uint64)
    for column in table.columns.values():
        hashes ^= _bits(column)
        hashes *= MIX
        hashes ^= hashes >> SHIFT
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))


def duplicates_note(table: Table) -> str:
    """For the user; empty when there are none or nobody knows."""
    count = count_duplicates(table)
    if not count:
        return ""
    return (
        f"{count:,} of {table.rows:,} rows are exact copies of an earlier row. They are kept, as equal rows can be "
        "real; if they come from putting the file together, remove them: copies make metrics look better than they are."
    )


def _bits(column: Column) -> NDArray[np.uint64]:
    if column.codes is not None:
        return column.codes.astype(np.uint64)
    assert column.stored is not None
    return (column.stored + 0.0).view(np.uint64)
