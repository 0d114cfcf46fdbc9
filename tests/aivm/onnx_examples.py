"""Small ONNX models for tests, clean and hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

OPSET = 21


def value(name: str, shape: Sequence[int | str] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def constant(name: str, array: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Sequence[onnx.ValueInfoProto] = (),
    outputs: Sequence[onnx.ValueInfoProto] = (),
    constants: Sequence[onnx.TensorProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    value_info: Sequence[onnx.ValueInfoProto] = (),
    opset: int = OPSET,
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """A model without any check of it."""
    graph = helper.make_graph(nodes, "main", inputs, outputs, initializer=constants, value_info=value_info)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=10)


def linear(*, features: int = 64, classes: int = 10, batch: int | str = 1) -> onnx.ModelProto:
    """`logits[batch, classes] = Relu(image[batch, features] W + b)` with fixed weights."""
    weights = (np.arange(features * classes, dtype=np.float32).reshape(features, classes) % 7 - 3) / 8
    return model(
        [
            helper.make_node("Gemm", ["image", "W", "b"], ["scores"]),
            helper.make_node("Relu", ["scores"], ["logits"]),
        ],
        inputs=[value("image", [batch, features])],
        outputs=[value("logits", [batch, classes])],
        constants=[constant("W", weights), constant("b", np.arange(classes) / 4)],
    )
