"""The short way of a run gives what the long way gives, and takes nothing that the long way refuses."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import load, normal

from aivm.arithmetic import _core
from aivm.arithmetic.errors import FeedError, PlanError

TWO = "g (float[n, 4] x, int64[n] i) => (float[n, 4] y, int64[n] j) { y = Exp (x)  j = Neg (i) }"


def inputs(n):
    return {"x": normal(n, 4, seed=n), "i": np.arange(n)}


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        assert a[name].shape == b[name].shape
        assert a[name].tobytes() == b[name].tobytes()


def test_the_second_run_gives_what_the_first_gave():
    session = load(TWO)
    for n in (3, 5, 3, 7, 9, 11, 13, 3):
        first, second = session.run(inputs(n)), session.run(inputs(n))
        same(first, second)
        same(first, load(TWO).run(inputs(n)))


def test_results_do_not_share_memory():
    session = load(TWO)
    runs = [session.run(inputs(3)) for _ in range(3)]
    kept = runs[1]["y"].copy()
    for other in (runs[0], runs[2]):
        other["y"][:] = 0
    assert np.array_equal(runs[1]["y"], kept)


def test_the_order_of_the_inputs_does_not_matter():
    session = load(TWO)
    first = session.run(inputs(3))
    same(first, session.run(dict(reversed(inputs(3).items()))))


def test_what_the_first_run_refuses_later_runs_refuse():
    session = load(TWO)
    for _ in range(2):
        session.run(inputs(3))
    good = inputs(3)
    misaligned = np.frombuffer(b"\0" + good["x"].tobytes(), np.uint8)[1:].view(np.float32).reshape(3, 4)
    for name, wrong in [
        ("x", good["x"].astype(np.float64)),
        ("x", good["x"].astype(">f4")),
        ("x", np.asfortranarray(good["x"])),
        ("x", good["x"][:, :3]),
        ("x", np.zeros((4, 4), np.float32)),
        ("x", memoryview(good["x"])),
        ("x", None),
        ("x", misaligned),
        ("i", good["i"].astype(np.uint64)),
        ("j", good["i"]),
    ]:
        with pytest.raises(FeedError):
            session.run({**good, name: wrong})
    with pytest.raises(FeedError):
        session.run({"x": good["x"]})
    same(session.run(good), session.run(good))


def test_other_mappings_and_kinds_of_arrays_go_the_long_way():
    class Mapping(dict):
        pass

    session = load(TWO)
    first = session.run(inputs(3))
    frozen = {name: array.copy() for name, array in inputs(3).items()}
    for array in frozen.values():
        array.flags.writeable = False
    same(first, session.run(Mapping(inputs(3))))
    same(first, session.run(frozen))
    same(first, session.run({name: array.view(np.memmap) for name, array in inputs(3).items()}))


@pytest.mark.parametrize(
    "text",
    [
        "g (float[4] x) => (float[4] y, float[4] z) { y = Neg (x)  z = Identity (y) }",
        "g (float[4] x) => (float[4] y) { y = Identity (x) }",
        "g (float[4] x, float[4] unused) => (float[2,2] y) { s = Constant <value_ints = [2, 2]> () y = Reshape(x, s)}",
        "g (float[4] x) => (float[k] y) { z = Neg (x)  i = NonZero (z)  s = Squeeze (i)  y = Gather (z, s) }",
        "g (float[4] x) => (bfloat16[4] y) { y = Cast <to = 16> (x) }",
    ],
)
def test_models_that_are_more_than_one_plan_or_share_memory_run_as_before(text):
    session = load(text)
    given = {"x": normal(4)}
    if "unused" in text:
        given["unused"] = normal(4, seed=2)
    same(session.run(given), session.run(given))


def test_an_error_of_a_value_has_its_name_the_second_time_too():
    session = load("g (float[4] x, int64[2] i) => (float[2] y) { y = Gather (x, i) }")
    for _ in range(2):
        session.run({"x": normal(4), "i": np.array([0, 3])})
        with pytest.raises(PlanError, match="holds index 4"):
            session.run({"x": normal(4), "i": np.array([0, 4])})


def test_names_and_shapes_have_to_be_those_of_the_plan():
    buffers = [_core.Buffer("x", "float32", [4], "input"), _core.Buffer("y", "float32", [4], "output")]
    plan = _core.Plan(buffers, [], [_core.Step("neg", "n", [0], [1])])
    x, y = _core.Buffer("x", "float32", [2, 2], "input"), _core.Buffer("y", "float32", [2, 2], "output")
    long = _core.Buffer("x", "float32", [5], "input")
    assert _core.Direct(plan, np.ndarray, [x], [0], [y], [0]).run({"x": np.ones((2, 2), np.float32)})["y"].shape == (
        2,
        2,
    )
    for wrong in ([[long], [0], [y], [0]], [[x], [1], [y], [0]], [[x], [], [y], [0]], [[x], [0], [y], [1]],
                  [[x], [0], [], []], [[x], [0], [y, y], [0, 0]], [[x], [0], [long], [0]]):  # fmt: skip
        with pytest.raises(PlanError, match="not those of the plan"):
            _core.Direct(plan, np.ndarray, *wrong)
