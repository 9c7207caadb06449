"""Tree ensembles as graphs: averaged (forests, a single tree) or summed on a start (boosting). `ensemble.py` has the
nodes and says why their sums are exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.export.ensemble import Tree, ensemble, only
from trainer.export.graph import OUTPUT, Graph, serialise
from trainer.export.linear import sigmoid_nodes

Grown = Any
"""sklearn.tree._tree.Tree"""
LIMBS_OF_VALUES = 3
"""A value may be small where the leaves that make it are large: what two limbs leave out would show."""
LIMBS_OF_SCORES = 2


def forest_graph(trees: Sequence[Grown], task: str, width: int) -> Graph:
    """Averaged trees: undivided sums of class weights (divisor: the trees), or the mean value."""
    from onnx import helper

    if task == "regression":
        nodes = ensemble([of_sklearn(tree, tree.value[:, 0, :1]) for tree in trees], "sum", LIMBS_OF_VALUES)
        nodes.append(helper.make_node("Div", ["sum", "trees"], [OUTPUT]))
        constants = {"trees": np.array([float(len(trees))])}
        return Graph(serialise(nodes, constants, "float32", width, 1), "float32", width, "value", 1.0)
    nodes = ensemble([of_sklearn(tree, tree.value[:, 0, :]) for tree in trees], OUTPUT, LIMBS_OF_SCORES)
    model = serialise(nodes, {}, "float32", width, trees[0].value.shape[2])
    return Graph(model, "float32", width, "scores", float(len(trees)))


def boosting_graph(trees: Sequence[Tree], start: ArrayLike, task: str, width: int) -> Graph:
    """Summed trees on top of a start, one entry a target; through Sigmoid or Softmax for classes."""
    from onnx import helper

    targets = trees[0].weights.shape[1]
    nodes = ensemble(trees, "sum", LIMBS_OF_VALUES if task == "regression" else LIMBS_OF_SCORES)
    constants = {"start": np.asarray(start, dtype=np.float64).reshape(targets)}
    raw = OUTPUT if task == "regression" else "raw"
    nodes.append(helper.make_node("Add", ["sum", "start"], [raw]))
    if task == "regression":
        return Graph(serialise(nodes, constants, "float32", width, 1), "float32", width, "value", 1.0)
    if targets == 1:
        nodes += sigmoid_nodes(raw)
        constants["one"] = np.array([1.0])
    else:
        nodes.append(helper.make_node("Softmax", [raw], [OUTPUT], axis=1))
    return Graph(serialise(nodes, constants, "float32", width, max(targets, 2)), "float32", width, "scores", 1.0)


def rounds_of_sklearn(rounds: Sequence[Sequence[Grown]], rate: float) -> list[Tree]:
    """The trees of GradientBoosting: `rounds` of one tree a target, each added `rate` times."""
    return [
        of_sklearn(tree, only(rate * tree.value[:, 0, 0], target, len(round_)))
        for round_ in rounds
        for target, tree in enumerate(round_)
    ]


def of_sklearn(tree: Grown, weights: NDArray[np.float64]) -> Tree:
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, weights)
