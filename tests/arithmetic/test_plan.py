"""A plan that makes no sense is refused with the names of the step and the tensor, before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from aivm.arithmetic import _core
from aivm.arithmetic.errors import PlanError


def buffer(name, shape, kind="arena", dtype="float32", offset=0):
    return _core.Buffer(name, dtype, shape, kind, offset)


def add(inputs, outputs, name="add"):
    return _core.Step("add", name, inputs, outputs)


def test_a_plan_runs_its_steps_in_order():
    buffers = [buffer("x", [3], "input"), buffer("one", [1], "constant"), buffer("t", [3]), buffer("y", [3], "output")]
    plan = _core.Plan(buffers, [np.ones(1, np.float32)], [add([0, 1], [2]), add([2, 0], [3])])
    (y,) = plan.run([np.array([1, 2, 3], np.float32)], threads=2)
    assert y.tolist() == [3, 5, 7]


@pytest.mark.parametrize(
    ("buffers", "steps", "message"),
    [
        ([buffer("x", [2], "input")], [add([0, 7], [0])], "step 'add' .*no buffer 7"),
        ([buffer("x", [2], "input")], [add([0, 0], [0])], "writes 'x', which is not its to write"),
        ([buffer("x", [2], "input"), buffer("y", [2], "output")], [], "output 'y' is written by no step"),
        (
            [buffer("t", [2]), buffer("y", [2], "output")],
            [add([0, 0], [1])],
            "reads 't', which nothing has written",
        ),
        (
            [buffer("x", [2], "input"), buffer("y", [2], "output")],
            [add([0, 0], [1]), add([0, 0], [1], "again")],
            "step 'again' .*'y', which is written already",
        ),
        (
            [buffer("x", [64], "input"), buffer("s", [64]), buffer("t", [64], offset=64), buffer("y", [64], "output")],
            [add([0, 0], [1]), add([0, 0], [2]), add([1, 2], [3])],
            "'t' would overwrite 's', which is still needed",
        ),
        ([buffer("x", [-1], "input")], [], "'x' has a negative extent"),
        ([buffer("x", [2**40, 2**40], "input")], [], "'x' has more elements than 64 bits can count"),
        ([buffer("x", [2**40, 2**40, 0], "input")], [], "'x' has more elements"),
        ([buffer("t", [4], offset=32)], [], "'t' has an offset that is not a place in the arena"),
        ([buffer("t", [32], offset=2**63 - 64)], [], "'t' has an offset"),
        ([buffer("t", [2**50])], [], "'t' ends at byte .* is the limit"),
        ([buffer("x", [2], "input")], [_core.Step("levitate", "up", [0], [])], "no primitive 'levitate'"),
        (
            [buffer("x", [2], "input"), buffer("y", [3], "output")],
            [add([0, 0], [1])],
            r"step 'add' \(add\): tensor 'x' of shape \[2\] does not broadcast to \[3\]",
        ),
        (
            [buffer("x", [2], "input", "float64"), buffer("y", [2], "output")],
            [add([0, 0], [1])],
            "'y' is float32, not float64",
        ),
        ([buffer("x", [2], "constant")], [], "one array per constant"),
    ],
)
def test_nonsense_is_refused_by_name(buffers, steps, message):
    with pytest.raises(PlanError, match=message):
        _core.Plan(buffers, [], steps)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, np.float64), "input 'x' has another element type than float32"),
        (np.zeros(4, np.float32), r"input 'x' has shape \[4\], not \[3\]"),
        (np.zeros(6, np.float32)[::2], "input 'x' is not a contiguous array"),
        ("three", "input 'x' is not a contiguous array"),
    ],
)
def test_an_input_is_taken_as_it_is_or_refused(array, message):
    plan = _core.Plan([buffer("x", [3], "input"), buffer("y", [3], "output")], [], [add([0, 0], [1])])
    with pytest.raises(PlanError, match=message):
        plan.run([array])


def test_every_input_has_to_be_given_and_no_more():
    plan = _core.Plan([buffer("x", [3], "input"), buffer("y", [3], "output")], [], [add([0, 0], [1])])
    x = np.zeros(3, np.float32)
    with pytest.raises(PlanError, match="input 'x' was not given"):
        plan.run([])
    with pytest.raises(PlanError, match="more inputs were given"):
        plan.run([x, x])
    with pytest.raises(PlanError, match="threads has to be"):
        plan.run([x], threads=0)


def test_constants_stay_alive_for_as_long_as_the_plan():
    one = np.ones(1000, np.float32)
    buffers = [buffer("x", [1000], "input"), buffer("one", [1000], "constant"), buffer("y", [1000], "output")]
    plan = _core.Plan(buffers, [one], [add([0, 1], [2])])
    del one
    churn = [np.full(1000, 7, np.float32) for _ in range(50)]
    (y,) = plan.run([np.zeros(1000, np.float32)])
    assert y.tolist() == [1] * 1000
    assert len(churn) == 50
