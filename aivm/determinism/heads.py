"""The part of a batch's trace that belongs to its first examples: what a run of these alone is compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from aivm.arithmetic import trace as traces
from aivm.arithmetic.trace import Operation, Recording, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.tensors import Array


def head(recording: Recording, inputs: Mapping[str, Array], size: int, count: int) -> Recording:
    """A recording as if only the first examples had been in the batch.

    A tensor belongs to the batch if its first dimension is a multiple of the batch's size; if that is by chance, it
    differs from the other side in its shape alone.

    Args:
        recording: of a batch, with its tensors.
        inputs: the batch.
        size: examples in it.
        count: the first so many are kept.
    """
    assert recording.fetch is not None
    fetch = recording.fetch

    def cut(array: Array) -> Array:
        if array.ndim == 0 or array.shape[0] == 0 or array.shape[0] % size:
            return array
        return array[: array.shape[0] // size * count]

    def fetch_heads(positions: Sequence[int]) -> list[Operation]:
        return [
            Operation(
                inputs=tuple(None if array is None else cut(array) for array in operation.inputs),
                output=cut(operation.output),
            )
            for operation in fetch(positions)
        ]

    entries = []
    for position, entry in enumerate(recording.trace.entries):
        array = fetch_heads([position])[0].output
        entries.append(msgspec.structs.replace(entry, shape=tuple(array.shape), root=traces.root(array).hex()))
    whole = recording.trace
    trace = Trace(
        arithmetic=whole.arithmetic,
        model=whole.model,
        # An input of the batch has exactly its size; weights that are an input may have a multiple of it.
        inputs=traces.tensors(
            {name: cut(array) if array.shape[:1] == (size,) else array for name, array in inputs.items()}
        ),
        entries=tuple(entries),
    )
    return replace(recording, trace=trace, fetch=fetch_heads, label=f"{recording.label}, {count} of {size}")
