"""A table in memory, column by column, as compactly as its text allows; `reading.py` fills it, `features/` looks at it.

A column keeps the index of each cell's text in a list of its different texts (4 bytes a cell). Once it is seen to hold
many different numbers it keeps the numbers instead (8 bytes a cell). Both give the same numbers for the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLANK = "\t\n\x0b\x0c\r \xa0\ufeff"
MISSING_TEXTS = (
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "Null",
    "null",
    "None",
    "none",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "?",
    "-",
    "1.#IND",
    "-1.#IND",
    "1.#QNAN",
    "-1.#QNAN",
)
MISSING = -1

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NUMBER_LETTERS = frozenset("0123456789+-.eE\n")
DOT_WITHOUT_DIGIT = re.compile(r"\.(?![0-9])")
DISTINCT_BEFORE_NUMBERS = 4096
"""From this many different texts on, a column of numbers keeps numbers only."""
DISTINCT_MAX = 200_000
"""A column of words with more different texts than this is of no use to a model, and expensive: texts are let go."""
MOSTLY_NUMBERS = 0.95


def strip(cell: str) -> str:
    """The cell as the manifest means it: without blanks at both ends."""
    return cell.strip(BLANK)


def number_of(text: str) -> float:
    """The number a stripped cell is, NaN where it is none (or too large)."""
    if NUMBER.fullmatch(text) is None:
        return np.nan
    value = float(text)
    return value if abs(value) != np.inf else np.nan


def numbers_of(texts: Sequence[str]) -> Floats:
    """`number_of` for many: one look at all letters spares a look at each cell."""
    joined = "\n".join(texts)
    if NUMBER_LETTERS.issuperset(joined) and not DOT_WITHOUT_DIGIT.search(joined):
        try:
            values = np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
        except ValueError:
            pass
        else:
            values[np.isinf(values)] = np.nan
            return values
    return np.array([number_of(text) for text in texts], dtype=np.float64)


@dataclass(frozen=True)
class Column:
    """`codes` into `texts` (MISSING where missing); or, where `codes` is None, `stored` numbers (NaN where none)."""

    name: str
    texts: list[str]
    codes: NDArray[np.int32] | None
    stored: Floats | None = None
    missing_count: int = 0
    overflow: bool = False

    @property
    def rows(self) -> int:
        if self.codes is not None:
            return len(self.codes)
        return 0 if self.stored is None else len(self.stored)

    def numbers(self) -> Floats:
        """Each cell as a number, NaN where it is missing or not a number."""
        if self.codes is None:
            assert self.stored is not None
            return self.stored
        lexicon = np.append(numbers_of(self.texts), np.nan)
        return lexicon[self.codes]

    def missing(self) -> int:
        """How many cells are missing (cells that are no number where one is due are not among them)."""
        return self.missing_count if self.codes is None else int(np.count_nonzero(self.codes == MISSING))

    def text_at(self, row: int) -> str:
        """The text of a cell: stripped, empty where missing, the shortest that reads back as the number otherwise."""
        if self.codes is not None:
            code = int(self.codes[row])
            return "" if code == MISSING else self.texts[code]
        assert self.stored is not None
        value = float(self.stored[row])
        return "" if np.isnan(value) else repr(value)

    def take(self, rows: Indices) -> Column:
        """The same column with only these rows, in this order."""
        if self.codes is not None:
            return Column(self.name, self.texts, self.codes[rows], overflow=self.overflow)
        assert self.stored is not None
        stored = self.stored[rows]
        return Column(self.name, [], None, stored, int(np.count_nonzero(np.isnan(stored))), self.overflow)


@dataclass(frozen=True)
class Table:
    """Named columns of equal length."""

    columns: dict[str, Column]
    rows: int

    def take(self, rows: Indices) -> Table:
        return Table({name: column.take(rows) for name, column in self.columns.items()}, len(rows))

    def only(self, names: Iterable[str]) -> Table:
        return Table({name: self.columns[name] for name in names}, self.rows)


@dataclass
class ColumnBuilder:
    """Takes the cells of one column in batches. `keep_text`: never let texts go (tables to encode, not to learn)."""

    name: str
    keep_text: bool = False
    _index: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MISSING_TEXTS, MISSING))
    _codes: list[NDArray[np.int32]] = field(default_factory=list)
    _stored: list[Floats] = field(default_factory=list)
    _missing: int = 0
    _text_kept: bool = True
    _overflow: bool = False

    def append(self, cells: Sequence[str]) -> None:
        """Adds cells as they stand in the file (unquoted, not yet stripped)."""
        texts = [cell.strip(BLANK) for cell in cells]
        if not self._text_kept:
            self._append_numbers(texts)
            return
        index = self._index
        add = index.setdefault
        seeded = len(MISSING_TEXTS)
        self._codes.append(np.array([add(text, len(index) - seeded) for text in texts], dtype=np.int32))
        if len(index) - seeded > DISTINCT_BEFORE_NUMBERS and not self.keep_text:
            self._consider_numbers()

    def build(self) -> Column:
        if self._text_kept:
            codes = np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)
            return Column(self.name, self._texts(), codes)
        stored = np.concatenate(self._stored) if self._stored else np.empty(0)
        return Column(self.name, [], None, stored, self._missing, self._overflow)

    def _texts(self) -> list[str]:
        return list(self._index)[len(MISSING_TEXTS) :]

    def _append_numbers(self, texts: list[str]) -> None:
        if not self._overflow:
            index = self._index
            self._missing += sum(1 for text in texts if text in index)
        self._stored.append(numbers_of(texts))

    def _consider_numbers(self) -> None:
        texts = self._texts()
        lexicon = numbers_of(texts)
        numeric = 1 - np.count_nonzero(np.isnan(lexicon)) / len(lexicon)
        self._overflow = bool(numeric < MOSTLY_NUMBERS) and len(texts) > DISTINCT_MAX
        if numeric < MOSTLY_NUMBERS and not self._overflow:
            return
        padded = np.append(lexicon, np.nan)
        for codes in self._codes:
            self._missing += int(np.count_nonzero(codes == MISSING))
            self._stored.append(padded[codes])
        self._codes = []
        self._text_kept = False
        self._index = dict.fromkeys(MISSING_TEXTS, MISSING)


def table_of(columns: Mapping[str, Sequence[str]]) -> Table:
    """A small table from cells in memory, e.g. for rows that are encoded and not learned."""
    built: dict[str, Column] = {}
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise DataError("RaggedColumns", "Columns differ in length.", "Give every column the same number of cells.")
    for name, cells in columns.items():
        builder = ColumnBuilder(name, keep_text=True)
        builder.append(cells)
        built[name] = builder.build()
    return Table(built, lengths.pop() if lengths else 0)
