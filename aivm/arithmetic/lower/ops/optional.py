"""Optional: an optional with an element, or without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item


@operator("Optional")
def lower(_b: Builder, _node: Node, element: Item = None) -> Item:
    """Optionals exist while a graph is lowered; a plan has only their tensors."""
    return element
