"""What tree families share: how small a leaf may be by the number of rows, and threads."""

from __future__ import annotations

import math

from trainer.families.hyperparameters import Value, Whole

LEAF_BY_ROWS = Whole(None, 0, 1_000_000, none_at_zero=True, zero="by the number of rows")

THREADS_FROM_ROWS = 10_000
"""With fewer rows, starting threads takes longer than growing the trees."""
NODES_MAX = 4_000_000
"""So many nodes of a forest are a graph of some 200 MB: without a smallest leaf asked for, they get no more."""


def smallest_leaf(asked: Value, rows: int, share: float, most: int) -> int:
    """What was asked for, or that share of the rows, from 1 to `most`."""
    if isinstance(asked, int):
        return asked
    return max(1, min(most, int(share * rows)))


def affordable_leaf(rows: int, trees: int) -> int:
    """The smallest leaf with which fully grown trees stay below NODES_MAX, two nodes for a leaf of one and a half."""
    return math.ceil(rows * trees * 4 / 3 / NODES_MAX)
