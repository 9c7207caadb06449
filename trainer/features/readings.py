"""How cells are read: as numbers, yes or no, moments. What a profile, a fit and an encoding see is the same.

A column that has texts is read text by text, once, and every cell looks its text up; one that kept only numbers has
been read already.
"""

from __future__ import annotations

import numpy as np

from trainer.features.booleans import truths_of
from trainer.features.dates import Order, read_dates
from trainer.features.notation import Notation
from trainer.table.cells import Floats, numbers_of
from trainer.table.columns import Column


def read_numbers(column: Column, notation: Notation | None) -> Floats:
    """By text, then NaN for a missing cell; of a column that kept only numbers, by row."""
    if column.codes is None:
        return column.numbers()
    return column.read("numbers", numbers_of) if notation is None else column.read(notation, notation.numbers_of)


def read_truths(column: Column, yes: tuple[str, ...], no: tuple[str, ...]) -> Floats:
    """1, 0 or NaN, by text or row like `read_numbers`."""
    if column.codes is None:
        return np.full(column.rows, np.nan)
    return column.read((yes, no), lambda texts: truths_of(texts, yes, no))


def read_moments(column: Column, orders: tuple[Order, ...]) -> Floats:
    """Milliseconds since 1970 or NaN, by text or row like `read_numbers`. A number does not say how it was written, so
    it is no date."""
    if column.codes is None:
        return np.full(column.rows, np.nan)
    return column.read(orders, lambda texts: read_dates(texts, orders))


def by_row(column: Column, read: Floats) -> Floats:
    """What was read by text, of every row."""
    return read if column.codes is None else read[column.codes]
