"""What a worker computes with: an engine and its model, or a Python function."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import onnx

from aivm import records, tensors
from aivm.arithmetic import observed
from aivm.arithmetic.session import open_session
from aivm.digests import Digest
from aivm.execution import ort_options
from aivm.execution.engine import EngineError, ModelFailedError, engine_kind, only_tensors
from aivm.execution.protocol import collect
from aivm.execution.service import OutputLimitError
from aivm.manifest import Manifest, OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aivm.arithmetic.trace import Recording
    from aivm.environment import EngineInfo
    from aivm.execution.engine import Engine
    from aivm.tensors import Array, Tensors


class Computation(Protocol):
    """What can be run, and looked into."""

    @property
    def info(self) -> EngineInfo | None:
        """The engine, if there is one."""

    def load(self, model: bytes) -> None:
        """Takes the model."""

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """The outputs for these inputs, by name."""

    def digest(self, outputs: Tensors) -> tuple[Digest, bytes]:
        """The digest on which nodes would vote, and the outputs as a tensor file."""

    def record(self, inputs: Tensors) -> Recording:
        """The trace of one run."""

    def watch(self, inputs: Tensors, output: str) -> Array:
        """One tensor of the graph."""


class KernelComputation:
    """A kernel on its engine, in this process."""

    def __init__(self, manifest: Manifest, threads: int) -> None:
        self._manifest = manifest
        self._threads = threads
        self._kind = engine_kind(manifest.runtime.name)
        self._engine: Engine | None = None
        self._model = b""
        self.info: EngineInfo | None = self._kind.describe(
            manifest.runtime, numerics=manifest.numerics, threads=threads
        )

    def load(self, model: bytes) -> None:
        """Loads the model with the manifest's options."""
        self._engine = self._kind.open(self._manifest, model, threads=self._threads)
        self._model = model

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Runs the graph once."""
        if self._engine is None:
            raise EngineError("no model is loaded")
        return self._engine.run(inputs)

    def digest(self, outputs: Tensors) -> tuple[Digest, bytes]:
        """The output record's digest."""
        size, limit = tensors.encoded_size(outputs), self._manifest.limits.output_bytes
        if size > limit:
            raise OutputLimitError(f"the outputs take {size} bytes, more than the {limit} allowed")
        data = tensors.encode(outputs)
        _, record, _ = collect(self._manifest, data)
        return records.digest(record), data

    def record(self, inputs: Tensors) -> Recording:
        """Every operator's output, on the engine with the same options."""
        if isinstance(self._manifest.runtime, OnnxRuntime):
            return observed.record(self._model, inputs, self._session_options())
        return open_session(self._model, threads=self._threads).record(inputs)

    def watch(self, inputs: Tensors, output: str) -> Array:
        """One tensor as the only further output, so that an optimiser may fuse all others as it likes."""
        if not isinstance(self._manifest.runtime, OnnxRuntime):
            raise EngineError("only an engine that fuses operators need be watched one tensor at a time")
        return observed.watch(self._model, inputs, output, self._session_options())

    def _session_options(self) -> Callable[[Any], Any]:
        runtime, numerics = self._manifest.runtime, self._manifest.numerics
        return lambda module: ort_options.session_options(module, runtime, numerics, self._threads)


class ProgramComputation:
    """A Python function."""

    info: EngineInfo | None = None

    def __init__(self, program: str) -> None:
        module, _, name = program.partition(":")
        self._function: Callable[[Mapping[str, Array]], Mapping[str, Array]] = getattr(
            importlib.import_module(module), name
        )

    def load(self, model: bytes) -> None:
        """There is no model."""
        del model

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Calls the function."""
        try:
            return only_tensors(dict(self._function(inputs)))
        except (MemoryError, EngineError):
            raise
        except Exception as error:  # a program may raise anything
            raise ModelFailedError(f"the program failed: {type(error).__name__}: {error}") from error

    def digest(self, outputs: Tensors) -> tuple[Digest, bytes]:
        """The tensor file's digest."""
        data = tensors.encode(outputs)
        return Digest.of(data), data

    def record(self, inputs: Tensors) -> Recording:
        """A program has no operators."""
        del inputs
        raise EngineError("a program has no operators to trace")

    def watch(self, inputs: Tensors, output: str) -> Array:
        """A program has no operators."""
        del inputs
        raise EngineError(f"a program has no tensor {output!r}")


def open_computation(header: Mapping[str, Any], payload: bytes) -> Computation:
    """What the set-up frame asks for.

    Raises:
        EngineError: the runtime is not what the setting asks for.
    """
    if header["program"]:
        return ProgramComputation(header["program"])
    computation = KernelComputation(Manifest.from_record(payload), header["threads"])
    _warm_up()
    return computation


def _warm_up() -> None:
    """Imports on first use happen here: a confined worker opens no file."""
    onnx.helper.make_model(onnx.helper.make_graph([], "warm-up", [], [])).SerializeToString()
    tensors.encode({"x": np.zeros(1, np.float32)})
