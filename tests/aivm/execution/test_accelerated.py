"""The switches of NVIDIA's libraries: set for a worker by the executor, read back, and refused where they are not."""

from __future__ import annotations

import pytest
from models import doubling, kernel

from aivm.execution import ort_options, prepare
from aivm.execution.accelerated import require_switches, switches
from aivm.execution.engine import OptionMismatchError, ProviderUnavailableError, open_engine


def manifest(**changes):
    return kernel(doubling(), runtime__options__provider="cuda", hardware__kind="cuda", **changes).manifest


def test_on_the_processor_nothing_is_set_and_nothing_is_asked_for():
    of = kernel(doubling()).manifest
    assert switches(of.runtime, of.numerics) == {}
    require_switches(of.runtime, of.numerics, {"NVIDIA_TF32_OVERRIDE": "1"})


@pytest.mark.parametrize(
    ("tf32", "variables"),
    [
        (False, {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVIDIA_TF32_OVERRIDE": "0"}),
        (True, {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}),
    ],
)
def test_the_workspaces_are_fixed_and_tf32_is_the_manifests(tf32, variables):
    of = manifest(numerics__tf32=tf32)
    assert switches(of.runtime, of.numerics) == variables
    assert ort_options.provider_settings(of.runtime, of.numerics)["use_tf32"] == str(int(tf32))
    require_switches(of.runtime, of.numerics, variables)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "CUBLAS_WORKSPACE_CONFIG has to be ':4096:8', and is not set"),
        ({"CUBLAS_WORKSPACE_CONFIG": ":16:8", "NVIDIA_TF32_OVERRIDE": "0"}, "and is ':16:8'"),
        ({"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}, "NVIDIA_TF32_OVERRIDE has to be '0', and is not set"),
        ({"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVIDIA_TF32_OVERRIDE": "1"}, "and is '1'"),
    ],
)
def test_a_switch_that_is_not_set_is_refused_by_name(variables, named):
    of = manifest()
    with pytest.raises(OptionMismatchError, match=named):
        require_switches(of.runtime, of.numerics, variables)


def test_tf32_that_the_driver_is_told_to_leave_off_is_refused():
    of = manifest(numerics__tf32=True)
    variables = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVIDIA_TF32_OVERRIDE": "0"}
    with pytest.raises(OptionMismatchError, match="wants TF32"):
        require_switches(of.runtime, of.numerics, variables)


def test_a_cuda_kernel_without_its_provider_is_refused_before_anything_runs():
    """Here ONNX Runtime has no CUDA provider: neither an engine nor a worker begins something similar instead."""
    of = kernel(doubling(), runtime__options__provider="cuda", hardware__kind="cuda")
    for attempt in (lambda: open_engine(of.manifest, of.model), lambda: prepare(of).close()):
        with pytest.raises(ProviderUnavailableError, match="CUDAExecutionProvider"):
            attempt()
