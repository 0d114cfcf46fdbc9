"""Sketches: the same on every machine, near for what is near, far for what is far."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.fingerprint import SketchError, distance, distances, sketches
from aivm.fingerprint.phash import _COSINE_BITS, _average
from aivm.seeds import random_input

GOLDEN = {
    "phash-64/1": 0x4AACB552A7362771,
    "phash-256/1": 0x4A18AC84B57852EB87B9366426EF71F4CA51B2A77DD614A70CF09773E416686C,
    "simhash-256/1": 0x22F87F3B7AC02A509FAFC0043886AF0A5EE03731EE83DE13D39B354C4DDD5151,
}


def noise(name, shape):
    return random_input(name, shape, "normal", bytes(32))


@pytest.mark.parametrize("name", sketches.NAMES)
def test_a_sketch_keeps_its_bits_for_ever(name):
    assert sketches.named(name).of(noise("golden", [1, 3, 20, 30])) == GOLDEN[name]


@pytest.mark.parametrize("name", sketches.NAMES)
def test_a_sketch_does_not_depend_on_scale_layout_or_dtype(name):
    sketch, image = sketches.named(name), np.rint(16 * noise("image", [12, 17])).astype(np.float32)
    expected = sketch.of(image)
    assert expected < 2**sketch.bits
    assert sketch.of(image * np.float32(2.0**-90)) == expected
    assert sketch.of(np.asfortranarray(image)) == expected
    assert sketch.of(image.astype(np.int16)) == expected
    assert sketch.of(image.astype(np.float64)) == expected


@pytest.mark.parametrize("name", sketches.NAMES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_sketch(name, bad):
    image = noise("image", [8, 8])
    image[3, 4] = bad
    with pytest.raises(SketchError, match="NaN or infinities"):
        sketches.named(name).of(image)


@pytest.mark.parametrize("shape", [[], [7], [0, 8], [2, 3, 8, 8], [5, 8, 8], [5000, 5000]])
def test_what_is_no_single_image_has_no_perceptual_hash(shape):
    with pytest.raises(SketchError, match="image"):
        sketches.named("phash-64/1").of(np.zeros(shape, np.uint8))


def test_an_unknown_sketch_is_named():
    with pytest.raises(SketchError, match=r"no sketch 'phash-64/2'") as caught:
        sketches.named("phash-64/2")
    assert "phash-64/1" in caught.value.hint


def direct_phash(image, side, grid):
    """How far each coefficient is above the median, by the definition, in binary64 and cell by cell."""
    height, width = image.shape
    fine = np.kron(image.astype(np.float64), np.ones((grid, grid)))
    cells = fine.reshape(grid, height, grid, width).mean(axis=(1, 3))
    waves = np.array([[math.cos(math.pi * u * (2 * x + 1) / (2 * grid)) for x in range(grid)] for u in range(side)])
    coefficients = waves @ cells @ waves.T
    return coefficients - np.median(coefficients)


@pytest.mark.parametrize(("side", "grid"), [(8, 32), (16, 64)])
@pytest.mark.parametrize("shape", [(8, 8), (13, 40), (40, 33)])
def test_a_perceptual_hash_is_the_sign_of_low_frequencies_against_their_median(side, grid, shape):
    image = np.rint(100 * noise("image", shape)).astype(np.int16)
    above = direct_phash(image, side, grid)
    value = sketches.named(f"phash-{side * side}/1").of(image)
    bits = [value >> (side * side - 1 - index) & 1 for index in range(side * side)]
    clear = np.abs(above).reshape(-1) > 1e-3 * np.abs(above).max()
    assert clear.sum() > 0.85 * side * side
    assert np.array_equal((above.reshape(-1) > 0)[clear], np.array(bits, bool)[clear])


@pytest.mark.parametrize("grid", [32, 64])
def test_no_cosine_of_the_table_is_near_the_middle_between_two_integers(grid):
    for u in range(grid // 4):
        for x in range(grid):
            scaled = math.cos(math.pi * u * (2 * x + 1) / (2 * grid)) * 2**_COSINE_BITS
            assert abs(scaled - math.floor(scaled) - 0.5) > 1e-6


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_cells_of_the_grid_share_every_pixel_and_lose_none(height, width):
    image = np.arange(height * width, dtype=np.int64).reshape(height, width)
    assert _average(image, 32).sum() == image.sum() * 32 * 32


def test_three_channels_are_weighted_as_light_is_seen():
    image = noise("colour", [3, 16, 16])
    grey = np.tensordot(np.array([299, 587, 114]), image.astype(np.float64), axes=1)
    sketch = sketches.named("phash-64/1")
    assert distance(sketch.of(image), sketch.of(grey)) <= 2
    assert distance(sketch.of(image), sketch.of(image[::-1])) > 2


def test_unrelated_images_are_half_of_the_bits_apart_and_always_evenly():
    """The null law of a balanced hash: mean 32 and variance 16.25 for 64 bits (with the constant coefficient: 16.5)."""
    sketch = sketches.named("phash-64/1")
    drawn = [sketch.of(noise(f"image {index}", [32, 32])) for index in range(120)]
    found = distances(drawn, drawn)[np.triu_indices(120, 1)]
    assert not (found % 2).any()
    assert abs(found.mean() - 32) < 1
    assert 13 < found.var() < 20


@pytest.mark.parametrize("cosine", [0.999, 0.99, 0.9])
def test_projections_differ_in_proportion_to_the_angle(cosine):
    """The law of SimHash: each bit differs with probability angle / pi."""
    sketch, expected = sketches.named("simhash-256/1"), math.acos(cosine) / math.pi
    found = 0
    for index in range(40):
        a, b = noise(f"a{index}", [200]).astype(np.float64), noise(f"b{index}", [200]).astype(np.float64)
        b -= a * (a @ b) / (a @ a)
        turned = cosine * a / np.linalg.norm(a) + math.sqrt(1 - cosine**2) * b / np.linalg.norm(b)
        found += distance(sketch.of(a), sketch.of(turned))
    trials = 40 * 256
    # Bits of one pair are drawn together, so the spread is allowed to be twice that of independent ones.
    assert abs(found / trials - expected) < 8 * math.sqrt(expected / trials)


@given(st.lists(st.integers(0, 2**256 - 1), max_size=5), st.lists(st.integers(0, 2**256 - 1), max_size=5))
def test_all_distances_are_those_of_the_pairs(a, b):
    assert distances(a, b).tolist() == [[sum(x >> bit & 1 != y >> bit & 1 for bit in range(256)) for y in b] for x in a]
