"""Where two computations of one model on one input part: the first operator, its first element, and how far apart.

    a = open_recording("reproducible", "model.onnx", inputs)
    b = open_recording("onnxruntime:threads=4", "model.onnx", inputs)
    report = diverge(a, b)
    if report.divergence is not None:
        print(report.text())

Either side may be a trace that somebody sent (`tracefile.load`). Without its tensors only the operator can be named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.arithmetic import merkle, observed
from aivm.arithmetic.choice import Choice
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.session import open_session
from aivm.arithmetic.trace import root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.arithmetic.trace import Entry, Operation, Recording, Trace
    from aivm.tensors import Array

#: Tensors with more elements are not printed.
_SHOWN = 8


class IncomparableError(ArithmeticEngineError):
    """Two traces that are not of the same model and inputs, or of different hashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """The first element that differs.

    Attributes:
        index: along each axis.
        values: on either side, as NumPy scalars.
        bits: the same, as the unsigned integers that represent them.
        ulps: how many representable numbers apart; None where one is NaN and the other is not.
        differing: how many elements of the tensor differ.
        largest: the most ulps between two elements of the tensor, where both are numbers.
    """

    index: tuple[int, ...]
    values: tuple[Any, Any]
    bits: tuple[int, int]
    ulps: int | None
    differing: int
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """What the operator read.

    Attributes:
        name: the tensor's.
        array: its contents, on the side that has them; None where neither has.
        same: whether both sides read the same bits; None where only one side can tell.
    """

    name: str
    array: Array | None
    same: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first operator whose outputs differ.

    Attributes:
        entries: what either side noted about it.
        element: the first element that differs; None where one side has only digests, or another dtype or shape.
        operands: what the operator read.
    """

    entries: tuple[Entry, Entry]
    element: Element | None
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a comparison found.

    Attributes:
        labels: what either side is.
        compared: how many tensors both sides have, up to the first that differs.
        alone: how many tensors only one side has: (a, b).
        divergence: the first difference, if any.
        notes: what a reader should know.
    """

    labels: tuple[str, str]
    compared: int
    alone: tuple[int, int]
    divergence: Divergence | None
    notes: tuple[str, ...]

    def text(self) -> str:
        """The report for a person."""
        lines = [f"a: {self.labels[0]}", f"b: {self.labels[1]}", *(f"note: {note}" for note in self.notes)]
        if self.divergence is None:
            return "\n".join([*lines, f"no difference in {self.compared} tensors"])
        return "\n".join([*lines, *_describe(self.divergence, self.compared)])

    def data(self) -> dict[str, Any]:
        """The report as JSON can hold it; floating-point values are texts, since JSON has no NaN."""
        found = self.divergence
        return {
            "a": self.labels[0],
            "b": self.labels[1],
            "notes": list(self.notes),
            "compared": self.compared,
            "alone": list(self.alone),
            "divergence": None if found is None else _data(found),
        }


def open_recording(engine: str, model: Any, inputs: Mapping[str, Array]) -> Recording:
    """Runs a model and records it.

    Args:
        engine: `reproducible` with the options threads and isa, or `onnxruntime` with the options threads and level,
            such as `reproducible:isa=avx2,threads=2`.
        model: a path, the bytes of a file, or a parsed model.
        inputs: arrays by name.

    Raises:
        EngineNameError: there is no such engine, or it has no such option.
        ArithmeticEngineError: the model cannot be run.
    """
    choice = Choice.parse(engine)
    if choice.name == "onnxruntime":
        return observed.record(model, inputs, observed.OrtOptions(threads=choice.threads, level=choice.level))
    return open_session(model, threads=choice.threads, isa=choice.isa).record(inputs)


