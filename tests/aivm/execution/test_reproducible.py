"""The reproducible engine as the engine of kernels: confined, within limits, and the same bits in every worker."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import pytest
from models import doubling, filling, kernel, looping, model, spec, value, widening
from onnx import TensorProto, helper

import aivm
from aivm.arithmetic import _core
from aivm.execution import execute, prepare
from aivm.execution.engine import (
    EngineUnavailableError,
    EngineVersionError,
    ForeignRuntimeError,
    ModelFailedError,
    ModelMemoryError,
    ModelRejectedError,
    engine_kind,
    open_engine,
)
from aivm.execution.protocol import KERNEL_FAULTS
from aivm.execution.reproducible import ReproducibleKind
from aivm.execution.sandbox import TimeLimitError
from aivm.manifest import NoOptions, Reproducible

ARITHMETIC = Reproducible(version="aivm-arithmetic-1", options=NoOptions())


def ours(data: bytes, **changes):
    return kernel(data, engine="reproducible", **changes)


def network() -> bytes:
    """A convolution, pooling, an attention-like product, a softmax and a normalisation: y of x [n, 1, 16, 16]."""
    generator = np.random.default_rng(7)

    def weights(*shape):
        return (generator.standard_normal(shape) / 4).astype(np.float32)

    return model(
        [
            helper.make_node("Conv", ["x", "w1", "b1"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "w2", "b2"], ["g"]),
            helper.make_node("LayerNormalization", ["g", "scale"], ["l"]),
            helper.make_node("Gelu", ["l"], ["e"]),
            helper.make_node("Softmax", ["e"], ["y"]),
        ],
        [value("x", "F32", ["n", 1, 16, 16])],
        [value("y", "F32", ["n", 32])],
        {"w1": weights(8, 1, 3, 3), "b1": weights(8), "w2": weights(512, 32), "b2": weights(32), "scale": weights(32)},
    )


def network_kernel(**changes):
    return ours(
        network(),
        inputs=[spec("x", "F32", ["n", 1, 16, 16])],
        outputs=[{"name": "y", "dtype": "F32", "shape": ["n", 32], "description": ""}],
        limits__output_bytes=1 << 20,
        **changes,
    )


IMAGES = np.random.default_rng(8).standard_normal((9, 1, 16, 16)).astype(np.float32)


# --- bits


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_worker_gives_the_golden_digest(isa, threads):
    with prepare(network_kernel(), threads=threads, variables={"AIVM_ISA": isa}) as runner:
        execution = runner.execute({"x": IMAGES})
        assert runner.environment.engine.implementation.instruction_set == isa
    found = hashlib.sha256(execution.outputs["y"].tobytes()).hexdigest()
    assert found == "d4fa1108295a05118b9db874bd1fa00c9f62e191f3b23c7265bee0d0d30f921d"


def test_the_sandbox_changes_no_bit():
    inside = execute(network_kernel(), {"x": IMAGES})
    outside = execute(network_kernel(), {"x": IMAGES}, sandboxed=False)
    alone = aivm.load(network()).run({"x": IMAGES})
    assert inside.tensors == outside.tensors
    assert inside.outputs["y"].tobytes() == alone["y"].tobytes()


def test_a_job_of_one_image_is_a_row_of_a_job_of_many():
    with prepare(network_kernel()) as runner:
        together = runner.execute({"x": IMAGES}).outputs["y"]
        for row in range(len(IMAGES)):
            one = runner.execute({"x": IMAGES[row : row + 1]}).outputs["y"]
            assert one.tobytes() == together[row : row + 1].tobytes()


def test_subnormals_are_kept():
    least = np.uint32([0x00400000]).view(np.float32)
    execution = execute(ours(doubling()), {"x": least})
    assert execution.outputs["y"].view(np.uint32).tolist() == [0x00800000]


# --- the environment


def test_the_environment_says_what_computed():
    with prepare(ours(doubling())) as runner:
        engine = runner.environment.engine
    assert (engine.name, engine.version, engine.provider) == ("reproducible", "aivm-arithmetic-1", "cpu")
    assert engine.implementation.version == aivm.__version__
    assert engine.implementation.instruction_set == _core.isa()
    assert engine.implementation.hardware_fma == _core.hardware_fma()
    assert engine.build.operating_system == "linux"
    assert engine.build.compiler in ("gcc", "clang")
    assert "-ffp-contract=off" in engine.build.compiler_flags
    assert "/" not in engine.build.compiler_flags


def test_an_instruction_set_that_is_not_there_is_this_machines_fault_and_named():
    with pytest.raises(EngineUnavailableError, match="'abacus' is not available"):
        execute(ours(doubling()), {"x": np.float32([1])}, variables={"AIVM_ISA": "abacus"})
    assert not issubclass(EngineUnavailableError, KERNEL_FAULTS)


# --- what it is not


def test_a_manifest_of_another_engine_is_refused():
    with pytest.raises(ForeignRuntimeError, match="wants onnxruntime"):
        ReproducibleKind().open(kernel(doubling()).manifest, doubling(), threads=1)


def test_another_arithmetic_is_refused():
    class Newer(Reproducible, frozen=True, kw_only=True, tag_field="name", tag="reproducible"):
        version: str

    with pytest.raises(EngineVersionError, match="wants aivm-arithmetic-2, this engine computes aivm-arithmetic-1"):
        engine_kind("reproducible").describe(Newer(version="aivm-arithmetic-2", options=NoOptions()))


def test_an_output_that_the_model_does_not_have_is_refused():
    described = ours(doubling(), outputs=[{"name": "z", "dtype": "F32", "shape": ["n"], "description": ""}])
    with pytest.raises(ModelRejectedError, match="no output 'z'"):
        open_engine(described.manifest, doubling())


# --- models that fail


def test_bytes_that_are_no_model_are_rejected():
    with pytest.raises(ModelRejectedError, match="no ONNX model"):
        execute(ours(b"no model"), {"x": np.float32([1])})


def test_an_operator_that_the_engine_has_not_is_rejected_by_name():
    data = model(
        [helper.make_node("NonMaxSuppression", ["x", "x"], ["y"], name="pick")],
        [value("x", "F32", ["n", "m", 4])],
        [value("y", "I64", ["k", 3])],
    )
    described = ours(data, inputs=[spec("x", "F32", ["n", "m", 4])])
    with pytest.raises(ModelRejectedError, match=r"NonMaxSuppression .*node 'pick'"):
        execute(described, {"x": np.zeros((1, 1, 4), np.float32)})


def test_an_index_out_of_range_is_the_models_failure_with_operator_and_tensor():
    data = model(
        [helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64), helper.make_node("Gather", ["x", "i"], ["y"])],
        [value("x", "F32", ["n"])],
        [value("y", "F32", ["n"])],
    )
    with prepare(ours(data)) as runner:
        with pytest.raises(ModelFailedError, match="'y'"):
            runner.execute({"x": np.float32([5])})
        assert runner.execute({"x": np.float32([0])}).outputs["y"].tolist() == [0]  # the worker goes on


def test_an_output_that_is_no_tensor_is_the_models_failure():
    data = model(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        [value("x", "F32", ["n"])],
        [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    with pytest.raises(ModelFailedError, match="'y' is a list"):
        execute(ours(data), {"x": np.float32([1])})


# --- limits


def test_a_graph_that_needs_more_memory_than_its_manifest_allows_is_named_before_it_runs():
    fixed = model(
        [helper.make_node("Expand", ["x", "shape"], ["wide"], name="widen"),
         helper.make_node("ReduceSum", ["wide"], ["y"], keepdims=0)],
        [value("x", "F32", [1])], [value("y", "F32", [])], {"shape": np.int64([1 << 27])},
    )  # fmt: skip
    described = ours(
        fixed,
        inputs=[spec("x", "F32", [1])],
        outputs=[{"name": "y", "dtype": "F32", "shape": [], "description": ""}],
    )
    said = r"Expand .*node 'widen'.*tensor 'wide'.*536870912 bytes"
    with prepare(described) as runner, pytest.raises(ModelMemoryError, match=said):
        runner.load()
    assert issubclass(ModelMemoryError, KERNEL_FAULTS)


def test_inputs_that_need_too_much_memory_are_named_and_smaller_ones_still_run():
    with prepare(ours(filling(1 << 26), limits__memory_bytes=1 << 27)) as runner:
        with pytest.raises(ModelMemoryError, match="'ones'"):
            runner.execute({"x": np.float32([1])})
        assert runner.execute({"x": np.float32([0])}).outputs["y"].tolist() == [0]


def test_many_tensors_that_are_too_much_together_are_named():
    # Running sums, which no other step can take in, so that all of them have to be kept until the last.
    scaled = [helper.make_node("Mul", ["x", f"k{i}"], [f"m{i}"]) for i in range(8)]
    summed = [helper.make_node("CumSum", [f"m{i}", "axis"], [f"s{i}"]) for i in range(8)]
    data = model(
        [*scaled, *summed, helper.make_node("Sum", [f"s{i}" for i in range(8)], ["y"], name="total")],
        [value("x", "F32", ["n"])], [value("y", "F32", ["n"])],
        {"axis": np.int64(0), **{f"k{i}": np.float32([i + 2]) for i in range(8)}},
    )  # fmt: skip
    described = ours(data, limits__memory_bytes=1 << 25, limits__output_bytes=1 << 25)
    x = np.zeros(1 << 20, np.float32)
    with pytest.raises(ModelMemoryError, match=r"needs \d+ bytes .*may have 33554432; the largest tensor is 'x'"):
        execute(described, {"x": x})


def test_an_endless_computation_is_ended():
    with pytest.raises(TimeLimitError):
        execute(ours(looping(10**6), limits__time_ms=300), {"x": np.float32([1])})


def test_a_wide_output_is_one_that_the_limit_allows():
    described = ours(
        widening(1 << 12),
        inputs=[spec("x", "F32", [1])],
        outputs=[{"name": "y", "dtype": "F32", "shape": [1 << 12], "description": ""}],
    )
    assert execute(described, {"x": np.float32([3])}).outputs["y"].sum() == 3 << 12


def test_more_threads_than_the_limits_allow_are_fewer_threads_and_the_same_bits():
    few = execute(network_kernel(), {"x": IMAGES}, threads=1)
    many = execute(network_kernel(limits__memory_bytes=1 << 26), {"x": IMAGES}, threads=64)
    assert many.tensors == few.tensors


def test_composite_operators_work_confined():
    nodes = [helper.make_node("Selu", ["x"], ["a"]), helper.make_node("HardSwish", ["a"], ["b"]),
             helper.make_node("Softplus", ["b"], ["c"]), helper.make_node("Celu", ["c"], ["y"])]  # fmt: skip
    data = model(nodes, [value("x", "F32", ["n"])], [value("y", "F32", ["n"])])
    x = np.float32([-1.5, 0, 2])
    assert execute(ours(data), {"x": x}).outputs["y"].tobytes() == aivm.load(data).run({"x": x})["y"].tobytes()


def test_operators_that_run_on_the_host_work_confined():
    """What the engine imports on first use, it cannot import any more in a confined worker."""
    scalar = np.float32
    data = model(
        [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("Transpose", ["places"], ["rows"], perm=[1, 0]),
            helper.make_node("GatherND", ["x", "rows"], ["kept"]),
            helper.make_node("Unique", ["kept"], ["unique"], sorted=1),
            helper.make_node("Einsum", ["unique", "unique"], ["square"], equation="i,i->i"),
            helper.make_node("TopK", ["square", "one"], ["top", "at"]),
            helper.make_node("Add", ["top", "x"], ["y"]),
        ],
        [value("x", "F32", ["n"])], [value("y", "F32", ["n"])], {"one": np.int64([1])},
    )  # fmt: skip
    onnx.checker.check_model(onnx.load_from_string(data))
    out = execute(ours(data), {"x": np.array([0, 3, -2, 3], scalar)}).outputs["y"]
    assert out.tolist() == [9, 12, 7, 12]
