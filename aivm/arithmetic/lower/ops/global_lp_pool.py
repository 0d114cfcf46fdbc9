"""GlobalLpPool: the p-norm of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GlobalLpPool", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """Powers, their sum and the root."""
    p = node.get("p", 2)
    total = b.reduce("reduce_sum", b.pow(b.unary("abs", x), b.scalar(p, "float32")), range(2, x.rank))
    return b.unary("sqrt", total) if p == 2 else b.pow(total, b.div(b.scalar(1, "float32"), b.scalar(p, "float32")))
