"""Size: how many elements a tensor has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Size")
def lower(b: Builder, _node: Node, x: Value) -> Value:
    """A constant: every shape is known."""
    return b.constant(np.array(x.elements, dtype=np.int64))
