"""Identity: the same tensor, sequence or optional."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item


@operator("Identity")
def lower(_b: Builder, _node: Node, x: Item) -> Item:
    """Nothing to do."""
    return x