def diverge(a: Recording, b: Recording) -> Report:
    """Compares two recordings, tensor by tensor, in the order of the first.

    Tensors belong together if they have one name; where a loop gives a name several times, in the same order. What only
    one side has is not compared: an engine that fuses operators, or looks into function bodies, has other tensors.
    Where two outputs differ, recordings that can show the bodies of composite operators do so, and are compared again.

    Raises:
        IncomparableError: they are not of the same model and inputs.
    """
    report = _compare(a, b)
    if report.divergence is None or (a.descend is None and b.descend is None):
        return report
    deeper = _compare(a.descend() if a.descend else a, b.descend() if b.descend else b)
    return report if deeper.divergence is None else deeper


def _compare(a: Recording, b: Recording) -> Report:
    _check_comparable(a.trace, b.trace)
    others = {key: position for position, key in enumerate(_keys(b.trace))}
    keys = _keys(a.trace)
    shared = [(position, others[key]) for position, key in enumerate(keys) if key in others]
    alone = (len(keys) - len(shared), len(others) - len(shared))
    labels = (a.label, b.label)
    notes = tuple(f"{recording.label}: {recording.note}" for recording in (a, b) if recording.note)
    for count, (i, j) in enumerate(shared):
        first, second = a.trace.entries[i], b.trace.entries[j]
        if (first.root, first.dtype, first.shape) != (second.root, second.dtype, second.shape):
            found = _look(first, second, a.fetch([i])[0] if a.fetch else None, b.fetch([j])[0] if b.fetch else None)
            return Report(labels=labels, compared=count + 1, alone=alone, divergence=found, notes=notes)
    return Report(labels=labels, compared=len(shared), alone=alone, divergence=None, notes=notes)


def ulps_between(a: Array, b: Array) -> tuple[Array, Array]:
    """How many representable numbers apart the elements are, and where that means something.

    Both zeros are one number; infinity is the number after the largest one; two NaNs are no ulp apart. Integers and
    booleans are as many apart as they differ by.

    Args:
        a: [...], any dtype of plans.
        b: the same dtype and shape.

    Returns:
        Distances as Python integers in an object array [...], and a bool array [...] that is False where one element is
        NaN and the other is not.
    """
    if dtypes.from_numpy(a.dtype) not in ("float16", "bfloat16", "float32", "float64"):
        return np.abs(a.astype(object) - b.astype(object)), np.ones(a.shape, np.bool_)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        nan_a, nan_b = np.isnan(a), np.isnan(b)
    distances = np.abs(_ordinals(a).astype(object) - _ordinals(b).astype(object))
    return np.where(nan_a & nan_b, 0, distances), nan_a == nan_b


def _ordinals(array: Array) -> Array:
    """Consecutive integers for consecutive numbers, zero for both zeros."""
    bits = array.view(f"<i{array.dtype.itemsize}").astype(np.int64)
    lowest = np.int64(-(1 << (8 * array.dtype.itemsize - 1)))
    return np.where(bits < 0, lowest - bits, bits)


def _check_comparable(a: Trace, b: Trace) -> None:
    if a.hash != b.hash:
        raise IncomparableError(f"one trace has {a.hash} digests, the other {b.hash}")
    if a.model != b.model:
        raise IncomparableError(f"the traces are of two models, {a.model} and {b.model}")
    if a.inputs != b.inputs:
        names = sorted({tensor.name for tensor in set(a.inputs) ^ set(b.inputs)})
        raise IncomparableError(f"the traces are of different inputs: {', '.join(names)}")


def _keys(trace: Trace) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    keys = []
    for entry in trace.entries:
        counts[entry.output] = counts.get(entry.output, 0) + 1
        keys.append((entry.output, counts[entry.output]))
    return keys


def _look(first: Entry, second: Entry, a: Operation | None, b: Operation | None) -> Divergence:
    element = None
    if a is not None and b is not None and a.output.dtype == b.output.dtype and a.output.shape == b.output.shape:
        element = _first_element(a.output, b.output)
    shown, entry = (a, first) if a is not None else (b, second)
    operands = []
    for index, name in enumerate(entry.inputs):
        mine = shown.inputs[index] if shown is not None else None
        other = b.inputs[index] if shown is a and b is not None and index < len(b.inputs) else None
        same = None
        if mine is not None and other is not None:
            same = mine.dtype == other.dtype and mine.shape == other.shape and root(mine) == root(other)
        operands.append(Operand(name=name, array=mine, same=same))
    return Divergence(entries=(first, second), element=element, operands=tuple(operands))


