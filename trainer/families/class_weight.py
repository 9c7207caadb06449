"""Classes of unequal size: with `balanced` every class weighs the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.families.hyperparameters import Choice, Value

CLASS_WEIGHT = Choice(None, ("none", "balanced"))


def row_weights(chosen: Mapping[str, Value], y: NDArray[Any]) -> NDArray[np.float64] | None:
    """A weight a row, for estimators that know no class_weight; None where all count the same."""
    if chosen["class_weight"] is None:
        return None
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(len(y) / (len(counts) * counts[places]), dtype=np.float64)


def class_arguments(chosen: Mapping[str, Value], y: NDArray[Any]) -> dict[str, Any]:
    """What a classifier's `partial_fit` takes beside the rows: all classes, and weights where they are asked for."""
    weights = row_weights(chosen, y)
    return {"classes": np.unique(y)} if weights is None else {"classes": np.unique(y), "sample_weight": weights}
