"""Split: a tensor in parts along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Split")
def lower(b: Builder, node: Node, x: Value, split: Value | None = None) -> tuple[Value, ...]:
    """One copy each."""
    axis = b.axis(node.get("axis", 0), x.rank)
    extent, count = x.shape[axis], node.get("num_outputs", len(node.outputs))
    if split is not None:
        sizes = b.known_ints(split)
    else:
        if count < 1 or ("num_outputs" not in node.attributes and extent % count):
            b.refuse(f"tensor {x} cannot be split into {count} parts along axis {axis}")
        size = -(-extent // count)
        sizes = [size] * (count - 1) + [extent - size * (count - 1)]
    if sum(sizes) != extent or min(sizes, default=0) < 0 or len(sizes) < len(node.outputs):
        b.refuse(f"tensor {x} cannot be split into {sizes} along axis {axis}")
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return tuple(b.part(x, axis, start, size) for start, size in zip(starts, sizes, strict=True))
