"""A convolution is its definition, bit for bit, whatever computes it."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import add, awkward, bits, canonical, conv
from plans import one_step

from aivm.arithmetic import _core
from aivm.arithmetic.errors import PlanError

ISAS = _core.isas()


def window(kernel, strides=(1, 1), dilations=(1, 1), begin=(0, 0), end=None):
    return {"kernel": kernel, "strides": strides, "dilations": dilations, "begin": begin, "end": end or begin}


def window_ints(w):
    return [len(w["kernel"]), *w["kernel"], *w["strides"], *w["dilations"], *w["begin"], *w["end"]]


def out_extents(size, w, *, transposed=False, output_padding=(0, 0)):
    extents = []
    for i in range(2):
        span = w["dilations"][i] * (w["kernel"][i] - 1) + 1
        pads = w["begin"][i] + w["end"][i]
        if transposed:
            extents.append(w["strides"][i] * (size[i] - 1) + output_padding[i] + span - pads)
        else:
            extents.append((size[i] + pads - span) // w["strides"][i] + 1)
    return tuple(extents)


def convolution(
    x, weights, w, group=1, *, out, transposed=False, bias=None, residual=None, x_last=0, y_last=0, **options
):
    """A plan of one convolution of NCHW arrays, by whatever layout, that returns NCHW."""
    outputs = weights.shape[1] * group if transposed else weights.shape[0]
    shape = (x.shape[0], outputs, *out)
    ints = [group, *window_ints(w), options.pop("activation", 0), x_last, y_last]
    to_last = (0, 2, 3, 1)
    arrays = [
        x.transpose(to_last) if x_last else x,
        weights,
        bias,
        residual.transpose(to_last) if residual is not None and y_last else residual,
    ]
    y_shape = tuple(shape[i] for i in to_last) if y_last else shape
    op = "conv_transpose" if transposed else "conv"
    run = one_step(op, arrays, y_shape, ints, options.pop("reals", ()), **options)
    return lambda threads=1: run(threads).transpose(0, 3, 1, 2) if y_last else run(threads)


CASES = {
    "one by one": ((2, 5, 4, 6), 7, window((1, 1)), 1),
    "one by one, strided": ((1, 5, 7, 9), 33, window((1, 1), (2, 2)), 1),
    "three by three, padded": ((1, 4, 7, 8), 35, window((3, 3), begin=(1, 1)), 1),
    "many channels in": ((1, 70, 5, 5), 6, window((3, 3), begin=(1, 1)), 1),
    "first layer": ((1, 3, 20, 21), 16, window((7, 7), (2, 2), begin=(3, 3)), 1),
    "wide row": ((1, 2, 3, 40), 5, window((3, 3), begin=(1, 1)), 1),
    "uneven pads": ((1, 2, 6, 7), 5, window((3, 2), (2, 1), begin=(0, 1), end=(2, 0)), 1),
    "dilated": ((1, 3, 11, 12), 4, window((3, 3), dilations=(2, 3), begin=(2, 3)), 1),
    "only the middle of the kernel": ((2, 9, 1, 1), 34, window((3, 3), begin=(1, 1)), 1),
    "kernel larger than the image": ((1, 2, 2, 3), 4, window((5, 5), begin=(3, 3)), 1),
    "padding alone": ((1, 2, 2, 2), 3, window((1, 1), (3, 3), begin=(3, 3)), 1),
    "two groups": ((2, 6, 6, 7), 8, window((3, 3), begin=(1, 1)), 2),
    "many groups": ((1, 12, 5, 6), 24, window((3, 3), (2, 2), begin=(1, 1)), 6),
    "depthwise": ((2, 37, 6, 9), 37, window((3, 3), begin=(1, 1)), 37),
    "depthwise, strided": ((1, 64, 9, 11), 64, window((5, 5), (2, 2), begin=(2, 2)), 64),
    "depthwise with a multiplier": ((1, 5, 6, 6), 15, window((3, 3), begin=(1, 1)), 5),
    "one channel": ((1, 1, 8, 8), 1, window((3, 3), begin=(1, 1)), 1),
    "no image": ((0, 3, 5, 5), 4, window((3, 3)), 1),
}


def make(case, *, transposed=False, seed=0):
    (n, c, h, wd), m, w, group = case
    rng = np.random.default_rng(seed)
    x = awkward(rng, (n, c, h, wd), special=0.01)
    shape = (c, m // group, *w["kernel"]) if transposed else (m, c // group, *w["kernel"])
    return x, awkward(rng, shape, special=0.005), awkward(rng, (m,), special=0), w, group


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", CASES)
def test_a_convolution_is_its_definition(isa, name):
    x, weights, bias, w, group = make(CASES[name])
    out = out_extents(x.shape[2:], w)
    plain = conv(x, weights, w, group, out)
    wanted = bits(canonical(plain))
    biased = bits(canonical(add(plain, bias[:, None, None])))
    for x_last in (0, 1):
        for y_last in (0, 1):
            options = {"out": out, "isa": isa, "x_last": x_last, "y_last": y_last}
            for threads in (1, 2, 4):
                run = convolution(x, weights, w, group, constant=[1], **options)
                assert np.array_equal(bits(run(threads)), wanted)
            assert np.array_equal(bits(convolution(x, weights, w, group, bias=bias, **options)(2)), biased)


TRANSPOSED = {
    "upsampling": ((1, 4, 5, 6), 7, window((2, 2), (2, 2)), 1, (0, 0)),
    "three by three, strided": ((2, 5, 4, 5), 35, window((3, 3), (2, 2), begin=(1, 1)), 1, (1, 1)),
    "stride beyond the kernel": ((1, 3, 4, 3), 4, window((2, 2), (3, 4)), 1, (0, 2)),
    "dilated": ((1, 3, 5, 5), 4, window((3, 3), (2, 1), (2, 3), begin=(1, 2)), 1, (0, 0)),
    "one tap of three": ((2, 11, 12, 1), 32, window((1, 3), (1, 3), (2, 2), begin=(1, 2)), 1, (0, 0)),
    "unit stride": ((1, 20, 6, 7), 9, window((3, 3), begin=(1, 1)), 1, (0, 0)),
    "grouped": ((1, 6, 4, 4), 4, window((4, 4), (2, 2), begin=(1, 1)), 2, (0, 0)),
    "depthwise": ((1, 19, 4, 5), 19, window((4, 4), (2, 2), begin=(1, 1)), 19, (0, 0)),
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", TRANSPOSED)
def test_a_transposed_convolution_is_its_definition(isa, name):
    *case, output_padding = TRANSPOSED[name]
    x, weights, bias, w, group = make(case, transposed=True)
    out = out_extents(x.shape[2:], w, transposed=True, output_padding=output_padding)
    wanted = bits(canonical(add(conv(x, weights, w, group, out, transposed=True), bias[:, None, None])))
    for last in (0, 1):
        run = convolution(x, weights, w, group, out=out, transposed=True, bias=bias, isa=isa, x_last=last, y_last=last)
        for threads in (1, 2, 4):
            assert np.array_equal(bits(run(threads)), wanted)


def test_random_convolutions_agree_over_instruction_sets_threads_and_tiles():
    rng = np.random.default_rng(23)
    done = 0
    while done < 120:
        group = int(rng.choice([1, 1, 1, 2, 3]))
        inward, outward = (int(v) for v in rng.integers(1, (40, 40)))
        kernel = tuple(int(v) for v in rng.integers(1, 5, 2))
        w = {
            "kernel": kernel,
            "strides": tuple(int(v) for v in rng.integers(1, 4, 2)),
            "dilations": tuple(int(v) for v in rng.integers(1, 3, 2)),
            "begin": tuple(int(v) for v in rng.integers(0, 3, 2)),
            "end": tuple(int(v) for v in rng.integers(0, 3, 2)),
        }
        transposed = bool(rng.random() < 0.4)
        size = tuple(int(v) for v in rng.integers(1, 14, 2))
        if transposed:
            w["end"] = w["begin"]
        out = out_extents(size, w, transposed=transposed)
        if min(out) < 1:
            continue
        if rng.random() < 0.2:
            group, inward, outward = inward, 1, 1
        done += 1
        images = int(rng.integers(1, 4))
        shape = (group * inward, outward, *kernel) if transposed else (group * outward, inward, *kernel)
        x, weights = awkward(rng, (images, group * inward, *size), special=0.01), awkward(rng, shape, special=0.005)
        wanted = bits(canonical(conv(x, weights, w, group, out, transposed=transposed)))
        for isa in ISAS:
            tiling = _core.Tiling(*(int(v) for v in rng.integers(0, 60, 3)))
            run = convolution(
                x, weights, w, group, out=out, transposed=transposed, isa=isa, tiling=tiling,
                constant=[1] if rng.random() < 0.5 else [], x_last=int(rng.integers(2)), y_last=int(rng.integers(2)),
            )  # fmt: skip
            found = bits(run(int(rng.integers(1, 5))))
            assert np.array_equal(found, wanted), (w, group, isa, transposed, x.shape, weights.shape)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("group", [1, 16])
def test_an_image_alone_is_that_image_in_a_batch(isa, group):
    rng = np.random.default_rng(29)
    x, weights = awkward(rng, (5, 16, 9, 9), special=0), awkward(rng, (48, 16 // group, 3, 3), special=0)
    w = window((3, 3), begin=(1, 1))
    weights = weights[: 16 if group == 16 else 48]
    together = convolution(x, weights, w, group, out=(9, 9), isa=isa, constant=[1])(2)
    for i in range(5):
        alone = convolution(x[i : i + 1], weights, w, group, out=(9, 9), isa=isa, constant=[1])(1)
        assert np.array_equal(bits(alone[0]), bits(together[i]))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("group", [1, 2, 12])
def test_what_follows_a_sum_is_rounded_by_itself(isa, group):
    rng = np.random.default_rng(31)
    x, weights = awkward(rng, (2, 12, 6, 6), special=0), awkward(rng, (12, 12 // group, 3, 3), special=0)
    bias, residual = awkward(rng, (12,), special=0), awkward(rng, (2, 12, 6, 6))
    w = window((3, 3), begin=(1, 1))
    total = add(add(conv(x, weights, w, group, (6, 6)), bias[:, None, None]), residual)
    relu = np.where(total > 0, total, np.where(np.isnan(total), total, np.float32(0)))
    clip = np.where(np.isnan(total), total, np.minimum(np.maximum(total, np.float32(0)), np.float32(6)))
    for last in (0, 1):
        for activation, wanted in ((0, total), (1, relu), (2, clip)):
            run = convolution(
                x, weights, w, group, out=(6, 6), bias=bias, residual=residual, activation=activation, reals=(0, 6),
                x_last=last, y_last=last, isa=isa,
            )  # fmt: skip
            assert np.array_equal(bits(run(2)), bits(canonical(wanted)))


@pytest.mark.parametrize("isa", ISAS)
def test_padding_is_left_out_not_multiplied(isa):
    w = window((3, 3), begin=(1, 1))
    infinite = np.full((1, 1, 3, 3), np.inf, np.float32)
    x = np.ones((1, 1, 2, 2), np.float32)
    found = convolution(x, infinite, w, out=(2, 2), isa=isa)(1)
    assert np.isposinf(found).all()  # 0 * inf would be a NaN
    underflow = np.full((1, 1, 2, 2), -1e-30, np.float32)
    found = convolution(underflow, np.full((1, 1, 3, 3), 1e-30, np.float32), w, out=(2, 2), isa=isa)(1)
    assert (bits(found) == 0x80000000).all()  # -0 + 0 would be +0


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("axes", [1, 3])
def test_one_and_three_axes_are_like_two(isa, axes):
    rng = np.random.default_rng(37)
    if axes == 1:
        x, weights = awkward(rng, (2, 5, 17), special=0), awkward(rng, (6, 5, 3), special=0)
        run = one_step("conv", [x, weights], (2, 6, 9), [1, 1, 3, 2, 1, 1, 1], isa=isa)
        flat = window((1, 3), (1, 2), begin=(0, 1))
        wanted = conv(x[:, :, None], weights[:, :, None], flat, 1, (1, 9))[:, :, 0]
    else:
        x, weights = awkward(rng, (1, 3, 4, 5, 6), special=0), awkward(rng, (4, 3, 2, 3, 3), special=0)
        ints = [1, 3, 2, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1]
        run = one_step("conv", [x, weights], (1, 4, 3, 5, 6), ints, isa=isa)
        wanted = volume(x, weights)
    assert np.array_equal(bits(run(2)), bits(canonical(wanted)))


def volume(x, weights):
    """Three axes by hand: a kernel of depth two, without padding along the depth."""
    from oracle import fma  # noqa: PLC0415

    padded = window((3, 3), begin=(1, 1))
    acc = np.zeros((1, weights.shape[0], x.shape[2] - 1, *x.shape[3:]), np.float32)
    height, width = x.shape[3:]
    for d in range(acc.shape[2]):
        for kd in range(2):
            for kh in range(3):
                for kw in range(3):
                    rows = [h for h in range(height) if 0 <= h + kh - padded["begin"][0] < height]
                    columns = [v for v in range(width) if 0 <= v + kw - padded["begin"][1] < width]
                    to = np.ix_(rows, columns)
                    of = np.ix_([h + kh - 1 for h in rows], [v + kw - 1 for v in columns])
                    for c in range(x.shape[1]):
                        for m in range(weights.shape[0]):
                            part = acc[0, m, d]
                            part[to] = fma(x[0, c, d + kd][of], weights[m, c, kd, kh, kw], part[to])
    return acc


@pytest.mark.parametrize(
    ("ints", "shapes", "message"),
    [
        (
            [2, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0],
            ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)),
            "do not divide into 2 groups",
        ),
        (
            [1, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0],
            ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 4, 3)),
            "do not follow from the window",
        ),
        ([1, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0], ((1, 3, 5, 5), (4, 2, 3, 3), (1, 4, 3, 3)), "'in1' has shape"),
        ([1, 2, 3, 3, 0, 1, 1, 1, 0, 0, 0, 0], ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)), "has to be positive"),
        ([1, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0], ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)), "window is incomplete"),
        ([1, 9, 3], ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)), "at most three axes"),
        ([1, 2, 3, 3, 1, 1, 1, 1, 2**62, 0, 0, 0], ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)), "pad is out of range"),
        ([0, 2, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0], ((1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3)), "do not divide"),
    ],
)
def test_a_window_that_does_not_fit_is_refused(ints, shapes, message):
    x, w, y = shapes
    with pytest.raises(PlanError, match=message):
        one_step("conv", [np.zeros(x, np.float32), np.zeros(w, np.float32)], y, ints)
