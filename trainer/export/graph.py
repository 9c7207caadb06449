"""An ONNX graph of one estimator and what its output means; `trees.py` and `linear.py` make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainer.features.encoding import InputType

INPUT = "input"
OUTPUT = "output"
OPSET = 18
ML_OPSET = 3
IR_VERSION = 9


@dataclass(frozen=True)
class Graph:
    """`model`: the serialised ONNX model, one tensor [rows, width] in, one float64 tensor out."""

    model: bytes
    input_type: InputType
    width: int
    kind: Literal["value", "scores"]
    divisor: float


def serialise(
    nodes: Sequence[Any], constants: dict[str, NDArray[Any]], input_type: InputType, width: int, outputs: int
) -> bytes:
    """A checked model from nodes that read INPUT and write OUTPUT."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kind = TensorProto.FLOAT if input_type == "float32" else TensorProto.DOUBLE
    graph = helper.make_graph(
        list(nodes),
        "estimator",
        [helper.make_tensor_value_info(INPUT, kind, ["rows", width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, ["rows", outputs])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="spotlearn",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
