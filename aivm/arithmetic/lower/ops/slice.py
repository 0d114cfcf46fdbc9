"""Slice: elements between bounds along axes, possibly with steps, possibly backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Slice")
def lower(
    b: Builder, _node: Node, x: Value, starts: Value, ends: Value, axes: Value | None = None, steps: Value | None = None
) -> Value:
    """One copy."""
    first, last = b.known_ints(starts), b.known_ints(ends)
    chosen = list(range(len(first))) if axes is None else b.known_ints(axes)
    stride = [1] * len(first) if steps is None else b.known_ints(steps)
    if not len(first) == len(last) == len(chosen) == len(stride):
        b.refuse("starts, ends, axes and steps differ in length")
    b.axes(chosen, x.rank)
    begin, extent, step = [0] * x.rank, list(x.shape), [1] * x.rank
    for position, index in enumerate(chosen):
        axis = b.axis(index, x.rank)
        if stride[position] == 0:
            b.refuse("a step is 0")
        # Python clamps bounds as ONNX does.
        places = range(x.shape[axis])[slice(first[position], last[position], stride[position])]
        begin[axis], extent[axis], step[axis] = places.start, len(places), places.step
    return b.slice(x, begin, extent, step)
