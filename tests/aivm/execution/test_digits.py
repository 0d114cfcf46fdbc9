"""The committed digit classifier: float32, right, and the same bits under every option and on both sides of a job."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import aivm
from aivm import tensors
from aivm.arithmetic import _core
from aivm.arithmetic.diverge import diverge, open_recording
from aivm.execution import prepare
from aivm.execution.engine import open_engine
from aivm.kernel import load

FOLDER = Path(__file__).resolve().parents[3] / "kernels" / "digits"
GOLDEN_LOGITS = "453dbb1d31fa82310e579de2b0325859cbe024c780c0fbd199d3500c8fdd3881"


@pytest.fixture(scope="module")
def digits():
    return load(FOLDER)


@pytest.fixture(scope="module")
def held_out():
    return tensors.decode((FOLDER / "held_out.safetensors").read_bytes())


@pytest.fixture(scope="module")
def logits(digits, held_out):
    """Of all held-out images at once, float32 [359, 10]."""
    return open_engine(digits.manifest, digits.model).run({"image": held_out["image"]})["logits"]


def evaluate(data: bytes, image: np.ndarray) -> np.ndarray:
    """The graph in NumPy's binary64, operator by operator as the ONNX specification words them."""
    graph = onnx.load_from_string(data).graph
    values = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in graph.initializer}
    values["image"] = image.astype(np.float64)
    for node in graph.node:
        x, *rest = (values[name] for name in node.input)
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        match node.op_type:
            case "Cast":
                result = x
            case "Mul":
                result = x * rest[0]
            case "Conv":
                assert attributes == {"pads": [1, 1, 1, 1]}
                windows = np.lib.stride_tricks.sliding_window_view(
                    np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), rest[0].shape[2:], (2, 3)
                )
                result = np.einsum("nchwij,ocij->nohw", windows, rest[0]) + rest[1][:, None, None]
            case "Relu":
                result = np.maximum(x, 0)
            case "MaxPool":
                assert attributes == {"kernel_shape": [2, 2], "strides": [2, 2]}
                n, c, h, w = x.shape
                result = x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
            case "Flatten":
                result = x.reshape(len(x), -1)
            case "Gemm":
                assert attributes == {}
                result = x @ rest[0] + rest[1]
            case other:
                raise AssertionError(other)
        values[node.output[0]] = result
    return values[graph.output[0].name]


def test_it_reads_at_least_97_percent_of_the_held_out_images(held_out, logits):
    assert len(held_out["label"]) >= 20
    assert set(held_out["label"].tolist()) == set(range(10))
    assert (logits.argmax(1) == held_out["label"]).mean() >= 0.97


def test_the_logits_are_a_golden_value(logits):
    assert hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest() == GOLDEN_LOGITS


def test_the_logits_are_those_of_exact_arithmetic_but_for_rounding(digits, held_out, logits):
    exact = evaluate(digits.model, held_out["image"])
    np.testing.assert_allclose(logits, exact, rtol=0, atol=1e-4)
    assert (logits.argmax(1) == exact.argmax(1)).all()


def test_the_network_computes_in_float32_and_its_manifest_names_the_arithmetic(digits):
    graph = onnx.load_from_string(digits.model).graph
    weights = [tensor for tensor in graph.initializer if tensor.name.startswith("weight")]
    assert {tensor.data_type for tensor in weights} == {onnx.TensorProto.FLOAT}
    assert (digits.manifest.runtime.name, digits.manifest.runtime.version) == ("reproducible", "aivm-arithmetic-1")
    assert digits.manifest.determinism == "bitwise"
    assert digits.manifest.build.compiler is None
    assert digits.manifest.hardware.features == ()


@pytest.fixture(params=_core.isas())
def isa(request, monkeypatch):
    """Forces each instruction set in turn."""
    monkeypatch.setenv("AIVM_ISA", request.param)
    return request.param


@pytest.mark.parametrize("threads", [1, 2])
def test_every_instruction_set_and_batch_gives_the_same_bits(digits, held_out, logits, isa, threads):
    engine = open_engine(digits.manifest, digits.model, threads=threads)
    assert engine.info.implementation.instruction_set == isa
    assert engine.run({"image": held_out["image"]})["logits"].tobytes() == logits.tobytes()
    for index in range(0, 359, 40):  # one at a time, as jobs come
        single = engine.run({"image": held_out["image"][index : index + 1]})["logits"]
        assert single.tobytes() == logits[index : index + 1].tobytes()


def test_onnx_runtime_agrees_about_the_digits_and_not_about_the_bits(digits, held_out, logits):
    pytest.importorskip("onnxruntime")
    theirs = aivm.load(digits.model, engine="onnxruntime", threads=1).run({"image": held_out["image"]})["logits"]
    np.testing.assert_allclose(theirs, logits, rtol=0, atol=1e-4)
    image = {"image": held_out["image"][:1]}
    report = diverge(
        open_recording("reproducible", digits.model, image), open_recording("onnxruntime", digits.model, image)
    )
    if report.divergence is not None:  # it may agree on some machine; if not, then first in a sum of many products
        assert report.divergence.entries[0].type in ("Conv", "Gemm")


def test_extreme_images_are_the_same_in_a_batch_and_alone(digits):
    corners = np.concatenate(
        [np.full([1, 1, 8, 8], value, np.uint8) for value in (0, 1, 15, 16)]
        + [np.indices([8, 8]).sum(0).reshape(1, 1, 8, 8).astype(np.uint8) % 2 * 16]
    )
    engine = open_engine(digits.manifest, digits.model)
    together = engine.run({"image": corners})["logits"]
    np.testing.assert_allclose(together, evaluate(digits.model, corners), rtol=0, atol=1e-4)
    for index in range(len(corners)):
        alone = engine.run({"image": corners[index : index + 1]})["logits"]
        assert alone.tobytes() == together[index : index + 1].tobytes()


def test_the_packed_kernel_conforms_and_answers_the_labels_in_the_sandbox(digits, held_out, logits):
    with prepare(digits) as runner:
        validation = runner.validate()
        assert validation.record.conforms, validation.failures
        for index in range(0, 359, 36):
            execution = runner.execute({"image": held_out["image"][index : index + 1]})
            assert execution.outputs["logits"].tobytes() == logits[index : index + 1].tobytes()
            assert int.from_bytes(execution.answer, "big") == logits[index].argmax()


def test_the_conformance_cases_are_none_that_a_constant_answer_would_pass(digits):
    answers = {digits.expected[case.name].record.answer for case in digits.manifest.cases}
    assert len(answers) >= 5


def test_it_runs_where_there_is_no_onnx_runtime():
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path\n"
        "from aivm.execution import validate\n"
        "from aivm.kernel import load\n"
        f"assert validate(load(Path({str(FOLDER)!r}))).record.conforms\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
