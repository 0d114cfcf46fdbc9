"""Resize (§11): coordinates and weights in rational arithmetic, sums of products of binary32."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from reference.casting import rounded
from reference.numbers import fma
from reference.table import canonical, operator

HALF = Fraction(1, 2)
ROUND = {
    "round_prefer_floor": lambda at: math.ceil(at - HALF),
    "round_prefer_ceil": lambda at: math.floor(at + HALF),
    "floor": math.floor,
    "ceil": math.ceil,
}


@operator("Resize", moves=True)
def _resize(node, x, roi=None, scales=None, sizes=None):
    axes = [axis % x.ndim for axis in node.get("axes") or range(x.ndim)]
    crops = [None] * len(axes)
    if node.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        bounds = [Fraction(float(item)) for item in roi]
        crops = list(zip(bounds[: len(axes)], bounds[len(axes) :], strict=True))
    ratios, extents = _ratios(node, x, axes, scales, sizes, crops)
    outside = {}
    for axis, ratio, extent, crop in sorted(zip(axes, ratios, extents, crops, strict=True)):
        if extent == x.shape[axis] and ratio == 1 and crop is None:
            continue
        places = [_place(node, i, x.shape[axis], extent, ratio, crop) for i in range(extent)]
        if crop is not None:
            outside[axis] = [not 0 <= at <= x.shape[axis] - 1 for at in places]
        x = _along(node, x, axis, ratio, places)
    for axis, mask in outside.items():
        value = np.array(node.get("extrapolation_value", 0.0), x.dtype)
        x = np.where(np.array(mask).reshape(-1, *([1] * (x.ndim - axis - 1))), value, x)
    return x


def _ratios(node, x, axes, scales, sizes, crops):
    if sizes is None or not sizes.size:
        ratios = [Fraction(float(item)) for item in scales]
        wide = [1 if crop is None else crop[1] - crop[0] for crop in crops]
        return ratios, [math.floor(x.shape[axis] * w * r) for axis, w, r in zip(axes, wide, ratios, strict=True)]
    extents = [int(item) for item in sizes]
    ratios = [Fraction(extent, x.shape[axis]) for extent, axis in zip(extents, axes, strict=True)]
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        ratios = [(min if policy == "not_larger" else max)(ratios)] * len(axes)
        extents = [math.floor(ratio * x.shape[axis] + HALF) for ratio, axis in zip(ratios, axes, strict=True)]
    return ratios, extents


def _place(node, i, source, extent, ratio, crop):
    mode, length = node.get("coordinate_transformation_mode", "half_pixel"), ratio * source
    if crop is not None:
        start, end = crop
        if length == 1:
            return HALF * (start + end) * (source - 1)
        return start * (source - 1) + i * (end - start) * (source - 1) / (length - 1)
    if mode == "align_corners":
        return Fraction(0) if length == 1 else i * (source - 1) / (length - 1)
    if mode == "asymmetric":
        return i / ratio
    if mode == "pytorch_half_pixel" and extent == 1:
        return Fraction(0)
    plain = (i + HALF) / ratio - HALF
    return plain + Fraction(source, 2) * (1 - extent / length) if mode == "half_pixel_symmetric" else plain


def _along(node, x, axis, ratio, places):
    source, lines = x.shape[axis], np.moveaxis(x, axis, 0)
    mode = node.get("mode", "nearest")
    if mode == "nearest":
        chosen = ROUND[node.get("nearest_mode", "round_prefer_floor")]
        return np.moveaxis(lines[[min(max(chosen(at), 0), source - 1) for at in places]], 0, axis)
    rows = np.zeros((len(places), *lines.shape[1:]), np.float32)
    for i, at in enumerate(places):
        for place, weight in _weights(node, at, source, ratio, cubic=mode == "cubic"):
            term = lines[min(max(place, 0), source - 1)]
            rows[i] = fma(np.float32(rounded(weight, "float32") if weight else 0.0), term, rows[i])
    return np.moveaxis(canonical(rows), 0, axis)


def _weights(node, at, source, ratio, *, cubic):
    stretch = max(1 / ratio, Fraction(1)) if node.get("antialias", 0) else Fraction(1)
    reach = 2 if cubic else 1
    places = range(math.floor(at) + 1 - reach, math.floor(at) + 1 + reach)
    if stretch != 1:
        places = range(math.floor(at - reach * stretch) + 1, math.ceil(at + reach * stretch))
    a = Fraction(float(np.float32(node.get("cubic_coeff_a", -0.75))))
    weights = [_cubic(abs(p - at) / stretch, a) if cubic else max(1 - abs(p - at) / stretch, 0) for p in places]
    exclude = bool(node.get("exclude_outside", 0))
    if exclude:
        weights = [w if 0 <= p < source else 0 for p, w in zip(places, weights, strict=True)]
    total = sum(weights)
    if (exclude or stretch != 1) and total:
        weights = [Fraction(w) / total for w in weights]
    return list(zip(places, weights, strict=True))


def _cubic(d, a):
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    return a * (((d - 5) * d + 8) * d - 4) if d < 2 else Fraction(0)
