"""Differences between an environment and the reference are minimised in workers of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aivm import kernel, tensors
from aivm.determinism import of_kernel, of_program
from aivm.determinism.minimise import engine_runner
from aivm.determinism.minimise.cut import MinimiseError
from aivm.determinism.minimise.places import EnvironmentRunner
from aivm.determinism.setting import REFERENCE, Setting
from registry.cli import main

DIGITS = Path(__file__).parents[2] / "kernels" / "digits"


def test_an_environment_runs_one_model_after_the_other_and_refuses_what_its_engine_refuses():
    subject = of_kernel(kernel.load(DIGITS))
    inputs = subject.cases["five"]
    with EnvironmentRunner(subject, REFERENCE) as reference, EnvironmentRunner(subject, Setting(offset=4)) as moved:
        outputs = reference(subject.model, inputs)
        assert outputs is not None
        assert np.array_equal(outputs["logits"], moved(subject.model, inputs)["logits"])
        assert reference(b"no model", inputs) is None
        assert reference(subject.model, {}) is None
        assert reference(subject.model, inputs) is not None
    expected = tensors.decode(kernel.load(DIGITS).expected["five"].tensors, limit=1 << 20)
    assert np.array_equal(outputs["logits"], expected["logits"])


def test_what_has_no_operators_or_other_inputs_is_refused():
    with pytest.raises(MinimiseError, match="is a program"):
        EnvironmentRunner(of_program("module:function", {}), REFERENCE)
    with pytest.raises(MinimiseError, match="batch"):
        EnvironmentRunner(of_kernel(kernel.load(DIGITS)), Setting(batch=5))


def test_the_command_reduces_a_level_of_optimisation_to_one_convolution(tmp_path):
    arguments = ["suite", "minimise", str(DIGITS), "--engine", "onnxruntime", "--cache", str(tmp_path)]
    out = ["--environment", "optimisation=none", "--out", str(tmp_path / "found")]
    done = CliRunner().invoke(main, [*arguments, *out])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("1 of 11 nodes (Conv) and ")
    model = (tmp_path / "found" / "model.onnx").read_bytes()
    inputs = tensors.decode((tmp_path / "found" / "inputs.safetensors").read_bytes(), limit=1 << 20)
    optimised, plain = (engine_runner(f"onnxruntime:level={level}")(model, inputs) for level in ("all", "none"))
    assert optimised["sum2"].tobytes() != plain["sum2"].tobytes()


def test_an_environment_that_is_not_offered_is_named(tmp_path):
    arguments = ["suite", "minimise", str(DIGITS), "--cache", str(tmp_path), "--out", str(tmp_path / "x")]
    done = CliRunner().invoke(main, [*arguments, "--environment", "isa=abacus"])
    assert done.exit_code == 2
    assert "no 'isa=abacus'" in done.output
    done = CliRunner().invoke(main, [*arguments, "--environment", "threads=2"])
    assert done.exit_code == 1
    assert "the same bits" in done.output
