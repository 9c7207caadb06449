"""Learns the preprocessing from the rows a model may see: medians, scales, categories.

Before: `profile.py` said what each column is. Next: `encoding.py` executes what is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from trainer.features.dates import PARTS, Order, part_of
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
from trainer.features.profile import Feature
from trainer.features.readings import by_row, read_moments, read_numbers, read_truths
from trainer.table.cells import Floats
from trainer.table.columns import Column, Table

Scheme = Literal["trees", "linear"]
"""trees: numbers as they are, many categories as one ordinal. linear: standardised, the frequent categories one-hot."""

ONE_HOT_MAX = 20
ORDINAL_MAX = 1000
INDICATOR_SHARE = 0.01
INDICATOR_ROWS = 5
MISSING_IS_TELLING = 0.05
RARE_SHARE = 0.002
RARE_ROWS_MAX = 10
"""A category needs 0.2 % of the rows, two at least and ten at most; rarer ones are encoded like unknown ones."""


def fit_columns(features: Sequence[Feature], table: Table, scheme: Scheme) -> list[EncodedColumn]:
    """The declaration for every feature, from the rows of `table`."""
    return [_column(feature, table.columns[feature.name], scheme) for feature in features]


def _column(feature: Feature, column: Column, scheme: Scheme) -> EncodedColumn:
    if feature.type == "number":
        return _number(feature.name, column, scheme, feature.notation)
    if feature.type == "date":
        return _date(feature.name, column, scheme, feature.orders)
    if feature.type == "boolean":
        return _boolean(feature, column, scheme)
    return _category(feature.name, column, scheme)


def _number(name: str, column: Column, scheme: Scheme, notation: Notation | None) -> NumberColumn:
    values = by_row(column, read_numbers(column, notation))
    present = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        impute = float(np.median(present)) if len(present) else 0.0
    if not np.isfinite(impute):  # the mean of two numbers in the middle that are too large to add
        impute = float(np.quantile(present, 0.5, method="inverted_cdf"))
    center, scale = (0.0, 1.0) if scheme == "trees" else _standard(np.where(np.isnan(values), impute, values))
    return NumberColumn(name, impute, _indicated(len(values), len(present)), center, scale, notation)


def _boolean(feature: Feature, column: Column, scheme: Scheme) -> BooleanColumn:
    values = by_row(column, read_truths(column, feature.yes, feature.no))
    present = values[~np.isnan(values)]
    impute = float(np.mean(present) >= 0.5) if len(present) else 0.0
    center, scale = (0.0, 1.0) if scheme == "trees" else _standard(np.where(np.isnan(values), impute, values))
    indicator = _indicated(len(values), len(present))
    return BooleanColumn(feature.name, feature.yes, feature.no, impute, indicator, center, scale)


def _date(name: str, column: Column, scheme: Scheme, orders: tuple[Order, ...]) -> DateColumn:
    """All parts that vary; the time elapsed when none does."""
    moments = by_row(column, read_moments(column, orders))
    present = moments[~np.isnan(moments)]
    parts: list[DatePart] = []
    for part in PARTS:
        values = part_of(present, part)
        constant = len(values) == 0 or bool(np.all(values == values[0]))
        if constant and (part != "elapsed" or parts):
            continue
        impute = float(np.median(values)) if len(values) else 0.0
        center, scale = 0.0, 1.0
        if scheme == "linear":
            center, scale = _standard(np.append(values, np.full(len(moments) - len(values), impute)))
        parts.append(DatePart(part, impute, center, scale))
    return DateColumn(name, orders, tuple(parts), _indicated(len(moments), len(present)))


def _indicated(rows: int, present: int) -> bool:
    """Whether missing cells are frequent enough to be told apart from imputed ones."""
    return rows - present >= max(INDICATOR_ROWS, INDICATOR_SHARE * rows) and present > 0


def _standard(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation; magnitude instead where squares overflow; (mean, 1) where all are equal."""
    if len(values) == 0:
        return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = float(np.mean(values)), float(np.std(values))
    if not (np.isfinite(center) and np.isfinite(scale)):
        return 0.0, float(np.max(np.abs(values)))
    if scale <= abs(center) * 1e-15 or scale == 0:
        return center, 1.0
    return center, scale


def _category(name: str, column: Column, scheme: Scheme) -> OneHotColumn | OrdinalColumn:
    counts = column.counts()
    least = min(max(2, int(RARE_SHARE * column.rows)), RARE_ROWS_MAX)
    common = {text: count for text, count in counts.items() if count >= least}
    if len(common) < 2:
        common = counts
    ranked = sorted(common, key=lambda text: (-common[text], text))
    if scheme == "linear" or len(ranked) <= ONE_HOT_MAX:
        kept = tuple(sorted(ranked[:ONE_HOT_MAX]))
        telling = column.missing() > MISSING_IS_TELLING * column.rows
        return OneHotColumn(name, kept, None if telling or not ranked else ranked[0])
    return OrdinalColumn(name, tuple(sorted(ranked[:ORDINAL_MAX])))
