"""ConcatFromSequence: the tensors of a sequence one behind the other, or stacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ConcatFromSequence")
def lower(b: Builder, node: Node, sequence: list[Value]) -> Value:
    """One copy."""
    if not sequence:
        b.refuse("the sequence is empty")
    stacked = bool(node.get("new_axis", 0))
    axis = b.axis(node.get("axis", 0), sequence[0].rank + stacked)
    if stacked:
        sequence = [b.reshape(value, (*value.shape[:axis], 1, *value.shape[axis:])) for value in sequence]
    return b.concat(sequence, axis)
