"""Engines: what executes a graph, chosen by the runtime's name in the manifest.

An engine is exact about itself. If it cannot be what the manifest says, in version, provider or options, it refuses;
it never runs something similar instead.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from aivm.errors import AivmError
from aivm.manifest.parts import Numerics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aivm.environment.parts import EngineInfo
    from aivm.manifest import Manifest, Runtime
    from aivm.tensors import Array, Tensors


#: The rules of IEEE 754's arithmetic alone.
STRICT = Numerics(flush_to_zero=False, fma_contraction=False, tf32=False)


class EngineError(AivmError):
    """An engine that is not there, is not the one asked for, or failed."""


class EngineUnavailableError(EngineError):
    """The runtime that the manifest names is not installed, or is unknown."""


class ConflictingDistributionsError(EngineError):
    """Several packages are installed that overwrite each other's runtime."""


class ForeignRuntimeError(EngineError):
    """The manifest's runtime is another engine's."""


class EngineVersionError(EngineError):
    """The runtime is installed in another version than the manifest says."""


class ProviderUnavailableError(EngineError):
    """The provider that the manifest names cannot be used here."""


class OptionMismatchError(EngineError):
    """An option reads back differently from how it was set."""


class ModelRejectedError(EngineError):
    """The engine cannot load the model."""


class ModelFailedError(EngineError):
    """The model was loaded, and failed while it ran."""


class ModelMemoryError(EngineError):
    """The model needs more memory than its manifest allows; found before it ran."""


class Engine(Protocol):
    """One model, loaded and ready."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """The manifest's outputs for these inputs, by name.

        Raises:
            ModelFailedError: the graph failed on these inputs.
            ModelMemoryError: it would need too much memory for them.
            MemoryError: memory ran out.
        """


class EngineKind(Protocol):
    """A runtime that can open models."""

    def describe(self, runtime: Runtime, *, numerics: Numerics = STRICT, threads: int = 1) -> EngineInfo:
        """Loads the runtime and says what it is, with the options that it takes.

        Raises:
            EngineError: it is not what the manifest asks for.
        """

    def open(self, manifest: Manifest, model: bytes, *, threads: int) -> Engine:
        """Loads a model with the manifest's options; `threads` counts where the manifest leaves a number free.

        Raises:
            EngineError: the runtime is not what the manifest asks for, or it rejects the model.
            MemoryError: memory ran out.
        """


#: Engines by the manifest's runtime name, each `module:class`: a runtime is imported only when it is used.
ENGINES: dict[str, str] = {
    "onnxruntime": "aivm.execution.ort:OnnxRuntimeKind",
    "reproducible": "aivm.execution.reproducible:ReproducibleKind",
}


def engine_kind(name: str) -> EngineKind:
    """The engine of that name.

    Raises:
        EngineUnavailableError: there is none.
    """
    try:
        module, _, attribute = ENGINES[name].partition(":")
    except KeyError:
        raise EngineUnavailableError(
            f"there is no engine {name!r}", hint=f"this version has {', '.join(sorted(ENGINES))}"
        ) from None
    return cast("EngineKind", getattr(importlib.import_module(module), attribute)())


def open_engine(manifest: Manifest, model: bytes, *, threads: int = 1) -> Engine:
    """Opens a model in this process, without any sandbox; `aivm.execution.execute` is the safe way.

    Raises:
        EngineError: the runtime is not what the manifest asks for, or it rejects the model.
        MemoryError: memory ran out.
    """
    return engine_kind(manifest.runtime.name).open(manifest, model, threads=threads)


def wanted_outputs(manifest: Manifest, available: Iterable[str]) -> list[str]:
    """The names of the outputs that a manifest lists, in its order.

    Raises:
        ModelRejectedError: the model has no output of one of these names.
    """
    names = [output.name for output in manifest.outputs]
    missing = sorted(set(names) - set(available))
    if missing:
        raise ModelRejectedError(f"the model has no output {missing[0]!r}, which the manifest lists")
    return names


def only_tensors(outputs: Mapping[str, object]) -> dict[str, Array]:
    """What a model gave, if all of it is tensors: for ONNX's sequences, maps and optionals no digest is defined.

    Raises:
        ModelFailedError: naming the output that is none.
    """
    tensors: dict[str, Array] = {}
    for name, value in outputs.items():
        if not isinstance(value, np.ndarray):
            raise ModelFailedError(f"output {name!r} is a {type(value).__name__}, not a tensor")
        tensors[name] = value
    return tensors
