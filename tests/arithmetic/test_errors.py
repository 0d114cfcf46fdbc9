"""Whatever is wrong is named: the operator, the tensor, and what to do."""

from __future__ import annotations

import contextlib
import traceback

import numpy as np
import onnx
import pytest
from graphs import load, model, normal
from hypothesis import given, settings
from hypothesis import strategies as st

import aivm
from aivm.arithmetic import Limits
from aivm.arithmetic.errors import (
    ArithmeticEngineError,
    FeedDtypeError,
    FeedError,
    FeedLayoutError,
    FeedRankError,
    FeedShapeError,
    GraphMemoryError,
    LoopLimitError,
    MalformedModelError,
    MissingFeedError,
    PlanError,
    UnexpectedFeedError,
    UnsupportedOperatorError,
)

PAIR = "g (float[n, 4] a, float[n] b) => (float[n, 4] y) { c = Unsqueeze (b, axis)\n y = Add (a, c) }"


def misaligned(*shape):
    """An array whose elements lie between the places where the machine would have them."""
    return np.frombuffer(bytes(1) + normal(*shape).tobytes(), np.float32, offset=1).reshape(shape)


def pair():
    return load(PAIR, axis=np.array([1], np.int64))


@pytest.mark.parametrize(
    ("feeds", "error", "message"),
    [
        ({"b": normal(3)}, MissingFeedError, "'a' was not given"),
        ({"a": normal(3, 4), "b": normal(3), "c": normal(3)}, UnexpectedFeedError, "no input 'c'"),
        ({"a": normal(3, 4).astype(np.float64), "b": normal(3)}, FeedDtypeError, "'a' is float64.*takes float32"),
        ({"a": [[1.0]], "b": normal(3)}, FeedDtypeError, "'a' is of the type list"),
        ({"a": np.array([["x"]]), "b": normal(3)}, FeedDtypeError, "'a' is an array of <U1"),
        ({"a": np.array([[None]]), "b": normal(3)}, FeedDtypeError, "'a' is an array of object"),
        ({"a": np.zeros((3, 4), np.complex64), "b": normal(3)}, FeedDtypeError, "'a' is an array of complex64"),
        ({"a": np.zeros((3, 4), [("re", "f4")]), "b": normal(3)}, FeedDtypeError, "'a' is an array of"),
        ({"a": np.ma.masked_array(normal(3, 4)), "b": normal(3)}, FeedDtypeError, "'a' is of the type MaskedArray"),
        ({"a": None, "b": normal(3)}, FeedDtypeError, "'a' is of the type NoneType"),
        ([normal(3, 4), normal(3)], FeedError, "of the type list, not a dictionary"),
        ({"a": normal(3), "b": normal(3)}, FeedRankError, "'a' has rank 1"),
        ({"a": normal(3, 5), "b": normal(3)}, FeedShapeError, r"'a' has shape \[3, 5\]; the model takes \[n, 4\]"),
        ({"a": normal(3, 4), "b": normal(2)}, FeedShapeError, "'b' has shape .* in input 'a' it is 3"),
        ({"a": normal(4, 3).T, "b": normal(3)}, FeedLayoutError, "'a' is not contiguous"),
        ({"a": normal(3, 8)[:, ::2], "b": normal(3)}, FeedLayoutError, "'a' is not contiguous"),
        ({"a": normal(3, 4).astype(">f4"), "b": normal(3)}, FeedLayoutError, "'a' is not of this machine's byte order"),
        ({"a": misaligned(3, 4), "b": normal(3)}, FeedLayoutError, "'a' is not aligned"),
    ],
)
def test_a_feed_that_the_model_does_not_take_is_named(feeds, error, message):
    session = pair()
    for _ in range(2):  # the second time when the session knows the way
        with pytest.raises(error, match=message) as caught:
            session.run(feeds)
        assert isinstance(caught.value, FeedError)
        assert caught.value.hint
        session.run({"a": normal(3, 4), "b": normal(3)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g (float[2] x) => (float[2] y) { y = Det (x) }", "ai.onnx::Det .operator set 21, node 'y'.*does not have"),
        ("g (float[2] x) => (float[2] y) { y = com.example.Magic (x) }", "com.example"),
        ("g (float[2] x) => (float[2] y) { y = Magic (x) }", "no such operator"),
        ("g (float16[2] x) => (float16[2] y) { y = Exp (x) }", "'x' is float16"),
        ("g (double[2] x) => (double[2] y) { y = Sin (x) }", "'x' is float64"),
        ("g (string[2] x) => (string[2] y) { y = Identity (x) }", "'x' is string"),
        ("g (float[2] x) => (float[2] y) { y = RandomNormalLike (x) }", "RandomNormalLike"),
        ("g (float[2] x) => (float[2] y) { y = Bernoulli (x) }", "RandomUniformLike"),
    ],
)
def test_what_the_engine_does_not_have_is_named_when_the_model_is_loaded(text, message):
    with pytest.raises(UnsupportedOperatorError, match=message):
        load(text)


