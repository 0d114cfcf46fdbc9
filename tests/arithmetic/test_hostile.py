"""Graphs that are made to break things: bombs of time and memory, and what fuzzing found."""

from __future__ import annotations

import threading
import time

import numpy as np
import onnx
import pytest
from graphs import load, model, normal
from onnx import TensorProto, helper

import aivm
from aivm.arithmetic import Limits, _core
from aivm.arithmetic.errors import (
    ArithmeticEngineError,
    GraphMemoryError,
    LoopLimitError,
    MalformedModelError,
    PlanError,
    SettingError,
    UnsupportedOperatorError,
)

NAMED = (GraphMemoryError, LoopLimitError, MalformedModelError, UnsupportedOperatorError)
#: Far less than any of these bombs would take, far more than a named error does.
SECONDS = 20
SMALL = {"limits": Limits(memory_bytes=1 << 24)}


def bomb(text, **constants):
    return pytest.param(text, {name: np.array(value) for name, value in constants.items()}, id=text.split("=")[-1][:40])


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        bomb("g (float[2] x) => (float[?] y) { y = ConstantOfShape (s) }", s=[1 << 40]),
        bomb("g (float[2] x) => (float[?] y) { y = ConstantOfShape (s) }", s=[1 << 62]),
        bomb("g (float[2] x) => (float[?] y) { y = ConstantOfShape (s) }", s=[0, 1 << 62, 1 << 62]),
        bomb("g (float[2] x) => (float[?] y) { y = Expand (x, s) }", s=[1 << 40, 2]),
        bomb("g (float[2] x) => (float[?] y) { y = Tile (x, s) }", s=[1 << 40]),
        bomb("g (float[2] x) => (float[?] y) { y = Tile (x, s) }", s=[-1]),
        bomb("g (float[2] x) => (float[?] y) { y = Pad (x, s) }", s=[1 << 40, 1 << 40]),
        bomb('g (float[2] x) => (float[?] y) { y = Pad <mode = "reflect"> (x, s) }', s=[1 << 40, 1 << 40]),
        bomb("g (float[2] x) => (float[?] y) { y = Resize (x, , , s) }", s=[1 << 40]),
        bomb('g (float[2] x) => (float[?] y) { y = Resize <mode = "linear"> (x, , , s) }', s=[1 << 20]),
        bomb('g (float[2] x) => (float[?] y) { y = Resize <mode = "cubic"> (x, , s) }', s=np.array([1e30], np.float32)),
        bomb("g (float[2] x) => (int64[?] y) { y = Range (a, b, c) }", a=0, b=1 << 60, c=1),
        bomb("g (float[2] x) => (float[?, ?] y) { y = OneHot (i, d, v) }", i=[1], d=1 << 50, v=[0.0, 1.0]),
        bomb("g (float[2] x) => (int64[?] y) { y = Mul (r, r)\n r = Range (a, b, c) }", a=0, b=1 << 40, c=1),
        bomb("g (float[2] x) => (float[?] y) { y = Slice (x, a, b, c, d) }", a=[1], b=[-(1 << 63)], c=[0], d=[0]),
        bomb("g (float[2] x) => (float[?] y) { y = Reshape (x, s) }", s=[0, -1, 1 << 62]),
    ],
)
def test_a_small_graph_that_asks_for_a_large_tensor_is_refused_at_once(text, constants):
    start = time.process_time()
    with pytest.raises(NAMED):
        load(text, settings=SMALL, **constants).run({"x": normal(2)})
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("memory", [None, 1 << 24, 1 << 30])
def test_constants_that_grow_when_they_are_computed_do_not_take_more_memory_than_allowed(memory):
    nodes = "\n".join(f"c{i + 1} = Concat <axis = 0> (c{i}, c{i}, c{i}, c{i})" for i in range(24))
    text = f"g (float[1] x) => (float[?] y) {{ {nodes}\n y = Add (x, c24) }}"
    with pytest.raises(GraphMemoryError):
        load(text, settings={"limits": Limits(memory_bytes=memory)}, c0=np.ones(4, np.float32))


def nested_loops(depth, trips, known):
    """Loops within loops, each of which adds one to what it is given."""
    count = f"t{depth} = Constant <value_int = {trips}> ()" if known else ""
    of = f"t{depth}" if known else "n"
    body = f"q{depth} = Add (p{depth}, one)"
    if depth > 1:
        inner = nested_loops(depth - 1, trips, known)
        body = inner.replace("START", f"p{depth}") + f"\n q{depth} = Identity (r{depth - 1})"
    return f"""
    {count}
    r{depth} = Loop ({of}, , START) <body = b{depth} (int64 i{depth}, bool k{depth}, float p{depth})
      => (bool d{depth}, float q{depth}) {{ d{depth} = Identity (k{depth})
      {body} }}>
    """


