"""Support vector machines as graphs in float64: kernel against the support vectors, weights, then the calibration.

A linear kernel needs no support vectors: its columns have weights.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.blocks import BLOCK, SCORED, serialise_in_blocks
from trainer.export.graph import Graph

Machine = Any
"""A fitted sklearn.svm.SVC or SVR."""
Nodes = list[Any]
Constants = dict[str, NDArray[Any]]


def value_graph(machine: Machine, width: int) -> Graph:
    """An SVR: one value a row."""
    from onnx import helper

    nodes, constants, columns = _decisions(machine)
    nodes.append(helper.make_node("Identity", ["decisions"], [SCORED]))
    return Graph(serialise_in_blocks(nodes, constants, width, 1, columns), "float64", width, "value", 1.0)


def machine_graph(machine: Machine, sigmoids: NDArray[np.float64], width: int) -> Graph:
    """An SVC behind its sigmoids [calibrated classes, (slope, intercept)]: one for two classes, else one each."""
    from onnx import helper

    nodes, constants, columns = _decisions(machine)
    classes = len(machine.classes_)
    constants |= {
        "slope": -sigmoids[:, 0].reshape(1, -1),
        "offset": -sigmoids[:, 1].reshape(1, -1),
        "one": np.array([1.0]),
    }
    if classes > 2:
        nodes += _votes(classes, constants)
    nodes += [
        helper.make_node("Mul", ["decisions" if classes == 2 else "confidence", "slope"], ["sloped"]),
        helper.make_node("Add", ["sloped", "offset"], ["odds"]),
        helper.make_node("Sigmoid", ["odds"], ["second"]),
    ]
    if classes == 2:
        nodes += [
            helper.make_node("Sub", ["one", "second"], ["first"]),
            helper.make_node("Concat", ["first", "second"], [SCORED], axis=1),
        ]
    else:
        nodes += _normalised(classes, constants)
    return Graph(serialise_in_blocks(nodes, constants, width, classes, columns), "float64", width, "scores", 1.0)


def _decisions(machine: Machine) -> tuple[Nodes, Constants, int]:
    """Nodes that write the decision of two classes, of every pair of more, or the value, into `decisions`."""
    from onnx import helper

    bias = np.asarray(machine.intercept_, dtype=np.float64).reshape(1, -1)
    if machine.kernel == "linear":
        constants: Constants = {"weights": np.asarray(machine.coef_).T.copy(), "bias": bias}
        nodes = [
            helper.make_node("MatMul", [BLOCK, "weights"], ["products"]),
            helper.make_node("Add", ["products", "bias"], ["decisions"]),
        ]
        return nodes, constants, constants["weights"].shape[0]
    nodes, constants = _kernel(machine)
    constants["bias"] = bias
    duals = np.asarray(machine.dual_coef_, dtype=np.float64)
    if len(duals) == 1:
        constants["duals"] = duals.T.copy()
        nodes.append(helper.make_node("MatMul", ["kernel", "duals"], ["weighted"]))
    else:
        nodes += _pairs(duals, machine.n_support_, constants)
    nodes.append(helper.make_node("Add", ["weighted", "bias"], ["decisions"]))
    return nodes, constants, len(machine.support_vectors_)


def _kernel(machine: Machine) -> tuple[Nodes, Constants]:
    """[rows, support vectors] into `kernel`."""
    from onnx import helper

    vectors = np.asarray(machine.support_vectors_, dtype=np.float64)
    constants: Constants = {"vectors": vectors.T.copy(), "gamma": np.array([machine._gamma])}
    nodes = [helper.make_node("MatMul", [BLOCK, "vectors"], ["products"])]
    if machine.kernel == "poly":
        constants |= {"coef0": np.array([machine.coef0]), "degree": np.array([float(machine.degree)])}
        return [
            *nodes,
            helper.make_node("Mul", ["products", "gamma"], ["scaled"]),
            helper.make_node("Add", ["scaled", "coef0"], ["moved"]),
            helper.make_node("Pow", ["moved", "degree"], ["kernel"]),
        ], constants
    constants |= {
        "lengths": np.sum(vectors * vectors, axis=1).reshape(1, -1),
        "minusTwo": np.array([-2.0]),
        "minusGamma": np.array([-machine._gamma]),
        "columns": np.array([1]),
    }
    del constants["gamma"]
    return [
        *nodes,
        helper.make_node("Mul", [BLOCK, BLOCK], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "columns"], ["length"], keepdims=1),
        helper.make_node("Mul", ["products", "minusTwo"], ["cross"]),
        helper.make_node("Add", ["cross", "lengths"], ["partial"]),
        helper.make_node("Add", ["partial", "length"], ["rough"]),
        helper.make_node("Relu", ["rough"], ["distance"]),  # rounding may leave a little less than nothing
        helper.make_node("Mul", ["distance", "minusGamma"], ["exponent"]),
        helper.make_node("Exp", ["exponent"], ["kernel"]),
    ], constants


def _pairs(duals: NDArray[np.float64], counts: NDArray[np.int32], constants: Constants) -> Nodes:
    """One against one: of classes i < j, the vectors of i weigh by row j - 1 of the duals, those of j by row i."""
    from onnx import helper

    classes = len(counts)
    ends = np.cumsum(counts)
    constants["counts"] = counts.astype(np.int64)
    parts = [f"kernel{place}" for place in range(classes)]
    nodes = [helper.make_node("Split", ["kernel", "counts"], parts, axis=1)]
    for place in range(classes):
        constants[f"duals{place}"] = duals[:, ends[place] - counts[place] : ends[place]].T.copy()
        nodes.append(helper.make_node("MatMul", [parts[place], f"duals{place}"], [f"sums{place}"]))
    each = classes - 1
    pairs = list(combinations(range(classes), 2))
    constants["ofFirst"] = np.array([i * each + j - 1 for i, j in pairs])
    constants["ofSecond"] = np.array([j * each + i for i, j in pairs])
    return [
        *nodes,
        helper.make_node("Concat", [f"sums{place}" for place in range(classes)], ["sums"], axis=1),
        helper.make_node("Gather", ["sums", "ofFirst"], ["sumsOfFirst"], axis=1),
        helper.make_node("Gather", ["sums", "ofSecond"], ["sumsOfSecond"], axis=1),
        helper.make_node("Add", ["sumsOfFirst", "sumsOfSecond"], ["weighted"]),
    ]


def _votes(classes: int, constants: Constants) -> Nodes:
    """Pairs into one number a class: won pairs, and how clearly, squeezed below a third."""
    from onnx import TensorProto, helper

    pairs = list(combinations(range(classes), 2))
    sides = np.zeros((len(pairs), classes))
    for number, (i, j) in enumerate(pairs):
        sides[number, i], sides[number, j] = 1.0, -1.0
    constants |= {
        "sides": sides,
        "minusSides": -sides,
        "asFirst": np.sum(sides > 0, axis=0, dtype=np.float64).reshape(1, -1),
        "zero": np.array([0.0]),
        "three": np.array([3.0]),
    }
    return [
        helper.make_node("Less", ["decisions", "zero"], ["secondWins"]),
        helper.make_node("Cast", ["secondWins"], ["wins"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["wins", "minusSides"], ["moved_votes"]),
        helper.make_node("Add", ["moved_votes", "asFirst"], ["votes"]),
        helper.make_node("MatMul", ["decisions", "sides"], ["clearness"]),
        helper.make_node("Abs", ["clearness"], ["size"]),
        helper.make_node("Add", ["size", "one"], ["sizeAndOne"]),
        helper.make_node("Mul", ["sizeAndOne", "three"], ["limit"]),
        helper.make_node("Div", ["clearness", "limit"], ["squeezed"]),
        helper.make_node("Add", ["votes", "squeezed"], ["confidence"]),
    ]


def _normalised(classes: int, constants: Constants) -> Nodes:
    """Rows that add up to 1; equal shares where all are 0."""
    from onnx import helper

    constants |= {"even": np.full((1, classes), 1.0 / classes), "columns": np.array([1])}
    return [
        helper.make_node("ReduceSum", ["second", "columns"], ["total"], keepdims=1),
        helper.make_node("Equal", ["total", "zero"], ["nothing"]),
        helper.make_node("Div", ["second", "total"], ["shares"]),
        helper.make_node("Where", ["nothing", "even", "shares"], [SCORED]),
    ]
