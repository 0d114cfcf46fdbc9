"""Numbers (§1) and sums of products (§2)."""

from __future__ import annotations

import numpy as np
from oracle import fma, matmul

__all__ = ["fma", "matmul", "maximum", "minimum", "scalar", "times"]


def maximum(a, b):
    """NaN if one is, and -0 < +0 (§5.2)."""
    return _extreme(a, b, np.maximum, positive=True)


def minimum(a, b):
    """NaN if one is, and -0 < +0 (§5.2)."""
    return _extreme(a, b, np.minimum, positive=False)


def _extreme(a, b, function, *, positive):
    a, b = np.broadcast_arrays(a, b)
    if a.dtype.kind != "f":
        return function(a, b)
    with np.errstate(all="ignore"):
        equal = np.where(np.signbit(a) == positive, b, a)
        return np.where(a == b, equal, function(a, b)).astype(a.dtype)


def scalar(number, like):
    """A number in the dtype of an array, rounded once."""
    return np.array(number, like.dtype)


def times(a, b):
    """MatMul (§2.2) of operands of any rank."""
    left, right = (a[None] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
    y = matmul(left, right)
    y = y[..., 0] if b.ndim == 1 else y
    return y[..., 0, :] if a.ndim == 1 and b.ndim > 1 else (y[..., 0] if a.ndim == 1 else y)
