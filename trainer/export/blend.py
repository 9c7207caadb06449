"""The graph of a fit: of its only member, or of several whose predictions are averaged.

A blend's input holds the numbers of every scheme side by side; each member's graph is put behind a slice of its own
(clamped and cast to float32 for members that want that), and their outputs, divided, are weighted and added in float64,
in the order in which `Fit.predict_rows` adds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.graph import INPUT, OUTPUT, Graph, serialise
from trainer.families.family import Task
from trainer.features.encoding import FLOAT32_MAX, width
from trainer.training.fitting import Fit, Member

Constants = dict[str, NDArray[Any]]


def graph_of(fit: Fit, task: Task) -> Graph:
    """Imports onnx."""
    if len(fit.members) == 1:
        (member,) = fit.members
        return member.family.graph(member.estimator, task, width(fit.columns))
    return _blend(fit, task)


def _blend(fit: Fit, task: Task) -> Graph:
    from onnx import helper

    nodes: list[Any] = []
    constants: Constants = {"columns": np.array([1], dtype=np.int64)}
    graphs = []
    for number, member in enumerate(fit.members):
        graph = member.family.graph(member.estimator, task, width(fit.columns_by_scheme[member.family.scheme]))
        graphs.append(graph)
        name = f"member{number}"
        nodes += _own_input(fit, member, name, constants)
        nodes += _inlined(graph, name, constants)
        nodes += _share(graph, member.ingredient.weight, name, constants)
    last = len(fit.members) - 1
    total = "member0_share"
    for number in range(1, last + 1):
        result = OUTPUT if number == last else f"sum{number}"
        nodes.append(helper.make_node("Add", [total, f"member{number}_share"], [result]))
        total = result
    whole = width(fit.columns)
    model = serialise(nodes, constants, fit.input_type, whole, _outputs(graphs[0]))
    return Graph(model, fit.input_type, whole, graphs[0].kind, 1.0)


def _own_input(fit: Fit, member: Member, name: str, constants: Constants) -> list[Any]:
    """From the whole input to `<name>/input`: the member's scheme, as float32 where it is made for that."""
    from onnx import TensorProto, helper

    scheme = member.family.scheme
    start = fit.start(scheme)
    constants[f"{name}_start"] = np.array([start], dtype=np.int64)
    constants[f"{name}_end"] = np.array([start + width(fit.columns_by_scheme[scheme])], dtype=np.int64)
    narrowed = member.family.input_type != fit.input_type
    sliced = f"{name}_slice" if narrowed else f"{name}/{INPUT}"
    nodes = [helper.make_node("Slice", [INPUT, f"{name}_start", f"{name}_end", "columns"], [sliced])]
    if narrowed:
        constants["lowest"], constants["largest"] = np.array(-FLOAT32_MAX), np.array(FLOAT32_MAX)
        nodes += [
            helper.make_node("Clip", [sliced, "lowest", "largest"], [f"{name}_clipped"]),
            helper.make_node("Cast", [f"{name}_clipped"], [f"{name}/{INPUT}"], to=TensorProto.FLOAT),
        ]
    return nodes


def _inlined(graph: Graph, name: str, constants: Constants) -> list[Any]:
    """The member's own nodes, every name of theirs behind `<name>/`, which no name of this file has."""
    import onnx
    from onnx import numpy_helper

    inner = onnx.load_from_string(graph.model).graph
    constants.update({f"{name}/{one.name}": numpy_helper.to_array(one) for one in inner.initializer})
    for node in inner.node:
        _rename(node, f"{name}/")
    return list(inner.node)


def _rename(node: Any, prefix: str) -> None:
    """Also inside of loops and branches, which name what is outside of them."""
    for names in (node.input, node.output):
        names[:] = [prefix + name if name else name for name in names]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for one in (*attribute.g.input, *attribute.g.output, *attribute.g.initializer, *attribute.g.value_info):
                one.name = prefix + one.name
            for each in attribute.g.node:
                _rename(each, prefix)


def _share(graph: Graph, weight: float, name: str, constants: Constants) -> list[Any]:
    """From `<name>/output` to `<name>_share`: the prediction times the member's weight."""
    from onnx import helper

    nodes = []
    told = f"{name}/{OUTPUT}"
    if graph.divisor != 1:
        constants[f"{name}_divisor"] = np.array(graph.divisor)
        nodes.append(helper.make_node("Div", [told, f"{name}_divisor"], [f"{name}_told"]))
        told = f"{name}_told"
    constants[f"{name}_weight"] = np.array(weight)
    nodes.append(helper.make_node("Mul", [told, f"{name}_weight"], [f"{name}_share"]))
    return nodes


def _outputs(graph: Graph) -> int:
    import onnx

    (output,) = onnx.load_from_string(graph.model).graph.output
    return int(output.type.tensor_type.shape.dim[1].dim_value)
