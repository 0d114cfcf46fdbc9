"""QLinearMatMul: a product of quantised matrices, quantised again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.quantising import requantise
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("QLinearMatMul")
def lower(
    b: Builder,
    _node: Node,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    y: Value,
    y_scale: Value,
    y_zero: Value,
    out_scale: Value,
    out_zero: Value,
) -> Value:
    """MatMulInteger, then requantised; scales of x are per row, those of y per column."""
    total = b.matmul_integer(x, y, x_zero, y_zero)
    if x_scale.elements > 1 and x_scale.rank == 1:
        x_scale = b.reshape(x_scale, (x_scale.elements, 1))
    return requantise(b, total, x_scale, y_scale, out_scale, out_zero)