def test_an_unsupported_operator_is_found_in_a_branch_that_is_never_taken():
    with pytest.raises(UnsupportedOperatorError, match="Det"):
        load(
            """
            g (float[n, n] x) => (float[n, n] y)
            {
               yes = Constant <value = bool {1}> ()
               y = If (yes) <
                  then_branch = a () => (float[n, n] p) { p = Identity (x) },
                  else_branch = b () => (float[n, n] q) { q = Det (x) }
               >
            }
            """
        )


@pytest.mark.parametrize("opset", [1, 12, 10_000])
def test_an_operator_set_out_of_range_is_refused(opset):
    with pytest.raises(UnsupportedOperatorError, match=f"operator set {opset} "):
        load("g (float[2] x) => (float[2] y) { y = Neg (x) }", opset=opset)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g (float[2] x) => (float[2] y) { y = Add (x, z) }", "'z', which nothing makes"),
        ("g (float[2] x) => (float[2] y) { y = Neg (a)\n a = Neg (x) }", "'a', which is made later"),
        ("g (float[2] x) => (float[2] y) { y = Neg (x)\n y = Abs (x) }", "makes the tensor 'y' twice"),
        ("g (float[2] x) => (float[2] y) { y = Neg (x, x) }", "2 inputs and 1 outputs do not fit"),
        ("g (float[2] x) => (float[2] y) { y = Neg <axis = 1> (x) }", "no attribute 'axis'"),
        ("g (float[2] x) => (float[2] y) { y = Concat (x) }", "attribute 'axis' is missing"),
        ('g (float[2] x) => (float[2] y) { y = Concat <axis = "one"> (x) }', "attribute 'axis' is 'one'"),
        ("g (float[2] x, int64[2] i) => (float[2] y) { y = Add (x, i) }", "'i' is int64, and another input .* float32"),
        ("g (float[2] x) => (float[2] y) { y = And (x, x) }", "'x' is float32, which the operator does not take"),
        ("g (float[2] x, float[3] z) => (float[2] y) { y = Add (x, z) }", "cannot be broadcast"),
        ("g (float[2, 3] x) => (float[2] y) { y = MatMul (x, x) }", "3 terms against 2"),
        ("g (float[2] x) => (float[2] y) { y = Softmax <axis = 3> (x) }", "axis 3 of a tensor that has 1 axes"),
        ("g (float[2, 2] x) => (float[2] y) { y = Transpose <perm = [0, 0]> (x) }", "no order of the 2 axes"),
        ("g (float[1, 2, 3] x) => (float[2] y) { y = MaxPool <kernel_shape = [9]> (x) }", "does not fit into"),
    ],
)
def test_a_malformed_graph_is_refused_with_its_node(text, message):
    with pytest.raises(MalformedModelError, match=message):
        load(text)


@pytest.mark.parametrize("data", [b"", b"not a model", bytes(100), b"\x08\x0a" * 50])
def test_bytes_that_are_no_model_are_refused(data):
    with pytest.raises(MalformedModelError):
        aivm.load(data)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MalformedModelError, match=r"absent\.onnx"):
        aivm.load(tmp_path / "absent.onnx")


def test_an_index_out_of_range_is_named_at_the_run():
    session = load("g (float[4] x, int64[n] i) => (float[n] y) { y = Gather (x, i) }")
    with pytest.raises(PlanError, match=r"step 'y' .*gather"):
        session.run({"x": normal(4), "i": np.array([0, 4], np.int64)})
    assert session.run({"x": normal(4), "i": np.array([-4, 3], np.int64)})["y"].shape == (2,)


def test_a_division_of_integers_by_zero_is_named_at_the_run():
    session = load("g (int64[2] x, int64[2] y) => (int64[2] z) { z = Div (x, y) }")
    with pytest.raises(PlanError, match=r"step 'z' .*div"):
        session.run({"x": np.array([1, 2]), "y": np.array([1, 0])})


def test_an_extent_that_overflows_an_index_is_refused():
    text = "g (int64[2] s) => (float[?, ?] y) { y = ConstantOfShape (s) }"
    with pytest.raises(MalformedModelError, match=r"'y' .*overflows an index"):
        load(text).run({"s": np.array([1 << 40, 1 << 40])})
    with pytest.raises(MalformedModelError, match="'y' would have shape"):
        load(text).run({"s": np.array([-1, 2])})


def test_one_tensor_that_is_larger_than_the_limit_is_named_before_anything_is_allocated():
    settings = {"limits": Limits(memory_bytes=1 << 20)}
    session = load("g (int64[1] s) => (float[?] y) { y = ConstantOfShape (s) }", settings=settings)
    with pytest.raises(GraphMemoryError, match=r"ConstantOfShape .*'y' of shape .* takes 4398046511104 bytes"):
        session.run({"s": np.array([1 << 40])})


