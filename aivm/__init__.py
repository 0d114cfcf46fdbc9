"""AIVM: run ONNX models so that their output can be believed.

import aivm

session = aivm.load("model.onnx")          # the reproducible engine: the same bits on every machine
session.run({"image": image})              # arrays by name, in and out
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aivm.arithmetic import load

__all__ = ["load"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On first use: most of the package needs neither ONNX nor the core.
    if name == "load":
        from aivm.arithmetic import load as loader  # noqa: PLC0415

        return loader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
