"""What a kernel's worker does: it opens the engine, loads the model, and runs it on inputs.

| request | payload | reply |
|---|---|---|
| set-up, `threads` | manifest record | environment record, captured in the worker |
| `load` | the ONNX file | |
| `run` | inputs as a tensor file | outputs as a tensor file |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import tensors
from aivm.environment import Environment
from aivm.errors import AivmError
from aivm.execution.engine import EngineError, engine_kind
from aivm.execution.frames import Frame
from aivm.manifest import Manifest

if TYPE_CHECKING:
    from aivm.execution.engine import Engine


class OutputLimitError(AivmError):
    """The outputs are larger than the manifest's limit."""


class KernelService:
    """One kernel in one process."""

    def __init__(self, manifest: Manifest, threads: int) -> None:
        self._manifest = manifest
        self._threads = threads
        self._kind = engine_kind(manifest.runtime.name)
        self._engine: Engine | None = None
        environment = Environment.capture(
            self._kind.describe(manifest.runtime, numerics=manifest.numerics, threads=threads)
        )
        self.ready = Frame(header={"done": "setup"}, payload=environment.record())

    def handle(self, request: Frame) -> Frame:
        """Serves `load` and `run`.

        Raises:
            EngineError: the model cannot be loaded, or fails.
            OutputLimitError: the outputs are too large.
            TensorFileError: the outputs have no tensor file.
            MemoryError: memory ran out.
        """
        if request.header["do"] == "load":
            self._engine = self._kind.open(self._manifest, request.payload, threads=self._threads)
            return Frame(header={"done": "load"})
        if self._engine is None:
            raise EngineError("no model is loaded")
        inputs = tensors.decode(request.payload, limit=len(request.payload))
        return Frame(header={"done": "run"}, payload=self._encode(self._engine.run(inputs)))

    def _encode(self, outputs: tensors.Tensors) -> bytes:
        size, limit = tensors.encoded_size(outputs), self._manifest.limits.output_bytes
        if size > limit:
            raise OutputLimitError(f"the outputs take {size} bytes, more than the {limit} allowed")
        return tensors.encode(outputs)


def open_service(setup: Frame) -> KernelService:
    """The worker's entry.

    Raises:
        EngineError: the runtime is not what the manifest asks for.
    """
    return KernelService(Manifest.from_record(setup.payload), setup.header["threads"])
