"""Nearest neighbours as a graph: squared distances in whole numbers, which float64 holds exactly, then TopK.

TopK takes the lower index of two equal distances, as `families/k_nearest_neighbors.py` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.blocks import BLOCK, SCORED, serialise_in_blocks
from trainer.export.graph import Graph


def neighbours_graph(
    known: NDArray[np.float64],
    outputs: NDArray[np.float64],
    count: int,
    by_distance: bool,
    grid: tuple[float, float],
    task: str,
) -> Graph:
    """`known` [training rows, width] in steps of the grid, `outputs` [training rows, 1 or classes].

    `grid`: the largest number that counts, and the steps between 0 and 1.
    """
    from onnx import helper

    limit, steps = grid
    width, targets = known.shape[1], outputs.shape[1]
    constants: dict[str, NDArray[Any]] = {
        "low": np.array(-limit),
        "high": np.array(limit),
        "steps": np.array([steps]),
        "known": known.T.copy(),
        "lengths": np.sum(known * known, axis=1).reshape(1, -1),
        "minusTwo": np.array([-2.0]),
        "columns": np.array([1]),
        "last": np.array([2]),
        "count": np.array([count]),
        "outputs": outputs,
    }
    nodes = [
        helper.make_node("Clip", [BLOCK, "low", "high"], ["clipped"]),
        helper.make_node("Mul", ["clipped", "steps"], ["stepped"]),
        helper.make_node("Round", ["stepped"], ["rounded"]),
        helper.make_node("Mul", ["rounded", "rounded"], ["squared"]),
        helper.make_node("ReduceSum", ["squared", "columns"], ["length"], keepdims=1),
        helper.make_node("MatMul", ["rounded", "known"], ["products"]),
        helper.make_node("Mul", ["products", "minusTwo"], ["cross"]),
        helper.make_node("Add", ["cross", "lengths"], ["partial"]),
        helper.make_node("Add", ["partial", "length"], ["distances"]),
        helper.make_node("TopK", ["distances", "count"], ["nearest", "places"], axis=1, largest=0),
        helper.make_node("Gather", ["outputs", "places"], ["found"], axis=0),
        *_weights(by_distance, constants),
        helper.make_node("Unsqueeze", ["weights", "last"], ["stretched"]),
        helper.make_node("Mul", ["found", "stretched"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "columns"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "columns"], ["total"], keepdims=1),
        helper.make_node("Div", ["sums", "total"], [SCORED]),
    ]
    model = serialise_in_blocks(nodes, constants, width, targets, max(len(known), count * targets))
    return Graph(model, "float64", width, "value" if task == "regression" else "scores", 1.0)


def _weights(by_distance: bool, constants: dict[str, NDArray[Any]]) -> list[Any]:
    """[rows, count] into `weights`: 1, or 1 / distance; where a distance is 0, only those that are."""
    from onnx import TensorProto, helper

    constants["zero"] = np.array([0.0])
    if not by_distance:
        constants["one"] = np.array([1.0])
        return [
            helper.make_node("Mul", ["nearest", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "one"], ["weights"]),
        ]
    constants["half"] = np.array([0.5])
    return [
        helper.make_node("Sqrt", ["nearest"], ["distance"]),
        helper.make_node("Reciprocal", ["distance"], ["closeness"]),
        helper.make_node("Equal", ["nearest", "zero"], ["same"]),
        helper.make_node("Cast", ["same"], ["sameness"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceMax", ["sameness", "columns"], ["any"], keepdims=1),
        helper.make_node("Greater", ["any", "half"], ["atPlace"]),
        helper.make_node("Where", ["atPlace", "sameness", "closeness"], ["weights"]),
    ]