@pytest.mark.parametrize("known", [True, False])
def test_loops_within_loops_end_in_a_named_error(known):
    inner = nested_loops(4, 60, known).replace("START", "x")
    inputs = "float x" if known else "float x, int64 n"
    text = f"g ({inputs}) => (float y) {{ {inner}\n y = Identity (r4) }}"
    limits = {"limits": Limits(iterations=1000, steps=5000)}
    feeds = {"x": np.zeros((), np.float32), **({} if known else {"n": np.array(60)})}
    with pytest.raises(LoopLimitError):
        load(text, settings=limits, one=np.ones((), np.float32)).run(feeds)


def test_loops_of_constants_are_bounded_though_they_leave_no_steps():
    inner = nested_loops(4, 60, known=True).replace("START", "one")
    text = f"g (float x) => (float y) {{ {inner}\n y = Add (r4, x) }}"
    with pytest.raises(LoopLimitError, match="more than 5000"):
        load(text, settings={"limits": Limits(steps=5000)}, one=np.ones((), np.float32))


def test_a_loop_of_many_iterations_is_refused():
    text = """
    g (float[2] x, int64 n) => (float[2] y)
    {
       y = Loop (n, , x) <body = b (int64 i, bool c, float[2] p) => (bool d, float[2] q) { d = Identity (c)
          q = Neg (p) }>
    }
    """
    with pytest.raises(LoopLimitError, match="100 iterations"):
        load(text, settings={"limits": Limits(iterations=100)}).run({"x": normal(2), "n": np.array(1 << 62)})


def test_what_a_loop_collects_counts_as_memory():
    text = """
    g (float[1000] x, int64 n) => (float[?, 1000] y)
    {
       y = Loop (n, , ) <body = b (int64 i, bool c) => (bool d, float[1000] q) { d = Identity (c)
          q = Neg (x) }>
    }
    """
    with pytest.raises(GraphMemoryError, match=r"Loop .* takes more memory"):
        load(text, settings={"limits": Limits(memory_bytes=1 << 20)}).run({"x": normal(1000), "n": np.array(1000)})


@pytest.mark.parametrize("count", [np.zeros(0, np.int64), np.zeros(2, np.int64)])
def test_a_number_of_iterations_that_is_no_number_is_refused(count):
    text = """
    g (float[2] x, int64[?] n) => (float[2] y)
    {
       y = Loop (n, , x) <body = b (int64 i, bool c, float[2] p) => (bool d, float[2] q) { d = Identity (c)
          q = Neg (p) }>
    }
    """
    with pytest.raises(MalformedModelError, match="one element"):
        load(text).run({"x": normal(2), "n": count})


def test_functions_that_call_each_other_twice_do_not_grow_without_end(monkeypatch):
    monkeypatch.setattr("aivm.arithmetic.check._MOST_NODES", 2000)
    functions = [
        helper.make_function(
            "own",
            f"f{i}",
            ["a"],
            ["c"],
            [
                helper.make_node(f"f{i + 1}", ["a"], ["b"], domain="own"),
                helper.make_node(f"f{i + 1}", ["b"], ["c"], domain="own"),
            ],
            [helper.make_opsetid("own", 1)],
        )
        for i in range(30)
    ]
    last = [helper.make_node("Neg", ["a"], ["c"])]
    functions.append(helper.make_function("own", "f30", ["a"], ["c"], last, [helper.make_opsetid("", 21)]))
    proto = model("g (float[2] x) => (float[2] y) { y = Neg (x) }")
    proto.graph.node[0].op_type, proto.graph.node[0].domain = "f0", "own"
    proto.opset_import.append(helper.make_opsetid("own", 1))
    proto.functions.extend(functions)
    with pytest.raises(LoopLimitError, match="functions within functions"):
        aivm.load(proto)


