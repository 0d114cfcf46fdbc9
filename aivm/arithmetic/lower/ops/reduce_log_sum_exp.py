"""ReduceLogSumExp: the logarithm of the sum of exponentials over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.emit.reductions import reduced
from aivm.arithmetic.lower.reducing import axes_of
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ReduceLogSumExp", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, axes: Value | None = None) -> Value:
    """Shifted by the greatest element where that is finite, so that nothing overflows."""
    chosen, keep = axes_of(b, node, x, axes), bool(node.get("keepdims", 1))
    top = b.reduce("reduce_max", x, chosen)
    finite = b.compare("less", b.unary("abs", top), b.scalar(float("inf"), x.dtype))
    shift = b.where(finite, top, b.scalar(0, x.dtype))
    total = b.reduce("reduce_sum", b.unary("exp", b.sub(x, shift)), chosen)
    result = b.add(b.unary("log", total), shift)
    return result if keep else b.reshape(result, reduced(x.shape, chosen, keepdims=False))
