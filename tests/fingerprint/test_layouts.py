"""How an output is read before it is sketched."""

from __future__ import annotations

import numpy as np
import pytest

from aivm.fingerprint import Layout, SketchError, sketches
from aivm.fingerprint.layouts import arrange, misfit, usual

IMAGE = np.arange(3 * 8 * 10, dtype=np.float32).reshape(3, 8, 10)


@pytest.mark.parametrize(
    ("array", "layout", "shape"),
    [
        (IMAGE[0], Layout.HW, (8, 10)),
        (IMAGE[None, None, 0], Layout.HW, (8, 10)),
        (IMAGE, Layout.CHW, (3, 8, 10)),
        (IMAGE[None], Layout.CHW, (3, 8, 10)),
        (np.moveaxis(IMAGE, 0, -1)[None], Layout.HWC, (3, 8, 10)),
        (IMAGE, Layout.FLAT, (240,)),
        (np.float32(7).reshape(()), Layout.FLAT, (1,)),
    ],
)
def test_an_image_is_found_behind_axes_of_one(array, layout, shape):
    assert misfit(array.shape, layout) is None
    assert arrange(array, layout).shape == shape


def test_channels_first_and_last_are_the_same_image():
    assert (arrange(np.moveaxis(IMAGE, 0, -1), Layout.HWC) == arrange(IMAGE, Layout.CHW)).all()
    sketch = sketches.named("phash-64/1")
    assert sketch.of(arrange(np.moveaxis(IMAGE, 0, -1), Layout.HWC)) == sketch.of(IMAGE)


@pytest.mark.parametrize(
    ("shape", "layout", "message"),
    [
        ((64,), Layout.HW, "hw has 2 axes, the shape .64. has 1"),
        ((8, 8), Layout.CHW, "chw has 3 axes"),
        ((2, 8, 8), Layout.HW, "reads one image, and the shape .2, 8, 8. holds several"),
        ((2, 3, 8, 8), Layout.CHW, "holds several"),
        ((8, 8, 3), Layout.CHW, "1 to 4 channels, and by chw"),
        ((0, 8, 8), Layout.CHW, "1 to 4 channels"),
        ((3, 8, 8), Layout.HWC, "1 to 4 channels, and by hwc"),
    ],
)
def test_what_is_no_single_image_is_refused_with_the_reason(shape, layout, message):
    with pytest.raises(SketchError, match=message):
        arrange(np.zeros(shape, np.float32), layout)


def test_free_dimensions_may_turn_out_to_fit():
    assert misfit(["batch", "channels", 8, "width"], Layout.CHW) is None
    assert misfit(["batch", 5, 8, "width"], Layout.CHW) is not None


@pytest.mark.parametrize(("rank", "layout"), [(2, Layout.HW), (3, Layout.CHW), (4, Layout.CHW)])
def test_an_image_is_read_by_its_rank_where_nobody_says_how(rank, layout):
    assert usual(sketches.named("phash-64/1").layouts, rank) is layout
    assert usual(sketches.named("simhash-256/1").layouts, rank) is Layout.FLAT
