"""The preprocessing of a manifest read back: what `encoding.to_json` wrote becomes columns that encode again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.features.encoding import (
    BooleanColumn,
    DateColumn,
    DatePart,
    EncodedColumn,
    NumberColumn,
    OneHotColumn,
    OrdinalColumn,
)
from trainer.features.notation import Notation

KINDS: Mapping[str, type[EncodedColumn]] = {
    "number": NumberColumn,
    "boolean": BooleanColumn,
    "date": DateColumn,
    "oneHot": OneHotColumn,
    "ordinal": OrdinalColumn,
}


def from_json(declared: Sequence[Mapping[str, Any]]) -> list[EncodedColumn]:
    """`preprocessing.columns` of a manifest that follows the contract."""
    return [
        KINDS[column["kind"]](**{name: _read(name, value) for name, value in column.items()}) for column in declared
    ]


def _read(name: str, value: Any) -> Any:
    if name == "notation":
        return None if value is None else Notation(**value)
    if name == "parts":
        return tuple(DatePart(**part) for part in value)
    return tuple(value) if isinstance(value, list) else value
