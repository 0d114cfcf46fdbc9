"""Traces in files: what one machine sends to another, so that both can find where they part.

`machine.json` is the trace. `machine.safetensors`, if it is there, holds every tensor that the trace has a digest of,
named by its position; with it, the first differing element can be found without that machine's help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm import tensors
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.trace import Operation, Recording, Trace, TraceError, root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aivm.tensors import Array

_LIMIT = 1 << 40


def save(recording: Recording, path: Path, *, contents: bool) -> None:
    """Writes a recording.

    Args:
        recording: what to write.
        path: of the trace, with the suffix `.json`.
        contents: whether to write the tensors too, beside it.

    Raises:
        TraceError: the recording has no tensors, or the path another suffix.
    """
    _check_suffix(path)
    if contents:
        if recording.fetch is None:
            raise TraceError(f"{recording.label} has digests alone, no tensors")
        operations = recording.fetch(range(len(recording.trace.entries)))
        files = {_name(position): _stored(item.output) for position, item in enumerate(operations)}
        path.with_suffix(".safetensors").write_bytes(tensors.encode(files))
    path.write_bytes(recording.trace.encode())


def load(path: Path) -> Recording:
    """Reads a recording.

    Raises:
        TraceError: the file is no trace, or the tensors beside it are not those of the trace.
        TensorFileError: the file beside it is no canonical tensor file.
    """
    _check_suffix(path)
    trace = Trace.decode(path.read_bytes())
    beside = path.with_suffix(".safetensors")
    label = f"{path.name} ({trace.arithmetic})"
    if not beside.exists():
        return Recording(trace=trace, label=label)
    stored = tensors.decode(beside.read_bytes(), limit=_LIMIT)

    def output(position: int) -> Array:
        entry = trace.entries[position]
        array = stored.get(_name(position))
        if array is not None and entry.dtype == "bfloat16":
            array = array.view(dtypes.NUMPY["bfloat16"])
        if array is None or root(array) != entry.digest or array.shape != entry.shape:
            raise TraceError(f"{beside.name} does not hold the tensor {entry.output!r} of the trace")
        return array

    def fetch(positions: Sequence[int]) -> list[Operation]:
        operations = []
        for position in positions:
            latest = {entry.output: i for i, entry in enumerate(trace.entries[:position])}
            inputs = [output(latest[name]) if name in latest else None for name in trace.entries[position].inputs]
            operations.append(Operation(inputs=tuple(inputs), output=output(position)))
        return operations

    return Recording(trace=trace, label=label, fetch=fetch)


def _check_suffix(path: Path) -> None:
    if path.suffix != ".json":
        raise TraceError(f"{path.name} is no name for a trace", hint="give it the suffix .json")


def _name(position: int) -> str:
    return f"{position:08d}"


def _stored(array: Array) -> Array:
    return array.view("<u2") if dtypes.from_numpy(array.dtype) == "bfloat16" else array
