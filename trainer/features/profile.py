"""What each column is: numbers, categories, or nothing a model should see, with the reason.

Looks at all rows with a target, never at the target itself. Next: `fitting.py` learns medians, scales and categories
from the training rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainer.table.columns import MOSTLY_NUMBERS, Column, Table

ID_LIKE_ROWS = 20
"""With fewer rows than this, all values being different means nothing."""
ID_LIKE_DISTINCT = 0.95
TEXT_LETTERS = 80
"""Different texts that are longer than this on average are sentences, not categories."""
MOSTLY_MISSING = 0.99


@dataclass(frozen=True)
class Feature:
    """A column the model uses."""

    name: str
    type: Literal["number", "category"]
    example: str


@dataclass(frozen=True)
class Dropped:
    """A column the model does not use, and why, in words."""

    name: str
    reason: str


@dataclass(frozen=True)
class Profile:
    """All columns but the target."""

    features: list[Feature]
    dropped: list[Dropped]
    notes: list[str]


def profile(table: Table, names: list[str]) -> Profile:
    """Judges the columns `names` of `table`."""
    features: list[Feature] = []
    dropped: list[Dropped] = []
    notes: list[str] = []
    for name in names:
        column = table.columns[name]
        reason = _useless(column)
        if reason:
            dropped.append(Dropped(name, reason))
            continue
        numeric = _is_number(column)
        if numeric and numeric < 1:
            invalid = round((1 - numeric) * (column.rows - column.missing()))
            notes.append(f"{invalid} cells of “{name[:100]}” are not numbers and count as missing.")
        features.append(Feature(name, "number" if numeric else "category", _example(column)))
    return Profile(features, dropped, notes)


def _is_number(column: Column) -> float:
    """The share of cells present that are numbers; 0 when they are too few for a column of numbers."""
    present = column.rows - column.missing()
    share = np.count_nonzero(~np.isnan(column.numbers())) / max(present, 1)
    return float(share) if share >= MOSTLY_NUMBERS else 0.0


def _useless(column: Column) -> str:
    """Why a model should not see this column; empty when it should."""
    rows, missing = column.rows, column.missing()
    present = rows - missing
    if present == 0:
        return "It is empty."
    if rows >= ID_LIKE_ROWS and missing / rows > MOSTLY_MISSING:
        return f"{missing} of {rows} cells are missing."
    if column.overflow:
        return "It holds too many different texts to learn from."
    if _is_number(column):
        return _useless_numbers(column)
    return _useless_texts(column, present)


def _useless_numbers(column: Column) -> str:
    values = column.numbers()
    present = values[~np.isnan(values)]
    if column.missing() == 0 and np.all(present == present[0]):
        return f"It is the same in all rows ({column.text_at(0)[:40]})."
    if len(present) == column.rows >= ID_LIKE_ROWS and np.all(np.diff(present) == 1):
        return "It only counts the rows."
    if len(present) >= ID_LIKE_ROWS and _named_like_id(column.name) and _all_different_integers(present):
        return "It names each row (an id), which says nothing about new rows."
    return ""


def _all_different_integers(values: np.ndarray) -> bool:
    return bool(np.all(values == np.floor(values)) and len(np.unique(values)) == len(values))


def _named_like_id(name: str) -> bool:
    lower = name.lower()
    return lower in {"id", "index", "uuid", "guid", "key", "no", "nr"} or lower.endswith(("_id", " id", "-id"))


def _useless_texts(column: Column, present: int) -> str:
    assert column.codes is not None
    used = np.unique(column.codes[column.codes >= 0])
    if len(used) == 1 and column.missing() == 0:
        return f"It is the same in all rows ({column.texts[int(used[0])][:40]})."
    letters = sum(len(column.texts[code]) for code in used[:1000]) / min(len(used), 1000)
    if letters > TEXT_LETTERS and len(used) > present / 2:
        return "It is free text."
    if present >= ID_LIKE_ROWS and len(used) >= ID_LIKE_DISTINCT * present:
        return "Nearly every row has a text of its own, like an id, a name or free text."
    return ""


def _example(column: Column) -> str:
    """The first text present, as it stands in the data."""
    for row in range(column.rows):
        if text := column.text_at(row):
            return text[:100]
    return ""
