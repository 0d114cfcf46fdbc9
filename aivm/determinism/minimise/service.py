"""What a worker does while a difference is minimised: it runs one model after the other with a manifest's options.

| request | payload | reply |
|---|---|---|
| set-up: `threads`, `flush_to_zero`, `offset` | manifest record, whose runtime counts | |
| `model`: bytes of the model | an ONNX file, then its inputs as a tensor file | the outputs as a tensor file; `refused` and nothing, where the engine refuses either |
"""  # noqa: E501 - a table

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aivm import tensors
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.session import open_session
from aivm.determinism.service import place
from aivm.environment.control import flush_subnormals
from aivm.execution import ort, ort_options
from aivm.execution.frames import Frame
from aivm.manifest import Manifest, OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.tensors import Array


class ModelService:
    """One environment, in which any model can be run."""

    def __init__(self, setup: Frame) -> None:
        header = setup.header
        if header["flush_to_zero"]:
            flush_subnormals()
        self._manifest = Manifest.from_record(setup.payload)
        self._threads: int = header["threads"]
        self._offset: int | None = header["offset"]
        self.ready = Frame(header={"done": "setup"})

    def handle(self, request: Frame) -> Frame:
        """Runs a model.

        Raises:
            EngineError: the runtime itself is not there.
            MemoryError: memory ran out.
        """
        size = request.header["model"]
        model, data = request.payload[:size], request.payload[size:]
        inputs = tensors.decode(data, limit=len(data))
        if self._offset is not None:
            inputs = {name: place(array, self._offset) for name, array in inputs.items()}
        values = self._run(model, inputs)
        if values is None:
            return Frame(header={"refused": True})
        kept = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return Frame(header={"refused": False}, payload=tensors.encode(kept))

    def _run(self, model: bytes, inputs: Mapping[str, Array]) -> Mapping[str, Any] | None:
        if not isinstance(self._manifest.runtime, OnnxRuntime):
            try:
                return open_session(model, threads=self._threads).run(inputs)
            except ArithmeticEngineError:
                return None
        module: Any = ort.import_runtime(self._manifest.runtime)
        options = ort_options.session_options(module, self._manifest.runtime, self._manifest.numerics, self._threads)
        options.log_severity_level = 4  # what is refused is refused often
        try:
            session = module.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)
            names = [output.name for output in session.get_outputs()]
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - its exceptions share no base class
            return None


def open_service(setup: Frame) -> ModelService:
    """The worker's entry.

    Raises:
        ControlError: subnormals cannot be flushed here.
    """
    return ModelService(setup)
