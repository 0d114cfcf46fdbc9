"""GatherND: elements or blocks, by tuples of indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GatherND")
def lower(b: Builder, node: Node, x: Value, indices: Value) -> Value:
    """One primitive, which checks the indices at run time."""
    return b.gather_nd(x, indices, node.get("batch_dims", 0))
