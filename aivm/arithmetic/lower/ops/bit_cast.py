"""BitCast: the same bits as another dtype of the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("BitCast")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """Another view of the same memory."""
    dtype = dtypes.from_onnx(node.get("to", 0))
    if dtype is None or dtypes.NUMPY[dtype].itemsize != dtypes.NUMPY[x.dtype].itemsize:
        b.unsupported(f"the bits of tensor {x} as {dtypes.onnx_name(node.get('to', 0))}")
    if dtype == "bool" and x.dtype != "bool":
        b.unsupported("bits as bool, of which only two patterns exist")
    return b.view(x, x.shape, dtype)