@pytest.mark.parametrize("version", [-(1 << 63), 6, 1000])
def test_a_function_for_an_operator_set_out_of_range_is_refused(version):
    """An old operator of the same name may mean something else."""
    proto = model("g (float[2] x) => (float[2] y) { y = Neg (x) }")
    body = [helper.make_node("Neg", ["a"], ["c"])]
    proto.functions.append(helper.make_function("own", "f", ["a"], ["c"], body, [helper.make_opsetid("", version)]))
    proto.graph.node[0].op_type, proto.graph.node[0].domain = "f", "own"
    proto.opset_import.append(helper.make_opsetid("own", 1))
    with pytest.raises(UnsupportedOperatorError, match=f"function 'f' is for operator set {version} "):
        aivm.load(proto)


def test_graphs_nested_deeper_than_any_model_are_refused():
    graph = helper.make_graph([], "deep", [], [])
    for i in range(30):
        node = helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=helper.make_graph([], "e", [], []))
        graph = helper.make_graph([node], f"g{i}", [], [])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    with pytest.raises(MalformedModelError, match="nested"):
        aivm.load(proto)


@pytest.mark.parametrize("shape", [[-1, 2], [1 << 40, 1 << 40], [1] * 65])
def test_an_input_of_an_impossible_shape_is_refused_when_the_model_is_loaded(shape):
    node = helper.make_node("Identity", ["x"], ["y"])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:])
    with pytest.raises(MalformedModelError, match="'x'"):
        aivm.load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]))


def test_two_outputs_of_one_name_are_refused():
    proto = model("g (float[2] x) => (float[2] y) { y = Neg (x) }")
    proto.graph.output.append(proto.graph.output[0])
    with pytest.raises(MalformedModelError, match="two outputs of the name 'y'"):
        aivm.load(proto)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g (float[2] x) => (float[2] y) { s = SequenceConstruct (x)\n y = Neg (s) }", "'X' is a sequence"),
        ("g (float[2] x) => (float[2] y) { s = SequenceConstruct (x)\n y = Add (x, s) }", "'B' is a sequence"),
        ("g (float[2] x) => (float[2] y) { z = Constant <value_int = 0> ()\n y = SequenceAt (x, z) }", "does not take"),
        (
            "g (float[2] x) => (float[2] y) { o = Optional <type = float[2]> ()\n y = Neg (o) }",
            "there is nothing where",
        ),
        ("g (float[2] x) => (float[2] y) { y = Transpose <perm = [0.5]> (x) }", "'perm' is .* kind INTS"),
        ("g (float[2] x) => (float[2] y) { y = Constant <value = 1> () }", "'value' is 1, not of the kind TENSOR"),
        ("g (float[2] x) => (float[2] y) { y = If (x) <then_branch = 1, else_branch = 2> }", "kind GRAPH"),
        ("g (float[2] x, int64[2] k) => (float[2] y) { y, i = TopK (x, k) }", "should have one element"),
    ],
)
def test_an_operand_or_attribute_of_another_kind_is_refused(text, message):
    with pytest.raises(MalformedModelError, match=message):
        load(text).run({"x": normal(2), "k": np.array([1, 1])} if "int64[2] k" in text else {"x": normal(2)})


@pytest.mark.parametrize("shape", ["float[2]", "float"])
def test_neighbours_among_channels_that_there_are_not_are_refused(shape):
    with pytest.raises(MalformedModelError, match="should have channels"):
        load(f"g ({shape} x) => ({shape} y) {{ y = LRN <size = 3> (x) }}")


@pytest.mark.parametrize(
    ("operands", "attributes", "message"),
    [
        ({"peepholes": (6,)}, "", "does not fit a hidden state of 2"),
        ({"peepholes": (1, 5)}, "", "does not fit a hidden state of 2"),
        ({"peepholes": (0, 6)}, "", "does not fit a hidden state of 2"),
        ({"state": (0, 1, 2)}, "", "initial state"),
        ({"state": (1, 2)}, "", "initial state"),
        ({"state": (1, 2)}, ", layout = 1", "initial state"),
        ({"lengths": (3,)}, "", "sequence_lens"),
    ],
)
def test_operands_of_a_recurrent_layer_that_do_not_fit_are_refused(operands, attributes, message):
    shapes = {"weights": (1, 8, 3), "recurrence": (1, 8, 2), **operands}
    constants = {name: np.ones(shape, np.int32 if name == "lengths" else np.float32) for name, shape in shapes.items()}
    given = ["x", "weights", "recurrence", "", *(name if name in operands else "" for name in ("lengths", "state"))]
    given += ["", "peepholes"] if "peepholes" in operands else []
    text = f"y = LSTM <hidden_size = 2{attributes}> ({', '.join(given).rstrip(', ')})"
    with pytest.raises(MalformedModelError, match=message):
        load(f"g (float[1, 1, 3] x) => (float[?, ?, ?, ?] y) {{ {text} }}", **constants).run({"x": normal(1, 1, 3)})


