"""What a worker of the suite does: it describes itself, runs cases, and traces one of them where two workers part.

| request | payload | reply |
|---|---|---|
| set-up: `program`, `threads`, `flush_to_zero`, `offset`, `inputs` | manifest record of a kernel | environment record |
| `load` | the ONNX file of a kernel | |
| `run`: `keep`, `known` | all inputs as a tensor file | `digest`, `nanoseconds`; the outputs, if not `known` |
| `cases`: `spans`, `known` | | `digests`, `nanoseconds`, `sizes` of the first cases; outputs that are not `known` |
| `trace`: `of`, `keep` | all inputs | `label`, `note`; the trace, of a batch's first examples alone |
| `fetch`: `position` | | the operator's tensors, named as in `OPERANDS` |
| `watch`: `output` | all inputs | one tensor of the graph, with nothing else watched |

Everything is imported before the worker is confined. `cases` reads inputs from the file `inputs` (`Feeds`). It ends
with the last case, after a while or after much output, or before a case that fails; if that is the first, by its error.
"""

from __future__ import annotations

import contextlib
import locale
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from aivm import tensors
from aivm.determinism.computations import open_computation
from aivm.determinism.feeds import read_feed
from aivm.determinism.heads import head
from aivm.environment import Environment
from aivm.environment.control import flush_subnormals
from aivm.errors import AivmError
from aivm.execution.engine import EngineError, ModelFailedError
from aivm.execution.frames import Frame
from aivm.execution.service import OutputLimitError
from aivm.tensors import TensorFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.arithmetic.trace import Recording
    from aivm.tensors import Array, Tensors

#: Bytes between the boundaries that inputs are placed against: a cache line, and the widest vector.
LINE: Final = 64
#: A reply to `cases` is due after so many nanoseconds, or bytes of outputs; as many bytes of inputs are asked for.
SHARE_NS: Final = 400_000_000
SHARE_BYTES: Final = 4 << 20
#: The output's name in the reply to `fetch`; operands are `OPERAND` and their position.
OUTPUT: Final = "output"
OPERAND: Final = "input"


