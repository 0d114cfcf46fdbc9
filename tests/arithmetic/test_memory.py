"""Where a plan's tensors live: what is still to be read is never written over, and what is dead is used again."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from cases import CASES, Random
from graphs import load, model, normal
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

import aivm
from aivm.arithmetic import _core
from aivm.arithmetic.executor import _run_plan
from aivm.arithmetic.lower import dtypes


def bytes_of(buffer):
    """The memory that a buffer takes."""
    return math.prod(buffer.shape) * dtypes.NUMPY[buffer.dtype].itemsize


def owner(program, ref):
    """The buffer that has the memory: a view sees another's."""
    while program.buffers[ref].kind == "view":
        ref = program.buffers[ref].place
    return ref


def check(program):
    """Goes through the steps and sees that each reads what was written for it, and that nothing leaves the arena."""
    last = {}
    for index, step in enumerate(program.steps):
        last.update({owner(program, ref): index for ref in step.inputs if ref >= 0})
    living = {}  # buffers of the arena that are still to be read: first byte, end
    for index, step in enumerate(program.steps):
        for ref in {owner(program, ref) for ref in step.inputs if ref >= 0}:
            assert program.buffers[ref].kind != "arena" or ref in living, f"step {index} reads what is gone"
        dying = {ref for ref in living if last.get(ref, -1) == index}
        for ref in (ref for ref in step.outputs if ref >= 0 and program.buffers[ref].kind == "arena"):
            target = program.buffers[ref]
            place = (target.place, target.place + bytes_of(target))
            assert place[1] <= program.arena_bytes
            assert target.place % 64 == 0
            for other, (first, end) in living.items():
                if first < place[1] and place[0] < end:
                    assert other in dying, f"step {index} writes over {other}"
                    assert in_place(program, step, other, ref), f"step {index} writes over what it reads"
            living[ref] = place
        for ref in dying:
            del living[ref]
        for ref in step.outputs:
            if ref in living and ref not in last:
                del living[ref]


def in_place(program, step, read, written):
    """Whether a step may write an element where it read that element."""
    seen = [program.buffers[ref] for ref in step.inputs if ref >= 0 and owner(program, ref) == read]
    target = program.buffers[written]
    same = all(
        math.prod(item.shape) == math.prod(target.shape)
        and dtypes.NUMPY[item.dtype].itemsize == dtypes.NUMPY[target.dtype].itemsize
        for item in seen
    )
    return same and _core.works_in_place(step.op) and program.buffers[read].place == target.place


def programs(session, feeds):
    """All plans of a run, the fastest and the plain ones."""
    found = []

    def keep(stage, memory, threads):
        found.append(stage.program)
        return _run_plan(stage, memory, threads)

    for runner in (session.runner, session.plain):
        runner.run(feeds, keep)
    return found


@pytest.mark.parametrize("operator", sorted(CASES))
def test_no_plan_of_an_operator_writes_over_what_is_still_read(operator):
    case = CASES[operator](Random([zlib.crc32(operator.encode()), 5, 0]))
    for program in programs(aivm.load(case.model, threads=1), case.feeds):
        check(program)


OPS = [
    "Add",
    "Mul",
    "Sub",
    "Max",
    "Equal",
    "Less",
    "Where",
    "Neg",
    "Relu",
    "Softmax",
    "ReduceSum",
    "Transpose",
    "Concat",
    "Cast",
]


@st.composite
def graphs(draw):
    """Graphs of small tensors of few sizes, so that very many could share memory."""
    values = [("x", (2, 4)), ("r", (1, 4)), ("c", (2, 1))]
    nodes, truths = [], []
    for number in range(draw(st.integers(1, 14))):
        op, name = draw(st.sampled_from(OPS)), f"t{number}"
        (a, left), (b, right) = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        joint = np.broadcast_shapes(left, right)
        if op in ("Equal", "Less"):
            nodes.append(helper.make_node(op, [a, b], [name]))
            truths.append((name, joint))
            continue
        if op == "Where":
            if not truths:
                continue
            chosen, shape = draw(st.sampled_from(truths))
            nodes.append(helper.make_node(op, [chosen, a, b], [name]))
            values.append((name, np.broadcast_shapes(shape, joint)))
        elif op in ("Add", "Mul", "Sub", "Max"):
            nodes.append(helper.make_node(op, [a, b], [name]))
            values.append((name, joint))
        elif op == "Cast":
            kinds = draw(st.sampled_from([TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT8]))
            nodes.append(helper.make_node("Cast", [a], [f"{name}w"], to=kinds))
            nodes.append(helper.make_node("Cast", [f"{name}w"], [name], to=TensorProto.FLOAT))
            values.append((name, left))
        elif op == "ReduceSum":
            nodes.append(helper.make_node(op, [a, "axis"], [name]))
            values.append((name, (left[0], 1)))
        elif op == "Transpose":
            nodes.append(helper.make_node(op, [a], [f"{name}w"]))
            nodes.append(helper.make_node(op, [f"{name}w"], [name]))
            values.append((name, left))
        elif op == "Concat":
            nodes.append(helper.make_node(op, [a, a], [f"{name}w"], axis=0))
            nodes.append(helper.make_node("ReduceSum", [f"{name}w", "rows"], [name]))
            values.append((name, (1, left[1])))
        else:
            nodes.append(helper.make_node(op, [a], [name]))
            values.append((name, left))
    outputs = [name for name, _ in values[3:]] or ["x"]
    chosen = draw(st.lists(st.sampled_from(outputs), min_size=1, max_size=3, unique=True))
    return nodes, chosen


