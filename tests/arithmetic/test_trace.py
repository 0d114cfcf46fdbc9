"""Traces: what they hold, what they prove, and that nothing changes them that changes no bits."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from aivm import arithmetic, canonical
from aivm.arithmetic import _core, tracefile
from aivm.arithmetic.errors import PlanError
from aivm.arithmetic.merkle import Tree, verify
from aivm.arithmetic.session import open_session
from aivm.arithmetic.trace import Recording, Trace, TraceError, root
from aivm.digests import Digest


def network():
    weights = ", ".join(str(i * 0.25 - 3) for i in range(32))
    return parser.parse_model(
        f"""
        <ir_version: 8, opset_import: ["" : 20]>
        network (float[N,8] x) => (float[M] y) <float[8,4] w = {{{weights}}}> {{
            h = MatMul(x, w)
            shape = Constant <value_ints = [-1]> ()
            g = Gelu(h)
            e = Exp(g)
            flat = Reshape(e, shape)
            unused = Neg(flat)
            y = Softmax<axis = -1>(flat)
        }}"""
    )


def looping(trips="n"):
    """A loop whose number of iterations is an input: it is run one iteration at a time."""
    body = parser.parse_graph("""
        body (int64 i, bool going, float[4] a) => (bool still, float[4] b, float[4] seen) {
            still = Identity(going)
            b = Add(a, step)
            seen = Mul(b, b)
        }""")
    nodes = [helper.make_node("Loop", [trips, "", "x"], ["last", "all"], name="loop", body=body)]
    inputs = [
        helper.make_tensor_value_info("n", TensorProto.INT64, []),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]),
        helper.make_tensor_value_info("step", TensorProto.FLOAT, [4]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("last", "all")]
    graph = helper.make_graph(nodes, "looping", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((30, 8)).astype(np.float32)


def test_a_trace_has_the_root_of_every_tensor_that_was_computed(x):
    session = arithmetic.load(network())
    trace = session.trace({"x": x})
    outputs = [entry.output for entry in trace.entries if "/" not in entry.output]
    assert outputs == ["h", "shape", "g", "e", "flat", "y"], "in order, and without what nothing needs"
    by_name = {entry.output: entry for entry in trace.entries}
    assert by_name["y"].digest == root(session.run({"x": x})["y"])
    assert by_name["h"].digest == root(np.float32(0) + session_of_matmul(x))
    assert by_name["h"].shape == (30, 4)
    assert by_name["flat"].root == by_name["e"].root, "a reshape changes the shape alone"
    assert by_name["flat"].shape == (120,)
    assert by_name["y"].inputs == ("flat",)
    assert by_name["h"].inputs == ("x", "w")
    assert trace.inputs[0].root == root(x).hex()


def test_bodies_of_composite_operators_are_traced_on_demand(x):
    session = arithmetic.load(network())
    plain, deep = session.trace({"x": x}), session.trace({"x": x}, bodies=True)
    assert not [entry.output for entry in plain.entries if "/" in entry.output]
    by_name = {entry.output: entry for entry in deep.entries}
    assert by_name["g/Y"].operator.startswith("g/")
    assert by_name["g"].root == by_name["g/Y"].root, "an operator is what its body is"
    assert tuple(entry for entry in deep.entries if "/" not in entry.output) == plain.entries
    recording = session.record({"x": x})
    assert recording.descend is not None
    deeper = recording.descend()
    assert (deeper.trace, deeper.descend) == (deep, None)
    inner = next(i for i, entry in enumerate(deep.entries) if entry.output == "g/Y")
    assert root(deeper.fetch([inner])[0].output) == deep.entries[inner].digest


def function_with_a_loop():
    """A function of the model's own, and in its body a loop whose number of iterations is an input."""
    text = """
        <ir_version: 8, opset_import: ["" : 20, "own" : 1]>
        calling (int64 n, float[4] x) => (float[4] y) {
            y = own.repeat(n, x)
        }
        <domain: "own", opset_import: ["" : 20]>
        repeat (n, x) => (y) {
            y = Loop <body = body (int64 i, bool going, float[4] a) => (bool still, float[4] b) {
                still = Identity(going)
                b = Exp(a)
            }> (n, , x)
        }"""
    return parser.parse_model(text)


@pytest.mark.parametrize("trips", [0, 2])
def test_a_loop_within_a_body_is_part_of_the_body(trips):
    session = arithmetic.load(function_with_a_loop())
    feeds = {"n": np.array(trips), "x": np.linspace(-1, 1, 4, dtype=np.float32)}
    assert [entry.output for entry in session.trace(feeds).entries] == ["y"]
    assert [entry.type for entry in session.trace(feeds, bodies=True).entries].count("Exp") == trips


