"""Convolutions of ResNet's and similar networks, channels first on either side as the standard has them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from graphs import floats, one_node
from harness import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Images, input channels, extent, output channels, kernel, stride, padding, groups.
SHAPES = (
    (1, 3, 224, 64, 7, 2, 3, 1), (1, 64, 56, 64, 1, 1, 0, 1), (1, 64, 56, 64, 3, 1, 1, 1), (1, 64, 56, 256, 1, 1, 0, 1),
    (1, 256, 56, 64, 1, 1, 0, 1), (1, 128, 56, 128, 3, 2, 1, 1), (1, 128, 28, 128, 3, 1, 1, 1),
    (1, 128, 28, 512, 1, 1, 0, 1), (1, 256, 14, 256, 3, 1, 1, 1), (1, 1024, 14, 256, 1, 1, 0, 1),
    (1, 512, 7, 512, 3, 1, 1, 1), (1, 512, 7, 2048, 1, 1, 0, 1), (8, 64, 56, 64, 3, 1, 1, 1),
    (8, 256, 14, 256, 3, 1, 1, 1), (8, 512, 7, 512, 3, 1, 1, 1), (1, 64, 28, 128, 3, 2, 1, 1),
    (1, 64, 28, 128, 1, 2, 0, 1), (1, 128, 14, 256, 3, 2, 1, 1), (1, 512, 4, 512, 3, 1, 1, 1),
    (1, 64, 56, 64, 3, 1, 1, 64), (1, 256, 28, 256, 3, 2, 1, 256), (1, 128, 28, 128, 3, 1, 1, 4),
)  # fmt: skip


def convolution(
    n: int, c: int, extent: int, m: int, kernel: int, stride: int, pad: int, groups: int
) -> tuple[bytes, dict[str, Any]]:
    """A model of one convolution."""
    weights = floats(2, m, c // groups, kernel, kernel) / np.float32(kernel * np.sqrt(c // groups))
    return one_node(
        "Conv",
        [floats(1, n, c, extent, extent), weights, floats(3, m)],
        constants=(1, 2),
        strides=[stride] * 2,
        pads=[pad] * 4,
        group=groups,
    )


def cases() -> Iterator[Case]:
    """One case for each shape."""
    for shape in SHAPES:
        n, c, extent, m, kernel, stride, pad, groups = shape
        out = (extent + 2 * pad - kernel) // stride + 1
        name = f"{n}×{c}×{extent}² to {m}, {kernel}×{kernel}" + (f" / {stride}" if stride > 1 else "")
        name += "" if groups == 1 else f", {groups} groups"
        work = 2.0 * n * m * out * out * (c // groups) * kernel * kernel
        yield Case(name=name, make=partial(convolution, *shape), work=work)
