"""BitShift: unsigned integers, shifted left or right; by their width or more gives 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("BitShift", types={"T": dtypes.UNSIGNED})
def lower(b: Builder, node: Node, x: Value, y: Value) -> Value:
    """One primitive."""
    return b.binary("bit_shift", x, y, (int(node.get("direction") == "LEFT"),))
