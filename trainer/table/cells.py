"""What a cell's text means: blanks, missing, numbers. The grammar is the manifest's; the handler follows it too.

Next: `columns.py` keeps cells by the column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NUMBER_LETTERS = b"0123456789+-.eE\n"
DOT_WITHOUT_DIGIT = (b".\n", b".e", b".E")
"""float() reads these, the grammar does not."""
WHOLE_MAX = 1e15
"""Whole numbers below this are written without a decimal point."""


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
    """`number_of` for many stripped cells."""
    plain = plain_numbers(texts)
    if plain is not None:
        return plain
    return np.fromiter(map(number_of, texts), np.float64, len(texts))


def plain_numbers(cells: Sequence[str]) -> Floats | None:
    """`number_of` for many cells, if all are numbers or empty; one look at all letters spares a look at each cell."""
    try:
        letters = "\n".join(cells).encode("ascii")
    except UnicodeEncodeError:
        return None
    if letters.translate(None, NUMBER_LETTERS) or letters.endswith(b"."):
        return None
    if any(pair in letters for pair in DOT_WITHOUT_DIGIT):
        return None
    try:
        values = _floats(cells)
    except ValueError:
        return None
    values[np.isinf(values)] = np.nan
    return values


def _floats(cells: Sequence[str]) -> Floats:
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return np.fromiter((float(cell) if cell else np.nan for cell in cells), np.float64, len(cells))


def short_time(text: str) -> str:
    """A time without zeros at the end of its fraction of a second."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_of_float(value: float) -> str:
    """The shortest text that reads back as the number; whole numbers as people write them: 3, not 3.0.

    Excel and Parquet hold numbers where CSV holds texts: a category or class 3 must be the same in all of them.
    """
    if value.is_integer() and abs(value) < WHOLE_MAX:
        return str(int(value))
    return repr(value)
