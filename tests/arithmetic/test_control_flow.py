"""Branches, loops and scans: decided when the graph is lowered or while it runs, with the same result."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import agrees, load, model, normal

import aivm
from aivm.arithmetic import Limits

#: Loops become part of the plan, or are run one iteration at a time.
WAYS = [Limits(), Limits(unrolled=0)]

BRANCH = """
g (float[n] x, bool c) => (float[m] y)
{
   y = If (c) <
      then_branch = a () => (float[n] p) { p = Neg (x) },
      else_branch = b () => (float[k] q) { q = Concat <axis = 0> (x, x) }
   >
}
"""


@pytest.mark.parametrize("condition", [True, False])
def test_data_chooses_a_branch_and_with_it_a_shape(condition):
    agrees(model(BRANCH), {"x": normal(3), "c": np.array(condition)})


def test_both_branches_are_kept_once_they_were_taken():
    session, x = load(BRANCH), normal(3)
    for condition in (True, False, True, False):
        y = session.run({"x": x, "c": np.array(condition)})["y"]
        assert y.tobytes() == (-x if condition else np.concatenate([x, x])).tobytes()


def test_a_known_condition_leaves_no_trace_of_the_other_branch():
    session = load(
        """
        g (float[n] x) => (float[m] y)
        {
           s = Shape (x)
           one = Constant <value_ints = [1]> ()
           many = Greater (s, one)
           y = If (many) <
              then_branch = a () => (float[n] p) { p = Neg (x) },
              else_branch = b () => (float[k] q) { q = Abs (x) }
           >
        }
        """
    )
    assert [step["op"] for step in session.plan({"x": normal(3)})["steps"]] == ["neg"]
    assert [step["op"] for step in session.plan({"x": normal(1)})["steps"]] == ["abs"]


FOR = """
g (int64 n, float[2] x) => (float[2] last, float[k, 2] all)
{
   yes = Constant <value = bool {1}> ()
   last, all = Loop (n, yes, x) <body = b (int64 i, bool c, float[2] p) => (bool d, float[2] q, float[2] r)
   {
      d = Identity (c)
      f = Cast <to = 1> (i)
      q = Add (p, f)
      r = Mul (q, x)
   }>
}
"""


@pytest.mark.parametrize("limits", WAYS)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_loop_carries_and_collects(limits, count):
    x = normal(2)
    fed = model(FOR)
    fixed = model(FOR.replace("int64 n, ", "").replace("yes =", f"n = Constant <value_int = {count}> ()\n yes ="))
    one = agrees(fed, {"n": np.array(count), "x": x}, limits=limits)
    other = agrees(fixed, {"x": x}, limits=limits)
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("limits", WAYS)
def test_a_loop_of_no_iterations_hands_its_values_on(limits):
    result = aivm.load(model(FOR), limits=limits).run({"n": np.array(0), "x": normal(2)})
    assert result["last"].tobytes() == normal(2).tobytes()
    assert result["all"].shape[0] == 0


WHILE = """
g (float[1] x) => (float[1] y, int64[1] steps)
{
   limit = Constant <value = float[1] {100}> ()
   none = Constant <value = int64[1] {0}> ()
   yes = Constant <value = bool {1}> ()
   y, steps = Loop (, yes, x, none) <body = b (int64 i, bool c, float[1] p, int64[1] t)
      => (bool d, float[1] q, int64[1] u)
   {
      q = Add (p, p)
      one = Constant <value = int64[1] {1}> ()
      u = Add (t, one)
      axis = Constant <value = int64[1] {0}> ()
      more = Less (q, limit)
      d = Squeeze (more, axis)
   }>
}
"""


@pytest.mark.parametrize("x", [1.0, 40.0, 1000.0])
def test_data_ends_a_loop(x):
    result = agrees(model(WHILE), {"x": np.array([x], np.float32)})
    assert result["y"][0] >= 100


SCAN = """
g (float[2] x, float[n, 2] s, float[3, n] t) => (float[2] last, float[n, 2] sums, float[3, n] others)
{
   last, sums, others = Scan <num_scan_inputs = 2, scan_input_axes = [0, 1], scan_input_directions = [0, 1],
      scan_output_axes = [0, 1], scan_output_directions = [1, 0],
      body = b (float[2] p, float[2] a, float[3] c) => (float[2] q, float[2] r, float[3] v)
      {
         q = Add (p, a)
         r = Identity (q)
         v = Neg (c)
      }> (x, s, t)
}
"""


@pytest.mark.parametrize("limits", WAYS)
def test_a_scan_goes_along_axes_forwards_and_backwards(limits):
    s, t = normal(5, 2), normal(3, 5)
    result = aivm.load(model(SCAN), limits=limits).run({"x": np.zeros(2, np.float32), "s": s, "t": t})
    sums = np.array([s[: i + 1].sum(axis=0) for i in range(5)])
    np.testing.assert_allclose(result["last"], s.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(result["sums"], sums[::-1], rtol=1e-5)
    assert np.array_equal(result["others"], -t[:, ::-1])


def test_a_loop_body_sees_the_graph_around_it_and_weights_stay_constants():
    text = """
    g (int64 n, float[2, 4] x) => (float[2, 4] y)
    {
       y = Loop (n, , x) <body = b (int64 i, bool c, float[2, 4] p) => (bool d, float[2, 4] q)
       {
          d = Identity (c)
          m = MatMul (p, w)
          q = Add (m, x)
       }>
    }
    """
    w, x = normal(4, 4), normal(2, 4)
    y = load(text, w=w).run({"n": np.array(3), "x": x})["y"]
    expected = x
    for _ in range(3):
        expected = expected @ w + x
    np.testing.assert_allclose(y, expected, rtol=1e-4)


@pytest.mark.parametrize("limits", WAYS)
def test_a_branch_within_a_loop_depends_on_the_iteration(limits):
    text = """
    g (float[2] x) => (float[k, 2] y)
    {
       n = Constant <value_int = 5> ()
       yes = Constant <value = bool {1}> ()
       y = Loop (n, yes) <body = b (int64 i, bool c) => (bool d, float[2] r)
       {
          d = Identity (c)
          two = Constant <value_int = 2> ()
          early = Less (i, two)
          r = If (early) <
             then_branch = s () => (float[2] p) { p = Neg (x) },
             else_branch = t () => (float[2] q) { q = Identity (x) }
          >
       }>
    }
    """
    y = load(text, settings={"limits": limits}).run({"x": normal(2)})["y"]
    assert np.array_equal(y, np.array([-1, -1, 1, 1, 1], np.float32)[:, None] * normal(2))


def test_what_data_decides_goes_on_after_it():
    text = """
    g (float[n] x) => (float[k] y, int64[1] count)
    {
       zero = Constant <value = float {0}> ()
       positive = Greater (x, zero)
       kept = Compress (x, positive)
       count = Shape (kept)
       y = Exp (kept)
    }
    """
    x = np.array([1, -1, 2, -2, 0.5], np.float32)
    result = agrees(model(text), {"x": x})
    assert result["count"].tolist() == [3]
    assert load(text).run({"x": -np.abs(x)})["y"].shape == (0,)


def test_a_shape_that_is_computed_from_data_is_asked_for():
    text = """
    g (float[n] x, int64[1] rows) => (float[a, b] y)
    {
       rest = Constant <value_ints = [-1]> ()
       s = Concat <axis = 0> (rows, rest)
       y = Reshape (x, s)
    }
    """
    session = load(text)
    for rows in (1, 2, 3, 2):
        assert session.run({"x": normal(6), "rows": np.array([rows])})["y"].shape == (rows, 6 // rows)


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("op", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_a_recurrent_layer_agrees_with_onnx_runtime(op, gates, direction, layout):
    runtime = pytest.importorskip("onnxruntime")
    if layout:
        pytest.importorskip("onnxruntime")
    time, batch, width, size, count = 4, 3, 5, 6, 2 if direction == "bidirectional" else 1
    text = f"""
    g (float[{batch if layout else time}, {time if layout else batch}, {width}] x, int32[{batch}] n)
       => (float[a, b, c, d] y, float[e, f, g] h)
    {{ y, h = {op} <hidden_size = {size}, direction = "{direction}", layout = {layout}> (x, w, r, bias, n) }}
    """
    proto = model(
        text,
        w=normal(count, gates * size, width, seed=1),
        r=normal(count, gates * size, size, seed=2),
        bias=normal(count, 2 * gates * size, seed=3),
    )
    x = normal(batch, time, width) if layout else normal(time, batch, width)
    feeds = {"x": x, "n": np.array([4, 2, 1], np.int32)}
    results = aivm.load(proto).run(feeds)
    if layout:  # which ONNX Runtime has not
        plain = model(
            text.replace("layout = 1", "layout = 0").replace(f"float[{batch}, {time}", f"float[{time}, {batch}")
        )
        plain.graph.initializer.extend(proto.graph.initializer)
        time_first = aivm.load(plain).run({"x": np.ascontiguousarray(x.transpose(1, 0, 2)), "n": feeds["n"]})
        assert np.array_equal(results["y"], time_first["y"].transpose(2, 0, 1, 3))
        assert np.array_equal(results["h"], time_first["h"].transpose(1, 0, 2))
        return
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for name, expected in zip(("y", "h"), session.run(None, feeds), strict=True):
        np.testing.assert_allclose(results[name], expected, rtol=1e-4, atol=1e-5)
