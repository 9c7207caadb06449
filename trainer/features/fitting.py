"""Learns the preprocessing from the rows a model may see: medians, scales, categories.

Before: `profile.py` said which columns are numbers and which categories. Next: `encoding.py` executes what is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from trainer.features.encoding import EncodedColumn, NumberColumn, OneHotColumn, OrdinalColumn
from trainer.features.profile import Feature
from trainer.table.columns import MISSING, Column, Table

Scheme = Literal["trees", "linear"]
"""trees: numbers as they are, many categories as one ordinal. linear: standardised, the frequent categories one-hot."""

ONE_HOT_MAX = 20
ORDINAL_MAX = 1000
INDICATOR_SHARE = 0.01
INDICATOR_ROWS = 5
MISSING_IS_TELLING = 0.05


def fit_columns(features: Sequence[Feature], table: Table, scheme: Scheme) -> list[EncodedColumn]:
    """The declaration for every feature, from the rows of `table`."""
    return [
        _number(feature.name, table.columns[feature.name], scheme)
        if feature.type == "number"
        else _category(feature.name, table.columns[feature.name], scheme)
        for feature in features
    ]


def _number(name: str, column: Column, scheme: Scheme) -> NumberColumn:
    values = column.numbers()
    present = values[~np.isnan(values)]
    absent = len(values) - len(present)
    impute = float(np.median(present)) if len(present) else 0.0
    indicator = absent >= max(INDICATOR_ROWS, INDICATOR_SHARE * len(values)) and len(present) > 0
    if scheme == "trees":
        return NumberColumn(name, impute, indicator)
    center, scale = _standard(np.where(np.isnan(values), impute, values))
    return NumberColumn(name, impute, indicator, center, scale)


def _standard(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; magnitude instead where squares overflow; (mean, 1) where all are equal."""
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = float(np.mean(values)), float(np.std(values))
    if not (np.isfinite(center) and np.isfinite(scale)):
        return 0.0, float(np.max(np.abs(values)))
    if scale <= abs(center) * 1e-15 or scale == 0:
        return center, 1.0
    return center, scale


def _category(name: str, column: Column, scheme: Scheme) -> OneHotColumn | OrdinalColumn:
    counts = _counts(column)
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    if scheme == "linear" or len(ranked) <= ONE_HOT_MAX:
        kept = tuple(sorted(ranked[:ONE_HOT_MAX]))
        telling = column.missing() > MISSING_IS_TELLING * column.rows
        return OneHotColumn(name, kept, None if telling or not ranked else ranked[0])
    return OrdinalColumn(name, tuple(sorted(ranked[:ORDINAL_MAX])))


def _counts(column: Column) -> dict[str, int]:
    if column.codes is None:
        return {}
    codes, counts = np.unique(column.codes, return_counts=True)
    return {column.texts[code]: int(count) for code, count in zip(codes, counts, strict=True) if code != MISSING}
