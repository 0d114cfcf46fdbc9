"""Resize: other extents by interpolation, axis by axis, with coordinates in exact arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator
from aivm.arithmetic.lower.resampling import coordinates, nearest, plan_axes, taps

if TYPE_CHECKING:
    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Resize", types={"T1": dtypes.ALL - {"float64", "float16", "bfloat16"}})
def lower(
    b: Builder,
    node: Node,
    x: Value,
    roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
) -> Value:
    """Nearest neighbours are gathered; the others are a weighted sum of a few neighbours along each axis in turn."""
    axes = b.axes(node.get("axes") or range(x.rank), x.rank)
    order = node.get("axes") or list(range(x.rank))
    places = [b.axis(axis, x.rank) for axis in order]
    plan = plan_axes(b, node, x, places, axes, roi, scales, sizes)
    mode = node.get("mode", "nearest")
    if mode not in ("nearest", "linear", "cubic"):
        b.refuse(f"mode {mode!r}")
    outside: list[tuple[int, list[bool]]] = []
    # What is only moved may be moved in any order: single elements first, then whole rows.
    for item in reversed(plan) if mode == "nearest" else plan:
        if not item.changes:
            continue
        if item.crop is not None:
            outside.append((item.axis, [not 0 <= at <= item.source - 1 for at in coordinates(item)]))
        if mode == "nearest":
            x = b.gather(x, b.ints(nearest(b, item, node.get("nearest_mode", "round_prefer_floor"))), item.axis)
        else:
            b.want(x, frozenset({"float32"}))
            places_of, weights = taps(item, node, cubic=mode == "cubic")
            width = len(places_of[0]) if places_of else 1  # an extent may come to nothing
            table = np.array(places_of, np.int64).reshape(-1, width)
            factors = np.array(weights, np.float32).reshape(-1, width)
            x = b.interpolate(x, b.constant(table), b.constant(factors), item.axis)
    for axis, mask in outside:
        if any(mask):
            value = b.constant(np.array(node.get("extrapolation_value", 0.0), dtypes.NUMPY[x.dtype]))
            x = b.where(b.constant(np.array(mask).reshape(-1, *([1] * (x.rank - axis - 1)))), value, x)
    return x
