"""Multi-layer perceptrons as graphs in float64: MatMul, Add and the activation, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.graph import INPUT, OUTPUT, Graph, serialise
from trainer.export.linear import probability_nodes

OPERATORS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def network_graph(
    weights: Sequence[NDArray[np.float64]],
    biases: Sequence[NDArray[np.float64]],
    activation: str,
    task: str,
    width: int,
) -> Graph:
    """`weights`: [inputs, outputs] a layer."""
    from onnx import helper

    constants: dict[str, NDArray[Any]] = {}
    nodes, before = [], INPUT
    last = len(weights) - 1
    for layer, (factors, bias) in enumerate(zip(weights, biases, strict=True)):
        constants |= {f"weights{layer}": np.asarray(factors, np.float64), f"bias{layer}": np.asarray(bias, np.float64)}
        added = OUTPUT if layer == last and task == "regression" else f"sums{layer}"
        nodes += [
            helper.make_node("MatMul", [before, f"weights{layer}"], [f"products{layer}"]),
            helper.make_node("Add", [f"products{layer}", f"bias{layer}"], [added]),
        ]
        if layer < last:
            before = f"layer{layer}"
            nodes.append(helper.make_node(OPERATORS[activation], [added], [before]))
    targets = weights[-1].shape[1]
    if task == "regression":
        return Graph(serialise(nodes, constants, "float64", width, 1), "float64", width, "value", 1.0)
    nodes += probability_nodes(f"sums{last}", OUTPUT, constants, targets)
    return Graph(serialise(nodes, constants, "float64", width, max(targets, 2)), "float64", width, "scores", 1.0)
