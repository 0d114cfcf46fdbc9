"""Quantisation (§9)."""

from __future__ import annotations

import numpy as np
from onnx import helper

from reference.casting import cast
from reference.products import biased, conv_integer, matmul_integer
from reference.table import operator


def to_integer(scaled, zero, dtype):
    """`saturate(round(scaled) + zero)`, a NaN being 0."""
    info = np.iinfo(dtype)
    whole = np.where(np.isnan(scaled), 0, np.rint(scaled.astype(np.float64)))
    return np.clip(np.clip(whole, -1e9, 1e9) + np.asarray(zero, np.float64), info.min, info.max).astype(dtype)


def spread(item, x, node):
    """Scales or zeros, one for each element of x."""
    block = node.get("block_size", 0)
    if item.size == 1 and item.ndim < 2 and not block:
        return item.reshape(())
    axis = node.get("axis", 1) % x.ndim
    if block:
        return np.repeat(item, block, axis)[tuple(slice(extent) for extent in x.shape)]
    return item.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


@operator("QuantizeLinear")
def _quantize(node, x, scale, zero=None):
    named = node.get("output_dtype", 0)
    dtype = zero.dtype if zero is not None else helper.tensor_dtype_to_np_dtype(named) if named else np.dtype(np.uint8)
    zeros = 0 if zero is None else spread(zero, x, node)
    return to_integer(cast(x, np.float32) / spread(scale, x, node), zeros, dtype)


@operator("DequantizeLinear")
def _dequantize(node, x, scale, zero=None):
    difference = x.astype(np.int64) - (0 if zero is None else spread(zero, x, node).astype(np.int64))
    return cast(difference, np.float32) * spread(scale, x, node)


def _again(total, factor, zero):
    return to_integer(cast(total, np.float32) * factor, zero.reshape(()), zero.dtype)


@operator("QLinearMatMul")
def _qlinear_matmul(node, a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    total = matmul_integer(node, a, b, a_zero, b_zero)
    rows = a_scale.reshape(-1, 1) if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    return _again(total, rows * b_scale / y_scale, y_zero)


@operator("QLinearConv")
def _qlinear_conv(node, x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias=None):
    total = biased(conv_integer(node, x, w, x_zero, w_zero), bias)
    scales = w_scale if w_scale.size == 1 else w_scale.reshape(-1, *([1] * (x.ndim - 2)))
    return _again(total, x_scale * scales / y_scale, y_zero)