class SuiteService:
    """One environment: one process, one setting."""

    def __init__(self, setup: Frame) -> None:
        header = setup.header
        # Libraries read numbers by the locale only in a process that has asked for it.
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, "")
        if header["flush_to_zero"]:
            flush_subnormals()
        self._offset: int | None = header["offset"]
        self._feeds: int | None = header.get("inputs")
        self._computation = open_computation(header, setup.payload)
        self._recording: Recording | None = None
        environment = Environment.capture(self._computation.info)
        self.ready = Frame(header={"done": "setup"}, payload=environment.record())

    def handle(self, request: Frame) -> Frame:
        """Serves a request.

        Raises:
            EngineError: the model cannot be loaded, fails, or breaks its manifest.
            MemoryError: memory ran out.
        """
        try:
            return self._serve(request)
        except (EngineError, OutputLimitError, TensorFileError):
            raise
        except AivmError as error:
            # A worker may raise only what its sandbox knows: anything else would be taken for a crash.
            raise ModelFailedError(f"{type(error).__name__}: {error.message}", hint=error.hint) from error

    def _serve(self, request: Frame) -> Frame:
        match request.header["do"]:
            case "load":
                self._computation.load(request.payload)
                return Frame(header={"done": "load"})
            case "run":
                return self._run(request)
            case "cases":
                return self._cases(request)
            case "trace":
                inputs = self._inputs(request.payload)
                recording = self._computation.record(inputs)
                size, count = request.header["of"], request.header["keep"]
                self._recording = head(recording, inputs, size, count) if size > count else recording
                recording = self._recording
                header = {"done": "trace", "label": recording.label, "note": recording.note}
                return Frame(header=header, payload=recording.trace.encode())
            case "fetch":
                return Frame(header={"done": "fetch"}, payload=self._fetch(request.header["position"]))
            case "watch":
                array = self._computation.watch(self._inputs(request.payload), request.header["output"])
                return Frame(header={"done": "watch"}, payload=tensors.encode({OUTPUT: array}))
            case other:
                raise EngineError(f"there is no request {other!r}")

    def _run(self, request: Frame) -> Frame:
        outputs, elapsed = self._timed(self._inputs(request.payload))
        keep: Mapping[str, int] = request.header["keep"]
        outputs = {name: array[: keep[name]] if name in keep else array for name, array in outputs.items()}
        digest, data = self._computation.digest(outputs)
        known = digest.hex() in request.header["known"]
        header: dict[str, Any] = {"done": "run", "digest": digest.hex(), "nanoseconds": elapsed}
        return Frame(header=header, payload=b"" if known else data)

    def _cases(self, request: Frame) -> Frame:
        """As many of the cases as one reply has room for, each as a plain run of it.

        First all inputs are read, then the engine has all of its runs, then outputs are hashed: in turns each would
        find the processor's caches full of what the engine left, and take two or three times as long.
        """
        assert self._feeds is not None
        began = time.perf_counter_ns()
        ran: list[tuple[Mapping[str, Array], int]] = []
        size = 0
        for inputs in [self._inputs(read_feed(self._feeds, *span)) for span in request.header["spans"]]:
            try:
                ran.append(self._timed(inputs))
            except (AivmError, MemoryError):
                if not ran:
                    raise
                break  # the next request begins with this case
            size += sum(array.nbytes for array in ran[-1][0].values())
            if time.perf_counter_ns() - began >= SHARE_NS or size >= SHARE_BYTES:
                break
        digests, outputs = self._hashed([outputs for outputs, _ in ran], set(request.header["known"]))
        header = {
            "done": "cases",
            "digests": digests,
            "nanoseconds": [elapsed for _, elapsed in ran[: len(digests)]],
            "sizes": [len(data) for data in outputs],
        }
        return Frame(header=header, payload=b"".join(outputs))

    def _hashed(self, ran: list[Mapping[str, Array]], known: set[str]) -> tuple[list[str], list[bytes]]:
        """Digests, and the tensor files of those that are not known, up to an output that has none."""
        digests: list[str] = []
        files: list[bytes] = []
        for outputs in ran:
            try:
                digest, data = self._computation.digest(outputs)
            except (AivmError, MemoryError):
                if not digests:
                    raise
                break
            digests.append(digest.hex())
            files.append(b"" if digests[-1] in known else data)
        return digests, files

    def _timed(self, inputs: Tensors) -> tuple[dict[str, Array], int]:
        """Outputs by name, and the nanoseconds in the engine."""
        began = time.perf_counter_ns()
        outputs = self._computation.run(inputs)
        return outputs, time.perf_counter_ns() - began

    def _fetch(self, position: int) -> bytes:
        if self._recording is None or self._recording.fetch is None:
            raise EngineError("nothing was traced")
        operation = self._recording.fetch([position])[0]
        arrays = {f"{OPERAND}{index}": array for index, array in enumerate(operation.inputs) if array is not None}
        return tensors.encode({OUTPUT: operation.output, **arrays})

    def _inputs(self, data: bytes) -> dict[str, Array]:
        arrays = tensors.decode(data, limit=len(data))
        if self._offset is None:
            return arrays
        return {name: place(array, self._offset) for name, array in arrays.items()}


def place(array: Array, offset: int) -> Array:
    """A copy of an array whose first byte is so many bytes behind a boundary of `LINE` bytes.

    Args:
        array: any shape, C order.
        offset: less than `LINE`; rounded up to what the dtype needs.

    Returns:
        The same shape and dtype, C order, not writeable.
    """
    offset = -(-offset // array.itemsize) * array.itemsize % LINE
    room = np.empty(array.nbytes + 2 * LINE, np.uint8)
    start = (-room.ctypes.data) % LINE + offset
    copy: Array = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    copy.flags.writeable = False
    return copy


def open_service(setup: Frame) -> SuiteService:
    """The worker's entry.

    Raises:
        EngineError: the runtime is not what the setting asks for.
        ControlError: subnormals cannot be flushed here.
    """
    return SuiteService(setup)
