"""Operators on each element by itself (§5)."""

from __future__ import annotations

import numpy as np

from reference.numbers import maximum, minimum
from reference.table import canonical, operator


@operator("Add")
def _add(_node, a, b):
    return a + b


@operator("Sub")
def _sub(_node, a, b):
    return a - b


@operator("Mul")
def _mul(_node, a, b):
    return a * b


@operator("Div")
def _div(_node, a, b):
    if a.dtype.kind == "f":
        return a / b
    a, b = np.broadcast_arrays(a, b)
    info = np.iinfo(a.dtype)
    exact = [
        abs(int(p)) // abs(int(q)) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a.flat, b.flat, strict=True)
    ]
    wrapped = [(item - info.min) % (1 << info.bits) + info.min for item in exact]
    return np.array(wrapped, a.dtype).reshape(a.shape)


@operator("Mod")
def _mod(node, a, b):
    if a.dtype.kind == "f":
        remainder = np.fmod(a, b)  # which is exact
        if node.get("fmod", 0):
            return remainder
        other = np.where(remainder == 0, np.copysign(remainder, b), remainder)
        return np.where((remainder != 0) & ((remainder < 0) != (b < 0)), remainder + b, other).astype(a.dtype)
    a, b = np.broadcast_arrays(a, b)
    rests = [abs(int(p)) % abs(int(q)) * (-1 if p < 0 else 1) for p, q in zip(a.flat, b.flat, strict=True)]
    if not node.get("fmod", 0):
        rests = [r + int(q) if r and (r < 0) != (q < 0) else r for r, q in zip(rests, b.flat, strict=True)]
    return np.array(rests, a.dtype).reshape(a.shape)


@operator("Abs")
def _abs(_node, x):
    return np.abs(x)


@operator("Neg")
def _neg(_node, x):
    return -x


@operator("Sign")
def _sign(_node, x):
    return np.where(x > 0, 1, np.where(x < 0, -1, np.where(x == 0, 0, x))).astype(x.dtype)


@operator("Floor")
def _floor(_node, x):
    return np.floor(x)


@operator("Ceil")
def _ceil(_node, x):
    return np.ceil(x)


@operator("Round")
def _round(_node, x):
    return np.rint(x)


@operator("Relu")
def _relu(_node, x):
    return np.where(x <= 0, np.array(0, x.dtype), x)


@operator("Clip")
def _clip(_node, x, low=None, high=None):
    y = x if low is None else np.where(x < low.reshape(()), low.reshape(()), x)
    return y if high is None else np.where(y > high.reshape(()), high.reshape(()), y)


def _folded(function):
    def fold(_node, first, *others):
        for other in others:
            first = canonical(function(first, other))
        return first

    return fold


operator("Max", moves=True)(_folded(maximum))
operator("Min", moves=True)(_folded(minimum))
operator("Sum", moves=True)(_folded(np.add))


@operator("Mean")
def _mean(_node, *values):
    return _folded(np.add)(None, *values) / np.array(len(values), values[0].dtype)


@operator("Dropout", moves=True)
def _dropout(_node, x, *_):
    return x, np.ones(x.shape, np.bool_)


@operator("Range")
def _range(_node, start, limit, delta):
    start, limit, delta = (item.reshape(-1)[0] for item in (start, limit, delta))
    if start.dtype.kind in "iu":
        return np.array(range(int(start), int(limit), int(delta)), start.dtype)
    count = np.ceil(np.float32(limit - start) / np.float32(delta))
    elements = [start][: max(int(count), 0)]
    while len(elements) < count:
        elements.append(elements[-1] + delta)
    return np.array(elements, start.dtype)
