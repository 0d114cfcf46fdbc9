"""The four phases on real models in real workers."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import onnx
import pytest
from models import doubling, filling, kernel, looping, model, spec, value, widening
from onnx import helper

from aivm import records, tensors, unixfs
from aivm.environment import EnvironmentMismatchError
from aivm.execution import execute, prepare, validate
from aivm.execution.answers import AnswerError
from aivm.execution.engine import (
    EngineVersionError,
    ModelFailedError,
    ModelRejectedError,
    ProviderUnavailableError,
)
from aivm.execution.inputs import InputDtypeError, InputError
from aivm.execution.protocol import OutOfTimeError, OutputMismatchError, collect
from aivm.execution.sandbox import MemoryLimitError, TimeLimitError, WorkerLostError
from aivm.execution.service import OutputLimitError
from aivm.seeds import random_input

ONE = {"x": np.float32([1.0])}
SEED = bytes(range(32))


def test_an_execution_gives_outputs_their_record_and_where_it_ran():
    execution = execute(kernel(doubling()), {"x": np.float32([1.5, -0.0])})
    assert execution.outputs["y"].view(np.uint32).tolist() == [0x40400000, 0x80000000]
    assert execution.tensors == tensors.encode(execution.outputs)
    assert execution.record.tensors == str(unixfs.import_bytes(execution.tensors).cid)
    assert execution.record.size == len(execution.tensors)
    assert execution.digest == records.digest(execution.record)
    assert execution.answer == bytes(32)
    assert execution.environment.engine.name == "onnxruntime"
    assert execution.seconds > 0


def test_the_sandbox_changes_no_bit():
    inside = execute(kernel(doubling()), {"x": np.float32([0.1, np.nan])})
    outside = execute(kernel(doubling()), {"x": np.float32([0.1, np.nan])}, sandboxed=False)
    assert inside.tensors == outside.tensors


def test_a_nan_leaves_a_kernel_as_the_one_quiet_nan():
    strange = np.array([0xFFC12345, 0x7F800001], np.uint32).view(np.float32)
    execution = execute(kernel(doubling()), {"x": strange})
    assert set(execution.outputs["y"].view(np.uint32).tolist()) == {0x7FC00000}


def noisy(**changes):
    """y = x + noise."""
    data = model(
        [helper.make_node("Add", ["x", "noise"], ["y"])],
        [value("x", "F32", ["n"]), value("noise", "F32", ["n"])],
        [value("y", "F32", ["n"])],
    )
    seeds = {
        "policy": "verifiable",
        "fixed_seed": None,
        "generator": "philox4x32-10/1",
        "random_inputs": [{"name": "noise", "distribution": "normal"}],
    }
    return kernel(data, inputs=[spec("x", "F32", ["n"]), spec("noise", "F32", ["n"])], seeds=seeds, **changes)


def test_a_verifiable_kernel_computes_from_its_jobs_seed():
    x = np.linspace(-1, 1, 1000, dtype=np.float32)
    with prepare(noisy()) as runner:
        first, again = (runner.execute({"x": x}, seed=SEED) for _ in range(2))
        other = runner.execute({"x": x}, seed=bytes(32))
    assert first.digest == again.digest != other.digest
    np.testing.assert_array_equal(first.outputs["y"], x + random_input("noise", [1000], "normal", SEED))


def test_the_digest_of_a_verifiable_kernel_is_a_golden_value():
    # One rounding for each element: the same on every machine.
    execution = execute(noisy(), {"x": np.arange(1000, dtype=np.float32) / 8}, seed=SEED)
    assert execution.digest.hex() == "0x3c4aef3d630c28324914a33d34e43606ed63e433db15f986de884d24d13b7ef8"


@pytest.mark.parametrize("mode", ["sequential", "parallel"])
def test_engine_threads_work_inside_the_sandbox(mode):
    data = model(
        [helper.make_node("MatMul", ["x", "x"], ["y"])],
        [value("x", "F32", ["n", "n"])],
        [value("y", "F32", ["n", "n"])],
    )
    square = kernel(
        data,
        inputs=[spec("x", "F32", ["n", "n"])],
        outputs=[{"name": "y", "dtype": "F32", "shape": ["n", "n"], "description": ""}],
        runtime__options__execution_mode=mode,
        runtime__options__intra_op_threads=2,
        runtime__options__inter_op_threads=2,
        limits__output_bytes=1 << 20,
    )
    eye = np.eye(256, dtype=np.float32)
    np.testing.assert_array_equal(execute(square, {"x": eye}).outputs["y"], eye)


def test_one_worker_serves_many_jobs():
    with prepare(kernel(doubling())) as runner:
        process = runner._worker._process.pid
        results = [runner.execute({"x": np.float32([i])}).outputs["y"].item() for i in range(5)]
        assert runner._worker._process.pid == process
    assert results == [0, 2, 4, 6, 8]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_variables_given_to_a_worker_show_in_its_environment_and_ours_do_not(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with prepare(kernel(doubling()), variables={"MKL_CBWR": "COMPATIBLE"}) as runner:
        assert runner.environment.variables == {
            "LC_ALL": "C.UTF-8",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_NUM_THREADS": "1",
        }


def test_a_wrong_input_is_refused_before_a_worker_starts(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(InputDtypeError):
        execute(kernel(doubling()), {"x": np.float64([1])})


def test_a_wrong_input_leaves_a_warm_worker_as_it_was():
    with prepare(kernel(doubling())) as runner:
        with pytest.raises(InputError):
            runner.execute({})
        assert runner.execute(ONE).outputs["y"].item() == 2


# --- limits, on real models


def test_a_long_loop_is_stopped_and_the_next_job_runs():
    slow = kernel(looping(10**12), limits__time_ms=700)
    with prepare(slow) as runner:
        with pytest.raises(TimeLimitError):
            runner.execute(ONE)
        with pytest.raises(TimeLimitError):  # a new worker was started
            runner.execute(ONE)
    assert execute(kernel(looping(3)), ONE).outputs["y"].item() == 8


def test_whoever_cannot_wait_as_long_as_the_kernel_may_take_says_nothing_about_the_kernel():
    slow = kernel(looping(10**12))
    with prepare(slow) as runner:
        runner.until = time.monotonic() + 0.7
        with pytest.raises(OutOfTimeError, match="its limit is 20000 ms"):
            runner.execute(ONE)
        with pytest.raises(OutOfTimeError):
            runner.validate()


def test_a_constant_loop_is_stopped_while_the_model_is_loaded():
    inner = onnx.load_from_string(looping(10**12)).graph.node[0]
    data = model(
        [inner], [value("unused", "F32", ["n"])], [value("y", "F32", ["n"])],
        {"trips": np.int64(10**12), "go": np.array([True])[0], "x": np.float32([1])},
    )  # fmt: skip
    folding = kernel(data, inputs=[spec("unused", "F32", ["n"])], limits__time_ms=700)
    with pytest.raises(TimeLimitError):
        execute(folding, {"unused": np.float32([1])})


def test_a_model_that_needs_too_much_memory_is_refused_by_name_and_the_next_job_runs():
    greedy = kernel(
        filling(1 << 16), inputs=[spec("x", "F32", [1])],
        outputs=[{"name": "y", "dtype": "F32", "shape": [1], "description": ""}],
    )  # fmt: skip
    with prepare(greedy) as runner:
        with pytest.raises(MemoryLimitError):
            runner.execute({"x": np.float32([1 << 16])})  # 2^32 elements
        assert runner.execute(ONE).outputs["y"].item() == 1 << 16


def wide(elements):
    return kernel(
        widening(elements), inputs=[spec("x", "F32", [1])], limits__output_bytes=4096,
        outputs=[{"name": "y", "dtype": "F32", "shape": [elements], "description": ""}],
    )  # fmt: skip


def test_outputs_up_to_the_limit_are_given_and_beyond_it_refused():
    header = tensors.encoded_size({"y": np.zeros(900, np.float32)}) - 4 * 900
    fitting = (4096 - header) // 4
    assert 4096 - 4 < len(execute(wide(fitting), ONE).tensors) <= 4096
    with pytest.raises(OutputLimitError, match="4096"):
        execute(wide(fitting + 1), ONE)


# --- models that are no good


@pytest.mark.parametrize("data", [b"", b"\x08", b"not a model at all", doubling()[:-7]])
def test_a_model_that_does_not_load_is_rejected(data):
    with pytest.raises(ModelRejectedError):
        execute(kernel(data, model__size=max(len(data), 1)), ONE)


def test_an_unknown_operator_is_rejected_by_name():
    data = model([helper.make_node("Frobnicate", ["x"], ["y"])], [value("x", "F32", ["n"])], [value("y", "F32", ["n"])])
    with pytest.raises(ModelRejectedError, match="Frobnicate"):
        execute(kernel(data), ONE)


def test_external_data_is_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(np.float32([42]).tobytes())
    proto = onnx.load_from_string(
        model([helper.make_node("Add", ["x", "w"], ["y"])], [value("x", "F32", ["n"])], [value("y", "F32", ["n"])],
              {"w": np.float32([0])})
    )  # fmt: skip
    weight = proto.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for location in (str(secret), f"..{secret}", str(secret).lstrip("/")):
        del weight.external_data[:]
        weight.external_data.add(key="location", value=location)
        with pytest.raises(ModelRejectedError):
            execute(kernel(proto.SerializeToString()), ONE)


def test_a_model_that_fails_while_it_runs_says_so_and_the_worker_goes_on():
    data = model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])], [value("x", "F32", ["n"])], [value("y", "F32", [2])],
        {"shape": np.int64([2])},
    )  # fmt: skip
    pair = kernel(data, outputs=[{"name": "y", "dtype": "F32", "shape": [2], "description": ""}])
    with prepare(pair) as runner:
        with pytest.raises(ModelFailedError, match="Reshape"):
            runner.execute(ONE)
        assert runner.execute({"x": np.float32([1, 2])}).outputs["y"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "error"),
    [
        ("z", "F32", ["n"], ModelRejectedError),
        ("y", "F32", ["n", "n"], OutputMismatchError),
        ("y", "F32", [2], OutputMismatchError),
        ("y", "I32", ["n"], OutputMismatchError),
    ],
)
def test_outputs_other_than_the_manifests_are_refused(name, dtype, shape, error):
    described = kernel(doubling(), outputs=[{"name": name, "dtype": dtype, "shape": shape, "description": ""}])
    with pytest.raises(error, match=f"'{name}'"):
        execute(described, ONE)


def test_a_worker_is_not_believed_about_its_outputs():
    manifest = kernel(doubling()).manifest
    with pytest.raises(OutputMismatchError):
        collect(manifest, tensors.encode({"other": np.float32([1])}))
    with pytest.raises(tensors.TensorFileError):
        collect(manifest, b"rubbish")


def test_several_rows_have_no_argmax():
    data = model(
        [helper.make_node("Add", ["x", "x"], ["y"])], [value("x", "F32", ["n", 3])], [value("y", "F32", ["n", 3])]
    )
    described = kernel(
        data, inputs=[spec("x", "F32", ["n", 3])], answer={"convention": "argmax", "output": "y"},
        outputs=[{"name": "y", "dtype": "F32", "shape": ["n", 3], "description": ""}],
    )  # fmt: skip
    assert execute(described, {"x": np.float32([[1, 3, 3]])}).answer[-1] == 1
    with pytest.raises(AnswerError):
        execute(described, {"x": np.zeros([2, 3], np.float32)})


# --- this machine is not what the manifest says


@pytest.mark.parametrize("sandboxed", [True, False])
def test_another_version_of_the_runtime_is_refused_with_the_command_to_install_it(sandboxed):
    with pytest.raises(EngineVersionError) as caught:
        execute(kernel(doubling(), runtime__version="1.2.3"), ONE, sandboxed=sandboxed)
    assert "onnxruntime==1.2.3" in caught.value.hint


def test_a_missing_provider_is_refused_and_nothing_falls_back():
    described = kernel(doubling(), runtime__options__provider="cuda", hardware__kind="cuda")
    with pytest.raises(ProviderUnavailableError, match="CUDAExecutionProvider") as caught:
        execute(described, ONE)
    assert "pip install onnxruntime-gpu==" in caught.value.hint


def test_a_feature_that_the_processor_lacks_is_refused_before_the_model_is_loaded():
    with pytest.raises(EnvironmentMismatchError, match="no_such_feature"):
        execute(kernel(b"no model", hardware__features=["no_such_feature"]), ONE)


# --- conformance


def conforming(fixture):
    """The same kernel with the outputs that it really has."""
    cases = [
        {"name": name, "input": "0x" + "00" * 32, "output": execute(fixture, inputs).digest.hex()}
        for name, inputs in fixture.cases.items()
    ]
    return kernel(fixture.model, case_inputs=fixture.cases, cases=cases)


CASES = {"one": ONE, "two": {"x": np.float32([2.0, 3.0])}}


def test_a_kernel_conforms_if_every_case_gives_what_it_promises():
    fixture = conforming(kernel(doubling(), case_inputs=CASES))
    validation = validate(fixture)
    assert validation.record.conforms
    assert validation.answer == (1).to_bytes(32, "big")
    assert validation.digest == records.digest(validation.record)
    assert validation.record.manifest == fixture.manifest.digest().hex()
    assert [case.name for case in validation.record.cases] == [case.name for case in fixture.manifest.cases]
    assert not validation.failures


def test_a_kernel_that_breaks_one_promise_does_not_conform_and_the_record_shows_which():
    fixture = conforming(kernel(doubling(), case_inputs=CASES))
    swapped = type(fixture)(fixture.manifest, fixture.model, {"one": CASES["one"], "two": CASES["one"]})
    validation = validate(swapped)
    assert validation.answer == bytes(32)
    assert [case.expected == case.actual for case in validation.record.cases] == [True, False]
    assert not validation.failures


def test_a_case_without_an_output_is_a_failure_of_the_kernel_and_the_others_still_run():
    fixture = conforming(kernel(doubling(), case_inputs=CASES))
    broken = type(fixture)(fixture.manifest, fixture.model, {"one": {}, "two": CASES["two"]})
    validation = validate(broken)
    assert [case.actual == "0x" + "00" * 32 for case in validation.record.cases] == [True, False]
    assert list(validation.failures) == ["one"]
    assert validation.answer == bytes(32)


def test_cases_that_kill_their_worker_are_each_a_failure():
    slow = kernel(looping(10**12), limits__time_ms=300, case_inputs=CASES)
    validation = validate(slow)
    assert [type(failure) for failure in validation.failures.values()] == [TimeLimitError] * 2


def test_a_worker_that_the_machine_ended_is_no_verdict_on_the_kernel():
    with prepare(conforming(kernel(doubling()))) as runner:
        runner.load()
        # It stands still until it ends, so that it is asked before: one that was gone already is only started again.
        process = runner._worker._process
        os.kill(process.pid, signal.SIGSTOP)
        threading.Timer(0.2, process.kill).start()
        with pytest.raises(WorkerLostError):
            runner.validate()
        assert runner.validate().record.conforms  # by another worker


def test_a_validation_on_the_wrong_machine_is_refused_and_not_a_verdict():
    with pytest.raises(EngineVersionError):
        validate(kernel(doubling(), runtime__version="1.2.3"))
