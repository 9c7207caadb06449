"""A table in memory, column by column, as compactly as its text allows; `reading.py` fills it, `features/` looks at it.

A column keeps the index of each cell's text in a list of its different texts (4 bytes a cell). Once it is seen to hold
many different numbers it keeps the numbers instead (8 bytes a cell). Both give the same numbers for the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.table.cells import BLANK, MISSING_TEXTS, Floats, numbers_of

Indices = NDArray[np.int64]

MISSING = -1
MOSTLY_NUMBERS = 0.95
"""A column is one of numbers when at least this share of its cells present are."""
EAGER_CELLS = 1_000_000
"""Rows are taken out of smaller tables at once; of larger ones column by column when they are asked for."""


@dataclass(frozen=True)
class Column:
    """`codes` into `texts` (MISSING where missing); or, where `codes` is None, `stored` numbers (NaN where none)."""

    name: str
    texts: list[str]
    codes: NDArray[np.int32] | None
    stored: Floats | None = None
    missing_count: int = 0
    overflow: bool = False
    _readings: dict[Hashable, Floats] = field(default_factory=dict, compare=False, repr=False)
    """What `read` made of the texts; shared with all columns taken from this one."""

    @property
    def rows(self) -> int:
        if self.codes is not None:
            return len(self.codes)
        return 0 if self.stored is None else len(self.stored)

    @property
    def bytes(self) -> int:
        """Of the cells, without the list of texts."""
        return sum(part.nbytes for part in (self.codes, self.stored) if part is not None)

    def numbers(self) -> Floats:
        """Each cell as a number, NaN where it is missing or not a number."""
        if self.codes is None:
            assert self.stored is not None
            return self.stored
        return self.read("numbers", numbers_of)[self.codes]

    def read(self, key: Hashable, reader: Callable[[Sequence[str]], Floats]) -> Floats:
        """What `reader` makes of each text, then NaN for a missing cell (code -1); made once and kept under `key`."""
        if key not in self._readings:
            self._readings[key] = np.append(reader(self.texts), np.nan)
        return self._readings[key]

    def missing(self) -> int:
        """How many cells are missing (cells that are no number where one is due are not among them)."""
        return self.missing_count if self.codes is None else int(np.count_nonzero(self.codes == MISSING))

    def counts(self) -> dict[str, int]:
        """How often each text occurs; none where texts were let go."""
        if self.codes is None:
            return {}
        counts = np.bincount(self.codes + 1, minlength=len(self.texts) + 1)[1:]
        return {self.texts[code]: int(counts[code]) for code in np.nonzero(counts)[0].tolist()}

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
            return Column(self.name, self.texts, self.codes[rows], overflow=self.overflow, _readings=self._readings)
        assert self.stored is not None
        stored = self.stored[rows]
        return Column(self.name, [], None, stored, int(np.count_nonzero(np.isnan(stored))), self.overflow)


class Taken(Mapping[str, Column]):
    """Some rows of columns, taken anew each time a column is asked for: a second copy of a large table costs memory."""

    def __init__(self, whole: Mapping[str, Column], rows: Indices) -> None:
        self._whole = whole
        self._rows = rows

    def __getitem__(self, name: str) -> Column:
        return self._whole[name].take(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def take(self, rows: Indices) -> Taken:
        return Taken(self._whole, self._rows[rows])

    def only(self, names: Iterable[str]) -> Taken:
        return Taken({name: self._whole[name] for name in names}, self._rows)


@dataclass(frozen=True)
class Table:
    """Named columns of equal length."""

    columns: Mapping[str, Column]
    rows: int

    @property
    def bytes(self) -> int:
        """Of all cells, without the lists of texts."""
        return sum(column.bytes for column in self.columns.values())

    def take(self, rows: Indices) -> Table:
        """These rows, in this order. Whoever needs a column of it more than once had better keep it."""
        count = len(rows)
        if count == self.rows and np.array_equal(rows, np.arange(count)):
            return self
        if isinstance(self.columns, Taken):
            return Table(self.columns.take(rows), count)
        if count * len(self.columns) > EAGER_CELLS:
            return Table(Taken(self.columns, rows), count)
        return Table({name: column.take(rows) for name, column in self.columns.items()}, count)

    def only(self, names: Iterable[str]) -> Table:
        if isinstance(self.columns, Taken):
            return Table(self.columns.only(names), self.rows)
        return Table({name: self.columns[name] for name in names}, self.rows)


class Lexicon(dict[str, int]):
    """From a cell to the code of its text. Asking for a new one adds it."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(MISSING_TEXTS, MISSING))
        self.texts: list[str] = []

    def __missing__(self, cell: str) -> int:
        text = cell.strip(BLANK)
        if text != cell:
            code = self[text]
        else:
            code = len(self.texts)
            self.texts.append(text)
        self[cell] = code
        return code

    def codes(self, cells: Sequence[str]) -> NDArray[np.int32]:
        """Of cells as they stand in the file (unquoted, not yet stripped)."""
        return np.fromiter(map(self.__getitem__, cells), np.int32, len(cells))


def table_of(columns: Mapping[str, Sequence[str]]) -> Table:
    """A small table from cells in memory, e.g. for rows that are encoded and not learned."""
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise DataError("RaggedColumns", "Columns differ in length.", "Give every column the same number of cells.")
    built: dict[str, Column] = {}
    for name, cells in columns.items():
        lexicon = Lexicon()
        codes = lexicon.codes(cells)
        built[name] = Column(name, lexicon.texts, codes)
    return Table(built, lengths.pop() if lengths else 0)
