"""Pooling (§10)."""

from __future__ import annotations

import itertools

import numpy as np

from reference.functions import power
from reference.numbers import scalar
from reference.reductions import reduced, start_of
from reference.table import operator
from reference.windows import outputs_of, window


def greater(a, b):
    """Whether a is to be preferred to b: NaN to all, +0 to -0."""
    if np.isnan(a) or np.isnan(b):
        return np.isnan(a) and not np.isnan(b)
    return a > b or (a == b and np.signbit(b) and not np.signbit(a))


def pooled(x, w, outs, *, mean, include_pad=False, column_major=False):
    """Values and indices, element by element."""
    sizes = x.shape[2:]
    y = np.empty((*x.shape[:2], *outs), x.dtype)
    indices = np.empty(y.shape, np.int64)
    order = "F" if column_major else "C"
    for n, c in itertools.product(*map(range, x.shape[:2])):
        for out in itertools.product(*map(range, outs)):
            total, count, best, place = x.dtype.type(0), 0, x.dtype.type(start_of("max", x.dtype)), -1
            for tap in itertools.product(*map(range, w["kernel"])):
                moves = zip(out, w["strides"], w["begin"], tap, w["dilations"], strict=True)
                at = [o * s - b + k * d for o, s, b, k, d in moves]
                inside = all(0 <= i < size for i, size in zip(at, sizes, strict=True))
                ends = zip(at, sizes, w["begin"], w["end"], strict=True)
                count += all(-b <= i < size + e for i, size, b, e in ends) if include_pad else inside
                if not inside:
                    continue
                value = x[(n, c, *at)]
                with np.errstate(all="ignore"):
                    total = total + value
                if place < 0 or greater(value, best):
                    best, place = value, int(np.ravel_multi_index(at, sizes, order=order))
            with np.errstate(all="ignore"):
                y[(n, c, *out)] = total / x.dtype.type(count) if mean else best
            plane = (n * x.shape[1] + c) * int(np.prod(sizes))
            indices[(n, c, *out)] = -1 if place < 0 else plane + place
    return y, indices


def _geometry(node, x):
    w = window(node, node.get("kernel_shape"), x.shape[2:])
    return w, outputs_of(x.shape[2:], w, ceil=bool(node.get("ceil_mode", 0)))


@operator("MaxPool")
def _max_pool(node, x):
    w, outs = _geometry(node, x)
    return pooled(x, w, outs, mean=False, column_major=bool(node.get("storage_order", 0)))


@operator("AveragePool")
def _average_pool(node, x):
    w, outs = _geometry(node, x)
    return pooled(x, w, outs, mean=True, include_pad=bool(node.get("count_include_pad", 0)))[0]


@operator("GlobalMaxPool", "GlobalAveragePool")
def _global_pool(node, x):
    op = "max" if node.proto.op_type == "GlobalMaxPool" else "mean"
    return reduced(op, x, list(range(2, x.ndim)), keepdims=True)


def _powers(node, x):
    p = scalar(node.get("p", 2), x)
    return p, power(np.abs(x), np.broadcast_to(p, x.shape))


def _root(total, p):
    return np.sqrt(total) if p == 2 else power(total, np.broadcast_to(scalar(1, total) / p, total.shape))


@operator("GlobalLpPool")
def _global_lp_pool(node, x):
    p, powers = _powers(node, x)
    return _root(reduced("sum", powers, list(range(2, x.ndim)), keepdims=True), p)


@operator("LpPool")
def _lp_pool(node, x):
    w, outs = _geometry(node, x)
    p, powers = _powers(node, x)
    total = np.zeros((*x.shape[:2], *outs), np.float32)  # a sum from +0 over the window in C order
    for out in itertools.product(*map(range, outs)):
        for tap in itertools.product(*map(range, w["kernel"])):
            moves = zip(out, w["strides"], w["begin"], tap, w["dilations"], strict=True)
            at = tuple(o * s - b + k * d for o, s, b, k, d in moves)
            if all(0 <= i < size for i, size in zip(at, x.shape[2:], strict=True)):
                total[(..., *out)] = total[(..., *out)] + powers[(..., *at)]
    return _root(total, p)
