"""The columns of a table in figures: what each is, how much of it is missing, whether a model would use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.features.profile import Interpretation, read_column, values_of
from trainer.table.columns import Column

DISTINCT_ROWS = 100_000
"""The different numbers of longer columns are counted in the first so many rows."""
EXAMPLE_LETTERS = 40
TEXTS_SHOWN = 3
TEXT_LETTERS = 20
SHOWN_FROM = 0.005
"""Rarer texts say nothing about a column; an example does."""


@dataclass(frozen=True)
class ColumnReport:
    """`distinct`: at least, when not `counted`. `reason`: why it is not used; empty where it is."""

    name: str
    kind: str
    missing: float
    distinct: int
    counted: bool
    example: str
    role: str
    """feature, target or dropped."""
    reason: str
    summary: str
    """What it holds: from where to where, or the most frequent texts."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "missing": self.missing,
            "distinct": self.distinct,
            "distinctCounted": self.counted,
            "example": self.example,
            "role": self.role,
            "reason": self.reason,
            "summary": self.summary,
        }


def report_column(column: Column, role: str, reason: str) -> ColumnReport:
    reading = read_column(column)
    distinct, counted = _distinct(column)
    missing = column.missing() / max(column.rows, 1)
    example = reading.feature.example[:EXAMPLE_LETTERS]
    kind, summary = _kind(column, reading), _summary(column, reading)
    return ColumnReport(column.name, kind, missing, distinct, counted, example, role, reason, summary)


def _summary(column: Column, reading: Interpretation) -> str:
    values = values_of(column, reading.feature)
    if values is not None:
        present = values[~np.isnan(values)]
        if len(present) == 0:
            return ""
        low, high = float(present.min()), float(present.max())
        if reading.feature.type == "date":
            return " to ".join(str(np.datetime64(int(moment), "ms").astype("datetime64[D]")) for moment in (low, high))
        return f"{low:,.6g} to {high:,.6g}"
    counts = column.counts()
    frequent = sorted(counts, key=lambda text: -counts[text])[:TEXTS_SHOWN]
    return ", ".join(
        f"{text[:TEXT_LETTERS]} {counts[text] / column.rows:.0%}"
        for text in frequent
        if counts[text] > SHOWN_FROM * column.rows
    )


def _kind(column: Column, reading: Interpretation) -> str:
    if column.rows == column.missing():
        return "empty"
    if column.overflow:
        return "text"
    feature = reading.feature
    if feature.notation is not None:
        unit = f" ({feature.notation.unit})" if feature.notation.unit else ""
        return f"number{unit}"
    if feature.orders:
        return f"date ({', '.join(feature.orders)})"
    return feature.type


def _distinct(column: Column) -> tuple[int, bool]:
    if column.codes is not None:
        return len(column.counts()), True
    values = column.numbers()[:DISTINCT_ROWS]
    return len(np.unique(values[~np.isnan(values)])), column.rows <= DISTINCT_ROWS and not column.overflow
