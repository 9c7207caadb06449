"""The trees of scikit-learn's HistGradientBoosting. Next: `trees.py`.

Their thresholds are float64 and compared with the float32 inputs widened; nothing is missing after the encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.export.ensemble import LEAF, Tree, only


def trees_of_histograms(rounds: Sequence[Sequence[Any]]) -> list[Tree]:
    """`rounds` of one TreePredictor a target; the learning rate is in their leaves already."""
    return [_tree(grown.nodes, target, len(round_)) for round_ in rounds for target, grown in enumerate(round_)]


def _tree(nodes: Any, target: int, targets: int) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(leaf, LEAF, nodes["left"].astype(np.int64)),
        right=np.where(leaf, LEAF, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        weights=only(nodes["value"].astype(np.float64), target, targets),
    )
