"""What each column is: numbers, yes and no, dates, categories, or nothing a model should see, with the reason.

Looks at all rows with a target, never at the target itself. Before: `usefulness.py` judges what no model should see.
Next: `fitting.py` learns medians, scales and categories from the training rows alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from trainer.features.booleans import guess_words
from trainer.features.dates import Order, all_plausible, guess_orders, read_dates
from trainer.features.notation import PLAIN_ENOUGH, Notation, guess_notation
from trainer.features.readings import by_row, read_moments, read_numbers
from trainer.features.usefulness import useless, useless_numbers, useless_texts
from trainer.table.cells import Floats
from trainer.table.columns import MOSTLY_NUMBERS, Column, Table

BOOLEAN_TEXTS_MAX = 12
EIGHT_DIGITS = 8
INFINITE = re.compile(r"[+-]?(?:inf|infinity|[0-9.]+e\+?[0-9]{3,})", re.IGNORECASE)
"""What divisions by zero leave behind: no number, and no reason to take a column for texts."""


@dataclass(frozen=True)
class Feature:
    """A column the model uses, and how its cells are to be read."""

    name: str
    type: Literal["number", "boolean", "date", "category"]
    example: str
    notation: Notation | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()


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


@dataclass(frozen=True)
class Interpretation:
    """How a column is to be read, and what was decided about it, in words."""

    feature: Feature
    values: Floats | None
    """Of a column of numbers, by row."""
    notes: list[str] = field(default_factory=list)


def profile(table: Table, names: Sequence[str]) -> Profile:
    """Judges the columns `names` of `table`."""
    features: list[Feature] = []
    dropped: list[Dropped] = []
    notes: list[str] = []
    known: dict[bytes, str] = {}
    for name in names:
        column = table.columns[name]
        reason = useless(column)
        if not reason:
            reading = read_column(column)
            reason = _useless(column, reading)
        if not reason:
            mark = _fingerprint(column, reading)
            first = known.setdefault(mark, name)
            if first != name:
                reason = f"It holds the same values as “{first[:100]}”."
        if reason:
            dropped.append(Dropped(name, reason))
            continue
        features.append(reading.feature)
        notes.extend(reading.notes)
    if len(features) > table.rows:
        notes.append(
            f"There are more columns ({len(features):,}) than rows ({table.rows:,}): some seem to matter by chance."
        )
    return Profile(features, dropped, notes)


def read_column(column: Column) -> Interpretation:
    """What the column is. Plain numbers first, then words for yes and no, notations, dates; else categories."""
    present = column.rows - column.missing()
    values = column.numbers()
    plain = int(np.count_nonzero(~np.isnan(values))) / max(present, 1)
    name, example = column.name, _example(column)
    if plain == 1 and _eight_digit_dates(column):
        feature = Feature(name, "date", example, orders=("YMD",))
        return Interpretation(feature, values_of(column, feature))
    texts = {} if plain == 1 else column.counts()
    plain += sum(count for text, count in texts.items() if INFINITE.fullmatch(text)) / max(present, 1)
    if plain < MOSTLY_NUMBERS and len(texts) <= BOOLEAN_TEXTS_MAX and (words := guess_words(texts)):
        return Interpretation(Feature(name, "boolean", example, yes=words[0], no=words[1]), None)
    found = guess_notation(texts) if texts else None
    if found:
        feature = Feature(name, "number", example, found.notation)
        share = _share_read(column, feature)
        if _better(found.notation, share, plain):
            return _noted(column, feature, share, found.doubt)
    if plain >= MOSTLY_NUMBERS:
        feature = Feature(name, "number", example)
        return _noted(column, feature, _share_read(column, feature), "")
    dates = guess_orders(texts) if texts else None
    if dates:
        feature = Feature(name, "date", example, orders=dates.orders)
        share = _share_read(column, feature)
        if share >= MOSTLY_NUMBERS:
            return _noted(column, feature, share, dates.doubt)
    return Interpretation(Feature(name, "category", example), None)


def _share_read(column: Column, feature: Feature) -> float:
    values = values_of(column, feature)
    assert values is not None
    return int(np.count_nonzero(~np.isnan(values))) / (column.rows - column.missing())


def _better(notation: Notation, share: float, plain: float) -> bool:
    """A notation replaces plain reading where that fails; or where both agree and it reads more."""
    if 1 - plain >= PLAIN_ENOUGH:
        return share >= MOSTLY_NUMBERS
    return notation.decimal == "." and share - plain > (1 - plain) / 2


def _noted(column: Column, feature: Feature, share: float, doubt: str) -> Interpretation:
    """Tells how a column is read when that is not self-evident, and how many of its cells cannot be."""
    shown = f"“{feature.name[:100]}”"
    notes = [f"{shown}: {doubt}"] if doubt else []
    invalid = round((1 - share) * (column.rows - column.missing()))
    what = "dates" if feature.type == "date" else "numbers"
    if invalid:
        cells = "1 cell" if invalid == 1 else f"{invalid:,} cells"
        endless = any(INFINITE.fullmatch(text) for text in column.texts)
        why = f"infinite or no {what}" if endless else f"no {what}"
        notes.append(f"{cells} of {shown}: {why}, treated as missing.")
    return Interpretation(feature, values_of(column, feature), notes)


def values_of(column: Column, feature: Feature) -> Floats | None:
    """The numbers of a column of numbers, the moments (milliseconds since 1970) of dates, by row; None of others."""
    if feature.type == "number":
        return by_row(column, read_numbers(column, feature.notation))
    if feature.type == "date":
        return by_row(column, read_moments(column, feature.orders))
    return None


def _eight_digit_dates(column: Column) -> bool:
    """20240531 is a date only where every cell is one."""
    if column.codes is None:
        return False
    texts = [column.texts[code] for code in _used(column)]
    return all(len(text) == EIGHT_DIGITS for text in texts) and all_plausible(read_dates(texts, ("YMD",)))


def _used(column: Column) -> list[int]:
    assert column.codes is not None
    used = np.zeros(len(column.texts) + 1, dtype=bool)
    used[column.codes] = True
    return [int(code) for code in np.nonzero(used[:-1])[0]]


def _useless(column: Column, reading: Interpretation) -> str:
    if reading.values is not None:
        return useless_numbers(column, reading.values, dates=reading.feature.type == "date")
    return useless_texts(column, column.counts())


def _fingerprint(column: Column, reading: Interpretation) -> bytes:
    """Equal for columns of equal values."""
    digest = hashlib.blake2b(reading.feature.type.encode())
    if reading.values is not None:
        digest.update((reading.values + 0.0).tobytes())
    elif column.codes is not None:
        used = _used(column)
        places = np.full(len(column.texts) + 1, -1, dtype=np.int32)
        order = sorted(used, key=column.texts.__getitem__)
        places[order] = np.arange(len(order), dtype=np.int32)
        digest.update("\0".join(column.texts[code] for code in order).encode("utf-8", "surrogatepass"))
        digest.update(places[column.codes].tobytes())
    return digest.digest()


def _example(column: Column) -> str:
    """The first text present, as it stands in the data."""
    for row in range(column.rows):
        if text := column.text_at(row):
            return text[:100]
    return ""
