"""AveragePool: the mean of each window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.convolving import pooling
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("AveragePool", types={"T": dtypes.FLOATS})
def lower(b: Builder, node: Node, x: Value) -> Value:
    """One primitive."""
    window, shape = pooling(b, node, x)
    return b.average_pool(x, window, shape, count_padding=bool(node.get("count_include_pad", 0)))
