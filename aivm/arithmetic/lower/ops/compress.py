"""Compress: the entries along an axis that a condition chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.errors import MalformedModelError
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.graph import Node
    from aivm.tensors import Array


@operator("Compress", host=True)
def lower(node: Node, x: Array, condition: Array) -> Array:
    """Between two plans: the data decides how many there are."""
    axis = node.get("axis")
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise MalformedModelError(f"{node.title}: axis {axis} of a tensor that has {x.ndim} axes")
    if axis is None:
        x, axis = x.reshape(-1), 0
    if condition.ndim != 1 or condition.size > x.shape[axis]:
        raise MalformedModelError(f"{node.title}: {condition.size} conditions for {x.shape[axis]} entries")
    return np.compress(condition, x, axis=axis)
