"""Constant: a tensor in an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


_DTYPES = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}


@operator("Constant")
def lower(b: Builder, node: Node) -> Value:
    """A constant of the plan."""
    for name, value in node.attributes.items():
        if name == "value":
            return b.constant(value, node.outputs[0])
        if name in _DTYPES:
            return b.constant(np.array(value, dtype=_DTYPES[name]), node.outputs[0])
    return b.unsupported(f"a constant in {', '.join(node.attributes) or 'no attribute'}")
