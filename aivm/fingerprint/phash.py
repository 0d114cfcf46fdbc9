"""Perceptual hashes of images: signs of the lowest frequencies against their median.

After pHash (Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010), with every step in
integers: grey by the weights of BT.601, averages over the cells of a grid, a discrete cosine transform (type II) with
a table of integers, and a bit for each of the lowest `side` x `side` coefficients, the constant one among them, that
is greater than the median of all of them. Half of the bits are ones, ties aside, so distances are even, ties aside.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from aivm.fingerprint.errors import SketchError
from aivm.fingerprint.fixed_point import fixed_point
from aivm.fingerprint.layouts import MAX_CHANNELS

I64 = npt.NDArray[np.int64]

# 2**26 for a grey pixel by 2**24 pixels stays below 2**53; then 20 + 2 * (14 + 6) bits below 2**63.
_PIXEL_BITS, _CELL_BITS, _COSINE_BITS = 16, 20, 14
_MAX_PIXELS = 1 << 24
_GREY = (299, 587, 114)


def phash(image: npt.NDArray[np.generic], *, side: int, grid: int) -> list[bool]:
    """The bits of an image, row by row from the lowest frequency.

    Args:
        image: [H, W] or [C, H, W], behind any number of axes of extent 1. Three channels are red, green and blue;
            another number of channels, at most 4, is averaged.
        side: frequencies along each axis.
        grid: cells along each axis before the transform.

    Raises:
        SketchError: it is no single image, has more than 2**24 pixels, or an element is not finite.
    """
    cells = _average(_grey(image), grid)
    table = _cosines(side, grid)
    coefficients = (table @ fixed_point(cells, _CELL_BITS) @ table.T).reshape(-1)
    ordered = np.sort(coefficients)
    # Twice the median of an even number of integers is the sum of the two in the middle.
    doubled_median = ordered[ordered.size // 2 - 1] + ordered[ordered.size // 2]
    return [bool(bit) for bit in 2 * coefficients > doubled_median]


def _grey(image: npt.NDArray[np.generic]) -> I64:
    shape = image.shape
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) not in (2, 3) or 0 in shape or (len(shape) == 3 and shape[0] > MAX_CHANNELS):
        raise SketchError(
            f"a tensor of shape {list(image.shape)} is no image", hint="want [H, W] or [C, H, W], one at a time"
        )
    if shape[-1] * shape[-2] > _MAX_PIXELS:
        raise SketchError(f"an image of shape {list(image.shape)} has more than {_MAX_PIXELS} pixels")
    channels = fixed_point(image, _PIXEL_BITS).reshape((-1, *shape[-2:]))
    weights = np.array(_GREY if len(channels) == 3 else [1] * len(channels), np.int64)
    grey: I64 = np.tensordot(weights, channels, axes=1)
    return grey


def _average(image: I64, grid: int) -> I64:
    """Sums over the cells of a grid, a pixel that lies in several cells being shared by area; all to one scale."""
    rows, columns = (_overlaps(extent, grid) for extent in image.shape)
    cells: I64 = rows @ image @ columns.T
    return cells


def _overlaps(extent: int, grid: int) -> I64:
    """How much of each of `extent` pixels lies in each of `grid` cells, in units of one pixel over `grid`."""
    cell, pixel = np.arange(grid)[:, None] * extent, np.arange(extent)[None, :] * grid
    shared = np.minimum(cell + extent, pixel + grid) - np.maximum(cell, pixel)
    overlaps: I64 = np.maximum(shared, 0).astype(np.int64)
    return overlaps


@functools.cache
def _cosines(side: int, grid: int) -> I64:
    """cos(pi u (2 x + 1) / (2 grid)) as the nearest multiples of 2**-14: int64 [side, grid].

    No value is near the middle between two multiples (a test says so), so any good cosine gives this table.
    """
    scale = 1 << _COSINE_BITS
    return np.array(
        [[round(scale * math.cos(math.pi * u * (2 * x + 1) / (2 * grid))) for x in range(grid)] for u in range(side)],
        np.int64,
    )
