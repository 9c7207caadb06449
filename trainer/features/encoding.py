"""The declarative preprocessing of manifest.json, executed: columns of text in, one matrix of numbers out.

The handler executes the same declaration in TypeScript; golden vectors hold both to each other. Here the fit and the
parity check use it, so a model never sees numbers that serving would not make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.features.dates import Order, Part, part_of
from trainer.features.notation import Notation
from trainer.features.readings import read_moments, read_numbers, read_truths
from trainer.table.cells import Floats
from trainer.table.columns import MISSING, Column, Table

InputType = Literal["float32", "float64"]
FLOAT32_MAX = 3.4028234663852886e38
FLOAT64_MOST = 1e50
"""No number is larger in a float64 matrix: squares and products of what a model sees stay finite."""
BLOCK_ROWS = 65_536
"""So many rows are encoded at once: what stands beside the matrix stays small."""

Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class NumberColumn:
    """(x - center) / scale, x imputed; then 1 if it was missing, with `indicator`."""

    column: str
    impute: float
    indicator: bool
    center: float = 0.0
    scale: float = 1.0
    notation: Notation | None = None
    kind: Literal["number"] = "number"

    @property
    def width(self) -> int:
        return 2 if self.indicator else 1

    def encode(self, column: Column, out: Matrix) -> None:
        _write(column, out, read_numbers(column, self.notation), partial(_imputed, self))


@dataclass(frozen=True)
class BooleanColumn:
    """1 for yes, 0 for no, `impute` for any other cell, scaled; then 1 if it was another, with `indicator`."""

    column: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    impute: float
    indicator: bool
    center: float = 0.0
    scale: float = 1.0
    kind: Literal["boolean"] = "boolean"

    @property
    def width(self) -> int:
        return 2 if self.indicator else 1

    def encode(self, column: Column, out: Matrix) -> None:
        _write(column, out, read_truths(column, self.yes, self.no), partial(_imputed, self))


@dataclass(frozen=True)
class DatePart:
    """(x - center) / scale of one part, `impute` where there is no date."""

    part: Part
    impute: float
    center: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class DateColumn:
    """The parts of a date in order; then 1 if the cell is none, with `indicator`."""

    column: str
    orders: tuple[Order, ...]
    parts: tuple[DatePart, ...]
    indicator: bool
    kind: Literal["date"] = "date"

    @property
    def width(self) -> int:
        return len(self.parts) + (1 if self.indicator else 0)

    def encode(self, column: Column, out: Matrix) -> None:
        _write(column, out, read_moments(column, self.orders), self._numbers)

    def _numbers(self, moments: Floats) -> list[Floats]:
        absent = np.isnan(moments)
        numbers = [
            _scaled(np.where(absent, part.impute, part_of(moments, part.part)), part.center, part.scale)
            for part in self.parts
        ]
        return [*numbers, absent.astype(np.float64)] if self.indicator else numbers


@dataclass(frozen=True)
class OneHotColumn:
    """1 for the cell's category, 0 for the others; a missing cell counts as `impute`, or as none. Writes ones only."""

    column: str
    categories: tuple[str, ...]
    impute: str | None
    kind: Literal["oneHot"] = "oneHot"

    @property
    def width(self) -> int:
        return len(self.categories)

    def encode(self, column: Column, out: Matrix) -> None:
        places = {category: place for place, category in enumerate(self.categories)}
        missing = places.get(self.impute, -1) if self.impute is not None else -1
        chosen = _by_text(column, places, unknown=-1, missing=missing).astype(np.int64)
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

    def encode(self, column: Column, out: Matrix) -> None:
        places = {category: place for place, category in enumerate(self.categories)}
        out[:, 0] = _by_text(column, places, unknown=self.unknown, missing=self.missing)


EncodedColumn = NumberColumn | BooleanColumn | DateColumn | OneHotColumn | OrdinalColumn


def _imputed(declared: NumberColumn | BooleanColumn, values: Floats) -> list[Floats]:
    absent = np.isnan(values)
    scaled = _scaled(np.where(absent, declared.impute, values), declared.center, declared.scale)
    return [scaled, absent.astype(np.float64)] if declared.indicator else [scaled]


def _scaled(values: Floats, center: float, scale: float) -> Floats:
    if center == 0 and scale == 1:
        return values
    with np.errstate(over="ignore"):
        return (values - center) / scale


def _write(column: Column, out: Matrix, read: Floats, numbers: Callable[[Floats], list[Floats]]) -> None:
    """Each text's numbers are made once where texts are fewer than rows; else each row's, block by block."""
    if column.codes is not None and len(read) <= column.rows:
        made = [_cast(values, out) for values in numbers(read)]
        for start in range(0, column.rows, BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            for place, values in enumerate(made):
                out[block, place] = values[column.codes[block]]
        return
    for start in range(0, column.rows, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        values = read[block] if column.codes is None else read[column.codes[block]]
        for place, made_here in enumerate(numbers(values)):
            out[block, place] = _cast(made_here, out)


def _cast(values: Floats, out: Matrix) -> Matrix:
    """To the matrix's type, clamped first to its limit."""
    limit = FLOAT64_MOST if out.dtype == np.float64 else FLOAT32_MAX
    return np.clip(values, -limit, limit).astype(out.dtype, copy=False)


def _by_text(column: Column, places: dict[str, int], *, unknown: float, missing: float) -> Floats:
    """A number for each cell by its text. A column that kept only numbers has no texts to know: all are unknown."""
    if column.codes is None:
        return np.where(np.isnan(column.numbers()), missing, unknown)
    assert MISSING == -1
    if len(column.texts) <= column.rows:
        lexicon = np.array([places.get(text, unknown) for text in column.texts] + [missing], dtype=np.float64)
        return lexicon[column.codes]
    return np.array(
        [missing if code == MISSING else places.get(column.texts[code], unknown) for code in column.codes.tolist()],
        dtype=np.float64,
    )


def width(columns: Sequence[EncodedColumn]) -> int:
    """How many numbers a row becomes."""
    return sum(column.width for column in columns)


def encode(columns: Sequence[EncodedColumn], table: Table, input_type: InputType) -> Matrix:
    """The matrix [rows, width]: computed in float64, cast once. Columns write straight into it, one after the other."""
    matrix = np.zeros((table.rows, width(columns)), dtype=np.float64 if input_type == "float64" else np.float32)
    start = 0
    for column in columns:
        column.encode(table.columns[column.column], matrix[:, start : start + column.width])
        start += column.width
    return matrix


def to_json(columns: Sequence[EncodedColumn]) -> list[dict[str, object]]:
    """As manifest.json wants it."""
    return [
        {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(column).items()
            if not (key == "notation" and value is None)
        }
        for column in columns
    ]
