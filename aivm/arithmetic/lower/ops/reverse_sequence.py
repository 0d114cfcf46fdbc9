"""ReverseSequence: the first elements of each sequence backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ReverseSequence")
def lower(b: Builder, node: Node, x: Value, lengths: Value) -> Value:
    """A gather by element: place t of a sequence of n takes n - 1 - t while t < n."""
    batch, time = node.get("batch_axis", 1), node.get("time_axis", 0)
    if x.rank < 2 or {batch, time} != {0, 1} or lengths.shape != (x.shape[batch],):
        b.refuse(f"lengths {lengths} do not fit tensor {x}")
    steps = b.constant(np.arange(x.shape[time]).reshape((-1, 1) if time == 0 else (1, -1)))
    count = b.reshape(lengths, (1, lengths.elements) if time == 0 else (lengths.elements, 1))
    backwards = b.sub(b.sub(count, b.ints([1])), steps)
    place = b.where(b.compare("less", steps, count), backwards, steps)
    place = b.reshape(place, (*place.shape, *([1] * (x.rank - 2))))
    return b.gather_elements(x, b.expand(place, x.shape), time)
