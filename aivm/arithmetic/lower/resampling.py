"""Where the elements of a resized axis come from, in exact rational arithmetic.

Scales are binary32 numbers, taken as the rationals that they are; sizes give rational scales. Coordinates and weights
are computed exactly, and only a finished weight is rounded, to the nearest binary32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value

_HALF = Fraction(1, 2)

#: Places of a resized axis, times the elements that each mixes.
_MOST_TAPS = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis to be resized.

    Attributes:
        axis: which.
        source: its extent.
        extent: its new extent.
        scale: new by old, as the model says, which need not be their quotient.
        transform: how coordinates correspond.
        crop: first and last coordinate of the region, as parts of the axis; None where there is none.
    """

    axis: int
    source: int
    extent: int
    scale: Fraction
    transform: str
    crop: tuple[Fraction, Fraction] | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.extent != self.source or self.crop is not None or self.scale != 1


def plan_axes(
    b: Builder,
    node: Node,
    x: Value,
    order: Sequence[int],
    axes: Sequence[int],
    roi: Value | None,
    scales: Value | None,
    sizes: Value | None,
) -> list[Axis]:
    """The axes in ascending order, with their new extents.

    Raises:
        MalformedModelError: scales or sizes are missing, or do not fit.
    """
    transform = node.get("coordinate_transformation_mode", "half_pixel")
    if not math.isfinite(node.get("cubic_coeff_a", -0.75)):
        b.refuse(f"attribute 'cubic_coeff_a' is {node.get('cubic_coeff_a')}")
    factors, extents = _extents(b, node, x, order, scales, sizes)
    crops: list[tuple[Fraction, Fraction] | None] = [None] * len(order)
    if transform == "tf_crop_and_resize":
        if roi is None or roi.elements != 2 * len(order):
            b.refuse("tf_crop_and_resize needs a region")
        corners = [float(item) for item in b.known(roi).reshape(-1)]
        if not all(map(math.isfinite, corners)):
            b.refuse(f"the region {corners}")
        bounds = [Fraction(corner) for corner in corners]
        crops = [(bounds[i], bounds[i + len(order)]) for i in range(len(order))]
        if sizes is None:
            # Under a crop the scale is of the region.
            extents = [
                math.floor(x.shape[axis] * (crop[1] - crop[0]) * factor)
                for axis, crop, factor in zip(order, crops, factors, strict=True)
                if crop is not None
            ]
    planned = {
        axis: Axis(
            axis=axis, source=x.shape[axis], extent=extents[i], scale=factors[i], transform=transform, crop=crops[i]
        )
        for i, axis in enumerate(order)
    }
    for item in planned.values():
        if item.changes:  # what each place of the new axis takes from the old one is computed here, exactly
            b.count(math.ceil(item.extent * _stretch(item, node)), most=_MOST_TAPS)
        if item.extent < 0 or (item.extent and not item.source):
            b.refuse(f"axis {item.axis} of tensor {x} cannot have the extent {item.extent}")
    return [planned[axis] for axis in axes]


def _extents(
    b: Builder, node: Node, x: Value, order: Sequence[int], scales: Value | None, sizes: Value | None
) -> tuple[list[Fraction], list[int]]:
    if sizes is not None and sizes.elements:
        extents = b.known_ints(sizes)
        if len(extents) != len(order) or any(x.shape[axis] == 0 for axis in order):
            b.refuse(f"{len(extents)} sizes for {len(order)} axes of tensor {x}")
        factors = [Fraction(extent, x.shape[axis]) for extent, axis in zip(extents, order, strict=True)]
        policy = node.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            factor = min(factors) if policy == "not_larger" else max(factors)
            factors = [factor] * len(order)
            extents = [math.floor(factor * x.shape[axis] + _HALF) for axis in order]
        return factors, extents
    if scales is None or scales.elements != len(order):
        b.refuse("either scales or sizes are needed, one for each axis")
    numbers = [float(item) for item in b.known(scales).reshape(-1)]
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        b.refuse(f"scales {numbers}")
    factors = [Fraction(number) for number in numbers]
    return factors, [math.floor(factor * x.shape[axis]) for factor, axis in zip(factors, order, strict=True)]


