"""The switches of NVIDIA's libraries that decide whether a kernel's bits repeat: set by the executor, then read back.

Source: cuBLAS documentation 2.1.4 (results are reproducible with several streams only with CUBLAS_WORKSPACE_CONFIG),
cuBLAS 2.1.11 (NVIDIA_TF32_OVERRIDE=0 keeps every library from TF32, whatever the program asks for).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aivm.execution.engine import OptionMismatchError
from aivm.manifest.enums import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.manifest import Numerics, Runtime


FIXED: Final = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
WITHOUT_TF32: Final = {"NVIDIA_TF32_OVERRIDE": "0"}


def switches(runtime: Runtime, numerics: Numerics) -> dict[str, str]:
    """Environment variables of a worker, by name; none where the processor computes.

    The libraries read them when they are loaded, so a process that was started without them cannot have them any more.
    """
    if runtime.provider is Provider.CPU:
        return {}
    return {**FIXED} if numerics.tf32 else {**FIXED, **WITHOUT_TF32}


def require_switches(runtime: Runtime, numerics: Numerics, variables: Mapping[str, str] = os.environ) -> None:
    """Reads them back.

    Raises:
        OptionMismatchError: one is not what it has to be; nothing is computed then.
    """
    for name, want in switches(runtime, numerics).items():
        have = variables.get(name)
        if have != want:
            raise OptionMismatchError(
                f"with CUDA the variable {name} has to be {want!r}, and is {'not set' if have is None else repr(have)}",
                hint="run the kernel sandboxed, whose worker has it, or set it before the process starts",
            )
    if numerics.tf32 and runtime.provider is not Provider.CPU and variables.get("NVIDIA_TF32_OVERRIDE") == "0":
        raise OptionMismatchError(
            "the manifest wants TF32, and the variable NVIDIA_TF32_OVERRIDE is '0'", hint="unset it"
        )
