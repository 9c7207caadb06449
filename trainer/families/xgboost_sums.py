"""Makes the sums of a finished XGBoost model exact, whatever their order.

XGBoost adds leaves in float32, so its predictions carry rounding errors of some 1e-6 that depend on the order: another
runtime, or the same one with other threads, decides ties otherwise. Here the start moves into the first trees, and all
leaves become multiples of a quantum so coarse that no sum needs more than a float32's 24 bits. That changes predictions
by as little as the rounding errors did, and from then on every runtime finds the same sums.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.ensemble import FLOAT32_BITS, QUANTUM_LEAST


def with_exact_sums(booster: Any) -> bytearray:
    """The booster's model (JSON), rounded."""
    whole = json.loads(booster.save_raw("json"))
    learner = whole["learner"]
    model = learner["gradient_booster"]["model"]
    targets = max(model["tree_info"]) + 1
    start = _take_start(learner["learner_model_param"], learner["objective"]["name"], targets)
    leaves = []
    for number, tree in enumerate(model["trees"]):
        # A leaf's weight stands where a branch has its threshold.
        places = np.nonzero(np.asarray(tree["left_children"]) == -1)[0]
        weights = np.asarray(tree["split_conditions"], dtype=np.float64)[places]
        if number < targets:  # the first round's trees, one a target
            weights += start[model["tree_info"][number]]
        leaves.append((places, weights))
    largest = np.zeros(targets)
    np.add.at(largest, model["tree_info"], [np.abs(weights).max() for _, weights in leaves])
    quantum = math.ldexp(1.0, max(math.frexp(float(largest.max()))[1] - FLOAT32_BITS + 1, QUANTUM_LEAST))
    for tree, (places, weights) in zip(model["trees"], leaves, strict=True):
        for place, weight in zip(places.tolist(), (np.round(weights / quantum) * quantum).tolist(), strict=True):
            tree["split_conditions"][place] = weight
    return bytearray(json.dumps(whole).encode())


def _take_start(parameters: dict[str, str], objective: str, targets: int) -> NDArray[np.float64]:
    """What every row starts from, a number a target; nothing afterwards."""
    base = np.asarray(json.loads(parameters["base_score"]), dtype=np.float64).reshape(-1)
    nothing = 0.0
    if objective == "binary:logistic":  # given as a probability
        base, nothing = np.log(base / (1 - base)), 0.5
    parameters["base_score"] = json.dumps([nothing] * len(base))
    return np.broadcast_to(base, targets)
