"""A matrix product is its definition, bit for bit, whatever computes it."""

from __future__ import annotations

import ctypes
import ctypes.util
from fractions import Fraction

import numpy as np
import pytest
from oracle import add, awkward, bits, canonical, fma, matmul
from plans import one_step

from aivm.arithmetic import _core

ISAS = _core.isas()
SHAPES = [
    (1, 1, 1), (1, 7, 33), (2, 64, 128), (3, 5, 7), (4, 300, 65), (5, 31, 96), (6, 17, 16), (7, 256, 31), (9, 257, 40),
    (12, 64, 32), (13, 513, 33), (25, 40, 1), (37, 70, 130), (64, 8, 2),
]  # fmt: skip


def product(a, b, *, flags=(0, 0), extra=(), shape=None, **options):
    if shape is None:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        shape = (*batch, a.shape[-1 if flags[0] else -2], b.shape[-2 if flags[1] else -1])
    ints = [*flags, options.pop("activation", 0)]
    reals = options.pop("reals", ())
    return one_step("matmul", [a, b, *extra], shape, ints, reals, **options)


def test_the_oracle_is_the_fused_multiply_add_of_the_c_library():
    fmaf = ctypes.CDLL(ctypes.util.find_library("m")).fmaf
    fmaf.restype, fmaf.argtypes = ctypes.c_float, [ctypes.c_float] * 3
    rng = np.random.default_rng(1)
    a, b, c = rng.integers(0, 2**32, (3, 20_000), dtype=np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        c[::3] = -(np.float64(a[::3]) * np.float64(b[::3])).astype(np.float32)  # cancellation
    found = canonical(fma(a, b, c))
    wanted = canonical([fmaf(*abc) for abc in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)])
    assert np.array_equal(bits(found), bits(wanted))


def test_the_oracle_rounds_exact_results_once():
    rng = np.random.default_rng(2)
    a, b, c = (rng.integers(0, 2**32, 3000, dtype=np.uint32) & 0xBFFFFFFF for _ in range(3))  # nothing huge
    a, b, c = a.view(np.float32), b.view(np.float32), c.view(np.float32)
    for x, y, z, found in zip(a, b, c, fma(a, b, c), strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        below, above = np.nextafter(found, np.float32(-np.inf)), np.nextafter(found, np.float32(np.inf))
        error = abs(Fraction(float(found)) - exact)
        assert error <= abs(Fraction(float(below)) - exact)
        assert error <= abs(Fraction(float(above)) - exact)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_product_is_its_definition_on_every_instruction_set(isa, shape):
    m, k, n = shape
    rng = np.random.default_rng(m * 1000 + k + n)
    a, b = awkward(rng, (m, k)), awkward(rng, (k, n), special=0.005)
    wanted = bits(canonical(matmul(a, b)))
    variants = [
        product(a, b, isa=isa),
        product(a, b, isa=isa, constant=[1]),
        product(a.T, b, flags=(1, 0), isa=isa),
        product(a, b.T, flags=(0, 1), isa=isa),
        product(a, b.T, flags=(0, 1), isa=isa, constant=[1]),
        product(a.T, b.T, flags=(1, 1), isa=isa, constant=[0, 1]),
    ]
    for variant in variants:
        for threads in (1, 2, 4):
            assert np.array_equal(bits(variant(threads)), wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 5), (7, 12, 32), (16, 5, 64), (33, 100, 1000), (300, 7, 31)])
def test_tile_sizes_change_no_bit(isa, sizes):
    tiling = _core.Tiling(*sizes)
    rng = np.random.default_rng(sum(sizes))
    a, b, bias = awkward(rng, (41, 130)), awkward(rng, (130, 70), special=0.001), awkward(rng, (70,))
    wanted = bits(canonical(add(matmul(a, b), bias)))
    for constant in ([], [1, 2]):
        run = product(a, b, extra=[bias], isa=isa, constant=constant, tiling=tiling)
        for threads in (1, 2, 4):
            assert np.array_equal(bits(run(threads)), wanted)


