"""Traces: the digest of every operator's output in one run, in the order in which they were computed (docs/trace.md).

    trace = session.trace({"x": image})
    trace.digest()                       # equal digests: every operator gave the same bits
    entry = trace.entries[12]            # operator, type, output, dtype, shape, root
    proof = Tree(array).prove(7)         # of the array that somebody says entry 12 is about
    verify(proof, entry.digest, dtype=entry.dtype, shape=entry.shape)

A trace is made on demand, when an output is challenged; runs without one pay nothing for it. Two traces of one model
and input differ first where the computations differ first: `aivm.arithmetic.diverge` finds the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from aivm import canonical, typed
from aivm.arithmetic import _core
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower import dtypes
from aivm.digests import Digest
from aivm.records import HexDigest, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aivm.tensors import Array

#: The arithmetic that this engine's traces name.
ARITHMETIC: Final = "aivm-arithmetic-1"
#: Bytes of a trace's file; the entries of a long loop are many.
MAX_TRACE = 1 << 28


class TraceError(ArithmeticEngineError):
    """A file that is no trace, or a trace that contradicts itself."""


class Tensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tensor by its digest.

    Attributes:
        name: the graph input's.
        dtype: one of the dtypes of plans, such as `float32`.
        shape: its extents.
        root: of the Merkle tree over its bytes.
    """

    name: str
    dtype: str
    shape: tuple[Size, ...]
    root: HexDigest


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator gave.

    Attributes:
        operator: the ONNX node's name, behind the names of the nodes that it is in, as in `loop/add`.
        type: the ONNX operator, behind its domain unless that is the default one.
        inputs: the names of the tensors that it read: outputs of earlier entries, graph inputs, constants; empty where
            one is left out.
        output: the tensor's name, behind the same names.
        dtype: one of the dtypes of plans.
        shape: its extents.
        root: of the Merkle tree over its bytes.
    """

    operator: str
    type: str
    inputs: tuple[str, ...]
    output: str
    dtype: str
    shape: tuple[Size, ...]
    root: HexDigest

    @property
    def digest(self) -> Digest:
        """The root as a digest."""
        return Digest.from_hex(self.root)


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="aivm/trace"):
    """All entries of one run.

    Attributes:
        format: the version of this record.
        arithmetic: what computed: the arithmetic, or a runtime and its version where that defines none.
        hash: the name of the digest.
        model: SHA-256 of the model.
        inputs: the graph's inputs, by name.
        entries: in the order in which they were computed.
    """

    format: Literal[1] = msgspec.field(default=1, name="version")
    arithmetic: str
    hash: Literal["sha256-tree-2048"] = "sha256-tree-2048"
    model: HexDigest
    inputs: tuple[Tensor, ...]
    entries: tuple[Entry, ...]

    def encode(self) -> bytes:
        """The trace as canonical JSON; equal traces have equal bytes."""
        return canonical.encode(msgspec.to_builtins(self))

    @staticmethod
    def decode(data: bytes) -> Trace:
        """Reads a trace.

        Raises:
            TraceError: the bytes are not those of a trace.
        """
        if len(data) > MAX_TRACE:
            raise TraceError(f"the trace has {len(data)} bytes, and {MAX_TRACE} is the most")
        try:
            trace = typed.convert(canonical.decode(data), Trace)
        except canonical.CanonicalError as error:
            raise TraceError(error.message, hint=error.hint) from error
        except msgspec.ValidationError as error:
            raise TraceError(f"this is no trace: {error}") from error
        for dtype in {tensor.dtype for tensor in trace.inputs} | {entry.dtype for entry in trace.entries}:
            if dtype not in dtypes.NUMPY:
                raise TraceError(f"the trace has a tensor of dtype {dtype!r}")
        return trace

    def digest(self) -> Digest:
        """The SHA-256 of the bytes."""
        return Digest.of(self.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The tensors behind an entry.

    Attributes:
        inputs: what the operator read, in order; None for what is left out, and for what is no tensor.
        output: what it gave.
    """

    inputs: tuple[Array | None, ...]
    output: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A trace, and a way to get at the tensors behind it.

    Attributes:
        trace: the trace.
        label: what made it, for people.
        fetch: gives the tensors behind the entries at some positions; None where only digests are there.
        note: what a reader should know about how it was made.
        descend: gives the same with what is within the bodies of composite operators; None where there is no more.
    """

    trace: Trace
    label: str
    fetch: Callable[[Sequence[int]], list[Operation]] | None = None
    note: str = ""
    descend: Callable[[], Recording] | None = None


def root(array: Array, threads: int = 1) -> Digest:
    """The Merkle root over a tensor, computed by the core."""
    name = dtypes.from_numpy(array.dtype)
    if name is None:
        raise TraceError(f"a tensor of dtype {array.dtype} has no digest")
    plain = array if name != "bfloat16" else array.view("uint16")
    # A 0-d array would become 1-d, which its digest does not show.
    return Digest(_core.merkle_root(_contiguous(plain), name, threads))


def tensors(arrays: Mapping[str, Array]) -> tuple[Tensor, ...]:
    """Arrays by their digests, by name."""
    return tuple(
        Tensor(name=name, dtype=_dtype(arrays[name]), shape=tuple(arrays[name].shape), root=root(arrays[name]).hex())
        for name in sorted(arrays)
    )


def _dtype(array: Array) -> str:
    name = dtypes.from_numpy(array.dtype)
    assert name is not None
    return name


def _contiguous(array: Any) -> Any:
    return array if array.flags.c_contiguous else array.copy(order="C")