def _first_element(a: Array, b: Array) -> Element | None:
    kind = np.dtype(f"<u{a.dtype.itemsize}")
    bits = [np.frombuffer(merkle.canonical_bytes(array), kind) for array in (a, b)]
    places = np.flatnonzero(bits[0] != bits[1])
    if not places.size:
        return None
    place = int(places[0])
    x, y = (array.reshape(-1)[places] for array in (a, b))
    distances, meaningful = ulps_between(x, y)
    return Element(
        index=tuple(int(item) for item in np.unravel_index(place, a.shape)),
        values=(x[0], y[0]),
        bits=(int(bits[0][place]), int(bits[1][place])),
        ulps=int(distances[0]) if meaningful[0] else None,
        differing=int(places.size),
        largest=max((int(item) for item in distances[meaningful]), default=0),
    )


def _describe(found: Divergence, compared: int) -> list[str]:
    entry, other = found.entries
    lines = [
        f"first difference: operator {entry.operator!r} ({entry.type}), tensor {entry.output!r}, number {compared}",
        f"  a {entry.dtype} {list(entry.shape)} {entry.root}",
        f"  b {other.dtype} {list(other.shape)} {other.root}",
    ]
    element = found.element
    if element is None:
        lines.append("  the first element is unknown: not both sides show their tensors, in one dtype and shape")
    else:
        width = dtypes.NUMPY[entry.dtype].itemsize * 2
        total = int(np.prod(entry.shape, dtype=object))
        apart = "one of them is NaN" if element.ulps is None else f"{element.ulps} ulp apart"
        lines += [
            f"  element {list(element.index)}: {apart}",
            *(
                f"    {side} {value!s} (0x{bits:0{width}x})"
                for side, value, bits in zip("ab", element.values, element.bits, strict=True)
            ),
            f"  {element.differing} of {total} elements differ, by at most {element.largest} ulp",
        ]
    lines.append("the operator's inputs:")
    lines += [f"  {_operand(operand)}" for operand in found.operands]
    return lines


def _operand(operand: Operand) -> str:
    if not operand.name:
        return "(left out)"
    if operand.array is None:
        return f"{operand.name!r}: contents unknown"
    array = operand.array
    same = {True: "the same on both sides", False: "different on the two sides", None: "known from one side"}[
        operand.same
    ]
    values = f" {array.tolist()}" if array.size <= _SHOWN else ""
    return f"{operand.name!r} {dtypes.from_numpy(array.dtype)} {list(array.shape)} {root(array)}, {same}{values}"


def _data(found: Divergence) -> dict[str, Any]:
    entry = found.entries[0]
    element = found.element
    return {
        "operator": entry.operator,
        "type": entry.type,
        "output": entry.output,
        "sides": [{"dtype": e.dtype, "shape": list(e.shape), "root": e.root} for e in found.entries],
        "element": None
        if element is None
        else {
            "index": list(element.index),
            "values": [str(value) for value in element.values],
            "bits": [hex(bits) for bits in element.bits],
            "ulps": None if element.ulps is None else str(element.ulps),
            "differing": element.differing,
            "largest": str(element.largest),
        },
        "inputs": [
            {
                "name": operand.name,
                "dtype": None if operand.array is None else dtypes.from_numpy(operand.array.dtype),
                "shape": None if operand.array is None else list(operand.array.shape),
                "root": None if operand.array is None else root(operand.array).hex(),
                "same": operand.same,
                "values": _values(operand.array),
            }
            for operand in found.operands
        ],
    }


def _values(array: Array | None) -> list[str] | None:
    return None if array is None or array.size > _SHOWN else [str(item) for item in array.reshape(-1)]
