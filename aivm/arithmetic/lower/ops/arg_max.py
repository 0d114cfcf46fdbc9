"""ArgMax: where the greatest element along an axis is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ArgMax", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive."""
    axis = b.axis(node.get("axis", 0), x.rank)
    return b.arg(
        "arg_max", x, axis, keepdims=bool(node.get("keepdims", 1)), last=bool(node.get("select_last_index", 0))
    )
