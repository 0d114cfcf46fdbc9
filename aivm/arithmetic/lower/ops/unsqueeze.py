"""Unsqueeze: with more axes of extent 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Unsqueeze")
def lower(b: Builder, _node: Node, x: Value, axes: Value) -> Value:
    """Another view of the same memory."""
    new = b.known_ints(axes)
    rank = x.rank + len(new)
    places = b.axes(new, rank)
    old = iter(x.shape)
    return b.reshape(x, [1 if axis in places else next(old) for axis in range(rank)])
