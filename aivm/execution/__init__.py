"""Running kernels: the same four phases on every node, in a worker that can compute and do nothing else.

    execution = execute(kernel, {"image": image})
    execution.outputs["logits"], execution.digest, execution.answer

    with prepare(kernel) as runner:          # a warm worker for several jobs of one kernel
        runner.execute({"image": image}, seed=seed)

    validate(kernel).record.conforms         # every conformance case

The engine is the one that the manifest names, with exactly its options, or an error that says what to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aivm.execution.inputs import InputError, check_inputs
    from aivm.execution.protocol import Execution, Runner, Validation, execute, prepare, validate
    from aivm.execution.sandbox import SandboxError
    from aivm.execution.seccomp import SandboxUnavailableError

__all__ = [
    "Execution",
    "InputError",
    "Runner",
    "SandboxError",
    "SandboxUnavailableError",
    "Validation",
    "check_inputs",
    "execute",
    "prepare",
    "validate",
]

_HOMES = {
    "inputs": ("InputError", "check_inputs"),
    "protocol": ("Execution", "Runner", "Validation", "execute", "prepare", "validate"),
    "sandbox": ("SandboxError",),
    "seccomp": ("SandboxUnavailableError",),
}


def __getattr__(name: str) -> Any:
    # On first use: the worker imports this package too, and must start quickly.
    import importlib  # noqa: PLC0415

    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
