"""Cast: each element in another dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Cast")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive."""
    dtype = dtypes.from_onnx(node.get("to", 0))
    if dtype is None:
        b.unsupported(f"casting to {dtypes.onnx_name(node.get('to', 0))}")
    return b.cast(x, dtype, saturate=bool(node.get("saturate", 1)))
