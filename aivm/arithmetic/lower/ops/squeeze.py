"""Squeeze: without some axes of extent 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Squeeze")
def lower(b: Builder, _node: Node, x: Value, axes: Value | None = None) -> Value:
    """Another view of the same memory."""
    if axes is None:
        return b.reshape(x, [extent for extent in x.shape if extent != 1])
    gone = b.axes(b.known_ints(axes), x.rank)
    if any(x.shape[axis] != 1 for axis in gone):
        b.refuse(f"axes {gone} of tensor {x} are not all of extent 1")
    return b.reshape(x, [extent for axis, extent in enumerate(x.shape) if axis not in gone])
