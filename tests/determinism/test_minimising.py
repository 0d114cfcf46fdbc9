"""Minimisation: what is left still differs, and nothing more can be taken away."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx_examples import constant, model, value

from aivm import tensors
from aivm.determinism.minimise import differing, engine_runner, minimise, save
from aivm.determinism.minimise.cut import Case, MinimiseError, contents, part, reads
from aivm.determinism.minimise.ddmin import ddmin
from registry.cli import main

ROOT = Path(__file__).parents[2]


@given(st.sets(st.integers(0, 40), min_size=1, max_size=6))
def test_delta_debugging_finds_exactly_what_is_needed(needed):
    tries = []

    def fails(part):
        tries.append(part)
        return needed <= set(part)

    assert ddmin(list(range(41)), fails) == sorted(needed)
    assert all(part == sorted(part) for part in tries)


@given(st.frozensets(st.frozensets(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_delta_debugging_leaves_fails_and_no_item_can_go(reasons):
    def fails(part):
        return any(reason <= set(part) for reason in reasons)

    left = ddmin(list(range(10)), fails)
    assert fails(left)
    assert len(left) == 1 or not any(fails([item for item in left if item != gone]) for gone in left)


def chain():
    """`y = Exp(Relu((x + 1) @ W)) * 2`, [4, 6]; any reasonable engines agree about all but MatMul and Exp."""
    weights = np.linspace(-1, 1, 18, dtype=np.float32).reshape(3, 6)
    nodes = [
        helper.make_node("Add", ["x", "one"], ["a"]),
        helper.make_node("MatMul", ["a", "W"], ["m"]),
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("Exp", ["r"], ["e"]),
        helper.make_node("Mul", ["e", "two"], ["y"]),
    ]
    return model(
        nodes,
        inputs=[value("x", [4, 3])],
        outputs=[value("y", [4, 6])],
        constants=[constant("one", 1), constant("W", weights), constant("two", 2)],
    )


X = {"x": np.linspace(-2, 3, 12, dtype=np.float32).reshape(4, 3)}


def wrong(operator, change):
    """The reproducible engine, but for one operator whose output is changed: a machine with one mistake."""
    honest = engine_runner("reproducible")

    def run(data, inputs):
        proto = onnx.load_model_from_string(data)
        spoiled = [node for node in proto.graph.node if node.op_type == operator]
        if not spoiled:
            return honest(data, inputs)
        node = spoiled[0]
        name = node.output[0]
        shown = [*[o.name for o in proto.graph.output], name]
        before = onnx.ModelProto()
        before.CopyFrom(proto)
        del before.graph.output[:]
        before.graph.output.extend(onnx.ValueInfoProto(name=each) for each in dict.fromkeys(shown))
        values = honest(before.SerializeToString(), inputs)
        if values is None:
            return None
        after = onnx.ModelProto()
        after.CopyFrom(proto)
        place = next(i for i, each in enumerate(after.graph.node) if each.output[:1] == [name])
        replaced = onnx.numpy_helper.from_array(np.ascontiguousarray(change(values[name])), name)
        after.graph.node[place].CopyFrom(helper.make_node("Constant", [], [name], value=replaced))
        return honest(after.SerializeToString(), inputs)

    return run


def next_number(array):
    return np.nextafter(array, np.float32(np.inf))


def test_one_operator_is_left_of_a_machine_with_one_mistake():
    honest, mistaken = engine_runner("reproducible"), wrong("MatMul", next_number)
    found = minimise(chain(), X, differing(honest, mistaken), [honest])
    assert found.operators == ("MatMul",)
    assert found.nodes == (5, 1)
    left = contents(found.case)
    assert {name: array.shape for name, array in left.items()} == {"W": (1, 1), "a": (1, 1)}
    assert not any(array.any() for array in left.values())  # a sum of zeros is wrong too
    assert found.elements == (32, 2)
    assert differing(honest, mistaken)(found.case)


def test_a_mistake_that_needs_one_element_keeps_that_one():
    def change(array):
        return np.where(array > 5, array + 1, array)

    honest, mistaken = engine_runner("reproducible"), wrong("Exp", change)
    found = minimise(chain(), X, differing(honest, mistaken), [honest])
    assert found.operators == ("Exp",)
    ((name, array),) = found.case.inputs.items()
    assert (name, array.size) == ("r", 1)
    assert np.exp(array.item()) > 5
    assert array.item() == 2  # the simplest: one bit of significand


def test_a_difference_that_takes_two_operators_keeps_both():
    """A machine that fuses Relu and Exp, and errs only then."""
    honest = engine_runner("reproducible")

    def fusing(data, inputs):
        kinds = [node.op_type for node in onnx.load_model_from_string(data).graph.node]
        fused = any(pair == ("Relu", "Exp") for pair in itertools.pairwise(kinds))
        return wrong("Exp", next_number)(data, inputs) if fused else honest(data, inputs)

    found = minimise(chain(), X, differing(honest, fusing), [honest])
    assert found.operators == ("Relu", "Exp")


def test_engines_that_agree_leave_nothing_to_minimise():
    runner = engine_runner("reproducible")
    with pytest.raises(MinimiseError, match="the same bits"):
        minimise(chain(), X, differing(runner, engine_runner("reproducible:isa=portable")), [runner])


def test_a_model_that_nobody_can_watch_is_refused():
    honest, mistaken = engine_runner("reproducible"), wrong("MatMul", next_number)
    with pytest.raises(MinimiseError, match="watched"):
        minimise(chain(), X, differing(honest, mistaken), [lambda *_: None])


def test_after_the_last_comparison_what_is_left_still_differs():
    honest, mistaken = engine_runner("reproducible"), wrong("MatMul", next_number)
    found = minimise(chain(), X, differing(honest, mistaken), [honest], most=4)
    assert found.tries == 4
    assert differing(honest, mistaken)(found.case)


def test_a_nan_is_the_same_whatever_its_bits():
    def nan(bits):
        return lambda *_: {"y": np.array([bits], np.uint32).view(np.float32)}

    case = Case(model=chain(), inputs=X)
    assert not differing(nan(0x7FC00000), nan(0xFFC00001))(case)
    assert differing(nan(0x7FC00000), nan(0x3F800000))(case)
    assert differing(nan(0), nan(0x80000000))(case)


# ---- parts


def test_a_part_reads_what_the_whole_computed():
    values = {**X, "a": np.ones((4, 3), np.float32), "m": np.ones((4, 6), np.float32), "r": np.ones((4, 6), np.float32)}
    found = part(Case(model=chain(), inputs=X), values, [1, 2])
    assert list(found.inputs) == ["a"]
    assert [tensor.name for tensor in found.model.graph.initializer] == ["W"]
    assert [output.name for output in found.model.graph.output] == ["r"]
    onnx.checker.check_model(found.model, full_check=True)


def test_a_part_that_reads_what_is_no_tensor_is_none():
    assert part(Case(model=chain(), inputs=X), X, [1]) is None


def test_what_a_subgraph_reads_from_outside_is_an_input_of_its_node():
    inner = helper.make_graph(
        [helper.make_node("Add", ["outer", "local"], ["sum"]), helper.make_node("Neg", ["sum"], ["out"])],
        "branch",
        [],
        [value("out", [1])],
        [constant("local", [1])],
    )
    node = helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=inner)
    assert reads(node) == ["flag", "outer"]


def test_a_branch_with_its_capture_is_cut_as_one_node():
    inner = helper.make_graph([helper.make_node("Exp", ["outer"], ["out"])], "branch", [], [value("out", [2])])
    other = helper.make_graph([helper.make_node("Neg", ["outer"], ["out"])], "branch", [], [value("out", [2])])
    proto = model(
        [
            helper.make_node("Add", ["x", "x"], ["outer"]),
            helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=other),
        ],
        inputs=[value("x", [2]), value("flag", [], TensorProto.BOOL)],
        outputs=[value("y", [2])],
    )
    honest = engine_runner("reproducible")

    def mistaken(data, inputs):
        values = honest(data, inputs)
        if values is None or not any(n.op_type == "If" for n in onnx.load_model_from_string(data).graph.node):
            return values
        return {name: next_number(array) for name, array in values.items()}

    feeds = {"x": np.float32([1, 2]), "flag": np.ones((), np.bool_)}
    found = minimise(proto, feeds, differing(honest, mistaken), [honest])
    assert found.operators == ("If",)
    assert set(found.case.inputs) == {"outer", "flag"}


# ---- files and the command


def test_what_is_saved_runs_alone_and_is_the_same_every_time(tmp_path):
    honest, mistaken = engine_runner("reproducible"), wrong("Exp", next_number)
    written = []
    for name in ("one", "two"):
        found = minimise(chain(), X, differing(honest, mistaken), [honest])
        save(found, tmp_path / name, a="reproducible", b="onnxruntime")
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    inputs = tensors.decode(written[0]["inputs.safetensors"], limit=1 << 20)
    assert honest(written[0]["model.onnx"], inputs) is not None
    assert b"aivm diverge 'reproducible' 'onnxruntime' --model model.onnx" in written[0]["README.md"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    honest, mistaken = engine_runner("reproducible"), wrong("Exp", next_number)
    (tmp_path / "file").write_text("")
    with pytest.raises(MinimiseError, match="cannot be written"):
        save(minimise(chain(), X, differing(honest, mistaken), [honest]), tmp_path / "file", a="a", b="b")


def test_the_command_reduces_a_sampler_to_one_operator(tmp_path):
    out = tmp_path / "found"
    arguments = ["onnxruntime", "reproducible", "--model", str(ROOT / "kernels" / "scribble"), "--case", "digit-3"]
    done = CliRunner().invoke(main, ["minimise", *arguments, "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert said["nodes"][1] == 1
    assert said["elements"][1] < said["elements"][0]
    files = ["--model", str(out / "model.onnx"), "--input", str(out / "inputs.safetensors")]
    again = CliRunner().invoke(main, ["diverge", *arguments[:2], *files])
    assert again.exit_code == 1, again.output
    assert said["operators"][0] in again.output
    assert MODEL_LINE in (out / "README.md").read_text()


MODEL_LINE = "--model model.onnx --input inputs.safetensors"


def test_the_command_says_when_there_is_nothing_to_find(tmp_path):
    engines, digits = ["reproducible", "reproducible:threads=2"], str(ROOT / "kernels" / "digits")
    arguments = [*engines, "--model", digits, "--case", "five"]
    done = CliRunner().invoke(main, ["minimise", *arguments, "--out", str(tmp_path / "x")])
    assert done.exit_code == 1
    assert "the same bits" in done.output
