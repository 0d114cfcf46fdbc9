"""QLinearConv: a convolution of quantised tensors, quantised again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.lower.convolving import convolution
from aivm.arithmetic.lower.quantising import requantise
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("QLinearConv")
def lower(
    b: Builder,
    node: Node,
    x: Value,
    x_scale: Value,
    x_zero: Value,
    weights: Value,
    w_scale: Value,
    w_zero: Value,
    y_scale: Value,
    y_zero: Value,
    bias: Value | None = None,
) -> Value:
    """ConvInteger, plus the bias, then requantised per output channel."""
    group, window, shape = convolution(b, node, x, weights)
    channels = (shape[1], *([1] * (x.rank - 2)))
    total = b.conv_integer(x, weights, x_zero, w_zero, window, group, shape)
    if bias is not None:
        total = b.add(total, b.reshape(bias, channels))
    if w_scale.elements > 1:
        w_scale = b.reshape(w_scale, channels)
    return requantise(b, total, x_scale, w_scale, y_scale, y_zero)
