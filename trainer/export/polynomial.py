"""Products of columns as Gather and Mul in float64, then a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.export.blocks import BLOCK, SCORED, serialise_in_blocks
from trainer.export.graph import Graph
from trainer.export.linear import probability_nodes


def polynomial_graph(
    powers: NDArray[np.int64], coefficients: ArrayLike, intercept: ArrayLike, task: str, width: int
) -> Graph:
    """`powers` [products, width]: how often each column is a factor of each product."""
    from onnx import helper

    weights = np.atleast_2d(np.asarray(coefficients, dtype=np.float64)).T.copy()
    targets = weights.shape[1]
    constants: dict[str, NDArray[Any]] = {
        "weights": weights,
        "bias": np.asarray(intercept, dtype=np.float64).reshape(targets),
        "pads": np.array([0, 0, 0, 1]),
        "filler": np.array(1.0),
    }
    nodes = [helper.make_node("Pad", [BLOCK, "pads", "filler"], ["padded"])]  # a last column of ones: no factor
    for place, columns in enumerate(_factors(powers, width).T):
        constants[f"factor{place}"] = columns.astype(np.int64)
        nodes.append(helper.make_node("Gather", ["padded", f"factor{place}"], [f"columns{place}"], axis=1))
        if place:
            before = f"product{place - 1}" if place > 1 else "columns0"
            nodes.append(helper.make_node("Mul", [before, f"columns{place}"], [f"product{place}"]))
    last = powers.sum(axis=1).max() - 1
    nodes += [
        helper.make_node("MatMul", [f"product{last}", "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "bias"], [SCORED if task == "regression" else "decision"]),
    ]
    outputs = 1
    if task == "classification":
        nodes += probability_nodes("decision", SCORED, constants, targets)
        outputs = max(targets, 2)
    model = serialise_in_blocks(nodes, constants, width, outputs, len(powers))
    return Graph(model, "float64", width, "value" if task == "regression" else "scores", 1.0)


def _factors(powers: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """[products, degree]: the columns to multiply; `width` means none."""
    factors = np.full((len(powers), int(powers.sum(axis=1).max())), width)
    for product, row in enumerate(powers):
        columns = np.repeat(np.arange(width), row)
        factors[product, : len(columns)] = columns
    return factors
