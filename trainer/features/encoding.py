"""The declarative preprocessing of manifest.json, executed: columns of text in, one matrix of numbers out.

The handler executes the same declaration in TypeScript; golden vectors hold both to each other. Here the fit and the
parity check use it, so a model never sees numbers that serving would not make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.table.columns import MISSING, Column, Floats, Table

InputType = Literal["float32", "float64"]
FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True)
class NumberColumn:
    """(x - center) / scale, x imputed; then 1 if it was missing, with `indicator`."""

    column: str
    impute: float
    indicator: bool
    center: float = 0.0
    scale: float = 1.0
    kind: Literal["number"] = "number"

    @property
    def width(self) -> int:
        return 2 if self.indicator else 1

    def encode(self, column: Column, out: Floats) -> None:
        values = column.numbers()
        absent = np.isnan(values)
        values = np.where(absent, self.impute, values)
        if self.center != 0 or self.scale != 1:
            with np.errstate(over="ignore"):
                values = (values - self.center) / self.scale
        out[:, 0] = values
        if self.indicator:
            out[:, 1] = absent


@dataclass(frozen=True)
class OneHotColumn:
    """1 for the cell's category, 0 for the others; a missing cell counts as `impute`, or as none."""

    column: str
    categories: tuple[str, ...]
    impute: str | None
    kind: Literal["oneHot"] = "oneHot"

    @property
    def width(self) -> int:
        return len(self.categories)

    def encode(self, column: Column, out: Floats) -> None:
        places = {category: place for place, category in enumerate(self.categories)}
        missing = places.get(self.impute, -1) if self.impute is not None else -1
        chosen = _by_text(column, places, unknown=-1, missing=missing).astype(np.int64)
        out[:] = 0
        known = np.nonzero(chosen >= 0)[0]
        out[known, chosen[known]] = 1


@dataclass(frozen=True)
class OrdinalColumn:
    """The index of the cell's category, or `unknown`, or `missing`."""

    column: str
    categories: tuple[str, ...]
    unknown: float = -1.0
    missing: float = -2.0
    kind: Literal["ordinal"] = "ordinal"

    @property
    def width(self) -> int:
        return 1

    def encode(self, column: Column, out: Floats) -> None:
        places = {category: place for place, category in enumerate(self.categories)}
        out[:, 0] = _by_text(column, places, unknown=self.unknown, missing=self.missing)


EncodedColumn = NumberColumn | OneHotColumn | OrdinalColumn


def _by_text(column: Column, places: dict[str, int], *, unknown: float, missing: float) -> Floats:
    """A number for each cell by its text. A column that kept only numbers has no texts to know: all are unknown."""
    if column.codes is None:
        return np.where(np.isnan(column.numbers()), missing, unknown)
    lexicon = np.array([places.get(text, unknown) for text in column.texts] + [missing], dtype=np.float64)
    assert MISSING == -1
    return lexicon[column.codes]


def width(columns: Sequence[EncodedColumn]) -> int:
    """How many numbers a row becomes."""
    return sum(column.width for column in columns)


def encode(columns: Sequence[EncodedColumn], table: Table, input_type: InputType) -> NDArray[np.floating]:
    """The matrix [rows, width]: computed in float64, cast once."""
    matrix = np.empty((table.rows, width(columns)), dtype=np.float64 if input_type == "float64" else np.float32)
    start = 0
    for column in columns:
        block = np.empty((table.rows, column.width))
        column.encode(table.columns[column.column], block)
        if input_type == "float32":
            np.clip(block, -FLOAT32_MAX, FLOAT32_MAX, out=block)
        matrix[:, start : start + column.width] = block
        start += column.width
    return matrix


def to_json(columns: Sequence[EncodedColumn]) -> list[dict[str, object]]:
    """As manifest.json wants it."""
    return [
        {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(column).items()}
        for column in columns
    ]
