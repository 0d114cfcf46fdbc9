"""Convolution, pooling, resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cases.case import Case, case, fed, rows, setting, single, weights
from cases.matrices import scale

if TYPE_CHECKING:
    from cases.values import Random


def window(r: Random, axes: int, *, most: int = 12) -> tuple[list[int], dict[str, Any]]:
    """Extents of an image, and a window over it."""
    kernel = [r.integer(1, 3 if axes > 1 else 5) for _ in range(axes)]
    dilations = [r.choice([1, 1, 1, 2]) for _ in range(axes)]
    strides = [r.choice([1, 1, 2, 3]) for _ in range(axes)]
    spans = [(size - 1) * gap + 1 for size, gap in zip(kernel, dilations, strict=True)]
    extents = [span + r.integer(0, most) for span in spans]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    if r.chance(0.2):
        attributes["auto_pad"] = r.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    elif r.chance(0.6):
        attributes["pads"] = [r.integer(0, size - 1) for size in kernel * 2]
    return extents, attributes


@case("Conv")
def conv(r: Random, name: str) -> Case:
    axes = r.choice([1, 2, 2, 2, 3])
    extents, attributes = window(r, axes, most=12 if axes < 3 else 4)
    group = r.choice([1, 1, 1, 2, 3])
    inputs, outputs = r.extent(9), r.extent(17)
    if r.chance(0.2):
        group, inputs, outputs = r.extent(17), 1, r.integer(1, 2)
    x = r.floats([r.integer(1, 3), group * inputs, *extents])
    w = r.floats([group * outputs, inputs, *attributes["kernel_shape"]])
    bias = weights(r.normal([group * outputs])) if r.chance(0.5) else None
    return single(r, name, [rows(x), weights(w), bias], group=group, **attributes)


@case("ConvTranspose")
def conv_transpose(r: Random, name: str) -> Case:
    axes = r.choice([1, 2, 2])
    extents, attributes = window(r, axes, most=5)
    if "auto_pad" not in attributes and r.chance(0.3):
        attributes["output_padding"] = [r.integer(0, stride - 1) for stride in attributes["strides"]]
    group, inputs, outputs = r.choice([1, 1, 2]), r.extent(9), r.extent(9)
    x = r.floats([r.integer(1, 3), group * inputs, *extents])
    w = r.floats([group * inputs, outputs, *attributes["kernel_shape"]])
    bias = weights(r.normal([group * outputs])) if r.chance(0.5) else None
    return single(r, name, [rows(x), weights(w), bias], group=group, **attributes)


@case("ConvInteger")
def conv_integer(r: Random, name: str) -> Case:
    extents, attributes = window(r, 2)
    group, inputs, outputs = r.choice([1, 1, 2]), r.extent(5), r.extent(9)
    x = r.integers([r.integer(1, 3), group * inputs, *extents], np.uint8)
    w = r.integers([group * outputs, inputs, *attributes["kernel_shape"]], np.uint8)
    zeros = [fed(r.integers([], np.uint8)), fed(r.integers([], np.uint8))][: r.integer(0, 2)]
    return single(r, name, [rows(x), weights(w), *zeros], group=group, **attributes)


@case("QLinearConv")
def q_linear_conv(r: Random, name: str) -> Case:
    extents, attributes = window(r, 2)
    group, inputs, outputs = r.choice([1, 1, 2]), r.extent(5), r.extent(9)
    left, right = r.choice((np.uint8, np.int8)), r.choice((np.uint8, np.int8))
    x = r.integers([r.integer(1, 3), group * inputs, *extents], left)
    w = r.integers([group * outputs, inputs, *attributes["kernel_shape"]], right)
    scales = fed(scale(r)) if r.chance(0.5) else fed(r.positive([group * outputs]) / np.float32(8))
    zero = r.integers([] if scales.array.ndim == 0 else [group * outputs], right)
    operands = [rows(x), fed(scale(r)), fed(r.integers([], left)), weights(w), scales, fed(zero)]
    operands += [fed(scale(r)), fed(r.integers([], left))]
    if r.chance(0.5):
        operands.append(weights(r.integers([group * outputs], np.int32, -1000, 1000)))
    return single(r, name, operands, group=group, **attributes)


@case("MaxPool")
def max_pool(r: Random, name: str) -> Case:
    extents, attributes = window(r, r.choice([1, 2, 2, 3]), most=6)
    x = r.array(
        [r.integer(1, 3), r.extent(9), *extents], r.choice((np.float32, np.float32, np.float64, np.int8, np.uint8))
    )
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = r.integer(0, 1)
    # With indices a batch is more than its rows: they count from the start of the whole tensor.
    if r.chance(0.3):
        return single(r, name, [fed(x)], outputs=2, storage_order=r.integer(0, 1), **attributes)
    return single(r, name, [rows(x)], **attributes)


@case("AveragePool")
def average_pool(r: Random, name: str) -> Case:
    extents, attributes = window(r, r.choice([1, 2, 2, 3]), most=6)
    x = r.floats([r.integer(1, 3), r.extent(9), *extents])
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = r.integer(0, 1)
    return single(r, name, [rows(x)], count_include_pad=r.integer(0, 1), **attributes)


@case("LpPool")
def lp_pool(r: Random, name: str) -> Case:
    extents, attributes = window(r, r.choice([1, 2]), most=6)
    return single(r, name, [rows(r.floats([r.integer(1, 3), r.extent(9), *extents]))], p=r.integer(1, 3), **attributes)


@case("GlobalAveragePool", "GlobalMaxPool")
def global_pool(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape(r.integer(3, 4))))])


@case("GlobalLpPool")
def global_lp_pool(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape(r.integer(3, 4))))], p=r.integer(1, 3))


@case("Resize")
def resize(r: Random, name: str) -> Case:
    shape = [r.integer(1, 2), r.integer(1, 3), r.extent(9), r.extent(9)]
    mode = r.choice(["nearest", "linear", "cubic"])
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": r.choice(
            ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
        ),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = r.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    else:
        attributes["antialias"] = r.integer(0, 1)
    if mode == "cubic":
        attributes["cubic_coeff_a"] = r.choice([None, -0.5])
        attributes["exclude_outside"] = r.integer(0, 1)
    x = rows(r.floats(shape))
    if r.chance(0.5):
        factors = [1.0, 1.0, r.choice([0.5, 0.7, 1.0, 2.0, 2.5]), r.choice([0.5, 1.0, 1.3, 3.0])]
        return single(r, name, [x, None, setting(factors, np.float32)], **attributes)
    sizes = setting([r.extent(17), r.extent(17)])
    return single(r, name, [x, None, None, sizes], axes=[2, 3], **attributes)
