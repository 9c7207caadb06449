"""Why a model should not see a column: empty, always the same, a row counter, an id, free text. In words, for users.

Part of `profile.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from trainer.table.cells import Floats
from trainer.table.columns import Column

ID_LIKE_ROWS = 20
"""With fewer rows than this, all values being different means nothing."""
ID_LIKE_DISTINCT = 0.95
TEXT_LETTERS = 80
"""Different texts that are longer than this on average are sentences, not categories."""
TEXT_WORDS = 4
MOSTLY_MISSING = 0.99
NEAR_CONSTANT_ROWS = 100
NEAR_CONSTANT_SHARE = 0.0005
"""A value that fewer rows than this have (one row of a few hundred) cannot be learned from."""
IDENTIFIER_DISTINCT = 0.2
YEARS = (1000, 3000)
LOOKED_AT = 1000

_ID_NAME = re.compile(
    r"(?:^|[\W_])(?:id|ids|uuid|guid|key|index|idx|rownum|row[\W_]?(?:number|no|nr|id)|nr|no)$"
    r"|^(?:id|uuid|guid|index|unnamed: ?\d+)(?:$|[\W_])",
    re.IGNORECASE,
)
_ID_CAMEL = re.compile(r"[a-z0-9](?:Id|ID|Uuid|UUID|Key|RowNumber|Index)$|^RowNumber$")
_NUMBERED_NAME = re.compile(
    r"number|num$|code|ref|account|invoice|ticket|order|serial|record|transaction|session|sequence|seq", re.IGNORECASE
)
_IDENTIFIER = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[^0-9]*[0-9])(?=[^a-fA-F]*[a-fA-F])[0-9a-fA-F]{16,128}"
)


def useless(column: Column) -> str:
    """Whatever its kind; empty when there is nothing against it."""
    rows, missing = column.rows, column.missing()
    if rows == missing:
        return "It is empty."
    if rows >= ID_LIKE_ROWS and missing / rows > MOSTLY_MISSING:
        return f"{missing:,} of {rows:,} cells are missing."
    if column.overflow:
        return "It holds too many different texts to learn from."
    return ""


def useless_numbers(column: Column, values: Floats, *, dates: bool) -> str:
    """`values`: by row, NaN where there is none."""
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return "It is empty."
    if len(present) == column.rows:
        if np.all(present == present[0]):
            return _same(column)
        rare = _rarely_different(present)
        if rare:
            return rare
    if dates or len(present) < ID_LIKE_ROWS or not np.all(present == np.floor(present)):
        return ""
    return _useless_whole_numbers(column, present)


def _useless_whole_numbers(column: Column, present: Floats) -> str:
    steps = np.diff(present)
    named = named_like_id(column.name)
    if len(present) == column.rows and np.all(steps == 1) and (named or not _year_like(present)):
        return "It only counts the rows."
    if not named and not _NUMBERED_NAME.search(column.name):
        return ""
    distinct = len(np.unique(present))
    if named and distinct >= ID_LIKE_DISTINCT * len(present):
        return "It names each row (an id), which says nothing about new rows."
    if distinct == len(present) and np.all(steps > 0):
        return "It numbers the rows in their order, which says nothing about new rows."
    return ""


def _year_like(present: Floats) -> bool:
    return bool(present[0] >= YEARS[0] and present[-1] <= YEARS[1] and len(present) <= YEARS[1] - YEARS[0])


def named_like_id(name: str) -> bool:
    """customer_id, CustomerId, ID, row number …"""
    return bool(_ID_NAME.search(name) or _ID_CAMEL.search(name))


def _same(column: Column) -> str:
    return f"It is the same in all rows ({column.text_at(0)[:40]})."


def _rarely_different(present: Floats) -> str:
    """All but a handful of rows have one value. The median must be it: nothing else is looked at."""
    rows = len(present)
    if rows < NEAR_CONSTANT_ROWS:
        return ""
    usual = np.partition(present, rows // 2)[rows // 2]
    return _near_constant(rows, int(np.count_nonzero(present != usual)))


def _near_constant(rows: int, others: int) -> str:
    if rows < NEAR_CONSTANT_ROWS or others > max(1, NEAR_CONSTANT_SHARE * rows):
        return ""
    return f"It is the same in all rows but {others:,}."


def useless_texts(column: Column, counts: Mapping[str, int]) -> str:
    """`counts`: how often each text occurs."""
    rows, present, distinct = column.rows, sum(counts.values()), len(counts)
    if distinct == 0:  # not empty, which is known by now: it began with too many numbers to keep texts
        return "It begins with numbers and goes on with texts."
    if present == rows:
        if distinct == 1:
            return _same(column)
        near = _near_constant(rows, rows - max(counts.values()))
        if near:
            return near
    return _like_an_id(counts, present)


def _like_an_id(counts: Mapping[str, int], present: int) -> str:
    distinct = len(counts)
    looked_at = list(counts)[:: max(1, distinct // LOOKED_AT)]
    letters = sum(map(len, looked_at)) / len(looked_at)
    words = sum(len(text.split()) for text in looked_at) / len(looked_at)
    if distinct > present / 2 and (letters > TEXT_LETTERS or (present >= ID_LIKE_ROWS and words > TEXT_WORDS)):
        return "It is free text."
    if present < ID_LIKE_ROWS:
        return ""
    identifiers = sum(1 for text in looked_at if _IDENTIFIER.fullmatch(text)) >= ID_LIKE_DISTINCT * len(looked_at)
    if identifiers and distinct >= IDENTIFIER_DISTINCT * present:
        return "It holds identifiers (UUIDs or hashes), which say nothing about new rows."
    if distinct >= ID_LIKE_DISTINCT * present:
        return "Nearly every row has a text of its own, like an id, a name or free text."
    return ""
