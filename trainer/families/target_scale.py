"""A regression target on a common scale while an estimator learns: penalties, tubes and learning rates then mean the
same in every unit. Afterwards the scale is folded into the estimator's last weights, so that it predicts in units of
the target by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONSTANT_SCALE = 1e-9
"""Of a target that is the same in all rows, relative to it."""


@dataclass(frozen=True)
class TargetScale:
    """y = center + scale · z."""

    center: float
    scale: float

    @classmethod
    def of(cls, y: NDArray[Any]) -> TargetScale:
        """Mean and standard deviation; next to nothing where all values are equal, so that nothing else is said."""
        magnitude = float(np.max(np.abs(y))) or 1.0
        shares = y / magnitude  # squares of the largest numbers overflow
        center, scale = float(np.mean(shares)), float(np.std(shares))
        if scale <= abs(center) * 1e-14:
            return cls(center * magnitude, CONSTANT_SCALE * magnitude)
        return cls(center * magnitude, scale * magnitude)

    def standardise(self, y: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray((y - self.center) / self.scale)

    def fold(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """In place: from weights that predict z to those that predict y."""
        weights *= self.scale
        bias *= self.scale
        bias += self.center

    def unfold(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """In place: the way back."""
        weights /= self.scale
        bias -= self.center
        bias /= self.scale
