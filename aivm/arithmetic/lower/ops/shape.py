"""Shape: the extents of a tensor, or a slice of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Shape")
def lower(b: Builder, node: Node, x: Value) -> Value:
    """A constant: every shape is known."""
    end = node.get("end")
    return b.ints(x.shape[slice(node.get("start", 0), end)])
