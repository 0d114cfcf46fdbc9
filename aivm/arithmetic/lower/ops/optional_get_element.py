"""OptionalGetElement: the element of an optional."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item


@operator("OptionalGetElement")
def lower(b: Builder, _node: Node, element: Item = None) -> Item:
    """Nothing to compute."""
    if element is None:
        b.refuse("the optional has no element")
    return element
