"""Resamples of the rows a model was judged on: how often each row is drawn, many draws at once.

Seeded. Every class keeps its number of rows (stratified); rows of a group come and go together. The draws get fewer as
rows get more, because the intervals they make get narrower anyway. Next: `intervals.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats

DRAWS_MAX = 1000
DRAWS_MIN = 100
CELLS = 4_000_000
"""Rows times draws, as far as the bounds above allow."""
CHUNK_CELLS = 1_000_000
"""What is in memory at once."""


def draws_of(rows: int) -> int:
    """How many resamples for so many rows."""
    return max(DRAWS_MIN, min(DRAWS_MAX, CELLS // max(rows, 1)))


def resamples(
    rows: int, strata: NDArray[np.int64] | None, groups: NDArray[np.int64] | None, seed: int
) -> Iterator[Floats]:
    """Chunks of weights [rows, draws of the chunk]. `strata`: the class of each row; `groups` count from 0 and win."""
    random = np.random.default_rng(seed)
    left = draws_of(rows)
    at_once = max(1, CHUNK_CELLS // max(rows, 1))
    units = _units(rows, strata, groups)
    while left:
        draws = min(at_once, left)
        left -= draws
        counts = np.zeros((1 + max(int(unit.max()) for unit in units), draws))
        for unit in units:
            counts[unit] = _counts(len(unit), draws, random)
        yield counts if groups is None else counts[groups]


def _units(rows: int, strata: NDArray[np.int64] | None, groups: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """What is drawn from: all groups, or the rows of each class, or all rows."""
    if groups is not None:
        return [np.arange(int(groups.max()) + 1)]
    if strata is None:
        return [np.arange(rows)]
    return [np.nonzero(strata == label)[0] for label in np.unique(strata)]


def _counts(size: int, draws: int, random: np.random.Generator) -> Floats:
    """How often each of `size` is drawn when `size` are, with replacement: [size, draws]."""
    drawn = random.integers(size, size=(size, draws), dtype=np.int64)
    drawn *= draws
    drawn += np.arange(draws)
    return np.bincount(drawn.ravel(), minlength=size * draws).reshape(size, draws).astype(np.float64)