def test_a_graph_that_needs_more_memory_than_allowed_is_refused_with_its_largest_tensor():
    text = "g (float[n, 64] x) => (float[n] y) { big = MatMul (x, w)\n y = ReduceSum <keepdims = 0> (big, a) }"
    limits = {"limits": Limits(memory_bytes=1 << 20)}
    session = load(text, settings=limits, w=normal(64, 512), a=np.array([1]))
    assert session.run({"x": normal(2, 64)})["y"].shape == (2,)
    with pytest.raises(GraphMemoryError, match=r"may have 1048576; the largest tensor is 'big' of shape \[500, 512\]"):
        session.run({"x": normal(500, 64)})


@pytest.mark.parametrize("hosted", [False, True])
def test_a_loop_beyond_the_limit_is_refused(hosted):
    text = """
    g (int64 n, float[2] x) => (float[2] y)
    {
       y = Loop (n, , x) <body = b (int64 i, bool c, float[2] p) => (bool d, float[2] q) { d = Identity (c)
          q = Neg (p) }>
    }
    """
    if not hosted:
        text = text.replace("(int64 n, float[2] x)", "(float[2] x)").replace(
            "{\n", "{ n = Constant <value_int = 101> ()\n", 1
        )
    limits = {"limits": Limits(iterations=100)}
    feeds = {"x": normal(2), **({"n": np.array(101)} if hosted else {})}
    with pytest.raises(LoopLimitError, match=r"101|100"):
        load(text, settings=limits).run(feeds)


def test_a_loop_that_never_ends_is_refused():
    with pytest.raises(LoopLimitError, match="never ends"):
        load(
            """
            g (float[2] x) => (float[2] y)
            {
               y = Loop (, , x) <body = b (int64 i, bool c, float[2] p) => (bool d, float[2] q) { d = Identity (c)
                  q = Neg (p) }>
            }
            """
        )


def test_a_function_that_calls_itself_is_refused():
    proto = onnx.parser.parse_model(
        """
        <ir_version: 10, opset_import: ["" : 21, "own" : 1]>
        g (float[2] x) => (float[2] y) { y = own.f (x) }
        <domain: "own", opset_import: ["" : 21, "own" : 1]>
        f (a) => (b) { b = own.f (a) }
        """
    )
    with pytest.raises(LoopLimitError, match="nested"):
        aivm.load(proto)


SEEDS = [
    model(PAIR, axis=np.array([1], np.int64)),
    model(
        "g (float[2, 3] x) => (float[2, 2] y) { h = MatMul (x, w)\n r = Relu (h)\n y = Softmax (r) }", w=normal(3, 2)
    ),
    model(
        "g (float[1, 2, 5, 5] x) => (float[1, 3, 5, 5] y) { y = Conv <pads = [1, 1, 1, 1]> (x, w) }",
        w=normal(3, 2, 3, 3),
    ),
    model(
        """
        g (float[3] x, bool c) => (float[3] y)
        {
           y = If (c) <
              then_branch = a () => (float[3] p) { p = Neg (x) },
              else_branch = b () => (float[3] q) { q = Abs (x) }
           >
        }
        """
    ),
]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_a_damaged_model_gives_a_named_error_or_a_result(proto, edits, cut):
    data = bytearray(proto.SerializeToString())
    for place, value in edits:
        data[place % len(data)] = value
    if cut == 1:
        del data[edits[0][0] % len(data) :]
    feeds = {"a": normal(3, 4), "b": normal(3), "x": normal(3), "c": np.ones((), np.bool_)}
    limits = Limits(memory_bytes=1 << 26, iterations=100)
    with contextlib.suppress(ArithmeticEngineError):
        session = aivm.load(bytes(data), threads=1, limits=limits)
        session.run({port.name: feeds[port.name] for port in session.inputs if port.name in feeds})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.onnx", None, "the model cannot be read: No such file or directory"),
        ("words.onnx", b"these are words, and no model", "the file is no ONNX model"),
        ("empty.onnx", b"", "the file is no ONNX model: it has no graph"),
    ],
)
def test_what_is_no_model_is_refused_and_said_what_to_give(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MalformedModelError, match=message) as failure:
        aivm.load(path)
    assert "the path of an ONNX file" in failure.value.hint


def test_a_traceback_shows_what_to_do():
    with pytest.raises(FeedDtypeError) as failure:
        pair().run({"a": np.zeros((2, 4)), "b": np.zeros(2, np.float32)})
    lines = "".join(traceback.format_exception(failure.value)).splitlines()
    assert lines[-2].endswith("FeedDtypeError: input 'a' is float64, and the model takes float32")
    assert lines[-1] == failure.value.hint
