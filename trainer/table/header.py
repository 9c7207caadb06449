"""The names of the columns: how many, none twice; and how a message shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trainer.errors import DataError

COLUMNS_MAX = 20_000
NAME_SHOWN = 60


def shown(name: str) -> str:
    """A column's name for a message: shortened, so that 300 letters do not drown the sentence."""
    return f"“{name}”" if len(name) <= NAME_SHOWN else f"“{name[: NAME_SHOWN - 1]}…” ({len(name)} letters)"


def listed(names: list[str], most: int = 8) -> str:
    """Some names for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more


def check_header(header: Sequence[str], file: str) -> list[str]:
    """The stripped names, empty where a column has none. Raises DataError before any row is read."""
    if len(header) > COLUMNS_MAX:
        raise DataError(
            "TooManyColumns",
            f"{file} has {len(header):,} columns; {COLUMNS_MAX:,} are the most.",
            "Leave out columns that cannot matter.",
        )
    named = [name for name in header if name]
    repeated = [name for name, count in Counter(named).items() if count > 1]
    if repeated:
        raise DataError(
            "DuplicateColumns",
            f"{file} has more than one column named {listed(repeated)}.",
            "Give every column a name of its own.",
        )
    if len(named) < 2:
        raise DataError(
            "OneColumn",
            f"{file} has {'one column' if named else 'no column with a name'}.",
            "A table needs a target and at least one other column, separated by commas, semicolons, tabs or |.",
        )
    return list(header)
