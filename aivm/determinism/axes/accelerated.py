"""The axis of accelerators."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.pytorch import DEVICE
from aivm.determinism.setting import Setting
from aivm.environment.accelerator import capture_accelerator
from aivm.execution.accelerated import FIXED, WITHOUT_TF32
from aivm.manifest import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

_NONE: Final = Absence(axis="gpu", reason="there is no NVIDIA accelerator here", remedy="run where there is one")


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """ONNX Runtime's CUDA provider; PyTorch's device for a program, which asks for it (`aivm.determinism.pytorch`)."""
    del wishes
    if subject.manifest is None:
        yield _for_a_program()
        return
    runtime = subject.manifest.runtime
    if not isinstance(runtime, OnnxRuntime):
        yield Absence(axis="gpu", reason=f"the engine {subject.engine} computes on the processor")
        return
    if capture_accelerator() is None:
        yield _NONE
        return
    try:
        providers = importlib.import_module("onnxruntime").get_available_providers()
    except ImportError as error:
        yield Absence(axis="gpu", reason=f"ONNX Runtime cannot be imported: {error}")
        return
    if "CUDAExecutionProvider" not in providers:
        remedy = "install the extra `gpu` instead of `ort`"
        yield Absence(axis="gpu", reason="the ONNX Runtime that is installed has no CUDA provider", remedy=remedy)
        return
    yield Choice(axis="gpu", value="cuda", setting=Setting(runtime={"provider": "cuda"}))


def _for_a_program() -> Choice | Absence:
    if capture_accelerator() is None:
        return _NONE
    try:
        usable = importlib.import_module("torch").cuda.is_available()
    except ImportError as error:
        return Absence(axis="gpu", reason=f"PyTorch cannot be imported: {error}", remedy="install it, built for CUDA")
    if not usable:
        return Absence(axis="gpu", reason="PyTorch finds no CUDA device", remedy="install PyTorch built for CUDA")
    return Choice(axis="gpu", value="torch", setting=Setting(variables={**FIXED, **WITHOUT_TF32, DEVICE: "cuda"}))
