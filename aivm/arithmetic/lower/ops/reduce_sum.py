"""ReduceSum: the sum over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.reducing import axes_of
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ReduceSum", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value, axes: Value | None = None) -> Value:
    """One primitive."""
    return b.reduce("reduce_sum", x, axes_of(b, node, x, axes), keepdims=bool(node.get("keepdims", 1)))
