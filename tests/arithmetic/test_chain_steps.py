"""The primitive `chain`: what it refuses, and that its links are those of the single steps on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from aivm.arithmetic import _core
from aivm.arithmetic.errors import PlanError

NUMBER = {name: number for number, name in enumerate(_core.primitives())}


def chain(links, *, shapes=((4,),), dtypes=("float32",), out=(4,), out_dtype="float32", isa=""):
    buffers = [
        _core.Buffer(f"x{i}", dtype, shape, "input")
        for i, (shape, dtype) in enumerate(zip(shapes, dtypes * len(shapes), strict=False))
    ]
    buffers.append(_core.Buffer("y", out_dtype, out, "output"))
    ints = [item for link in links for item in link]
    step = _core.Step("chain", "links", list(range(len(shapes))), [len(shapes)], ints)
    return _core.Plan(buffers, [], [step], isa=isa)


NEG = [NUMBER["neg"], 0, -1, -1]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([], "four integers"),
        ([[NUMBER["neg"], 0, -1]], "four integers"),
        ([[-1, 0, -1, -1]], "no such primitive"),
        ([[10_000, 0, -1, -1]], "no such primitive"),
        ([[NUMBER["matmul"], 0, 0, -1]], "no link 'matmul'"),
        ([[NUMBER["chain"], 0, -1, -1]], "no link 'chain'"),
        ([[NUMBER["neg"], 1, -1, -1]], "not yet"),
        ([[NUMBER["neg"], -1, -1, -1]], "not yet"),
        ([[NUMBER["neg"], 1 << 40, -1, -1]], "not yet"),
        ([NEG, [NUMBER["add"], 1, 2, -1]], "not yet"),
        ([[NUMBER["neg"], 0, 0, -1]], "too many"),
        ([[NUMBER["add"], 0, -1, -1]], "not yet"),
        ([[NUMBER["less"], 0, 0, -1]], "gives no number"),
        ([[NUMBER["less"], 0, 0, -1], [NUMBER["neg"], 1, -1, -1]], "another dtype"),
        ([[NUMBER["where"], 0, 0, 0]], "another dtype"),
        ([[NUMBER["clip"], 0, 0, -1]], "one element"),
        ([NEG, [NUMBER["clip"], 0, 1, -1]], "one element"),
        ([NEG] * 64, "too many operands and links"),
    ],
)
def test_a_chain_that_makes_no_sense_is_refused(links, message):
    with pytest.raises(PlanError, match=message):
        chain(links)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shapes": ((5,),)},
        {"shapes": ((4, 1),)},
        {"dtypes": ("float64",)},
        {"dtypes": ("int32",)},
        {"out_dtype": "float64"},
    ],
)
def test_operands_have_to_broadcast_and_to_be_binary32(wrong):
    with pytest.raises(PlanError):
        chain([NEG], **wrong)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("n", [0, 1, 7, 33, 1024, 2050])
def test_links_are_the_single_steps(isa, n):
    rng = np.random.default_rng(n)
    x, r = (rng.standard_normal((3, n), dtype=np.float32) for _ in range(2))
    low = np.array([[-0.25]], np.float32)
    links = [
        [NUMBER["less"], 0, 1, -1],
        [NUMBER["exp"], 0, -1, -1],
        [NUMBER["neg"], 1, -1, -1],
        [NUMBER["where"], 3, 4, 5],
        [NUMBER["clip"], 6, 2, -1],
        [NUMBER["sigmoid"], 2, -1, -1],
        [NUMBER["mul"], 7, 8, -1],
        [NUMBER["add"], 9, 0, -1],
    ]
    plan = chain(links, shapes=((3, n), (3, n), (1, 1)), out=(3, n), isa=isa)
    (y,) = plan.run([x, r, low], 2)

    def single(op, *operands, dtype="float32"):
        buffers = [_core.Buffer(f"x{i}", str(a.dtype), a.shape, "input") for i, a in enumerate(operands)]
        shape = np.broadcast_shapes(*(a.shape for a in operands))
        buffers.append(_core.Buffer("y", dtype, shape, "output"))
        step = _core.Step(op, op, list(range(len(operands))), [len(operands)])
        return _core.Plan(buffers, [], [step], isa=isa).run(list(operands))[0]

    clipped = single("where", single("less", x, r, dtype="bool"), single("exp", x), single("neg", r))
    gated = single("mul", single("clip", clipped, low) if n else clipped, single("sigmoid", low))
    assert y.tobytes() == single("add", gated, x).tobytes()


def test_a_chain_of_numbers_that_are_all_repeated_fills_its_result():
    plan = chain([[NUMBER["exp"], 0, -1, -1]], shapes=((2, 1),), out=(2, 5000))
    x = np.array([[0.0], [1.0]], np.float32)
    (y,) = plan.run([x])
    assert np.array_equal(y, np.repeat(y[:, :1], 5000, axis=1))
    assert y[0, 0] == 1


def test_a_chain_may_write_where_it_reads():
    shape = (2, 3000)
    size = 2 * 3000 * 4
    buffers = [
        _core.Buffer("x", "float32", shape, "input"),
        _core.Buffer("a", "float32", shape, "arena", 0),
        _core.Buffer("b", "float32", shape, "arena", 0),
        _core.Buffer("y", "float32", shape, "output"),
    ]
    steps = [
        _core.Step("neg", "a", [0], [1]),
        _core.Step(
            "chain", "b", [1, 0], [2], [NUMBER["exp"], 0, -1, -1, NUMBER["add"], 2, 1, -1, NUMBER["mul"], 3, 0, -1]
        ),
        _core.Step("neg", "y", [2], [3]),
    ]
    x = np.linspace(-3, 3, 6000, dtype=np.float32).reshape(shape)
    (y,) = _core.Plan(buffers, [], steps).run([x])
    apart = [buffers[0], buffers[1], _core.Buffer("b", "float32", shape, "arena", (size + 63) // 64 * 64), buffers[3]]
    assert y.tobytes() == _core.Plan(apart, [], steps).run([x])[0].tobytes()


@pytest.mark.parametrize("isa", _core.isas())
def test_a_number_that_many_elements_need_is_not_overwritten_by_the_first_of_them(isa):
    links = [[NUMBER["mul"], 0, 0, -1], [NUMBER["pow"], 2, 1, -1], [NUMBER["neg"], 3, -1, -1]]
    base, exponents = np.array([2.0], np.float32), np.linspace(-3, 3, 49, dtype=np.float32)
    (y,) = chain(links, shapes=((1,), (49,)), out=(49,), isa=isa).run([base, exponents])
    assert np.array_equal(y[::8], -(np.float32(4) ** exponents[::8]))
    np.testing.assert_allclose(y, -(4.0 ** exponents.astype(float)), rtol=1e-6)
