"""MaxPool: the greatest element in each window, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.convolving import pooling
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("MaxPool", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value) -> tuple[Value, Value | None]:
    """One primitive; padding is never the greatest."""
    window, shape = pooling(b, node, x)
    indices = len(node.outputs) > 1 and bool(node.outputs[1])
    return b.max_pool(x, window, shape, indices=indices, column_major=bool(node.get("storage_order", 0)))