def test_random_products_agree_over_instruction_sets_threads_and_tiles():
    rng = np.random.default_rng(7)
    for _ in range(150):
        m, k, n = (int(v) for v in rng.integers(1, (40, 90, 100)))
        flags = tuple(int(v) for v in rng.integers(0, 2, 2))
        a, b = awkward(rng, (k, m) if flags[0] else (m, k)), awkward(rng, (n, k) if flags[1] else (k, n), special=0.001)
        wanted = bits(canonical(matmul(a.T if flags[0] else a, b.T if flags[1] else b)))
        for isa in ISAS:
            tiling = _core.Tiling(*(int(v) for v in rng.integers(0, 70, 3)))
            constant = [1] if rng.random() < 0.5 else []
            run = product(a, b, flags=flags, isa=isa, tiling=tiling, constant=constant)
            assert np.array_equal(bits(run(int(rng.integers(1, 5)))), wanted), (m, k, n, flags, isa)


@pytest.mark.parametrize("isa", ISAS)
def test_a_row_alone_is_that_row_in_a_batch(isa):
    rng = np.random.default_rng(11)
    a, b = awkward(rng, (29, 100), special=0), awkward(rng, (100, 75), special=0)
    together = product(a, b, isa=isa, constant=[1])(2)
    for rows in (1, 2, 3, 5, 12, 28):
        for start in range(0, 29 - rows, rows):
            alone = product(a[start : start + rows], b, isa=isa)(1)
            assert np.array_equal(bits(alone), bits(together[start : start + rows]))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 5, 9), (3, 9, 34)),
        ((2, 3, 5, 9), (9, 34)),
        ((5, 9), (4, 9, 34)),
        ((2, 1, 5, 9), (1, 3, 9, 34)),
        ((1, 5, 9), (7, 9, 2)),
        ((4, 1, 40), (4, 40, 50)),
        ((0, 5, 9), (9, 3)),
        ((3, 0, 9), (3, 9, 4)),
        ((3, 5, 0), (0, 4)),
        ((3, 5, 4), (4, 0)),
    ],
)
def test_batches_broadcast(isa, left, right):
    rng = np.random.default_rng(13)
    a, b = awkward(rng, left), awkward(rng, right)
    wanted = bits(canonical(matmul(a, b)))
    assert np.array_equal(bits(product(a, b, isa=isa)(2)), wanted)
    assert np.array_equal(bits(product(a, b, isa=isa, constant=[0, 1])(1)), wanted)
    swapped = product(a, b.swapaxes(-1, -2), flags=(0, 1), isa=isa)
    assert np.array_equal(bits(swapped(2)), wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("m", [1, 3, 6, 13])
def test_what_follows_a_sum_is_rounded_by_itself(isa, m):
    rng = np.random.default_rng(17)
    a, b = awkward(rng, (m, 20)), awkward(rng, (20, 45), special=0.001)
    bias, residual = awkward(rng, (45,)), awkward(rng, (m, 45))
    total = add(add(matmul(a, b), bias), residual)
    relu = np.where(total > 0, total, np.where(np.isnan(total), total, np.float32(0)))
    clip = np.where(np.isnan(total), total, np.minimum(np.maximum(total, np.float32(-0.5)), np.float32(0.25)))
    for activation, wanted in ((0, total), (1, relu), (2, clip)):
        run = product(a, b, extra=[bias, residual], activation=activation, reals=(-0.5, 0.25), isa=isa)
        assert np.array_equal(bits(run(1)), bits(canonical(wanted)))


@pytest.mark.parametrize("isa", ISAS)
def test_an_underflow_leaves_a_negative_zero_and_a_cancellation_a_positive_one(isa):
    tiny = np.array([[-1e-30]], np.float32)
    assert bits(product(tiny, -tiny, isa=isa)(1)).item() == 0x80000000
    a, b = np.array([[1, -1]], np.float32), np.array([[3], [3]], np.float32)
    assert bits(product(a, b, isa=isa)(1)).item() == 0


@pytest.mark.parametrize("isa", ISAS)
def test_every_nan_is_the_canonical_one(isa):
    payload = np.array([[0xFFC12345, 0x7F812345]], np.uint32).view(np.float32)
    one = np.ones((2, 3), np.float32)
    assert bits(product(payload, one, isa=isa)(1)).tolist() == [[0x7FC00000] * 3]
    infinities = np.array([[np.inf, -np.inf]], np.float32)
    assert bits(product(infinities, one, isa=isa)(1)).tolist() == [[0x7FC00000] * 3]
