"""`features[].statistics` of the manifest: what the rows trained on looked like, so that drift can be seen later."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.features.dates import DAY_MS
from trainer.features.profile import Feature, values_of
from trainer.table.columns import Column

SHARES_MAX = 20
DECILES = np.linspace(0, 1, 11)


def statistics(feature: Feature, column: Column) -> dict[str, Any]:
    """Of one feature: the share of cells missing; quantiles of numbers and dates, or shares of frequent texts."""
    values = values_of(column, feature)
    if values is not None:
        present = values[~np.isnan(values)]
        told: dict[str, Any] = {"missing": 1 - len(present) / max(column.rows, 1)}
        if len(present):
            # A value that occurs, never one between two: nothing can overflow, and whole numbers stay whole.
            quantiles = np.quantile(present, DECILES, method="inverted_cdf")
            told["quantiles"] = (quantiles / DAY_MS if feature.type == "date" else quantiles).tolist()
        return told
    if column.codes is None:
        return {"missing": column.missing() / max(column.rows, 1)}
    counts = np.bincount(column.codes + 1, minlength=len(column.texts) + 1)[1:]
    frequent = sorted(np.nonzero(counts)[0].tolist(), key=lambda code: (-counts[code], column.texts[code]))[:SHARES_MAX]
    return {
        "missing": column.missing() / max(column.rows, 1),
        "shares": {column.texts[code]: float(counts[code] / column.rows) for code in frequent},
    }