def test_a_trace_is_the_same_the_short_way_and_the_long(x):
    session = arithmetic.load(network())
    long = {bodies: session.trace({"x": x}, bodies=bodies) for bodies in (False, True)}
    other = x + 1
    for bodies, expected in long.items():
        assert session.trace({"x": x}, bodies=bodies) == expected, "the second time the core does it alone"
        assert session.trace({"x": other}, bodies=bodies) == arithmetic.load(network()).trace(
            {"x": other}, bodies=bodies
        )
        assert session.trace({"x": x[:7].copy()}, bodies=bodies).entries[0].shape == (7, 4)


def test_views_have_the_root_of_what_they_see_unless_its_nans_mean_something_else():
    model = parser.parse_model("""
        <ir_version: 11, opset_import: ["" : 26]>
        views (float[2,3] x) => (int32[2,3] i, float[3,2] same) {
            y = Transpose(x)
            shape = Constant <value_ints = [2, 3]> ()
            seen = Reshape(y, shape)
            i = BitCast <to = 6> (seen)
            given = Reshape(x, shape)
            bits = BitCast <to = 6> (x)
            same = Identity(y)
        }""")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    x.view(np.uint32)[1, 1] = 0xFFC00001  # a NaN that is not the canonical one
    session = arithmetic.load(model)
    for _ in range(2):
        trace = session.trace({"x": x})
        roots = {entry.output: entry.root for entry in trace.entries}
        outputs = session.run({"x": x})
        assert roots["seen"] == roots["y"] == roots["same"] == root(outputs["same"]).hex()
        assert roots["i"] == root(outputs["i"]).hex() != roots["y"]
        assert roots.get("given", trace.inputs[0].root) == trace.inputs[0].root == root(x).hex()
        assert roots.get("bits", root(x.view(np.int32)).hex()) == root(x.view(np.int32)).hex()


def session_of_matmul(x):
    """`acc = fma(x, w, acc)`, here without an error: the weights are multiples of a quarter, the sums done exactly."""
    w = (np.arange(32) * 0.25 - 3).reshape(8, 4)
    acc = np.zeros((len(x), 4), np.float32)
    for k in range(8):
        # The product of two binary32 and the sum with a third, rounded once: both fit binary64 for these numbers.
        acc = (x[:, k : k + 1].astype(np.longdouble) * w[k] + acc).astype(np.float32)
    return acc


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("isa", _core.isas())
def test_a_trace_is_the_same_on_every_instruction_set_and_with_any_threads(isa, threads, x):
    expected = arithmetic.load(network(), threads=1).trace({"x": x})
    assert open_session(network(), threads=threads, isa=isa).trace({"x": x}).digest() == expected.digest()


def test_running_with_a_trace_gives_the_same_outputs(x):
    session = arithmetic.load(network())
    before = session.run({"x": x})["y"]
    session.trace({"x": x})
    assert np.array_equal(session.run({"x": x})["y"], before)


def test_another_input_gives_another_trace(x):
    session = arithmetic.load(network())
    other = x.copy()
    other[3, 3] = np.nextafter(other[3, 3], np.float32(9))
    assert session.trace({"x": x}).digest() != session.trace({"x": other}).digest()


def test_a_trace_names_its_model():
    data = network().SerializeToString()
    assert arithmetic.load(data).trace({"x": np.zeros((1, 8), np.float32)}).model == Digest.of(data).hex()


def test_external_data_is_part_of_the_model_that_a_trace_names(tmp_path):
    model = network()
    digests = set()
    for change in range(2):
        weights = onnx.numpy_helper.to_array(model.graph.initializer[0]) + change
        model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float32), "w"))
        path = tmp_path / str(change) / "model.onnx"
        path.parent.mkdir()
        onnx.save(
            onnx.ModelProto.FromString(model.SerializeToString()),
            str(path),
            save_as_external_data=True,
            location="weights",
            size_threshold=0,
        )
        digests.add(arithmetic.load(path).trace({"x": np.zeros((1, 8), np.float32)}).model)
    assert len(digests) == 2


def test_every_element_of_an_entry_can_be_proven_and_no_other(x):
    recording = arithmetic.load(network()).record({"x": x})
    position = next(i for i, entry in enumerate(recording.trace.entries) if entry.output == "e")
    entry = recording.trace.entries[position]
    (operation,) = recording.fetch([position])
    proof = Tree(operation.output).prove(17)
    assert verify(proof, entry.digest, dtype=entry.dtype, shape=entry.shape) == operation.output.reshape(-1)[17]


def test_what_is_fetched_is_what_was_traced(x):
    recording = arithmetic.load(network()).record({"x": x})
    entries = recording.trace.entries
    roots = {tensor.name: tensor.root for tensor in recording.trace.inputs}
    for entry, operation in zip(entries, recording.fetch(range(len(entries))), strict=True):
        assert root(operation.output) == entry.digest
        assert operation.output.shape == entry.shape
        for name, array in zip(entry.inputs, operation.inputs, strict=True):
            if name in roots:
                assert array is not None
                assert root(array).hex() == roots[name], (entry.output, name)
        roots[entry.output] = entry.root


