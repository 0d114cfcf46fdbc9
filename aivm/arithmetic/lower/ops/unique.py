"""Unique: the different elements, or entries along an axis, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.errors import PlanError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.graph import Node
    from aivm.tensors import Array


@operator("Unique", types={"T": dtypes.NUMBERS | {"bool"}}, host=True)
def lower(node: Node, x: Array) -> tuple[Array, ...]:
    """Between two plans: the data decides how many there are."""
    axis = node.get("axis")
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise PlanError(f"{node.title}: axis {axis} of a tensor of rank {x.ndim}", hint="It is from -rank to rank - 1.")
    if x.dtype.kind == "f" and np.isnan(x).any():
        raise PlanError(f"{node.title}: an element is NaN, which equals nothing")
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis)
    inverse = inverse.reshape(-1)
    if not node.get("sorted", 1):
        order = np.argsort(first, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        values, first, inverse, counts = np.take(values, order, axis or 0), first[order], place[inverse], counts[order]
    return values, *(item.astype(np.int64) for item in (first, inverse, counts))