def coordinates(item: Axis) -> list[Fraction]:
    """For each place of the new axis, where it is on the old one."""
    return [_coordinate(item, i) for i in range(item.extent)]


def _coordinate(item: Axis, i: int) -> Fraction:  # noqa: PLR0911 - one for each transform of the standard
    source, extent, scale = item.source, item.extent, item.scale
    # Where scales are given, the new length that corners are aligned to is not a whole number, as in the standard's own
    # evaluator; where sizes are given it is the extent.
    length = scale * source
    if item.transform == "align_corners":
        return i * (source - 1) / (length - 1) if length != 1 else Fraction(0)
    if item.transform == "asymmetric":
        return i / scale
    if item.transform == "pytorch_half_pixel":
        return (i + _HALF) / scale - _HALF if extent > 1 else Fraction(0)
    if item.transform == "half_pixel_symmetric":
        # The new extent was rounded down; what is lost is lost at both ends.
        adjustment = extent / length
        center = Fraction(source, 2)
        return center * (1 - adjustment) + (i + _HALF) / scale - _HALF
    if item.crop is not None:
        start, end = item.crop
        if length != 1:
            return start * (source - 1) + i * (end - start) * (source - 1) / (length - 1)
        return _HALF * (start + end) * (source - 1)
    return (i + _HALF) / scale - _HALF


def nearest(b: Builder, item: Axis, mode: str) -> list[int]:
    """For each place of the new axis, which element of the old one it takes.

    Raises:
        MalformedModelError: there is no such mode.
    """
    rounding = {
        "round_prefer_floor": lambda at: math.ceil(at - _HALF),
        "round_prefer_ceil": lambda at: math.floor(at + _HALF),
        "floor": math.floor,
        "ceil": math.ceil,
    }
    if mode not in rounding:
        b.refuse(f"nearest_mode {mode!r}")
    return [min(max(rounding[mode](at), 0), item.source - 1) for at in coordinates(item)]


def taps(item: Axis, node: Node, *, cubic: bool) -> tuple[list[list[int]], list[list[float]]]:
    """For each place of the new axis, which elements of the old one it mixes, and how."""
    stretch = _stretch(item, node)
    parameter = Fraction(float(node.get("cubic_coeff_a", -0.75)))
    exclude = bool(node.get("exclude_outside", 0))
    reach = (2 if cubic else 1) * stretch
    rows: list[tuple[list[int], list[Fraction]]] = []
    for at in coordinates(item):
        first, last = math.floor(at - reach) + 1, math.ceil(at + reach) - 1
        if stretch == 1:  # always the same number of neighbours, also where one of them has no weight
            first = math.floor(at) - (1 if cubic else 0)
            last = first + (3 if cubic else 1)
        places = list(range(first, last + 1))
        weights = [_kernel((place - at) / stretch, parameter if cubic else None) for place in places]
        if exclude:
            weights = [w if 0 <= place < item.source else Fraction(0) for w, place in zip(weights, places, strict=True)]
        total = sum(weights)
        if (exclude or stretch != 1) and total != 0:
            weights = [weight / total for weight in weights]
        rows.append(([min(max(place, 0), item.source - 1) for place in places], weights))
    width = max((len(places) for places, _ in rows), default=1)
    return (
        [places + [places[-1]] * (width - len(places)) for places, _ in rows],
        [[_binary32(weight) for weight in weights] + [0.0] * (width - len(weights)) for _, weights in rows],
    )


def _stretch(item: Axis, node: Node) -> Fraction:
    """How many elements of the old axis a place of the new one stands for, if they are to be mixed."""
    return max(1 / item.scale, Fraction(1)) if node.get("antialias", 0) and item.scale > 0 else Fraction(1)


def _kernel(distance: Fraction, parameter: Fraction | None) -> Fraction:
    d = abs(distance)
    if parameter is None:
        return max(1 - d, Fraction(0))
    a = parameter
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    if d < 2:
        return a * (((d - 5) * d + 8) * d - 4)
    return Fraction(0)


def _binary32(value: Fraction) -> float:
    """The nearest binary32 number, of two equally near the even one."""
    if value == 0:
        return 0.0
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    rounded = round(magnitude / unit) * unit  # Python rounds halves to even
    return float(rounded if value > 0 else -rounded)
