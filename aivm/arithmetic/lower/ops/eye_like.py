"""EyeLike: ones on a diagonal of a matrix of the same shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("EyeLike")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """A constant: every shape is known."""
    dtype = dtypes.from_onnx(node.get("dtype", dtypes.ONNX[x.dtype]))
    if dtype is None or x.rank != 2:
        b.unsupported(f"an identity like tensor {x}, as {dtypes.onnx_name(node.get('dtype', 0))}")
    return b.constant(np.eye(x.shape[0], x.shape[1], k=node.get("k", 0), dtype=dtypes.NUMPY[dtype]))
