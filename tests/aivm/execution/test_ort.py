"""ONNX Runtime is exactly what the manifest says, or an error that says what to do."""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime
import pytest
from models import doubling, kernel, model, value
from onnx import helper

from aivm.execution import execute, ort, ort_options
from aivm.execution.engine import (
    ConflictingDistributionsError,
    EngineUnavailableError,
    ForeignRuntimeError,
    OptionMismatchError,
    ProviderUnavailableError,
    engine_kind,
    open_engine,
)

LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def options_of(threads=1, **changes):
    engine = open_engine(kernel(doubling(), **changes).manifest, doubling(), threads=threads)
    return engine._session.get_session_options()


@pytest.mark.parametrize("level", LEVELS)
def test_the_optimisation_level_is_the_manifests(level):
    assert options_of(runtime__options__graph_optimization=level).graph_optimization_level == LEVELS[level]


@pytest.mark.parametrize("mode", ["sequential", "parallel"])
def test_the_execution_mode_is_the_manifests(mode):
    expected = getattr(onnxruntime.ExecutionMode, f"ORT_{mode.upper()}")
    options = options_of(runtime__options__execution_mode=mode, runtime__options__inter_op_threads=0)
    assert options.execution_mode == expected


def test_parallel_execution_over_one_thread_cannot_be_had_and_is_refused():
    with pytest.raises(OptionMismatchError, match="execution_mode"):
        options_of(runtime__options__execution_mode="parallel", runtime__options__inter_op_threads=1)


@pytest.mark.parametrize("deterministic", [True, False])
def test_determinism_is_the_manifests(deterministic):
    options = options_of(runtime__options__deterministic=deterministic)
    assert options.use_deterministic_compute is deterministic


@pytest.mark.parametrize(("said", "threads", "had"), [(3, 1, 3), (0, 2, 2), (0, 1, 1)])
def test_the_threads_are_the_manifests_and_the_validators_where_it_leaves_them_free(said, threads, had):
    options = options_of(threads, runtime__options__intra_op_threads=said, runtime__options__inter_op_threads=said)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (had, had)


def test_quantised_products_never_saturate_and_no_operator_moves_to_another_provider():
    options = options_of()
    assert options.get_session_config_entry("session.x64quantprecision") == "1"
    assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "0"  # it is the provider itself
    cuda = kernel(doubling(), runtime__options__provider="cuda", hardware__kind="cuda").manifest
    wanted = ort_options.session_options(onnxruntime, cuda.runtime, cuda.numerics, 1)
    assert wanted.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"


@pytest.mark.parametrize(("flush", "expected"), [(False, 0x00400000), (True, 0)])
def test_subnormals_are_what_the_manifest_says(flush, expected):
    data = model(
        [helper.make_node("Mul", ["x", "half"], ["y"])], [value("x", "F32", ["n"])], [value("y", "F32", ["n"])],
        {"half": np.float32([0.5])},
    )  # fmt: skip
    least = np.uint32([0x00800000]).view(np.float32)
    execution = execute(kernel(data, numerics__flush_to_zero=flush), {"x": least})
    assert execution.outputs["y"].view(np.uint32).tolist() == [expected]


def test_a_process_whose_arithmetic_is_set_otherwise_is_refused():
    open_engine(kernel(doubling()).manifest, doubling())  # decides for this process
    with pytest.raises(OptionMismatchError, match="flush_to_zero"):
        open_engine(kernel(doubling(), numerics__flush_to_zero=True).manifest, doubling())


def test_an_option_that_reads_back_differently_is_an_error():
    engine = open_engine(kernel(doubling()).manifest, doubling())
    wanted = engine.info.options | {"graph_optimization": "all"}
    with pytest.raises(OptionMismatchError, match="given graph_optimization = all and has basic"):
        ort_options.read_back(onnxruntime, engine._session, "CPUExecutionProvider", wanted)


def test_a_session_that_fell_back_to_another_provider_is_an_error():
    engine = open_engine(kernel(doubling()).manifest, doubling())
    with pytest.raises(ProviderUnavailableError, match="the session has CPUExecutionProvider"):
        ort_options.read_back(onnxruntime, engine._session, "CUDAExecutionProvider", engine.info.options)


def test_two_distributions_of_the_runtime_are_an_error_with_the_two_commands(tmp_path, monkeypatch):
    other = tmp_path / "onnxruntime_gpu-1.31.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.31.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConflictingDistributionsError) as caught:
        open_engine(kernel(doubling()).manifest, doubling())
    assert "pip uninstall --yes onnxruntime onnxruntime-gpu" in caught.value.hint
    assert "pip install onnxruntime==" in caught.value.hint


def test_a_missing_runtime_is_an_error_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailableError) as caught:
        open_engine(kernel(doubling()).manifest, doubling())
    assert "pip install onnxruntime==" in caught.value.hint


def test_an_unknown_engine_is_an_error_with_those_there_are():
    with pytest.raises(EngineUnavailableError, match="abacus") as caught:
        engine_kind("abacus")
    assert "onnxruntime" in caught.value.hint


def test_a_manifest_of_another_engine_is_refused():
    with pytest.raises(ForeignRuntimeError, match="wants the engine reproducible"):
        ort.OnnxRuntimeKind().open(kernel(doubling(), engine="reproducible").manifest, doubling(), threads=1)


def test_the_engine_says_how_it_was_built():
    build = open_engine(kernel(doubling()).manifest, doubling()).info.build
    assert build.operating_system == "linux"
    assert build.compiler == "gcc"
    assert build.compiler_version.split(".")[0].isdigit()
