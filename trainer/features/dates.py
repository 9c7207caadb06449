"""Dates and times as people write them, and the numbers a model sees of them.

The grammar is that of `date` in manifest.schema.json. Texts are read by their shape (2024-05-31 is 0000-00-00): one
look at each shape, then whole arrays of digits. `guess_orders` finds in which order a column has day and month.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats

Order = Literal["YMD", "DMY", "MDY"]
Part = Literal["year", "month", "day", "weekday", "hour", "elapsed"]
PARTS: tuple[Part, ...] = ("year", "month", "day", "weekday", "hour", "elapsed")

DAY_MS = 86_400_000
PLAUSIBLE_YEARS = (1900, 2100)
"""Eight digits are taken for dates only if all of them lie here."""
DIFFERENT_MIN = 5
BATCH_TEXTS = 65_536

_Ints = NDArray[np.int64]
_Field = Callable[[str], _Ints]
_DIGITS = str.maketrans("123456789", "000000000")
_SHAPE = re.compile(
    r"(?:(?P<year>0000)(?P<mark>[-/.])(?P<second>00?)(?P=mark)(?P<third>00?)"
    r"|(?P<first>00?)(?P<mark2>[-/.])(?P<middle>00?)(?P=mark2)(?P<last>0000)"
    r"|(?P<eight>00000000))"
    r"(?:[T ](?P<hour>00?):(?P<minute>00)(?::(?P<seconds>00)(?:\.(?P<fraction>0{1,9}))?)?"
    r"(?: ?(?:Z|(?P<sign>[+-])(?P<offset_hours>00)(?::?(?P<offset_minutes>00))?))?)?"
)
_LONGEST = 40
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def read_dates(texts: Sequence[str], orders: Sequence[Order]) -> Floats:
    """Milliseconds since 1970-01-01T00:00 UTC of each stripped cell, NaN where it is no date in these orders."""
    read = np.full(len(texts), np.nan)
    for start in range(0, len(texts), BATCH_TEXTS):
        by_shape: dict[str, list[int]] = {}
        for place, text in enumerate(texts[start : start + BATCH_TEXTS], start):
            if len(text) <= _LONGEST:
                by_shape.setdefault(text.translate(_DIGITS), []).append(place)
        for shape, places in by_shape.items():
            if match := _SHAPE.fullmatch(shape):
                read[places] = _read_alike([texts[place] for place in places], match, orders)
    return read


def _read_alike(texts: list[str], shape: re.Match[str], orders: Sequence[Order]) -> Floats:
    """Of texts of one shape."""
    letters = np.array(texts).view(np.uint32).reshape(len(texts), -1).astype(np.int64) - ord("0")

    def field(name: str) -> _Ints:
        first, last = shape.span(name)
        value = np.zeros(len(texts), dtype=np.int64)
        for at in range(first, last):
            value = value * 10 + letters[:, at]
        return value

    days, valid = _days_in_orders(shape, field, orders)
    clock = [field(name) for name in ("hour", "minute", "seconds")]
    valid &= (clock[0] <= 23) & (clock[1] <= 59) & (clock[2] <= 59)
    fraction = shape.span("fraction")
    digits = max(0, fraction[1] - fraction[0])
    milliseconds = field("fraction") * 1000 // 10**digits
    offset_hours, offset_minutes = field("offset_hours"), field("offset_minutes")
    valid &= (offset_hours <= 23) & (offset_minutes <= 59)
    sign = np.where(letters[:, shape.start("sign")] == ord("-") - ord("0"), -1, 1) if shape["sign"] else 1
    minutes = clock[0] * 60 + clock[1] - sign * (offset_hours * 60 + offset_minutes)
    total = days * DAY_MS + minutes * 60_000 + clock[2] * 1000 + milliseconds
    return np.where(valid, total.astype(np.float64), np.nan)


def _days_in_orders(shape: re.Match[str], field: _Field, orders: Sequence[Order]) -> tuple[_Ints, NDArray[np.bool_]]:
    """Days since 1970 by the first order in which a date exists, and whether there is one."""
    if shape["eight"]:
        digits = field("eight")
        triples = {"YMD": (digits // 10_000, digits // 100 % 100, digits % 100)}
    elif shape["year"]:
        triples = {"YMD": (field("year"), field("second"), field("third"))}
    else:
        first, middle, last = field("first"), field("middle"), field("last")
        triples = {"DMY": (last, middle, first), "MDY": (last, first, middle)}
    rows = len(next(iter(triples.values()))[0])
    days, valid = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=bool)
    for order in orders:
        if order in triples:
            found, exists = days_of(*triples[order])
            days = np.where(valid, days, found)
            valid |= exists
    return days, valid


def days_of(year: _Ints, month: _Ints, day: _Ints) -> tuple[_Ints, NDArray[np.bool_]]:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, and whether the day exists (years 1 to 9999)."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    known = (month >= 1) & (month <= 12)
    length = _MONTH_DAYS[np.where(known, month, 0)] + (leap & (month == 2))
    exists = known & (year >= 1) & (year <= 9999) & (day >= 1) & (day <= length)
    months = (np.where(exists, year, 1970) - 1970) * 12 + np.where(exists, month, 1) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.where(exists, day, 1) - 1
    return days, exists


def part_of(moments: Floats, part: Part) -> Floats:
    """A part of each moment (milliseconds since 1970, UTC); NaN stays NaN."""
    absent = np.isnan(moments)
    whole = np.where(absent, 0, moments).astype(np.int64)
    days, rest = whole // DAY_MS, whole % DAY_MS
    value: NDArray[np.float64]
    if part == "elapsed":
        value = days + rest / DAY_MS
    elif part == "hour":
        value = (rest // 3_600_000).astype(np.float64)
    elif part == "weekday":
        value = ((days + 3) % 7).astype(np.float64)  # 1970 began on a Thursday
    else:
        value = _calendar(days, part).astype(np.float64)
    return np.where(absent, np.nan, value)


def _calendar(days: _Ints, part: Part) -> _Ints:
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    number: _Ints = months.astype(np.int64)
    if part == "day":
        first: _Ints = months.astype("datetime64[D]").astype(np.int64)
        return days - first + 1
    return number % 12 + 1 if part == "month" else number // 12 + 1970


@dataclass(frozen=True)
class Orders:
    """The orders that read a column, and what had to be decided about them, in words."""

    orders: tuple[Order, ...]
    doubt: str = ""


_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2[0-9]{4}(?:[T ].*)?")
_YEAR_FIRST = re.compile(r"[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}(?:[T ].*)?|[0-9]{8}(?:[T ].*)?")
SAMPLE_TEXTS = 200


def guess_orders(texts: Mapping[str, int]) -> Orders | None:
    """Of texts and how often they occur; None where they are no dates. Whoever asks makes sure that they are read."""
    names = list(texts)
    sample = names[:: max(1, len(names) // SAMPLE_TEXTS)]
    if sum(1 for text in sample if _YEAR_LAST.fullmatch(text) or _YEAR_FIRST.fullmatch(text)) < 0.8 * len(sample):
        return None
    orders, doubt = _day_and_month(texts)
    year_first = sum(count for text, count in texts.items() if _YEAR_FIRST.fullmatch(text))
    if year_first:
        orders = [*orders, "YMD"] if year_first * 2 < sum(texts.values()) else ["YMD", *orders]
    return Orders(tuple(orders), doubt)


def _day_and_month(texts: Mapping[str, int]) -> tuple[list[Order], str]:
    """By the values above 12 in the whole column; else by the part that never changes (the first of each month);
    else by custom, which is told."""
    found = [match for text in texts if (match := _YEAR_LAST.fullmatch(text))]
    if not found:
        return [], ""
    firsts, seconds = [int(match[1]) for match in found], [int(match[3]) for match in found]
    day_first = sum(first > 12 >= second for first, second in zip(firsts, seconds, strict=True))
    month_first = sum(second > 12 >= first for first, second in zip(firsts, seconds, strict=True))
    example = f"{found[0][1]}{found[0][2]}{found[0][3]}{found[0][2]}…"
    if day_first and month_first:
        both: list[Order] = ["DMY", "MDY"] if day_first >= month_first else ["MDY", "DMY"]
        return both, f"Days come before and after months; where either is possible, {_SPOKEN[both[0]]} is read."
    if day_first or month_first:
        return ["DMY" if day_first else "MDY"], ""
    if len(set(firsts)) == 1 and len(set(seconds)) > 2:
        return ["DMY"], ""
    if len(set(seconds)) == 1 and len(set(firsts)) > 2:
        return ["MDY"], ""
    points = all(match[2] == "." for match in found)
    order: Order = "DMY" if points or found[0][2] == "-" else "MDY"
    return [order], "" if points else f"No day is above 12: dates such as {example} are read {_SPOKEN[order]}."


_SPOKEN = {"DMY": "day before month", "MDY": "month before day"}


def all_plausible(moments: Floats) -> bool:
    """Whether different texts of eight digits are surely dates: every one exists, in years that tables are about."""
    if len(moments) == 0 or np.isnan(moments).any():
        return False
    years = part_of(moments, "year")
    low, high = PLAUSIBLE_YEARS
    return bool(years.min() >= low and years.max() <= high and len(moments) >= DIFFERENT_MIN)
