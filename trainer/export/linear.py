"""Linear models as graphs in float64: MatMul and Add, then Sigmoid or Softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    nodes += probability_nodes("decision", OUTPUT, constants, weights.shape[1])
    classes = max(weights.shape[1], 2)
    return Graph(serialise(nodes, constants, "float64", width, classes), "float64", width, "scores", 1.0)


def probability_nodes(decision: str, result: str, constants: dict[str, NDArray[Any]], targets: int) -> list[object]:
    """[rows, targets] into probabilities: one target is the log odds of the second of two classes."""
    from onnx import helper

    if targets == 1:
        constants["one"] = np.array([1.0])
        return sigmoid_nodes(decision, result)
    return [helper.make_node("Softmax", [decision], [result], axis=1)]


def sigmoid_nodes(decision: str, result: str = OUTPUT) -> list[object]:
    """[rows, 1] of log odds into [rows, 2] of probabilities; needs the constant `one`."""
    from onnx import helper

    return [
        helper.make_node("Sigmoid", [decision], ["second"]),
        helper.make_node("Sub", ["one", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], [result], axis=1),
    ]


def one_against_rest_graph(coefficients: ArrayLike, intercept: ArrayLike, width: int) -> Graph:
    """Three classes or more, each with log odds of its own against the rest: their sigmoids, made to add up to 1.

    In logarithms, so that rows that no class wants have no 0 / 0: log sigmoid(d) = min(d, 0) - log(1 + exp(-|d|)).
    """
    from onnx import helper

    weights = np.asarray(coefficients, dtype=np.float64).T.copy()
    constants = {
        "weights": weights,
        "bias": np.asarray(intercept, dtype=np.float64),
        "one": np.array([1.0]),
        "zero": np.array([0.0]),
    }
    nodes = [
        helper.make_node("MatMul", [INPUT, "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["decision"]),
        helper.make_node("Abs", ["decision"], ["size"]),
        helper.make_node("Neg", ["size"], ["minusSize"]),
        helper.make_node("Exp", ["minusSize"], ["small"]),
        helper.make_node("Add", ["small", "one"], ["smallAndOne"]),
        helper.make_node("Log", ["smallAndOne"], ["rest"]),
        helper.make_node("Min", ["decision", "zero"], ["below"]),
        helper.make_node("Sub", ["below", "rest"], ["logs"]),
        helper.make_node("Softmax", ["logs"], [OUTPUT], axis=1),
    ]
    model = serialise(nodes, constants, "float64", width, weights.shape[1])
    return Graph(model, "float64", width, "scores", 1.0)
