"""Linear models as graphs in float64: MatMul and Add, then Sigmoid or Softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trainer.export.graph import INPUT, OUTPUT, Graph, serialise


def regression_graph(coefficients: ArrayLike, intercept: ArrayLike, width: int) -> Graph:
    """One value a row."""
    from onnx import helper

    weights = np.asarray(coefficients, dtype=np.float64).reshape(width, 1)
    bias = np.asarray(intercept, dtype=np.float64).reshape(1)
    nodes = [
        helper.make_node("MatMul", [INPUT, "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], [OUTPUT]),
    ]
    model = serialise(nodes, {"weights": weights, "bias": bias}, "float64", width, 1)
    return Graph(model, "float64", width, "value", 1.0)


def classification_graph(coefficients: ArrayLike, intercept: ArrayLike, width: int) -> Graph:
    """Probabilities: one row of coefficients means the second of two classes (Sigmoid), more a class each (Softmax)."""
    from onnx import helper

    weights = np.asarray(coefficients, dtype=np.float64).T.copy()
    bias = np.asarray(intercept, dtype=np.float64)
    nodes = [
        helper.make_node("MatMul", [INPUT, "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["decision"]),
    ]
    constants = {"weights": weights, "bias": bias}
    classes = weights.shape[1]
    if classes == 1:
        nodes += sigmoid_nodes("decision")
        constants["one"] = np.array([1.0])
        classes = 2
    else:
        nodes.append(helper.make_node("Softmax", ["decision"], [OUTPUT], axis=1))
    return Graph(serialise(nodes, constants, "float64", width, classes), "float64", width, "scores", 1.0)


def sigmoid_nodes(decision: str) -> list[object]:
    """[rows, 1] of log odds into [rows, 2] of probabilities; needs the constant `one`."""
    from onnx import helper

    return [
        helper.make_node("Sigmoid", [decision], ["second"]),
        helper.make_node("Sub", ["one", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], [OUTPUT], axis=1),
    ]
