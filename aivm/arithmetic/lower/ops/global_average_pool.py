"""GlobalAveragePool: the mean of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GlobalAveragePool", types={"T": dtypes.FLOATS})
def lower(b: Builder, _node: Node, x: Value) -> Value:
    """ReduceMean over the spatial axes."""
    return b.reduce("reduce_mean", x, range(2, x.rank))