def test_scales_and_sizes_of_strange_shapes_are_taken_as_they_are_or_refused():
    line = 'g (float[4] x) => (float[?] y) { y = Resize <mode = "linear"> (x, , s) }'
    assert load(line, s=np.ones((1, 1), np.float32)).run({"x": normal(4)})["y"].shape == (4,)
    policy = 'mode = "linear", antialias = 1, keep_aspect_ratio_policy = "not_larger"'
    plane = f"g (float[4, 4] x) => (float[?, ?] y) {{ y = Resize <{policy}> (x, , , s) }}"
    assert load(plane, s=np.array([0, 4])).run({"x": normal(4, 4)})["y"].shape == (0, 0)
    crop = 'coordinate_transformation_mode = "tf_crop_and_resize"'
    with pytest.raises(MalformedModelError, match="the region"):
        load(
            f"g (float[4] x) => (float[?] y) {{ y = Resize <{crop}> (x, r, s) }}",
            r=np.array([np.nan, 1], np.float32),
            s=np.ones(1, np.float32),
        )


def test_the_non_zero_places_of_one_number_have_no_coordinates():
    session = load("g (float x) => (int64[?, ?] y) { y = NonZero (x) }")
    assert session.run({"x": np.array(2, np.float32)})["y"].shape == (0, 1)
    assert session.run({"x": np.array(0, np.float32)})["y"].shape == (0, 0)


@pytest.mark.parametrize("threads", [0, -1, 1025, 2.0, "2", True, 1 << 40])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(SettingError, match="threads is"):
        aivm.load(model("g (float[2] x) => (float[2] y) { y = Neg (x) }"), threads=threads)


@pytest.mark.parametrize("source", [5, None, ["model.onnx"], onnx.GraphProto()])
def test_a_source_that_is_no_model_is_named(source):
    with pytest.raises(SettingError, match="cannot be loaded from"):
        aivm.load(source)


def test_a_session_without_limits_has_those_of_the_machine():
    session = load("g (int64[1] s) => (float[?] y) { y = ConstantOfShape (s) }")
    with pytest.raises(GraphMemoryError, match="'y' of shape"):
        session.run({"s": np.array([1 << 50])})


def test_memory_that_the_machine_does_not_have_is_a_named_error_of_the_core():
    buffers = [_core.Buffer("x", "float32", [1], "input"), _core.Buffer("big", "float32", [1 << 55], "output")]
    plan = _core.Plan(buffers, [], [_core.Step("copy", "node", [0], [1], [1, 1, 1 << 55, 0, 0, 0, 1])])
    with pytest.raises(GraphMemoryError, match=r"output 'big' of shape .* not enough memory"):
        plan.run([np.zeros(1, np.float32)], 1)


class Vanishing:
    """A sequence that makes its arrays when it is asked for them, and keeps none."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        if index:
            raise IndexError
        return np.full(1 << 20, 3, np.float32)


def test_arrays_live_as_long_as_a_run_reads_them():
    shape = [1 << 20]
    buffers = [_core.Buffer("x", "float32", shape, "input"), _core.Buffer("y", "float32", shape, "output")]
    plan = _core.Plan(buffers, [], [_core.Step("neg", "node", [0], [1])])
    for _ in range(20):
        (result,) = plan.run(Vanishing(), 1)
        assert (result == -3).all()


def test_a_session_is_used_by_threads_that_drop_each_others_plans():
    text = """
    g (float[n] x, int64 m) => (float[n] y)
    {
       y = Loop (m, , x) <body = b (int64 i, bool c, float[n] p) => (bool d, float[n] q) { d = Identity (c)
          q = Neg (p) }>
    }
    """
    session = load(text)
    failures = []

    def work(first):
        try:
            for size in [*range(first, first + 40), *range(first, first + 40)]:
                x = normal(size)
                result = session.run({"x": x, "m": np.array(2)})["y"]
                assert result.tobytes() == x.tobytes()
        except (ArithmeticEngineError, AssertionError, KeyError, RuntimeError) as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(first,)) for first in (1, 10, 20, 30)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_an_axis_that_a_tensor_turns_out_not_to_have_is_refused_by_name():
    with pytest.raises((MalformedModelError, PlanError), match="axis"):
        load("g (float x) => (float y) { y = Unique <axis = 1> (x) }").run({"x": np.array(1, np.float32)})
