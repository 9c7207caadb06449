"""The trees of an XGBoost model. Next: `trees.py`.

XGBoost goes left where a float32 is *less* than a float32 threshold: at most the float32 just below it. Its sums are
those of the graph, because `families/xgboost_sums.py` has made them exact.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from trainer.export.ensemble import LEAF, Tree, only


def trees_of_xgboost(booster: Any) -> list[Tree]:
    """One tree a round and target; the start is inside the first ones."""
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    targets = max(model["tree_info"]) + 1
    return [_tree(tree, target, targets) for tree, target in zip(model["trees"], model["tree_info"], strict=True)]


def _tree(tree: dict[str, Any], target: int, targets: int) -> Tree:
    left = np.asarray(tree["left_children"], dtype=np.int64)
    # A leaf's weight stands where a branch has its threshold.
    values = np.asarray(tree["split_conditions"], dtype=np.float32)
    return Tree(
        left=np.where(left == -1, LEAF, left),
        right=np.asarray(tree["right_children"], dtype=np.int64),
        feature=np.asarray(tree["split_indices"], dtype=np.int64),
        threshold=np.nextafter(values, np.float32(-np.inf)).astype(np.float64),
        weights=only(values.astype(np.float64), target, targets),
    )
