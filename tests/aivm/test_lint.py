"""The linter: every rule refuses what it must by name, and lets clean models pass."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_examples import REPRODUCIBLE, example_manifest
from onnx import TensorProto, helper
from onnx_examples import constant, linear, model, value

from aivm import canonical
from aivm import lint as linting
from aivm.dagpb import octets
from aivm.lint import (
    EndlessLoopError,
    ExternalDataError,
    HiddenRandomnessError,
    InvalidGraphError,
    KernelLintError,
    ManifestDisagreementError,
    NestingError,
    OversizedModelError,
    RecursiveFunctionError,
    ShapeMismatchError,
    TruncatedModelError,
    UnknownOperatorError,
    UnspecifiedResultError,
    UnsupportedOperatorError,
    lift_randomness,
    lint,
    require_clean,
    signature,
)
from aivm.lint.wire import too_much
from aivm.manifest import Distribution, Manifest, RandomInput

node = helper.make_node
INT64 = TensorProto.INT64
BOOL = TensorProto.BOOL
TRUE, FALSE = 1, 0


def refuse(proto, error, *words, manifest=None, directory=None):
    """Asserts that the first finding is of this kind, names these words, and has a remedy."""
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(error) as caught:
        require_clean(data, manifest, directory=directory)
    assert type(caught.value) is error
    for word in words:
        assert word in str(caught.value)
    assert caught.value.hint
    return caught.value


def identity(*nodes, opset=21, functions=(), domains=(), constants=(), inputs=None):
    """A model x[4] -> y[4] around some nodes."""
    return model(
        nodes,
        inputs=inputs or [value("x", [4])],
        outputs=[value("y", [4])],
        opset=opset,
        functions=functions,
        domains=domains,
        constants=constants,
    )


def function(name, nodes, *, inputs=("a",), outputs=("b",), domain="local", imports=(("", 21), ("local", 1))):
    opsets = [helper.make_opsetid(*item) for item in imports]
    return helper.make_function(domain, name, list(inputs), list(outputs), nodes, opsets)


def branch(*nodes, output, constants=()):
    return helper.make_graph(nodes, "branch", [], [value(output, [4])], initializer=constants)


# ---- truncated and garbage files


@given(st.integers(min_value=0, max_value=len(linear().SerializeToString()) - 1))
def test_every_prefix_of_a_model_is_refused(length):
    assert not lint(linear().SerializeToString()[:length]).clean


@pytest.mark.parametrize("data", [b"", b"\x00", b"PK\x03\x04 zip", b"\x08\x0a", b'{"json": 1}', bytes(1000)])
def test_bytes_that_are_no_model_are_called_truncated(data):
    refuse(data, TruncatedModelError, "no")


def test_a_name_that_is_not_text_is_refused():
    data = linear().SerializeToString()
    refuse(data.replace(b"scores", b"scor\xff\xfe"), TruncatedModelError, "UTF-8")


def test_a_model_shorter_than_its_manifest_says_is_truncated():
    data = linear().SerializeToString()
    refuse(data, TruncatedModelError, "4242", manifest=example_manifest())


def test_a_model_longer_than_its_manifest_says_disagrees():
    data = linear().SerializeToString()
    refuse(data, ManifestDisagreementError, "says 10", manifest=example_manifest(**{"model.size": 10}))


@settings(max_examples=40)
@given(st.data())
def test_no_change_of_bytes_does_worse_than_a_finding(data):
    original = json_loop().SerializeToString()
    raw = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for finding in lint(bytes(raw)).findings:
        assert issubclass(finding.error, KernelLintError)


def test_a_file_is_linted_by_its_path(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(linear().SerializeToString())
    assert lint(path).clean
    assert signature(path) == signature(path.read_bytes())


def test_a_file_over_the_size_limit_is_not_even_read(tmp_path):
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(OversizedModelError, match="1073741825"):
        require_clean(path)


# ---- operators


def test_an_unknown_operator_is_named_with_its_place():
    error = refuse(identity(node("Frobnicate", ["x"], ["y"], name="f")), UnknownOperatorError, "ai.onnx::Frobnicate")
    assert error.where == "graph/node[0]:Frobnicate 'f'"


def test_an_operator_newer_than_the_operator_set_is_unknown():
    refuse(identity(node("Gelu", ["x"], ["y"]), opset=13), UnknownOperatorError, "Gelu", "version 13")


def test_an_operator_that_was_removed_is_unknown():
    refuse(
        model(
            [node("Upsample", ["x", "s"], ["y"])], inputs=[value("x", [1]), value("s", [1])], outputs=[value("y", [1])]
        ),
        UnknownOperatorError,
        "Upsample",
    )


def test_an_operator_set_of_the_future_is_unknown():
    refuse(identity(node("Relu", ["x"], ["y"]), opset=999), UnknownOperatorError, "999")


def test_a_vendor_domain_is_unknown():
    nodes = [node("FusedGelu", ["x"], ["y"], domain="com.microsoft")]
    refuse(identity(*nodes, domains=["com.microsoft"]), UnknownOperatorError, "com.microsoft")


def test_a_domain_that_is_not_imported_is_unknown():
    refuse(identity(node("Scaler", ["x"], ["y"], domain="ai.onnx.ml")), UnknownOperatorError, "not imported")


def test_an_unknown_operator_in_a_subgraph_is_found():
    then, other = branch(node("Nope", ["x"], ["t"]), output="t"), branch(node("Relu", ["x"], ["e"]), output="e")
    proto = identity(
        node("If", ["c"], ["y"], then_branch=then, else_branch=other), constants=[constant("c", TRUE, np.bool_)]
    )
    refuse(proto, UnknownOperatorError, "then_branch/node[0]:Nope")


def test_an_unknown_operator_in_a_function_is_found():
    inner = function("F", [node("Nope", ["a"], ["b"])])
    proto = identity(node("F", ["x"], ["y"], domain="local"), functions=[inner], domains=["local"])
    refuse(proto, UnknownOperatorError, "function local::F", "Nope")


def test_a_function_of_the_model_is_known():
    inner = function("F", [node("Relu", ["a"], ["b"])])
    proto = identity(node("F", ["x"], ["y"], domain="local"), functions=[inner], domains=["local"])
    assert lint(proto.SerializeToString()).findings == ()
    assert signature(proto.SerializeToString()).operators == ("ai.onnx::Relu",)


# ---- hidden randomness

RANDOM_NODES = [
    node("RandomNormal", [], ["r"], shape=[4]),
    node("RandomUniform", [], ["r"], shape=[4], seed=7.0),
    node("RandomNormalLike", ["x"], ["r"]),
    node("RandomUniformLike", ["x"], ["r"]),
    node("Bernoulli", ["x"], ["r"]),
    node("Multinomial", ["x"], ["r"]),
]


@pytest.mark.parametrize("drawing", RANDOM_NODES, ids=lambda n: n.op_type)
def test_an_operator_that_draws_is_refused(drawing):
    refuse(identity(drawing, node("Add", ["x", "r"], ["y"])), HiddenRandomnessError, drawing.op_type)


@pytest.mark.parametrize("drawing", RANDOM_NODES, ids=lambda n: n.op_type)
def test_an_operator_that_draws_in_a_subgraph_or_a_function_is_refused(drawing):
    then = branch(drawing, node("Add", ["x", "r"], ["t"]), output="t")
    other = branch(node("Relu", ["x"], ["e"]), output="e")
    nested = identity(
        node("If", ["c"], ["y"], then_branch=then, else_branch=other), constants=[constant("c", FALSE, np.bool_)]
    )
    refuse(nested, HiddenRandomnessError, "then_branch", drawing.op_type)
    renamed = onnx.NodeProto.FromString(drawing.SerializeToString())
    for index in range(len(renamed.input)):
        renamed.input[index] = "a"
    inner = function("Noisy", [renamed, node("Add", ["a", "r"], ["b"])])
    inside = identity(node("Noisy", ["x"], ["y"], domain="local"), functions=[inner], domains=["local"])
    refuse(inside, HiddenRandomnessError, "function local::Noisy", drawing.op_type)


def dropout(*inputs, opset=21, constants=(), extra=(), **attributes):
    graph_inputs = [value("x", [4]), *extra]
    return identity(
        node("Dropout", ["x", *inputs], ["y"], **attributes), opset=opset, constants=constants, inputs=graph_inputs
    )


def test_dropout_in_training_mode_is_refused():
    ratio, on = constant("ratio", 0.5), constant("on", TRUE, np.bool_)
    refuse(dropout("ratio", "on", constants=[ratio, on]), HiddenRandomnessError, "training mode")


def test_dropout_whose_mode_is_an_input_is_refused():
    ratio = constant("ratio", 0.5)
    refuse(dropout("ratio", "on", constants=[ratio], extra=[value("on", [], BOOL)]), HiddenRandomnessError)


def test_dropout_of_an_old_operator_set_draws_unless_it_says_that_it_tests():
    refuse(dropout(opset=6), HiddenRandomnessError)
    assert lint(dropout(opset=6, is_test=1).SerializeToString()).clean


@pytest.mark.parametrize(
    "proto",
    [
        dropout(),
        dropout("ratio", constants=[constant("ratio", 0.5)]),
        dropout("", "off", constants=[constant("off", FALSE, np.bool_)]),
        dropout(opset=10, ratio=0.5),
    ],
    ids=["plain", "ratio", "constant false", "opset 10"],
)
def test_dropout_for_inference_passes(proto):
    assert lint(proto.SerializeToString()).findings == ()


def test_dropout_in_training_mode_inside_a_function_is_refused():
    inner = function("F", [node("Dropout", ["a", "", "mode"], ["b"])], inputs=("a", "mode"))
    proto = identity(
        node("F", ["x", "off"], ["y"], domain="local"),
        functions=[inner],
        domains=["local"],
        constants=[constant("off", FALSE, np.bool_)],
    )
    refuse(proto, HiddenRandomnessError, "function local::F")


# ---- loops


def loop(*, trips="", condition="", body_condition=None, constants=(), inputs=(), inner=None):
    """A Loop that adds 1 to a carried x[4]."""
    nodes = [inner or node("Add", ["carried", "one"], ["next"])]
    nodes.append(body_condition or node("Identity", ["going"], ["goes"]))
    body = helper.make_graph(
        nodes,
        "body",
        [value("round", [], INT64), value("going", [], BOOL), value("carried", [4])],
        [value("goes", [], BOOL), value("next", [4])],
    )
    return model(
        [node("Loop", [trips, condition, "x"], ["y"], name="again", body=body)],
        inputs=[value("x", [4]), *inputs],
        outputs=[value("y", [4])],
        constants=[constant("one", 1.0), *constants],
    )


def json_loop():
    return loop(trips="n", constants=[constant("n", 3, np.int64)])


def test_a_loop_with_a_constant_trip_count_passes():
    assert lint(json_loop().SerializeToString()).findings == ()


def test_a_loop_that_never_ends_is_refused():
    error = refuse(loop(), EndlessLoopError, "never ends")
    assert error.where == "graph/node[0]:Loop 'again'"


def test_a_loop_whose_condition_is_a_constant_true_is_refused():
    forever = node("Constant", [], ["goes"], value=constant("t", TRUE, np.bool_))
    on = constant("on", TRUE, np.bool_)
    refuse(loop(condition="on", body_condition=forever, constants=[on]), EndlessLoopError, "never ends")


def test_a_loop_that_only_its_condition_may_end_is_refused():
    ends = node("Less", ["round", "ten"], ["goes"])
    constants = [constant("ten", 10, np.int64), constant("on", TRUE, np.bool_)]
    refuse(loop(condition="on", body_condition=ends, constants=constants), EndlessLoopError, "no trip count")


def test_a_loop_whose_trip_count_is_fed_is_refused():
    refuse(loop(trips="n", inputs=[value("n", [], INT64)]), EndlessLoopError, "'n' is not a constant")


def test_a_loop_with_too_many_rounds_is_refused():
    refuse(loop(trips="n", constants=[constant("n", 2**62, np.int64)]), EndlessLoopError, str(2**62))


def test_the_rounds_of_nested_loops_are_multiplied():
    inner_body = helper.make_graph(
        [node("Identity", ["g2"], ["h2"]), node("Relu", ["c2"], ["n2"])],
        "inner",
        [value("i2", [], INT64), value("g2", [], BOOL), value("c2", [4])],
        [value("h2", [], BOOL), value("n2", [4])],
    )
    inner = node("Loop", ["n", "", "carried"], ["next"], body=inner_body)
    clean = loop(trips="n", inner=inner, constants=[constant("n", 2**10, np.int64)])
    assert lint(clean.SerializeToString()).findings == ()
    refuse(loop(trips="n", inner=inner, constants=[constant("n", 2**11, np.int64)]), EndlessLoopError, str(2**22))


def test_a_constant_hidden_by_a_computed_name_does_not_bound_a_loop():
    proto = loop(trips="n", constants=[constant("n", 3, np.int64)])
    double = node("Add", ["m", "m"], ["n"])
    proto.graph.node.insert(0, double)
    proto.graph.input.append(value("m", [], INT64))
    refuse(proto, EndlessLoopError)


# ---- functions, nesting, size


def test_a_function_that_calls_itself_is_refused():
    inner = function("F", [node("F", ["a"], ["b"], domain="local")])
    proto = identity(node("F", ["x"], ["y"], domain="local"), functions=[inner], domains=["local"])
    refuse(proto, RecursiveFunctionError, "local::F")


def test_functions_that_call_each_other_are_refused():
    first = function("F", [node("G", ["a"], ["b"], domain="local")])
    second = function("G", [node("F", ["a"], ["b"], domain="local")])
    proto = identity(node("F", ["x"], ["y"], domain="local"), functions=[first, second], domains=["local"])
    refuse(proto, RecursiveFunctionError)


def test_a_function_that_calls_itself_from_a_subgraph_is_refused():
    then = helper.make_graph([node("F", ["a"], ["t"], domain="local")], "t", [], [value("t", [4])])
    other = helper.make_graph([node("Relu", ["a"], ["e"])], "e", [], [value("e", [4])])
    test = node("Constant", [], ["c"], value=constant("c", TRUE, np.bool_))
    inner = function("F", [test, node("If", ["c"], ["b"], then_branch=then, else_branch=other)])
    proto = identity(node("F", ["x"], ["y"], domain="local"), functions=[inner], domains=["local"])
    refuse(proto, RecursiveFunctionError)


def test_functions_that_double_each_other_are_refused_before_anything_expands_them():
    functions = [function("F0", [node("Relu", ["a"], ["b"])])]
    for level in range(1, 60):
        called = f"F{level - 1}"
        nodes = [node(called, ["a"], ["m"], domain="local"), node(called, ["m"], ["b"], domain="local")]
        functions.append(function(f"F{level}", nodes))
    proto = identity(node("F59", ["x"], ["y"], domain="local"), functions=functions, domains=["local"])
    refuse(proto, OversizedModelError, "functions inlined")


def test_graphs_nested_too_deeply_are_refused():
    graph = branch(node("Relu", ["x"], ["t"]), output="t")
    for level in range(12):
        inner = node("If", ["c"], [f"t{level}"], then_branch=graph, else_branch=graph)
        graph = branch(inner, output=f"t{level}")
        if len(graph.SerializeToString()) > 1 << 22:
            break
    proto = identity(
        node("If", ["c"], ["y"], then_branch=graph, else_branch=graph), constants=[constant("c", TRUE, np.bool_)]
    )
    refuse(proto, NestingError, "deeper than 8")


BOMBS = {
    "ConstantOfShape": ([node("ConstantOfShape", ["s"], ["big"])], [2**31, 2**31]),
    "Expand": ([node("Expand", ["x", "s"], ["big"])], [2**62, 2**62, 4]),
    "Tile": ([node("Tile", ["x", "s"], ["big"])], [2**40]),
    "chain": (
        [node("Tile", ["x", "s"], ["b1"]), node("Concat", ["b1", "b1", "b1", "b1"], ["big"], axis=0)],
        [2**27],
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_model_that_makes_a_huge_tensor_is_refused(name):
    nodes, shape = BOMBS[name]
    proto = model(
        [*nodes, node("ReduceSum", ["big"], ["y"], keepdims=0)],
        inputs=[value("x", [4])],
        outputs=[value("y", [])],
        constants=[constant("s", shape, np.int64)],
    )
    refuse(proto, OversizedModelError, "'big'", "at most")


def test_the_manifests_memory_limit_bounds_every_tensor():
    proto = model(
        [node("Tile", ["image", "s"], ["big"]), node("ReduceSum", ["big"], ["logits"], keepdims=0)],
        inputs=[value("image", [1, 64])],
        outputs=[value("logits", [])],
        constants=[constant("s", [1000, 1000], np.int64)],
    )
    data = proto.SerializeToString()
    assert lint(data).clean
    limited = example_manifest(**{"model.size": len(data), "limits.memory_bytes": 1_000_000})
    refuse(data, OversizedModelError, "256000000 bytes", manifest=limited)


def test_a_shape_that_would_fill_the_memory_of_shape_inference_is_refused():
    proto = model(
        [node("ConstantOfShape", ["s"], ["big"]), node("ReduceSum", ["big"], ["y"], keepdims=0)],
        inputs=[value("s", [2**40], INT64)],
        outputs=[value("y", [])],
    )
    refuse(proto, OversizedModelError)


# ---- external data


def external(location, **entries):
    proto = linear()
    tensor = proto.graph.initializer[0]
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in {"location": location, **entries}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(text)
    return proto, raw


@pytest.mark.parametrize(
    ("location", "word"),
    [
        ("/etc/passwd", "absolute"),
        ("../weights", "leaves its folder"),
        ("a/../../weights", "leaves its folder"),
        ("a\\..\\..\\weights", "leaves its folder"),
        ("C:\\weights", "absolute"),
        ("C:weights", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("~/weights", "absolute"),
        ("a\\b", "backslash"),
        ("", "names no file"),
        ("weights\0.bin", "names no file"),
    ],
)
@pytest.mark.parametrize("with_folder", [True, False])
def test_external_data_outside_the_folder_is_refused(tmp_path, location, word, with_folder):
    folder = tmp_path / "kernel"
    folder.mkdir()
    (tmp_path / "weights").write_bytes(bytes(4096))
    proto, _ = external(location)
    refuse(proto, ExternalDataError, word, directory=folder if with_folder else None)


@pytest.mark.parametrize("directory", [False, True])
def test_external_data_through_a_symbolic_link_is_refused(tmp_path, directory):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "weights").write_bytes(bytes(4096))
    folder = tmp_path / "kernel"
    folder.mkdir()
    (folder / "link").symlink_to(secret if directory else secret / "weights")
    proto, _ = external("link/weights" if directory else "link")
    refuse(proto, ExternalDataError, "symbolic link", directory=folder)


def test_external_data_beyond_the_end_of_its_file_is_refused(tmp_path):
    (tmp_path / "weights").write_bytes(bytes(100))
    proto, _ = external("weights", offset=0, length=2560)
    refuse(proto, ExternalDataError, "beyond", directory=tmp_path)


@pytest.mark.parametrize("entries", [{"offset": "-1"}, {"length": "1e3"}, {"offset": "9" * 30}, {"surprise": "1"}])
def test_external_data_described_oddly_is_refused(tmp_path, entries):
    (tmp_path / "weights").write_bytes(bytes(4096))
    proto, _ = external("weights", **entries)
    refuse(proto, ExternalDataError, directory=tmp_path)


def test_external_data_that_is_not_there_is_refused(tmp_path):
    proto, _ = external("weights")
    refuse(proto, ExternalDataError, "no such file", directory=tmp_path)


def test_external_data_in_a_model_that_stands_alone_is_refused():
    proto, _ = external("weights")
    refuse(proto, ExternalDataError, "one file")


def test_external_data_inside_the_folder_passes_and_is_checked(tmp_path):
    proto, raw = external("weights", offset=0, length=2560)
    (tmp_path / "weights").write_bytes(raw)
    assert lint(proto.SerializeToString(), directory=tmp_path).findings == ()


def test_external_data_in_an_attribute_of_a_subgraph_is_found():
    tensor = constant("w", np.ones(4))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret"
    then = branch(node("Constant", [], ["t"], value=tensor), output="t")
    other = branch(node("Relu", ["x"], ["e"]), output="e")
    proto = identity(
        node("If", ["c"], ["y"], then_branch=then, else_branch=other), constants=[constant("c", TRUE, np.bool_)]
    )
    refuse(proto, ExternalDataError, "then_branch/node[0]:Constant/value")


# ---- shapes and ONNX's own rules


def test_an_output_declared_with_another_shape_is_refused():
    proto = linear()
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11
    refuse(proto, ShapeMismatchError, "'logits'", "[1, 11]", "[1, 10]")


def test_a_value_inside_declared_with_another_shape_is_refused():
    proto = linear()
    proto.graph.value_info.append(value("scores", [1, 9]))
    refuse(proto, ShapeMismatchError, "scores")


def test_an_output_declared_with_another_rank_is_refused():
    proto = linear()
    proto.graph.output[0].CopyFrom(value("logits", [10]))
    refuse(proto, ShapeMismatchError, "logits")


def test_an_output_declared_with_another_type_is_refused():
    proto = linear()
    proto.graph.output[0].CopyFrom(value("logits", [1, 10], INT64))
    refuse(proto, ShapeMismatchError)


def test_weights_that_do_not_fit_each_other_are_refused():
    refuse(linear_with(value("image", [1, 63])), ShapeMismatchError, "Gemm", "63")


def linear_with(replaced):
    proto = linear()
    proto.graph.input[0].CopyFrom(replaced)
    return proto


@pytest.mark.parametrize("axis", [0, 1])
def test_an_input_with_an_impossible_dimension_is_refused(axis):
    shape = [1, 64]
    shape[axis] = -3
    refuse(linear_with(value("image", shape)), ShapeMismatchError)


def test_an_input_without_a_shape_is_refused():
    refuse(linear_with(value("image", None)), ShapeMismatchError, "not declared")


def test_a_value_that_nothing_computes_is_refused():
    refuse(identity(node("Add", ["x", "ghost"], ["y"])), InvalidGraphError, "ghost")


def test_nodes_in_an_impossible_order_are_refused():
    refuse(identity(node("Relu", ["m"], ["y"]), node("Relu", ["x"], ["m"])), InvalidGraphError)


def test_a_name_that_is_computed_twice_is_refused():
    refuse(identity(node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])), InvalidGraphError)


def test_weights_with_too_few_bytes_are_refused():
    proto = linear()
    proto.graph.initializer[0].raw_data = b"\0" * 8
    refuse(proto, InvalidGraphError)


def test_an_attribute_that_an_operator_does_not_have_is_refused():
    refuse(identity(node("Relu", ["x"], ["y"], speed=11)), InvalidGraphError, "speed")


# ---- results left open


def topk(**attributes):
    return model(
        [node("TopK", ["x", "k"], ["y", "i"], **attributes)],
        inputs=[value("x", [4])],
        outputs=[value("y", [2])],
        constants=[constant("k", [2], np.int64)],
    )


def test_top_k_in_any_order_is_refused():
    refuse(topk(sorted=0), UnspecifiedResultError, "any order")


@pytest.mark.parametrize("attributes", [{}, {"sorted": 1}])
def test_top_k_in_order_passes(attributes):
    assert lint(topk(**attributes).SerializeToString()).clean


def test_batch_normalisation_in_training_mode_is_refused():
    names = ["x", "scale", "bias", "mean", "var"]
    proto = model(
        [node("BatchNormalization", names, ["y", "m", "v"], training_mode=1)],
        inputs=[value("x", [2, 4])],
        outputs=[value("y", [2, 4])],
        constants=[constant(name, np.ones(4)) for name in names[1:]],
    )
    refuse(proto, UnspecifiedResultError, "training_mode")


# ---- agreement with a manifest


def agreeing(proto, **changes):
    data = proto.SerializeToString()
    image = {"name": "image", "dtype": "F32", "shape": [1, 64], "minimum": None, "maximum": None, "description": ""}
    base = {
        "model.size": len(data),
        "inputs": [image],
        "seeds.policy": "none",
        "seeds.random_inputs": [],
    }
    return data, example_manifest(**(base | changes))


def test_a_graph_that_is_what_the_manifest_says_passes():
    data, manifest = agreeing(linear())
    assert lint(data, manifest).findings == ()


@pytest.mark.parametrize(
    ("changes", "error", "where"),
    [
        ({"model.opsets": {"ai.onnx": 20}}, ManifestDisagreementError, "model.opsets"),
        ({"model.operators": ["ai.onnx::Gemm"]}, ManifestDisagreementError, "model.operators"),
        (
            {"model.operators": ["ai.onnx::Abs", "ai.onnx::Gemm", "ai.onnx::Relu"]},
            ManifestDisagreementError,
            "model.operators",
        ),
        ({"inputs.0.name": "picture"}, ManifestDisagreementError, "inputs[0].name"),
        ({"inputs.0.dtype": "F64"}, ManifestDisagreementError, "inputs[0].dtype"),
        ({"inputs.0.shape": [1, 63]}, ShapeMismatchError, "inputs[0].shape"),
        ({"inputs.0.shape": [64]}, ShapeMismatchError, "inputs[0].shape"),
        ({"inputs.0.shape": [1, "n"]}, ShapeMismatchError, "inputs[0].shape"),
        ({"inputs": []}, ManifestDisagreementError, "inputs"),
        ({"outputs.0.shape": [1, 11]}, ShapeMismatchError, "outputs[0].shape"),
        ({"outputs.0.name": "l", "answer.output": "l"}, ManifestDisagreementError, "outputs[0].name"),
        ({"limits.output_bytes": 39}, ManifestDisagreementError, "limits.output_bytes"),
    ],
    ids=str,
)
def test_a_graph_that_is_not_what_the_manifest_says_is_refused(changes, error, where):
    data = linear().SerializeToString()
    _, manifest = agreeing(linear())
    record = json.loads(manifest.record())
    for path, new in changes.items():
        at = record
        *parents, last = path.split(".")
        for step in parents:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = new
    caught = refuse(data, error, manifest=linting_manifest(record))
    assert caught.where == where


def linting_manifest(record):
    return Manifest.from_record(canonical.encode(record))


def test_a_manifest_may_fix_what_the_graph_leaves_free():
    data, manifest = agreeing(linear(batch="batch"))
    assert lint(data, manifest).findings == ()


def test_an_input_of_a_type_that_tensor_files_lack_is_refused():
    proto = model(
        [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)],
        inputs=[value("x", [4], TensorProto.BFLOAT16)],
        outputs=[value("y", [4])],
    )
    refuse(proto, ManifestDisagreementError, "'x'", "tensor file")


# ---- the signature


def test_the_signature_lists_what_has_to_be_fed():
    found = signature(linear(batch="n").SerializeToString())
    assert [(port.name, port.dtype, port.shape) for port in found.inputs] == [("image", "F32", ("n", 64))]
    assert [(port.name, port.dtype, port.shape) for port in found.outputs] == [("logits", "F32", ("n", 10))]
    assert found.opsets == {"ai.onnx": 21}
    assert found.operators == ("ai.onnx::Gemm", "ai.onnx::Relu")


def test_an_initializer_that_is_also_an_input_need_not_be_fed():
    proto = linear()
    proto.graph.input.append(value("W", [64, 10]))
    assert [port.name for port in signature(proto.SerializeToString()).inputs] == ["image"]


def test_operators_of_subgraphs_count():
    assert signature(json_loop().SerializeToString()).operators == (
        "ai.onnx::Add",
        "ai.onnx::Identity",
        "ai.onnx::Loop",
    )


# ---- lifting randomness into inputs


def run(data, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(["y"], feeds)[0]


X = np.array([0.25, 0.5, 0.75, 1.0], np.float32)
NOISE = np.array([0.125, 0.25, 0.5, 0.75], np.float32)


@pytest.mark.parametrize(
    ("drawing", "distribution", "want"),
    [
        (node("RandomNormal", [], ["r"], shape=[4]), Distribution.NORMAL, NOISE),
        (node("RandomNormal", [], ["r"], shape=[4], mean=3.0, scale=2.0), Distribution.NORMAL, NOISE * 2 + 3),
        (node("RandomNormalLike", ["x"], ["r"], mean=-1.0), Distribution.NORMAL, NOISE - 1),
        (
            node("RandomUniform", [], ["r"], shape=[4], low=-1.0, high=3.0, seed=1.0),
            Distribution.UNIFORM,
            NOISE * 4 - 1,
        ),
        (node("RandomUniformLike", ["x"], ["r"]), Distribution.UNIFORM, NOISE),
        (node("Bernoulli", ["x"], ["r"]), Distribution.UNIFORM, (NOISE < X).astype(np.float32)),
    ],
    ids=["normal", "normal scaled", "normal like", "uniform", "uniform like", "bernoulli"],
)
def test_lifting_turns_a_draw_into_an_input_with_the_same_distribution(drawing, distribution, want):
    proto = identity(drawing, node("Add", ["x", "r"], ["y"]))
    lifted, random_inputs = lift_randomness(proto.SerializeToString())
    assert random_inputs == (RandomInput(name="random_r", distribution=distribution),)
    assert lint(lifted).findings == ()
    assert [(port.name, port.shape) for port in signature(lifted).inputs] == [("x", (4,)), ("random_r", (4,))]
    np.testing.assert_array_equal(run(lifted, {"x": X, "random_r": NOISE}), X + want)


def test_lifting_keeps_the_type_that_was_asked_for():
    drawing = node("RandomNormal", [], ["r"], shape=[4], dtype=TensorProto.DOUBLE)
    proto = identity(drawing, node("Cast", ["r"], ["s"], to=TensorProto.FLOAT), node("Add", ["x", "s"], ["y"]))
    lifted, _ = lift_randomness(proto.SerializeToString())
    np.testing.assert_array_equal(run(lifted, {"x": X, "random_r": NOISE}), X + NOISE)


def test_lifting_a_graph_output_and_several_draws_gives_each_its_own_input():
    proto = identity(
        node("RandomNormal", [], ["r"], shape=[4]),
        node("RandomUniform", [], ["random_r"], shape=[4]),
        node("Add", ["r", "random_r"], ["y"]),
    )
    lifted, random_inputs = lift_randomness(proto.SerializeToString())
    assert [item.name for item in random_inputs] == ["random_r_2", "random_random_r"]
    feeds = {"x": X, "random_r_2": NOISE, "random_random_r": X}
    np.testing.assert_array_equal(run(lifted, feeds), NOISE + X)


def test_a_model_without_randomness_comes_back_unchanged():
    data = linear().SerializeToString()
    assert lift_randomness(data) == (data, ())


def test_lifting_is_the_same_every_time():
    data = identity(node("RandomNormal", [], ["r"], shape=[4]), node("Add", ["x", "r"], ["y"])).SerializeToString()
    assert lift_randomness(data) == lift_randomness(data)


@pytest.mark.parametrize(
    ("proto", "why"),
    [
        (identity(node("Multinomial", ["x"], ["r"]), node("Add", ["x", "r"], ["y"])), "no rewriting"),
        (
            identity(
                node("RandomNormalLike", ["x"], ["r"]), node("Add", ["x", "r"], ["y"]), inputs=[value("x", ["n"])]
            ),
            "depends on the data",
        ),
        (
            identity(node("RandomNormal", [], ["r"], shape=[4], scale=float("inf")), node("Add", ["x", "r"], ["y"])),
            "scale is inf",
        ),
        (
            identity(node("RandomNormal", [], ["r"], shape=[4]), node("Add", ["x", "r"], ["y"]), opset=6),
            "too old",
        ),
        (
            loop(
                trips="n", inner=node("RandomNormalLike", ["carried"], ["next"]), constants=[constant("n", 3, np.int64)]
            ),
            "draws anew",
        ),
    ],
    ids=["multinomial", "free shape", "infinite", "old", "in a loop"],
)
def test_what_cannot_be_lifted_is_refused_with_its_place(proto, why):
    with pytest.raises(HiddenRandomnessError, match=why) as caught:
        lift_randomness(proto.SerializeToString())
    assert "node[" in caught.value.where


# ---- reports


def test_a_report_lists_every_finding_of_its_stage():
    proto = identity(node("Nope", ["x"], ["m"]), node("RandomNormalLike", ["m"], ["y"]))
    report = lint(proto.SerializeToString())
    assert [finding.rule for finding in report.findings] == ["unknown-operator", "hidden-randomness"]
    with pytest.raises(UnknownOperatorError, match="1 more"):
        report.raise_first()


def test_every_error_of_the_linter_has_its_own_rule_name():
    errors = [getattr(linting, name) for name in linting.__all__ if name.endswith("Error")]
    assert len({error.rule for error in errors}) == len(errors)


# ---- what a file becomes in memory


GROWING = {
    "empty nodes": octets(7, b"\x0a\x00" * 2_200_000),
    "empty imports": b"\x42\x00" * 2_200_000,
    "empty texts in a tensor": octets(7, octets(5, b"\x32\x00" * 2_200_000)),
    "small integers": octets(7, octets(5, octets(7, bytes(2**26 + 1)))),
}


@pytest.mark.parametrize("bomb", GROWING.values(), ids=GROWING)
def test_a_model_that_grows_in_memory_is_refused_before_it_is_parsed(bomb, monkeypatch):
    model = linear().SerializeToString()
    assert lint(model).findings == ()
    monkeypatch.setattr("onnx.ModelProto.FromString", None)
    [finding] = lint(model + bomb).findings
    assert finding.error is OversizedModelError


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_are_left_to_the_parser(data):
    assert too_much(data, onnx.ModelProto.DESCRIPTOR) is None


# ---- what the engine has not


def finds(proto, *, engine="reproducible", directory=None):
    return lint(proto.SerializeToString(), engine=engine, directory=directory).findings


def test_every_operator_that_the_engine_has_not_is_named_with_its_node_and_operator_set():
    proto = identity(
        node("Det", ["square"], ["d"], name="volume"),
        node("Add", ["x", "d"], ["sum"]),
        node("If", ["yes"], ["y"], then_branch=branch(node("Add", ["sum", "d"], ["t"]), output="t"),
             else_branch=branch(node("GridSample", ["picture", "grid"], ["g"]),
                                node("Reshape", ["g", "four"], ["e"]), output="e")),
        constants=[
            constant("square", np.eye(2)), constant("yes", TRUE, np.bool_), constant("four", [4], np.int64),
            constant("picture", np.zeros([1, 1, 2, 2])), constant("grid", np.zeros([1, 2, 2, 2])),
        ],
    )  # fmt: skip
    first, second = finds(proto)
    assert first.error is second.error is UnsupportedOperatorError
    assert first.where == "graph/node[0]:Det 'volume'"
    assert "ai.onnx::Det (operator set 21)" in first.message
    assert "else_branch/node[0]:GridSample" in second.where
    assert "docs/operators.md" in first.remedy
    assert "onnxruntime" in first.remedy
    assert finds(proto, engine="onnxruntime") == ()
    assert finds(proto, engine=None) == ()


def test_a_dtype_that_the_engine_does_not_compute_with_is_named_with_its_tensor():
    half = identity(
        node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16), node("MatMul", ["half", "w"], ["z"], name="product"),
        node("Cast", ["z"], ["y"], to=TensorProto.FLOAT), constants=[constant("w", np.eye(4), np.float16)],
    )  # fmt: skip
    (found,) = finds(half)
    assert found.error is UnsupportedOperatorError
    assert all(word in found.message for word in ("MatMul", "operator set 21", "'product'", "'half'", "float16"))
    assert "float32" in found.remedy


def test_an_operator_set_that_is_too_old_for_the_engine_is_named():
    (found,) = finds(identity(node("Relu", ["x"], ["y"]), opset=11))
    assert found.error is UnsupportedOperatorError
    assert "operator set 11" in found.message
    assert "13 to" in found.message


def test_an_operator_inside_a_function_of_the_model_is_named():
    proto = identity(
        node("Deep", ["x"], ["y"], domain="local"),
        functions=[function("Deep", [node("Det", ["a"], ["b"])])],
        domains=["local"],
        inputs=[value("x", ["n", 2, 2])],
    )
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    proto.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "n"
    (found,) = finds(proto)
    assert found.where == "function local::Deep/node[0]:Det"


def test_composite_operators_control_flow_and_functions_are_there():
    proto = identity(
        node("Twice", ["x"], ["t"], domain="local"),
        node("Mish", ["t"], ["m"]),
        node("If", ["yes"], ["y"], then_branch=branch(node("Selu", ["m"], ["a"]), output="a"),
             else_branch=branch(node("HardSwish", ["m"], ["b"]), output="b")),
        functions=[function("Twice", [node("Add", ["a", "a"], ["b"])])], domains=["local"],
        constants=[constant("yes", TRUE, np.bool_)],
    )  # fmt: skip
    assert finds(proto) == ()


def test_the_manifest_says_which_engine_is_asked():
    data = linear()
    data.graph.node.insert(0, node("Det", ["unit"], ["one"]))
    data.graph.initializer.append(constant("unit", np.eye(2)))
    raw = data.SerializeToString()
    changes = {"model.size": len(raw), "model.operators": ["ai.onnx::Det", "ai.onnx::Gemm", "ai.onnx::Relu"]}
    ours, theirs = example_manifest(**REPRODUCIBLE, **changes), example_manifest(**changes)
    assert [finding.rule for finding in lint(raw, ours).findings] == ["unsupported-operator"]
    assert "unsupported-operator" not in [finding.rule for finding in lint(raw, theirs).findings]


def test_a_hidden_draw_stays_the_first_thing_that_is_said():
    proto = identity(node("RandomNormal", [], ["y"], shape=[4]))
    assert [finding.rule for finding in finds(proto)] == ["hidden-randomness"]


def test_weights_beside_the_file_are_read_before_the_engine_is_asked(tmp_path):
    proto = linear()
    onnx.save_model(proto, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="w")
    assert lint(tmp_path / "m.onnx", directory=tmp_path, engine="reproducible").findings == ()
