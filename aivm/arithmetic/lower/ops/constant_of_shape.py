"""ConstantOfShape: one number, as often as a shape says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ConstantOfShape")
def lower(b: Builder, node: Node, shape: Value) -> Value:
    """A constant where it is small, else a copy with strides of 0."""
    value = node.get("value", np.zeros(1, np.float32))
    if value.size != 1:
        b.refuse(f"attribute 'value' should have one element, and has {value.size}")
    return b.expand(b.constant(value.reshape(())), b.known_ints(shape))
