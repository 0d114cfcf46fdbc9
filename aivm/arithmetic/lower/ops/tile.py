"""Tile: repeated as a whole along each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Tile")
def lower(b: Builder, _node: Node, x: Value, repeats: Value) -> Value:
    """One copy with strides of 0."""
    counts = b.known_ints(repeats)
    if len(counts) != x.rank or min(counts, default=0) < 0:
        b.refuse(f"repeats {counts} for tensor {x}")
    return b.tile(x, counts)
