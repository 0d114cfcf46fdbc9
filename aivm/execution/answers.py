"""The 32 bytes that a contract receives, by the manifest's convention (docs/protocol.md §3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aivm.errors import AivmError
from aivm.manifest.enums import AnswerConvention

if TYPE_CHECKING:
    from aivm.manifest import Manifest
    from aivm.tensors import Array, Tensors

_WORD = 1 << 256


class AnswerError(AivmError):
    """An output from which the manifest's convention makes no answer."""


def answer(manifest: Manifest, outputs: Tensors) -> bytes:
    """The answer of an execution.

    `argmax` counts from 0 and takes the lowest index of equals; NaN is greater than nothing, and a row of nothing but
    NaN answers 0. `first` is two's complement, big-endian.

    Raises:
        AnswerError: the output has not one row, or no element.
    """
    convention, name = manifest.answer.convention, manifest.answer.output
    if convention is AnswerConvention.NONE or name is None:
        return bytes(32)
    array = outputs[name]
    if array.size == 0:
        raise AnswerError(f"output {name!r} has shape {list(array.shape)} and no element to answer with")
    if convention is AnswerConvention.FIRST:
        return (int(array.reshape(-1)[0]) % _WORD).to_bytes(32, "big")
    if math.prod(array.shape[:-1]) != 1:
        raise AnswerError(
            f"output {name!r} has shape {list(array.shape)}, and argmax answers for one row",
            hint="ask for one item at a time",
        )
    return _argmax(array.reshape(-1)).to_bytes(32, "big")


def _argmax(row: Array) -> int:
    if row.dtype.kind != "f":
        return int(np.argmax(row))
    numbers = np.flatnonzero(~np.isnan(row))
    return int(numbers[np.argmax(row[numbers])]) if numbers.size else 0
