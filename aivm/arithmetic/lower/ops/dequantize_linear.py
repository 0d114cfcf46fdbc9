"""DequantizeLinear: small integers as numbers, on a scale for all, for each index of an axis, or for each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.quantising import axis_of, block_of
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("DequantizeLinear")
def lower(b: Builder, node: Node, x: Value, scale: Value, zero: Value | None = None) -> Value:
    """One primitive."""
    if dtypes.from_onnx(node.get("output_dtype", 0)) not in (None, "float32"):
        b.unsupported("dequantising to another dtype than float32")
    return b.dequantize(x, scale, zero, axis_of(b, node, x, scale), block_of(b, node))
