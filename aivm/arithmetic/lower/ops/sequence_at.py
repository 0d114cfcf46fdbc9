"""SequenceAt: one tensor of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("SequenceAt")
def lower(b: Builder, _node: Node, sequence: list[Item], place: Value) -> Item:
    """Nothing to compute."""
    at = b.known_int(place)
    if not -len(sequence) <= at < len(sequence):
        b.refuse(f"place {at} in a sequence of {len(sequence)}")
    return sequence[at]
