"""The axis `gpu` for programs, with a stand-in for PyTorch: it is not among what the tests install."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from subjects import program

from aivm.determinism import Absence, Choice, Wishes
from aivm.determinism.axes import accelerated
from aivm.determinism.pytorch import DEVICE, TorchMissingError, torch_device
from aivm.execution.engine import OptionMismatchError


class Stubborn(SimpleNamespace):
    """Keeps one of its switches as it is."""

    def __setattr__(self, name, value):
        if name not in self.__dict__.get("kept", ()):
            super().__setattr__(name, value)


@pytest.fixture
def torch(monkeypatch):
    """PyTorch's switches, all the wrong way, and a device that is there."""
    state = {"deterministic": False, "precision": "medium"}
    made = SimpleNamespace(
        backends=SimpleNamespace(
            cuda=SimpleNamespace(matmul=Stubborn(allow_tf32=True)),
            cudnn=Stubborn(allow_tf32=True, deterministic=False, benchmark=True),
        ),
        cuda=SimpleNamespace(is_available=lambda: True),
        device=lambda name: f"device {name}",
        use_deterministic_algorithms=lambda mode: state.update(deterministic=mode),
        are_deterministic_algorithms_enabled=lambda: state["deterministic"],
        set_float32_matmul_precision=lambda name: state.update(precision=name),
        get_float32_matmul_precision=lambda: state["precision"],
    )
    monkeypatch.setitem(sys.modules, "torch", made)
    return made


def explored(tmp_path):
    (found,) = accelerated.explore(program("doubled"), Wishes(cache=tmp_path))
    return found


def test_every_switch_is_set_before_a_device_is_given(torch, monkeypatch):
    assert torch_device() == "device cpu"
    monkeypatch.setenv(DEVICE, "cuda")
    assert torch_device() == "device cuda"
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "highest"
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (True, False)
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("switch", ["allow_tf32", "deterministic", "benchmark"])
def test_a_switch_that_does_not_move_is_named_and_nothing_is_computed(torch, switch):
    torch.backends.cudnn.__dict__["kept"] = (switch,)
    with pytest.raises(OptionMismatchError, match=r"cuDNN|TF32"):
        torch_device()


def test_without_pytorch_a_program_is_told_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(TorchMissingError, match="cannot be imported"):
        torch_device()


def test_the_axis_offers_what_is_there_and_says_what_is_missing(torch, monkeypatch, tmp_path):
    monkeypatch.setattr(accelerated, "capture_accelerator", lambda: None)
    assert "no NVIDIA accelerator" in str(explored(tmp_path))
    monkeypatch.setattr(accelerated, "capture_accelerator", lambda: "a card")
    found = explored(tmp_path)
    assert isinstance(found, Choice)
    assert found.name == "gpu=torch"
    assert found.setting.variables[DEVICE] == "cuda"
    assert found.setting.variables["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    torch.cuda.is_available = lambda: False
    assert isinstance(explored(tmp_path), Absence)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "cannot be imported" in str(explored(tmp_path))
