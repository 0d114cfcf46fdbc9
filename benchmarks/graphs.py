"""Models of one operator, and the random numbers in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, helper, numpy_helper
from onnx.helper import np_dtype_to_tensor_dtype

OPSET = 21

Array = np.ndarray[Any, Any]


def floats(seed: int, *shape: int) -> Array:
    """Normal numbers, the same for the same seed and shape."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def model_of(graph: Any) -> bytes:
    """A graph as a model file, for one operator set of each domain."""
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 5)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return model.SerializeToString()


def one_node(
    operator: str,
    inputs: list[Array | None],
    *,
    constants: tuple[int, ...] = (),
    outputs: int = 1,
    domain: str = "",
    **attributes: Any,
) -> tuple[bytes, dict[str, Any]]:
    """A model of one operator, and what to feed it.

    Args:
        operator: its ONNX name.
        inputs: its operands, None for one that is left out.
        constants: the operands that are part of the model.
        outputs: how many it has.
        domain: of the operator.
        attributes: of the node.
    """
    names = ["" if item is None else f"in{i}" for i, item in enumerate(inputs)]
    values, initializers, feeds = [], [], {}
    for i, item in enumerate(inputs):
        if item is None:
            continue
        if i in constants:
            initializers.append(numpy_helper.from_array(item, names[i]))
        else:
            values.append(helper.make_tensor_value_info(names[i], np_dtype_to_tensor_dtype(item.dtype), item.shape))
            feeds[names[i]] = item
    node = helper.make_node(operator, names, [f"out{i}" for i in range(outputs)], domain=domain, **attributes)
    results = [helper.make_empty_tensor_value_info(f"out{i}") for i in range(outputs)]
    return model_of(helper.make_graph([node], operator, values, results, initializers)), feeds
