"""GlobalMaxPool: the greatest element of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("GlobalMaxPool", types={"T": dtypes.FLOATS})
def lower(b: Builder, _node: Node, x: Value) -> Value:
    """ReduceMax over the spatial axes."""
    return b.reduce("reduce_max", x, range(2, x.rank))
