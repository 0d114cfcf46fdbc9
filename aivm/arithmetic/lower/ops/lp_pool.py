"""LpPool: the p-norm of each window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.convolving import pooling
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("LpPool", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """Powers, their sum as a convolution with ones, and the root."""
    window, shape = pooling(b, node, x)
    p = node.get("p", 2)
    powers = b.pow(b.unary("abs", x), b.scalar(p, "float32"))
    ones = b.expand(b.scalar(1, "float32"), (x.shape[1], 1, *window.kernel))
    total = b.conv(powers, ones, None, window, x.shape[1], shape)
    return b.unary("sqrt", total) if p == 2 else b.pow(total, b.div(b.scalar(1, "float32"), b.scalar(p, "float32")))
