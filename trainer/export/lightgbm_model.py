"""The trees of a LightGBM model, read from its own text. Next: `trees.py`.

Thresholds and leaves are float64, written with 17 digits. LightGBM takes inputs of at most 1e-35 (as a float32) for
zeros when it predicts: thresholds within that range are moved to its edges, which says the same without a look at rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.ensemble import LEAF, Tree, only

ZERO = float(np.float32(1e-35))


def trees_of_lightgbm(booster: Any) -> list[Tree]:
    """One tree a round and target; the start is inside the first ones."""
    head, *bodies = booster.model_to_string(num_iteration=-1).split("\nend of trees")[0].split("\nTree=")
    targets = int(_fields(head)["num_tree_per_iteration"])
    return [_tree(_fields(body), number % targets, targets) for number, body in enumerate(bodies)]


def _fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array([float(word) for word in text.split()])


def _tree(fields: dict[str, str], target: int, targets: int) -> Tree:
    """Branches first, then leaves: LightGBM numbers both from 0 and calls leaf i the child -i - 1."""
    leaves = _numbers(fields["leaf_value"])
    branches = len(leaves) - 1
    if not branches:
        none = np.full(1, LEAF)
        return Tree(none, none, np.zeros(1, dtype=np.int64), np.zeros(1), only(leaves, target, targets))
    padding = np.full(len(leaves), LEAF)
    children = []
    for side in ("left_child", "right_child"):
        child = np.array(fields[side].split(), dtype=np.int64)
        children.append(np.concatenate([np.where(child < 0, branches - child - 1, child), padding]))
    return Tree(
        left=children[0],
        right=children[1],
        feature=np.concatenate([np.array(fields["split_feature"].split(), dtype=np.int64), padding]),
        threshold=np.concatenate([_clear_of_zero(_numbers(fields["threshold"])), np.zeros(len(leaves))]),
        weights=only(np.concatenate([np.zeros(branches), leaves]), target, targets),
    )


def _clear_of_zero(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    above = (thresholds >= 0) & (thresholds < ZERO)
    below = (thresholds < 0) & (thresholds >= -ZERO)
    return np.where(above, ZERO, np.where(below, np.nextafter(-ZERO, -np.inf), thresholds))
