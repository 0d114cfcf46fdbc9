"""The axis of accelerators."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import Setting
from aivm.environment.accelerator import capture_accelerator
from aivm.manifest import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """ONNX Runtime's CUDA provider."""
    del wishes
    runtime = subject.manifest.runtime if subject.manifest else None
    if not isinstance(runtime, OnnxRuntime):
        yield Absence(axis="gpu", reason=f"the engine {subject.engine} computes on the processor")
        return
    if capture_accelerator() is None:
        yield Absence(axis="gpu", reason="there is no NVIDIA accelerator here", remedy="run where there is one")
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
