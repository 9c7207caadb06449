"""What keeps rows apart when a model is judged: the time of a row, or the group it belongs to.

Before: the split that was asked for and its column. Next: `split.py` trains on the past and tests on the future, or
keeps each group on one side, in the folds that judge as in those that a search makes inside the training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.features.profile import read_column, values_of
from trainer.table.cells import Floats
from trainer.table.columns import Column, Indices

Kind = Literal["time", "group"]


@dataclass(frozen=True)
class Separator:
    """`keys` [rows]: moments that sort as time does, NaN where it is missing; or groups counted from 0."""

    kind: Kind
    column: str
    keys: Floats

    def take(self, rows: Indices) -> Separator:
        return Separator(self.kind, self.column, self.keys[rows])

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """Of a group separator, counted from 0 without gaps."""
        return np.unique(self.keys, return_inverse=True)[1] if self.kind == "group" else None


def separator_of(kind: Kind, column: Column, notes: list[str]) -> Separator:
    """Tells in `notes` what was made of missing cells. Raises DataError where the column keeps nothing apart."""
    keys = _moments(column, notes) if kind == "time" else _groups(column, notes)
    if len(np.unique(keys[~np.isnan(keys)])) < 2:
        one = "OneTime" if kind == "time" else "OneGroup"
        raise DataError(
            one, f"The column “{column.name[:100]}” to split by is the same in all rows.", "Choose another split."
        )
    return Separator(kind, column.name, keys)


def _groups(column: Column, notes: list[str]) -> Floats:
    """Missing cells are one group: they may well belong together."""
    if column.overflow:
        raise DataError(
            "TooManyGroups",
            f"The column “{column.name[:100]}” has too many different texts to be groups.",
            "Use the split random, or a column in which rows that belong together have the same text.",
        )
    if missing := column.missing():
        notes.append(f"{missing:,} rows have no “{column.name[:100]}”: they count as one group.")
    if column.codes is not None:
        return column.codes.astype(np.float64)
    values = column.numbers()
    return np.where(np.isnan(values), -np.inf, values)


def _moments(column: Column, notes: list[str]) -> Floats:
    """Dates as moments, numbers (years, seconds since 1970) by value."""
    reading = read_column(column)
    moments = values_of(column, reading.feature)
    notes.extend(reading.notes)
    if moments is None or 2 * (absent := int(np.count_nonzero(np.isnan(moments)))) > column.rows:
        raise DataError(
            "NoTimes",
            f"The column “{column.name[:100]}” holds no dates or numbers to split by, or too few.",
            "Split by a column of dates such as 2024-03-31, or of numbers such as a year.",
        )
    if absent:
        notes.append(f"{absent:,} rows have no time in “{column.name[:100]}”: no model is judged on them or with them.")
    return moments
