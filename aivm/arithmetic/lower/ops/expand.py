"""Expand: repeated along axes of extent 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Expand")
def lower(b: Builder, _node: Node, x: Value, shape: Value) -> Value:
    """One copy with strides of 0."""
    wanted = b.known_ints(shape)
    rank = max(x.rank, len(wanted))
    left, right = (1,) * (rank - x.rank) + x.shape, [1] * (rank - len(wanted)) + wanted
    if any(p != q and 1 not in (p, q) for p, q in zip(left, right, strict=True)):
        b.refuse(f"tensor {x} does not broadcast to {wanted}")
    return b.expand(x, [q if p == 1 else p for p, q in zip(left, right, strict=True)])
