"""The manifest's runtime with members replaced: what a setting of the matrix asks for."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, cast

import msgspec

from aivm import typed
from aivm.arithmetic.trace import ARITHMETIC
from aivm.errors import AivmError
from aivm.extras import install_command
from aivm.manifest import (
    ExecutionMode,
    GraphOptimization,
    NoOptions,
    OnnxRuntime,
    OnnxRuntimeOptions,
    Provider,
    Reproducible,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.manifest import Runtime


class RuntimeChangeError(AivmError):
    """A runtime that is not there, or has no such member."""


def engine_runtime(name: str) -> Runtime:
    """An engine with the options that a kernel gets unless its author chooses others.

    Raises:
        RuntimeChangeError: there is no such engine, or it is not installed.
    """
    if name == "reproducible":
        return Reproducible(version=ARITHMETIC, options=NoOptions())
    if name != "onnxruntime":
        raise RuntimeChangeError(f"there is no engine {name!r}", hint="there are reproducible and onnxruntime")
    version = installed_onnxruntime()
    if version is None:
        raise RuntimeChangeError("ONNX Runtime is not installed", hint=f"run: {install_command('ort')}")
    options = OnnxRuntimeOptions(
        provider=Provider.CPU,
        graph_optimization=GraphOptimization.ALL,
        intra_op_threads=0,
        inter_op_threads=0,
        execution_mode=ExecutionMode.SEQUENTIAL,
        deterministic=True,
    )
    return OnnxRuntime(version=version, options=options)


def installed_onnxruntime() -> str | None:
    """The version of ONNX Runtime that is installed, by its package's description."""
    for distribution in ("onnxruntime", "onnxruntime-gpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def changed_runtime(runtime: Runtime, changes: Mapping[str, str | int | bool]) -> Runtime:
    """A runtime with members replaced: `name`, `version`, or one of its options.

    Raises:
        RuntimeChangeError: it has no such member, or the member no such value.
    """
    name = str(changes.get("name", runtime.name))
    built = msgspec.to_builtins(runtime if name == runtime.name else engine_runtime(name))
    for member, value in changes.items():
        if member in ("name", "version"):
            built[member] = value
        elif member in built["options"]:
            built["options"][member] = value
        else:
            raise RuntimeChangeError(f"the engine {name} has no option {member!r}")
    try:
        return typed.convert(built, cast("type[OnnxRuntime | Reproducible]", OnnxRuntime | Reproducible))
    except msgspec.ValidationError as error:
        raise RuntimeChangeError(f"the engine {name} cannot be so: {error}") from error
