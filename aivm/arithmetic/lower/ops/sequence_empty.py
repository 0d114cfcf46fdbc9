"""SequenceEmpty: a sequence without elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item


@operator("SequenceEmpty")
def lower(_b: Builder, _node: Node) -> list[Item]:
    """Sequences exist while a graph is lowered; a plan has only their tensors."""
    return []