@given(graphs())
def test_random_graphs_give_what_each_node_alone_gives(graph):
    nodes, outputs = graph
    feeds = {"x": normal(2, 4), "r": normal(1, 4, seed=1), "c": normal(2, 1, seed=2)}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, item.shape) for name, item in feeds.items()]
    axes = [helper.make_tensor(name, TensorProto.INT64, [1], [axis]) for name, axis in (("axis", 1), ("rows", 0))]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    proto = helper.make_model(
        helper.make_graph(nodes, "g", ports, results, axes),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    session = aivm.load(proto, threads=1)
    for program in programs(session, feeds):
        check(program)
    names = {**feeds, "axis": np.array([1]), "rows": np.array([0])}
    for node in nodes:
        inner = [
            helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(names[i].dtype), None)
            for i in dict.fromkeys(node.input)
        ]
        one = helper.make_graph([node], "one", inner, [helper.make_empty_tensor_value_info(node.output[0])])
        single = helper.make_model(one, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        names.update(aivm.load(single, threads=1).run({i: names[i] for i in node.input}))
    for name, array in session.run(feeds).items():
        assert array.tobytes() == names[name].tobytes(), name


def test_a_broadcast_operand_of_as_many_bytes_is_not_written_over():
    text = """
    g (int64[3, 13] x) => (bool[3, 8, 13] z)
    {
       y = Neg (x)
       shape = Constant <value_ints = [3, 1, 13]> ()
       r = Reshape (y, shape)
       e = Equal (r, places)
       z = Not (e)
    }
    """
    x = -np.arange(39).reshape(3, 13) % 11 - 8
    places = np.arange(8).reshape(8, 1)
    assert np.array_equal(load(text, places=places).run({"x": x})["z"], -x[:, None] != places)


def test_a_long_chain_takes_the_memory_of_one_tensor_and_one_that_alternates_of_two():
    chain = "\n".join(f"t{i + 1} = Exp (t{i})" for i in range(20))
    turned = "\n".join(f"t{i + 1} = Transpose (t{i})" for i in range(20))
    for text, tensors in ((chain, 1), (turned, 2)):
        proto = model(f"g (float[64, 64] t0) => (float[64, 64] y) {{ {text}\n y = Tanh (t20) }}")
        session = aivm.load(proto, threads=1)
        program = session.plain.prepare(session._feeds({"t0": normal(64, 64)})).program
        assert program.arena_bytes == tensors * 64 * 64 * 4


@pytest.mark.parametrize(("extent", "folded"), [(100, True), (1000, False)])
def test_a_constant_that_would_be_large_is_computed_in_the_run(extent, folded):
    session = load(
        f"""
        g (float[1] x) => (float[{extent}, {extent}] y)
        {{
           shape = Constant <value_ints = [{extent}, {extent}]> ()
           wide = Expand (one, shape)
           y = Add (wide, x)
        }}
        """,
        one=np.ones((), np.float32),
    )
    assert [step["op"] for step in session.plan({"x": normal(1)})["steps"]] == (["add"] if folded else ["copy", "add"])


def test_what_is_computed_beforehand_has_the_bits_of_a_run():
    text = "g ({inputs}) => (float[5] y) {{ a = Exp (w)\n b = Div (a, v)\n y = Sub (b, w) }}"
    w, v = normal(5), np.array([1e-38, 3, -0.0, np.inf, 7], np.float32)
    fixed = load(text.format(inputs=""), w=w, v=v)
    assert fixed.plan({})["steps"] == []
    given = load(text.format(inputs="float[5] w, float[5] v"))
    assert fixed.run({})["y"].tobytes() == given.run({"w": w, "v": v})["y"].tobytes()
