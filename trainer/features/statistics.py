"""`features[].statistics` of the manifest: what the rows trained on looked like, so that drift can be seen later."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.features.dates import DAY_MS
from trainer.features.profile import Feature, values_of
from trainer.table.cells import Floats
from trainer.table.columns import Column

SHARES_MAX = 20
DECILES = np.linspace(0, 1, 11)


def deciles(values: Floats) -> list[float]:
    """Minimum, deciles, maximum: values that occur, never one between two. Nothing can overflow, and whole numbers stay
    whole."""
    return [float(value) for value in np.quantile(values, DECILES, method="inverted_cdf")]


def statistics(feature: Feature, column: Column) -> dict[str, Any]:
    """Of one feature: the share of cells missing; quantiles of numbers and dates and the share up to each, or shares of
    frequent texts."""
    values = values_of(column, feature)
    if values is not None:
        present = values[~np.isnan(values)]
        told: dict[str, Any] = {"missing": 1 - len(present) / max(column.rows, 1)}
        if len(present):
            quantiles = deciles(present)
            told["quantiles"] = [value / DAY_MS if feature.type == "date" else value for value in quantiles]
            told["atMost"] = [float(np.count_nonzero(present <= value) / len(present)) for value in quantiles]
        return told
    if column.codes is None:
        return {"missing": column.missing() / max(column.rows, 1)}
    counts = column.counts()
    frequent = sorted(counts, key=lambda text: (-counts[text], text))[:SHARES_MAX]
    return {
        "missing": column.missing() / max(column.rows, 1),
        "shares": {text: counts[text] / column.rows for text in frequent},
    }
