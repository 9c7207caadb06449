"""Graphs whose inner matrices are much wider than their input, evaluated some rows at a time: a batch of thousands of
rows against thousands of training rows would need gigabytes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.export.graph import INPUT, OUTPUT, serialise

BLOCK = "block"
"""What the inner nodes read: some rows of the input."""
SCORED = "scored"
"""What they write: the rows' outputs."""
NUMBERS = 2_000_000
"""A block's inner matrix has about this many (16 MB)."""


def serialise_in_blocks(
    nodes: Sequence[Any], constants: dict[str, NDArray[Any]], width: int, outputs: int, columns: int
) -> bytes:
    """A model from nodes that read BLOCK and write SCORED; `columns`: of the widest matrix among them."""
    from onnx import TensorProto, helper

    rows = max(1, NUMBERS // max(columns, 1))
    body = helper.make_graph(
        [
            helper.make_node("Mul", ["number", "blockRows"], ["from"]),
            helper.make_node("Add", ["from", "blockRows"], ["to"]),
            helper.make_node("Slice", [INPUT, "from", "to", "rowAxis"], [BLOCK]),
            *nodes,
            helper.make_node("Concat", ["before", SCORED], ["after"], axis=0),
            helper.make_node("Identity", ["going"], ["goOn"]),
        ],
        "rows",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.DOUBLE, [None, outputs]),
        ],
        [
            helper.make_tensor_value_info("goOn", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.DOUBLE, [None, outputs]),
        ],
    )
    outer = [
        helper.make_node("Shape", [INPUT], ["rowCount"], start=0, end=1),
        helper.make_node("Add", ["rowCount", "blockRowsLessOne"], ["rowsRoundedUp"]),
        helper.make_node("Div", ["rowsRoundedUp", "blockRows"], ["blocks"]),
        helper.make_node("Squeeze", ["blocks"], ["blockCount"]),
        helper.make_node("Loop", ["blockCount", "", "none"], [OUTPUT], body=body),
    ]
    loop = {
        "blockRows": np.array([rows]),
        "blockRowsLessOne": np.array([rows - 1]),
        "rowAxis": np.array([0]),
        "none": np.empty((0, outputs)),
    }
    return serialise(outer, {**constants, **loop}, "float64", width, outputs)
