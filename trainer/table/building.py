"""Cells as a file holds them, in batches, into columns.

Before: a reader (`delimited.py`, `excel.py`, `parquet.py`). Arrays grow in place, so that a finished column never
exists twice.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import BLANK, MISSING_TEXTS, Floats, numbers_of, plain_numbers
from trainer.table.columns import MISSING, MOSTLY_NUMBERS, Column, Lexicon

DISTINCT_BEFORE_NUMBERS = 4096
"""From this many different texts on, a column of numbers keeps numbers only."""
DISTINCT_MAX = 200_000
"""A column of words with more different texts than this is of no use to a model, and expensive: texts are let go."""
MOSTLY_DIGITS = re.compile(
    r"(?:[^0-9A-Za-z]{0,4}|-?[A-Za-z]{1,3}[ $.]{1,2})[0-9][0-9 .,:/'+TZ\xa0\u2009\u202f-]{0,40}(?: ?[^0-9\s]{1,6})?"
)
"""Dates, times, 1.234,50 and $ 5: such texts are kept however many there are, for they can become numbers."""
LOOKED_AT = 1000
MAYBE_DATES = (19000101, 21001231)
"""Texts that are all numbers between these may be dates and are kept: a number does not say how it was written."""
MISSING_SET = frozenset(MISSING_TEXTS)


class ColumnBuilder:
    """One column in the making. `keep_text`: never let texts go (tables to encode, not to learn)."""

    def __init__(self, name: str, keep_text: bool = False) -> None:
        self.name = name
        self._keep_text = keep_text
        self._lexicon = Lexicon()
        self._codes = array("i")
        self._stored = array("d")
        self._missing = 0
        self._text_kept = True
        self._overflow = False
        self._look_at = DISTINCT_BEFORE_NUMBERS
        """With more different texts than this: is it a column of numbers?"""

    @property
    def wants_numbers(self) -> bool:
        """Whether texts are of no more interest."""
        return not self._text_kept

    def append(self, cells: Sequence[str]) -> None:
        """Adds cells as they stand in the file (unquoted, not yet stripped)."""
        if not self._text_kept:
            self._append_numbers(cells)
            return
        self._codes.frombytes(_buffer(self._lexicon.codes(cells)))
        self._look()

    def append_coded(self, texts: Sequence[str], places: NDArray[np.integer]) -> None:
        """Adds the cells texts[place], MISSING where missing."""
        if not self._text_kept:
            told = np.append(numbers_of([text.strip(BLANK) for text in texts]), np.nan)
            absent = np.array([text.strip(BLANK) in MISSING_SET for text in texts] + [True])
            self.append_numbers(told[places], int(np.count_nonzero(absent[places])))
            return
        codes = np.append(self._lexicon.codes(texts), np.int32(MISSING))
        self._codes.frombytes(_buffer(codes[places]))
        self._look()

    def append_numbers(self, values: Floats, missing: int) -> None:
        """Adds numbers, NaN where there is none, `missing` of them because the cell is missing. See `wants_numbers`."""
        assert not self._text_kept
        self._missing += missing
        self._stored.frombytes(_buffer(np.where(np.isinf(values), np.nan, values)))

    def build(self) -> Column:
        """Once: the builder is empty afterwards."""
        codes, stored = self._codes, self._stored
        self._codes, self._stored = array("i"), array("d")
        if self._text_kept:
            texts, self._lexicon = self._lexicon.texts, Lexicon()
            return Column(self.name, texts, np.frombuffer(codes, np.int32))
        return Column(self.name, [], None, np.frombuffer(stored, np.float64), self._missing, self._overflow)

    def _append_numbers(self, cells: Sequence[str]) -> None:
        values = plain_numbers(cells)
        if values is not None:
            self.append_numbers(values, cells.count("") if np.isnan(values).any() else 0)
            return
        texts = [cell.strip(BLANK) for cell in cells]
        present = ["" if text in MISSING_SET else text for text in texts]
        self.append_numbers(numbers_of(present), present.count(""))

    def _look(self) -> None:
        """Now and then, as texts get more: are they numbers, or more than a model could use?"""
        texts = self._lexicon.texts
        if self._keep_text or len(texts) <= self._look_at:
            return
        told = numbers_of(texts)
        numeric = 1 - np.count_nonzero(np.isnan(told)) / len(told)
        if numeric < MOSTLY_NUMBERS:
            self._overflow = len(texts) > DISTINCT_MAX and not _mostly_digits(texts)
        if numeric < MOSTLY_NUMBERS and not self._overflow:
            self._look_at = max(2 * len(texts), DISTINCT_MAX) if len(texts) > DISTINCT_MAX else self._next_look()
            return
        if len(texts) <= DISTINCT_MAX and np.all((told >= MAYBE_DATES[0]) & (told <= MAYBE_DATES[1])):
            self._look_at = self._next_look()
            return
        codes = np.frombuffer(self._codes, np.int32)
        self._text_kept = False
        self._codes, self._lexicon = array("i"), Lexicon()
        self.append_numbers(np.append(told, np.nan)[codes], int(np.count_nonzero(codes == MISSING)))

    def _next_look(self) -> int:
        return min(2 * len(self._lexicon.texts), DISTINCT_MAX)


def _buffer(values: NDArray[Any]) -> memoryview:
    """The same memory as bytes."""
    return memoryview(values.view(np.uint8))  # type: ignore[arg-type]  # numpy's types know no buffers before 3.12


def _mostly_digits(texts: list[str]) -> bool:
    some = texts[:: max(1, len(texts) // LOOKED_AT)]
    return sum(1 for text in some if MOSTLY_DIGITS.fullmatch(text)) >= MOSTLY_NUMBERS * len(some)
