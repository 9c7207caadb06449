"""Numbers as people write them: decimal commas, thousands separators, a unit before or after.

The grammar is that of `notation` in manifest.schema.json. `guess_notation` finds the one that reads a whole column;
`profile.py` asks for it where plain numbers fail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from trainer.table.cells import BLANK, Floats, numbers_of
from trainer.table.columns import MOSTLY_NUMBERS

Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'"]

SPACES = " \u00a0\u2009\u202f"
AFTER_UNIT = BLANK + "\u2009\u202f"
SEPARATORS: Mapping[str, str] = {",": ",", ".": ".", " ": SPACES, "'": "'\u2019"}
PLAIN_ENOUGH = 1 - MOSTLY_NUMBERS
"""From this share of cells that are no plain numbers on, a notation is looked for."""
SAMPLE_TEXTS = 1000

_CURRENCIES = (
    "$ € £ ¥ ₹ ₽ ₩ ₺ ₴ ₪ ₫ ₦ ₱ ฿ ¢ kr zł Kč Ft R$ US$ A$ C$ CHF Fr. Rs Rs. "
    "USD EUR GBP JPY CNY INR RUB KRW TRY UAH ILS BRL MXN CAD AUD NZD SEK NOK DKK PLN CZK HUF SGD HKD ZAR"
)
_MEASURES = (
    "% ‰ ° °C °F K kg g mg t lb lbs oz st m cm mm km mi ft in yd ″ ′ m² m2 m³ m3 km² ft² sqft sqm ha ac l L ml mL cl "
    "dl gal h hr hrs hours min mins s sec secs ms d days weeks months y yr yrs years km/h kmh mph m/s kWh MWh kW hp W "
    "V mA Hz kHz MHz GHz B kB KB MB GB TB px pt pts bps bp pcs dB ppm rpm cal kcal kJ J Pa bar psi mmHg bpm"
)
CURRENCIES = frozenset(_CURRENCIES.split())
UNITS = CURRENCIES | frozenset(_MEASURES.split())
"""Only what is known as a unit: the A of A11 is no unit but part of a code."""
_MAYBE = re.compile(r"[^0-9]{0,9}[0-9][0-9 .,'\u2019\u00a0\u2009\u202feE+-]*[^0-9]{0,9}.?")
AROUND = re.compile(r"[+-]?([^0-9+\-.,'\s]{0,8}?)\s*[+-]?[0-9.,](?:.*[0-9])?\s*([^0-9]{0,8}?)", re.DOTALL)


@dataclass(frozen=True)
class Notation:
    """`notation` of a number."""

    decimal: Decimal
    thousands: Thousands
    unit: str

    def number_of(self, cell: str) -> float:
        """The number a stripped cell is, NaN where it is none."""
        return float(self.numbers_of([cell])[0])

    def numbers_of(self, texts: Sequence[str]) -> Floats:
        """Of many stripped cells: those of the grammar become plain numbers, which are read together."""
        bare = [self.without_unit(text) for text in texts] if self.unit else texts
        is_number, plain = _grammar(self.decimal, self.thousands)
        return numbers_of([text.translate(plain) if is_number(text) else "" for text in bare])

    def to_json(self) -> dict[str, str]:
        return {"decimal": self.decimal, "thousands": self.thousands, "unit": self.unit}

    def without_unit(self, cell: str) -> str:
        """The cell with its unit cut off, once."""
        unit = self.unit
        if not unit:
            return cell
        if cell.endswith(unit):
            return cell[: -len(unit)].strip(AFTER_UNIT)
        if cell.startswith(unit):
            return cell[len(unit) :].strip(AFTER_UNIT)
        if cell[:1] in {"+", "-"} and cell.startswith(unit, 1):
            return cell[0] + cell[1 + len(unit) :].strip(AFTER_UNIT)
        return cell


@lru_cache
def _grammar(decimal: Decimal, thousands: Thousands) -> tuple[Callable[[str], object], dict[int, str]]:
    """What tells whether a text is a number in this notation, and what stands for its letters in a plain one."""
    point, whole = re.escape(decimal), "[0-9]+"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:[{re.escape(SEPARATORS[thousands])}][0-9]{{3}})+|[0-9]+)"
    pattern = re.compile(f"[+-]?(?:{whole}(?:{point}[0-9]+)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?")
    plain = {ord(decimal): "."} | ({ord(letter): "" for letter in SEPARATORS[thousands]} if thousands else {})
    return pattern.fullmatch, plain


_CANDIDATES: tuple[tuple[Decimal, Thousands], ...] = (
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)
_GROUPED = {
    separator: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{re.escape(separator)}[0-9]{{3}})+") for separator in ",."
}


@dataclass(frozen=True)
class Guess:
    """A notation, and what had to be decided about it, in words."""

    notation: Notation
    doubt: str = ""


def guess_notation(texts: Mapping[str, int]) -> Guess | None:
    """The notation that reads most of the cells (texts and how often they occur), by a sample of them; None where it
    reads too few. Whoever asks makes sure that it reads the others."""
    names = list(texts)
    step = max(1, len(names) // SAMPLE_TEXTS)
    sample = {text: texts[text] for text in names[::step]}
    if sum(1 for text in sample if _MAYBE.fullmatch(text)) < MOSTLY_NUMBERS * len(sample) / 2:
        return None
    unit = _unit(sample)
    candidates = [Notation(decimal, thousands, unit) for decimal, thousands in _CANDIDATES]
    counts = [_read(candidate, sample) for candidate in candidates]
    most = max(counts)
    if most < MOSTLY_NUMBERS * sum(sample.values()):
        return None
    return _resolved(candidates[counts.index(most)], names)


def _read(notation: Notation, texts: Mapping[str, int]) -> int:
    known = ~np.isnan(notation.numbers_of(list(texts)))
    return sum(count for count, is_known in zip(texts.values(), known, strict=True) if is_known)


def _resolved(best: Notation, texts: Sequence[str]) -> Guess:
    """Where every comma (or point) stands before exactly three digits, it may separate thousands or be the decimal one.

    Told, whichever way it is taken: thousands for commas and for money, decimals for a point in other units.
    """
    mark = best.decimal
    if best.thousands:
        return Guess(best)
    first = ""
    for text in texts:
        if mark in text:
            bare = best.without_unit(text)
            if not _GROUPED[mark].fullmatch(bare):
                return Guess(best)
            first = first or bare
    if not first:
        return Guess(best)
    if mark == "." and best.unit not in CURRENCIES:
        return Guess(best, f"{first} is read with a decimal point, not as thousands.")
    grouped = Notation(".", ",", best.unit) if mark == "," else Notation(",", ".", best.unit)
    name = "comma" if mark == "," else "point"
    return Guess(grouped, f"{first} is read as {grouped.number_of(first):.0f}: the {name} separates thousands.")


def _unit(texts: Mapping[str, int]) -> str:
    """The known unit that most cells carry, if a fifth of them does."""
    found: Counter[str] = Counter()
    for text, count in texts.items():
        match = AROUND.fullmatch(text)
        if match is None:
            continue
        before, after = match.groups()
        if before in CURRENCIES:
            found[before] += count
        elif after in UNITS:
            found[after] += count
    if not found:
        return ""
    unit, count = max(found.items(), key=lambda item: (item[1], item[0]))
    return unit if count * 5 >= sum(texts.values()) else ""
