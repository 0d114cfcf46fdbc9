"""Constant: a tensor in an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

@operator("Constant")
def lower(b: Builder, node: Node) -> Value:
    """A constant of the plan."""
    makers = {
        "value": lambda value: value,
        "value_int": lambda value: np.array(value, dtype=np.int64),
        "value_ints": lambda value: np.array(value, dtype=np.int64),
        "value_float": lambda value: np.array(value, dtype=np.float32),
        "value_floats": lambda value: np.array(value, dtype=np.float32),
    }
    for name, make in makers.items():
        if name in node.attributes:
            return b.constant(make(node.attributes[name]), node.outputs[0])
    b.unsupported(f"a constant in {', '.join(node.attributes) or 'no attribute'}")
