"""The definitions of docs/arithmetic.md, written down as plainly as NumPy allows and without any part of the engine."""

from __future__ import annotations

import itertools

import numpy as np

CANONICAL_NAN = np.uint32(0x7FC00000)


def bits(array):
    """What is compared: the bits, so that signed zeros and NaNs count."""
    return np.ascontiguousarray(array, np.float32).view(np.uint32)


def canonical(array):
    """NaNs become the one quiet NaN."""
    result = np.array(array, np.float32)
    result.view(np.uint32)[np.isnan(result)] = CANONICAL_NAN
    return result


def fma(a, b, c):
    """`a * b + c` of binary32 arrays, rounded once.

    The product is exact in binary64; the sum there is rounded to odd, and then to binary32.
    """
    with np.errstate(all="ignore"):
        product = np.float64(a) * np.float64(b)
        addend = np.broadcast_to(np.float64(c), np.broadcast_shapes(np.shape(product), np.shape(c)))
        total = np.atleast_1d(np.array(product + addend))
        part = total - product
        lost = (product - (total - part)) + (addend - part)
        word = total.view(np.int64)
        inexact = np.isfinite(total) & (lost != 0) & (word & 1 == 0)
        word[inexact] += np.where((lost > 0) == (total > 0), 1, -1)[inexact]
        return total.astype(np.float32).reshape(np.shape(product + addend))


def add(a, b):
    """The rounded sum."""
    with np.errstate(all="ignore"):
        return np.float32(a) + np.float32(b)


def matmul(a, b):
    """`[..., M, K]` by `[..., K, N]`: from +0, over k ascending, one fused multiply-add each."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    acc = np.zeros((*batch, a.shape[-2], b.shape[-1]), np.float32)
    for k in range(a.shape[-1]):
        acc = fma(a[..., :, k, None], b[..., None, k, :], acc)
    return acc


def _positions(size, out, window, axis):
    """For each kernel index of an axis: output coordinates, and what they look at, without those outside."""
    stride, dilation, begin = window["strides"][axis], window["dilations"][axis], window["begin"][axis]
    for k in range(window["kernel"][axis]):
        pairs = [(o, o * stride - begin + k * dilation) for o in range(out)]
        yield [(o, i) for o, i in pairs if 0 <= i < size]


def _transposed_positions(size, out, window, axis):
    stride, dilation, begin = window["strides"][axis], window["dilations"][axis], window["begin"][axis]
    for k in range(window["kernel"][axis]):
        pairs = [(i * stride - begin + k * dilation, i) for i in range(size)]
        yield [(o, i) for o, i in pairs if 0 <= o < out]


def conv(x, w, window, group, out, *, transposed=False, step=fma):
    """`[N, C, ...]` with `[M, C / group, ...]` (transposed: `[C, M / group, ...]`), to spatial extents `out`.

    Over kernel positions in C order, and within each over the group's input channels; what lies outside is left out.
    `step` is what adds a product to a sum: for integers it is exact.
    """
    images, channels = x.shape[:2]
    outputs = w.shape[1] * group if transposed else w.shape[0]
    acc = np.zeros((images, outputs, *out), x.dtype)
    pairs = _transposed_positions if transposed else _positions
    axes = [list(enumerate(pairs(x.shape[2 + axis], out[axis], window, axis))) for axis in range(len(out))]
    inward, outward = channels // group, outputs // group
    for places in itertools.product(*axes):
        if not all(reached for _, reached in places):
            continue
        tap = tuple(k for k, _ in places)
        to = np.ix_(*([o for o, _ in reached] for _, reached in places))
        of = np.ix_(*([i for _, i in reached] for _, reached in places))
        for g in range(group):
            for c in range(inward):
                image = x[:, g * inward + c][(slice(None), *of)][:, None]
                m = slice(g * outward, (g + 1) * outward)
                weight = w[(g * inward + c, slice(None), *tap)] if transposed else w[(m, c, *tap)]
                part = (slice(None), m, *to)
                acc[part] = step(image, weight.reshape(1, -1, *([1] * len(out))), acc[part])
    return acc


def awkward(rng, shape, *, special=0.02):
    """Numbers of all sizes, some of them zeros, subnormals, infinities and NaNs."""
    values = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)).astype(np.float32)
    if special:
        pool = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-39, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)
        chosen = rng.random(shape) < special
        values[chosen] = pool[rng.integers(0, len(pool), shape)][chosen]
    return values
