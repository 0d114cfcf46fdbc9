"""CumSum: the running sum along an axis, element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("CumSum", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, x: Value, axis: Value) -> Value:
    """One primitive."""
    place = b.axis(b.known_int(axis), x.rank)
    return b.cumulate(
        "cumsum", x, place, exclusive=bool(node.get("exclusive", 0)), reverse=bool(node.get("reverse", 0))
    )