@pytest.mark.parametrize("trips", [0, 1, 3])
def test_a_loop_is_traced_iteration_by_iteration(trips):
    session = arithmetic.load(looping())
    feeds = {"n": np.array(trips), "x": np.arange(4, dtype=np.float32), "step": np.full(4, 0.5, np.float32)}
    recording = session.record(feeds)
    entries = recording.trace.entries
    seen = [i for i, entry in enumerate(entries) if entry.output.endswith("/seen")]
    assert len(seen) == trips
    outputs = session.run(feeds)
    for iteration, operation in enumerate(recording.fetch(seen)):
        assert np.array_equal(operation.output, outputs["all"][iteration])
        assert np.array_equal(operation.inputs[0], feeds["x"] + np.float32(0.5) * (iteration + 1))
    assert entries[-2].output == "last"
    assert entries[-2].operator == "loop"
    assert entries[-2].digest == root(outputs["last"])
    assert entries[-1].digest == root(outputs["all"])


def test_a_trace_is_read_back_as_it_was(x):
    trace = arithmetic.load(network()).trace({"x": x})
    assert Trace.decode(trace.encode()) == trace
    assert trace.digest() == Digest.of(trace.encode())
    value = canonical.decode(trace.encode())
    assert (value["type"], value["version"], value["hash"]) == ("aivm/trace", 1, "sha256-tree-2048")
    assert value["arithmetic"] == "aivm-arithmetic-1"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"type": "aivm/input"},
        {"hash": "keccak"},
        {"more": 1},
        {"entries": [{"operator": "a"}]},
        {"inputs": [{"name": "x", "dtype": "complex64", "shape": [1], "root": "0x" + "00" * 32}]},
        {"inputs": [{"name": "x", "dtype": "float32", "shape": [-1], "root": "0x" + "00" * 32}]},
        {"inputs": [{"name": "x", "dtype": "float32", "shape": [1], "root": "0x00"}]},
    ],
)
def test_a_file_that_is_no_trace_is_refused(change, x):
    value = canonical.decode(arithmetic.load(network()).trace({"x": x}).encode())
    with pytest.raises(TraceError):
        Trace.decode(canonical.encode({**value, **change}))
    with pytest.raises(TraceError):
        Trace.decode(b" " + canonical.encode(value))


@pytest.mark.parametrize("contents", [True, False])
def test_a_recording_is_read_back_from_its_files(tmp_path, contents, x):
    recording = arithmetic.load(network()).record({"x": x})
    tracefile.save(recording, tmp_path / "here.json", contents=contents)
    loaded = tracefile.load(tmp_path / "here.json")
    assert loaded.trace == recording.trace
    if not contents:
        assert loaded.fetch is None
        return
    positions = range(len(recording.trace.entries))
    for mine, theirs in zip(recording.fetch(positions), loaded.fetch(positions), strict=True):
        assert root(mine.output) == root(theirs.output)


def test_tensors_that_are_not_those_of_the_trace_are_refused(tmp_path, x):
    session = arithmetic.load(network())
    tracefile.save(session.record({"x": x}), tmp_path / "a.json", contents=True)
    tracefile.save(session.record({"x": x + 1}), tmp_path / "b.json", contents=True)
    (tmp_path / "b.safetensors").rename(tmp_path / "a.safetensors")
    with pytest.raises(TraceError, match=r"a\.safetensors does not hold the tensor 'h'"):
        tracefile.load(tmp_path / "a.json").fetch([0])
    with pytest.raises(TraceError, match="no name for a trace"):
        tracefile.load(tmp_path / "a.safetensors")
    with pytest.raises(TraceError, match="digests alone"):
        tracefile.save(Recording(trace=session.trace({"x": x}), label="theirs"), tmp_path / "c.json", contents=True)


def test_only_what_steps_write_can_be_watched():
    buffers = [_core.Buffer("x", "float32", [3], "input"), _core.Buffer("y", "float32", [3], "output")]
    plan = _core.Plan(buffers, [], [_core.Step("add", "add", [0, 0], [1])])
    x = np.arange(3, dtype=np.float32)
    (y,), digests = plan.trace([x], [1, 1], ["float32", "int32"], 2)
    assert digests == bytes(root(y)) + bytes(root((x + x).view(np.int32)))
    (y,), (copied,) = plan.inspect([x], [1])
    assert np.array_equal(copied, y)
    for refs in ([0], [2], [-1]):
        with pytest.raises(PlanError):
            plan.trace([x], refs, ["float32"])
        with pytest.raises(PlanError):
            plan.inspect([x], refs)
    for dtypes in ([], ["float16"], ["float32", "float32"], ["complex64"]):
        with pytest.raises(PlanError):
            plan.trace([x], [1], dtypes)
