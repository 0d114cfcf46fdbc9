"""How an output is read before it is sketched: as an image, and where its axes are, or as a list of numbers."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from aivm.fingerprint.errors import SketchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.tensors import Array

#: Of an image: grey, colours, and what lies over them.
MAX_CHANNELS = 4


class Layout(StrEnum):
    """The last axes of the output; those before them, if any, have the extent 1: one image at a time."""

    FLAT = "flat"
    HW = "hw"
    CHW = "chw"
    HWC = "hwc"

    @property
    def rank(self) -> int:
        """How many axes an image has; 0 for `flat`, which takes any tensor."""
        return 0 if self is Layout.FLAT else len(self)


def misfit(shape: Sequence[int | str], layout: Layout) -> str | None:
    """Why no tensor of this shape can be read so, or None.

    Args:
        shape: with names for dimensions that are free, which may turn out to fit.
        layout: how it is to be read.
    """
    if layout is Layout.FLAT:
        return None
    if len(shape) < layout.rank:
        return f"{layout} has {layout.rank} axes, the shape {list(shape)} has {len(shape)}"
    if any(size != 1 for size in shape[: len(shape) - layout.rank] if isinstance(size, int)):
        return f"{layout} reads one image, and the shape {list(shape)} holds several"
    channels = shape[len(shape) - layout.rank + layout.index("c")] if "c" in layout else 1
    if isinstance(channels, int) and not 1 <= channels <= MAX_CHANNELS:
        return f"an image has 1 to {MAX_CHANNELS} channels, and by {layout} the shape {list(shape)} says {channels}"
    return None


def arrange(array: Array, layout: Layout) -> Array:
    """The tensor as sketches take it.

    Args:
        array: the output.
        layout: how it is to be read.

    Returns:
        [N] for `flat`, [H, W] for `hw`, else [C, H, W].

    Raises:
        SketchError: it cannot be read so.
    """
    problem = misfit(array.shape, layout)
    if problem is not None:
        raise SketchError(problem, hint="the manifest's aggregation.layout says how the output is read")
    if layout is Layout.FLAT:
        return array.reshape(-1)
    image = array.reshape(array.shape[array.ndim - layout.rank :])
    return np.moveaxis(image, -1, 0) if layout is Layout.HWC else image


def usual(sketch_layouts: Sequence[Layout], rank: int) -> Layout:
    """How an output is read whose author does not say: flat if the sketch takes anything, else `chw`, or `hw` by rank.

    Args:
        sketch_layouts: those of the sketch.
        rank: the output's number of axes.
    """
    if Layout.FLAT in sketch_layouts:
        return Layout.FLAT
    return Layout.CHW if rank > Layout.HW.rank else Layout.HW
