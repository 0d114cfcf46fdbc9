"""SplitToSequence: a tensor in parts along an axis, as a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("SplitToSequence")
def lower(b: Builder, node: Node, x: Value, split: Value | None = None) -> list[Value]:
    """One copy each."""
    axis = b.axis(node.get("axis", 0), x.rank)
    extent = x.shape[axis]
    sizes = [1] * extent if split is None else b.known_ints(split)
    if split is not None and split.rank == 0:
        size = sizes[0]
        if size < 1:
            b.refuse(f"parts of {size}")
        sizes = [min(size, extent - start) for start in range(0, extent, size)]
    if sum(sizes) != extent or min(sizes, default=0) < 0:
        b.refuse(f"tensor {x} cannot be split into {sizes} along axis {axis}")
    parts = [b.part(x, axis, sum(sizes[:index]), size) for index, size in enumerate(sizes)]
    if split is None and not node.get("keepdims", 1):
        parts = [b.reshape(part, (*part.shape[:axis], *part.shape[axis + 1 :])) for part in parts]
    return parts
