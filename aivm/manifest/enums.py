"""The words that a manifest may use. In the order of the enumerations on chain (contracts/types/Manifest.sol)."""

from __future__ import annotations

from enum import StrEnum


class SeedPolicy(StrEnum):
    """Where the bits of the random inputs come from."""

    NONE = "none"
    FIXED = "fixed"
    VERIFIABLE = "verifiable"


class AggregationRule(StrEnum):
    """How the answers of a committee become one."""

    EXACT = "exact"
    HAMMING = "hamming"


class HardwareKind(StrEnum):
    """What kind of processor runs the graph."""

    CPU = "cpu"
    CUDA = "cuda"


class DeterminismClass(StrEnum):
    """What the publisher claims about the bits of the output."""

    NONE = "none"
    TOLERANT = "tolerant"
    PINNED = "pinned"
    BITWISE = "bitwise"


class Provider(StrEnum):
    """The part of the runtime that executes the operators."""

    CPU = "cpu"
    CUDA = "cuda"


class GraphOptimization(StrEnum):
    """How far the runtime may rewrite the graph; it changes bits. `any` is for kernels that tolerate that."""

    NONE = "none"
    BASIC = "basic"
    EXTENDED = "extended"
    ALL = "all"
    ANY = "any"


class ExecutionMode(StrEnum):
    """Whether independent operators may run at the same time."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"


class Distribution(StrEnum):
    """The distribution of a random input (docs/protocol.md §4)."""

    UNIFORM = "uniform"
    NORMAL = "normal"


class AnswerConvention(StrEnum):
    """How the 32 bytes that a contract receives follow from the outputs."""

    NONE = "none"
    ARGMAX = "argmax"
    FIRST = "first"


class Dtype(StrEnum):
    """Element types, by their safetensors names."""

    BOOL = "BOOL"
    U8 = "U8"
    I8 = "I8"
    U16 = "U16"
    I16 = "I16"
    F16 = "F16"
    U32 = "U32"
    I32 = "I32"
    F32 = "F32"
    U64 = "U64"
    I64 = "I64"
    F64 = "F64"

    @property
    def is_integer(self) -> bool:
        """Whether the elements are integers; booleans are not."""
        return self[0] in "UI"

    @property
    def bits(self) -> int:
        """Bits of one element in a tensor file."""
        return 8 if self is Dtype.BOOL else int(self[1:])
