"""SequenceInsert: a sequence with one more tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("SequenceInsert")
def lower(b: Builder, _node: Node, sequence: list[Item], value: Value, place: Value | None = None) -> list[Item]:
    """Nothing to compute."""
    at = len(sequence) if place is None else b.known_int(place)
    if not -len(sequence) <= at <= len(sequence):
        b.refuse(f"place {at} in a sequence of {len(sequence)}")
    at = at + len(sequence) if at < 0 else at
    return [*sequence[:at], value, *sequence[at:]]
