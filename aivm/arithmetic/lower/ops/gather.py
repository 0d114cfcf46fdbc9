"""Gather: entries of one axis, chosen by indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Gather")
def lower(b: Builder, node: Node, x: Value, indices: Value) -> Value:
    """One primitive, which checks the indices at run time."""
    return b.gather(x, indices, b.axis(node.get("axis", 0), x.rank))
