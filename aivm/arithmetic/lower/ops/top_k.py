"""TopK: the greatest or least elements along an axis in order, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("TopK", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value, k: Value) -> tuple[Value, Value]:
    """One primitive; they are in order whether the node asks for it or not."""
    axis = b.axis(node.get("axis", -1), x.rank)
    return b.top_k(x, axis, b.known_int(k), largest=bool(node.get("largest", 1)))
