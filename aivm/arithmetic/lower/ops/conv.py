"""Conv: convolution, possibly in groups, strided, dilated and padded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.convolving import convolution
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Conv", types={"T": frozenset({"float32"})})
def lower(b: Builder, node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """One primitive; terms in the padding are left out of the sums."""
    group, window, shape = convolution(b, node, x, weights)
    return b.conv(x, weights, bias, window, group, shape)
