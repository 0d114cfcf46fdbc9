"""Pad: a tensor with something around it; negative pads cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Pad")
def lower(
    b: Builder, node: Node, x: Value, pads: Value, value: Value | None = None, axes: Value | None = None
) -> Value:
    """One copy for a constant; else one gather for each axis that is padded."""
    mode = node.get("mode", "constant")
    chosen = list(range(x.rank)) if axes is None else [b.axis(axis, x.rank) for axis in b.known_ints(axes)]
    amounts = b.known_ints(pads)
    if len(amounts) != 2 * len(chosen):
        b.refuse(f"{len(amounts)} pads for {len(chosen)} axes")
    before, after = [0] * x.rank, [0] * x.rank
    for position, axis in enumerate(chosen):
        before[axis], after[axis] = amounts[position], amounts[position + len(chosen)]
    if mode == "constant":
        zero = b.constant(np.zeros((), dtypes.NUMPY[x.dtype]))
        fill = zero if value is None else b.reshape(value, ())
        return b.pad(x, before, after, fill)
    for axis in range(x.rank):
        if before[axis] or after[axis]:
            b.count(x.shape[axis] + max(before[axis], 0) + max(after[axis], 0))
            places = _places(mode, x.shape[axis], before[axis], after[axis])
            if places is None:
                b.refuse(f"tensor {x} cannot be padded in mode {mode!r} along axis {axis}")
            x = b.gather(x, b.ints(places), axis)
    return x


def _places(mode: str, extent: int, before: int, after: int) -> list[int] | None:
    """Which element stands at each place of the padded axis; None if there is no such element."""
    wanted = range(-before, extent + after)
    if extent == 0:
        return None
    if mode == "edge":
        return [min(max(i, 0), extent - 1) for i in wanted]
    if mode == "wrap":
        return [i % extent for i in wanted]
    if mode == "reflect":
        period = max(2 * (extent - 1), 1)
        return [min(i % period, period - i % period) if extent > 1 else 0 for i in wanted]
    return None
