"""Normalisations that have no function body (§7)."""

from __future__ import annotations

import numpy as np

from reference.functions import power
from reference.numbers import scalar
from reference.reductions import reduced
from reference.table import operator


def _per_channel(value, x):
    return value.reshape(-1, *([1] * (x.ndim - 2)))


@operator("BatchNormalization")
def _batch(node, x, scale, bias, mean, variance):
    scale, bias, mean, variance = (_per_channel(item, x) for item in (scale, bias, mean, variance))
    deviation = np.sqrt(variance + scalar(node.get("epsilon", 1e-5), x))
    return (x - mean) / deviation * scale + bias


@operator("InstanceNormalization")
def _instance(node, x, scale, bias):
    axes = list(range(2, x.ndim))
    difference = x - reduced("mean", x, axes, keepdims=True)
    variance = reduced("mean", difference * difference, axes, keepdims=True)
    deviation = np.sqrt(variance + scalar(node.get("epsilon", 1e-5), x))
    return _per_channel(scale, x) * (difference / deviation) + _per_channel(bias, x)


@operator("LRN")
def _lrn(node, x):
    size = node.get("size")
    before = (size - 1) // 2
    squares = x * x
    zero = np.zeros_like(squares[:, :1])
    total = None
    for offset in range(-before, size - before):
        channels = range(offset, offset + x.shape[1])
        term = np.concatenate([squares[:, c : c + 1] if 0 <= c < x.shape[1] else zero for c in channels], 1)
        total = term if total is None else total + term
    factor = scalar(node.get("alpha", 1e-4), x) / scalar(size, x)
    base = scalar(node.get("bias", 1.0), x) + factor * total
    return x / power(base, np.broadcast_to(scalar(node.get("beta", 0.75), x), x.shape))


@operator("LpNormalization")
def _lp(node, x):
    axis = node.get("axis", -1) % x.ndim
    if node.get("p", 2) == 1:
        norm = reduced("sum", np.abs(x), [axis], keepdims=True)
    else:
        norm = np.sqrt(reduced("sum", x * x, [axis], keepdims=True))
    return np.where(norm == 0, scalar(0, x), x / norm)
