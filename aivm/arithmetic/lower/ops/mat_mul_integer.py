"""MatMulInteger: products of 8-bit integers less their zero points, in int32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("MatMulInteger")
def lower(
    b: Builder, _node: Node, x: Value, y: Value, x_zero: Value | None = None, y_zero: Value | None = None
) -> Value:
    """One primitive; sums wrap at 32 bits."""
    return b.matmul_integer(x, y, x_zero, y_zero)
