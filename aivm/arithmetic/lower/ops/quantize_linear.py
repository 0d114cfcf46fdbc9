"""QuantizeLinear: numbers as small integers, on a scale for all, for each index of an axis, or for each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.quantising import axis_of, block_of
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("QuantizeLinear")
def lower(b: Builder, node: Node, x: Value, scale: Value, zero: Value | None = None) -> Value:
    """One primitive; halves round to even, and what does not fit is clamped."""
    named = dtypes.from_onnx(node.get("output_dtype", 0))
    dtype = zero.dtype if zero is not None else named or "uint8"
    axis = axis_of(b, node, x, scale)
    return b.quantize(b.cast(x, "float32") if x.dtype == "int32" else x, scale, zero, dtype, axis, block_of(b, node))
