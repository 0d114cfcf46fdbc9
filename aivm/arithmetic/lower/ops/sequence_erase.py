"""SequenceErase: a sequence with one tensor less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item, Value


@operator("SequenceErase")
def lower(b: Builder, _node: Node, sequence: list[Item], place: Value | None = None) -> list[Item]:
    """Nothing to compute."""
    at = -1 if place is None else b.known_int(place)
    if not -len(sequence) <= at < len(sequence):
        b.refuse(f"place {at} in a sequence of {len(sequence)}")
    at %= len(sequence)
    return [*sequence[:at], *sequence[at + 1 :]]
