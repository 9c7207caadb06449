"""Gaussian naive Bayes as a graph in float64: squared distances to each class's means, then Softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.graph import INPUT, OUTPUT, Graph, serialise


def gaussian_graph(
    means: NDArray[np.float64], variances: NDArray[np.float64], priors: NDArray[np.float64], width: int
) -> Graph:
    """`means` and `variances` [classes, width]. Differences before squares: expanded squares would cancel."""
    from onnx import helper

    classes = len(priors)
    constants: dict[str, NDArray[Any]] = {
        "columns": np.array([1]),
        "half": np.array([-0.5]),
        "start": (np.log(priors) - 0.5 * np.sum(np.log(2.0 * np.pi * variances), axis=1)).reshape(1, classes),
    }
    nodes = []
    for place in range(classes):
        constants[f"mean{place}"] = means[place].reshape(1, width)
        constants[f"variance{place}"] = variances[place].reshape(1, width)
        nodes += [
            helper.make_node("Sub", [INPUT, f"mean{place}"], [f"apart{place}"]),
            helper.make_node("Mul", [f"apart{place}", f"apart{place}"], [f"square{place}"]),
            helper.make_node("Div", [f"square{place}", f"variance{place}"], [f"share{place}"]),
            helper.make_node("ReduceSum", [f"share{place}", "columns"], [f"distance{place}"], keepdims=1),
        ]
    nodes += [
        helper.make_node("Concat", [f"distance{place}" for place in range(classes)], ["distances"], axis=1),
        helper.make_node("Mul", ["distances", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "start"], ["log"]),
        helper.make_node("Softmax", ["log"], [OUTPUT], axis=1),
    ]
    return Graph(serialise(nodes, constants, "float64", width, classes), "float64", width, "scores", 1.0)
