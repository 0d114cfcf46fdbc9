"""ConvInteger: convolution of 8-bit integers less their zero points, in int32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.convolving import convolution
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("ConvInteger")
def lower(
    b: Builder, node: Node, x: Value, weights: Value, x_zero: Value | None = None, w_zero: Value | None = None
) -> Value:
    """One primitive; the padding is x's zero point, so its terms are 0."""
    group, window, shape = convolution(b, node, x, weights)
    return b.conv_integer(x, weights, x_zero, w_zero, window, group, shape)
