"""The committed digit classifier: right, exact, and the same under every option."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from aivm import tensors
from aivm.execution import prepare
from aivm.execution.engine import open_engine
from aivm.kernel import load
from aivm.manifest import ExecutionMode, GraphOptimization

FOLDER = Path(__file__).resolve().parents[3] / "kernels" / "digits"
GOLDEN_LOGITS = "05f71c8c29b7532340a33d1d59026869981550e0401d3fb639b727138322675c"


@pytest.fixture(scope="module")
def digits():
    return load(FOLDER)


@pytest.fixture(scope="module")
def held_out():
    return tensors.decode((FOLDER / "held_out.safetensors").read_bytes())


@pytest.fixture(scope="module")
def plain(digits, held_out):
    """The logits of all held-out images by plain integer arithmetic."""
    return evaluate(digits.model, held_out["image"])


def evaluate(data: bytes, image: np.ndarray) -> np.ndarray:
    """The graph in numpy's 64-bit integers, operator by operator as the ONNX specification words them."""
    graph = onnx.load_from_string(data).graph
    values = {tensor.name: numpy_helper.to_array(tensor).astype(np.int64) for tensor in graph.initializer}
    values["image"] = image.astype(np.int64)
    for node in graph.node:
        x, *rest = (values[name] for name in node.input)
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        match node.op_type:
            case "ConvInteger":
                weight, x_zero, weight_zero = rest
                assert attributes == {"pads": [1, 1, 1, 1]}
                padded = np.pad(x - x_zero, [(0, 0), (0, 0), (1, 1), (1, 1)])
                windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))
                result = np.einsum("nchwij,ocij->nohw", windows, weight - weight_zero)
            case "MatMulInteger":
                weight, x_zero, weight_zero = rest
                result = (x - x_zero) @ (weight - weight_zero)
            case "Add":
                result = x + rest[0]
            case "Div":
                result = np.where(x < 0, -(-x // rest[0]), x // rest[0])  # towards zero
            case "Clip":
                result = np.clip(x, rest[0], rest[1])
            case "Cast":
                assert attributes == {"to": onnx.TensorProto.UINT8}
                assert 0 <= x.min() <= x.max() <= 255
                result = x
            case "MaxPool":
                assert attributes == {"kernel_shape": [2, 2], "strides": [2, 2]}
                n, c, h, w = x.shape
                result = x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
            case "Flatten":
                result = x.reshape(len(x), -1)
            case other:
                raise AssertionError(other)
        # Nothing overflows, so the order of a sum cannot matter.
        assert -(2**31) <= result.min() <= result.max() < 2**31
        values[node.output[0]] = result
    return values[graph.output[0].name]


def test_it_reads_at_least_97_percent_of_the_held_out_images(held_out, plain):
    assert len(held_out["label"]) >= 20
    assert set(held_out["label"].tolist()) == set(range(10))
    assert (plain.argmax(1) == held_out["label"]).mean() >= 0.97


def test_the_logits_are_a_golden_value(plain):
    assert hashlib.sha256(plain.astype("<i4").tobytes()).hexdigest() == GOLDEN_LOGITS


def test_every_tensor_of_the_graph_is_of_integers(digits):
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(digits.model), data_prop=True).graph
    described = [*graph.value_info, *graph.input, *graph.output]
    types = {item.type.tensor_type.elem_type for item in described} | {item.data_type for item in graph.initializer}
    assert types == {onnx.TensorProto.UINT8, onnx.TensorProto.INT32}
    assert {name for node in graph.node for name in node.output} <= {item.name for item in described}


OPTIONS = list(itertools.product(GraphOptimization, (1, 2), ExecutionMode))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options)))
def test_the_engine_equals_integer_arithmetic_under_every_option(digits, held_out, plain, options):
    manifest, (level, threads, mode) = digits.manifest, options
    chosen = msgspec.structs.replace(manifest.runtime.options, graph_optimization=level, execution_mode=mode)
    runtime = msgspec.structs.replace(manifest.runtime, options=chosen)
    engine = open_engine(msgspec.structs.replace(manifest, runtime=runtime), digits.model, threads=threads)
    np.testing.assert_array_equal(engine.run({"image": held_out["image"]})["logits"], plain)
    for index in range(0, 359, 40):  # one at a time, as jobs come
        single = engine.run({"image": held_out["image"][index : index + 1]})["logits"]
        np.testing.assert_array_equal(single, plain[index : index + 1])


def test_extreme_images_are_exact_too(digits):
    corners = np.concatenate(
        [np.full([1, 1, 8, 8], value, np.uint8) for value in (0, 1, 15, 16)]
        + [np.indices([8, 8]).sum(0).reshape(1, 1, 8, 8).astype(np.uint8) % 2 * 16]
    )
    engine = open_engine(digits.manifest, digits.model)
    np.testing.assert_array_equal(engine.run({"image": corners})["logits"], evaluate(digits.model, corners))


def test_the_packed_kernel_conforms_and_answers_the_labels_in_the_sandbox(digits, held_out, plain):
    with prepare(digits) as runner:
        validation = runner.validate()
        assert validation.record.conforms, validation.failures
        for index in range(0, 359, 36):
            execution = runner.execute({"image": held_out["image"][index : index + 1]})
            assert int.from_bytes(execution.answer, "big") == plain[index].argmax() == held_out["label"][index]


def test_the_conformance_cases_are_none_that_a_constant_answer_would_pass(digits):
    answers = {digits.expected[case.name].record.answer for case in digits.manifest.cases}
    assert len(answers) >= 5
