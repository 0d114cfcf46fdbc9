"""LpNormalization: each vector divided by its norm; a vector of zeros stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LpNormalization", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """The sum of magnitudes, or the root of the sum of squares."""
    axis, p = b.axis(node.get("axis", -1), x.rank), node.get("p", 2)
    if p not in (1, 2):
        b.refuse(f"p is {p}")
    if p == 1:
        norm = b.reduce("reduce_sum", b.unary("abs", x), [axis])
    else:
        norm = b.unary("sqrt", b.reduce("reduce_sum", b.mul(x, x), [axis]))
    zero = b.scalar(0, x.dtype)
    return b.where(b.compare("equal", norm, zero), zero, b.div(x, norm))
