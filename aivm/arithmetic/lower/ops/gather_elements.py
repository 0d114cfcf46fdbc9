"""GatherElements: single elements, by an index along one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GatherElements")
def lower(b: Builder, node: Node, x: Value, indices: Value) -> Value:
    """One primitive, which checks the indices at run time."""
    axis = b.axis(node.get("axis", 0), x.rank)
    if indices.rank != x.rank or any(indices.shape[i] > x.shape[i] for i in range(x.rank) if i != axis):
        b.refuse(f"indices {indices} do not fit tensor {x}")
    return b.gather_elements(x, indices, axis)
