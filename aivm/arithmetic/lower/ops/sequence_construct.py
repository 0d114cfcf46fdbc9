"""SequenceConstruct: a sequence of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("SequenceConstruct")
def lower(_b: Builder, _node: Node, *values: Value) -> list[Item]:
    """Nothing to compute."""
    return list(values)
