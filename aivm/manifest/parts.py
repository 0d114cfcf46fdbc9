"""The parts of a manifest, member by member as in docs/protocol.md §3; what a type can check, the type checks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aivm.canonical import INTEGER_BOUND
from aivm.fingerprint.layouts import Layout
from aivm.manifest.enums import (
    AggregationRule,
    AnswerConvention,
    Distribution,
    Dtype,
    ExecutionMode,
    GraphOptimization,
    HardwareKind,
    Provider,
    SeedPolicy,
)
from aivm.records import ContentCid, HexDigest, Size, whole

Positive = Annotated[int, Meta(ge=1, lt=INTEGER_BOUND)]
# The bounds of texts and limits are those of the chain (contracts/libraries/ManifestRules.sol).
Word = Annotated[str, Meta(pattern=whole(r"[!-~]+( [!-~]+)*"), max_length=256, description="printable ASCII")]
Flags = Annotated[str, Meta(pattern=whole(r"[!-~]+( [!-~]+)*"), max_length=2048, description="printable ASCII")]
TensorName = Annotated[str, Meta(pattern=whole(r"[^\x00-\x1f\x7f]+"), max_length=256)]
CaseName = Annotated[str, Meta(pattern=whole("[a-z0-9]([a-z0-9_-]*[a-z0-9])?"), max_length=64)]
Description = Annotated[str, Meta(max_length=4096)]
Bound = Annotated[str, Meta(pattern=whole("0|-?[1-9][0-9]*"), max_length=310, description="an integer in decimal")]
Dimension = Annotated[int, Meta(ge=1, lt=2**31)] | Annotated[str, Meta(pattern=whole("[!-~]+"), max_length=64)]
Shape = Annotated[
    tuple[Dimension, ...], Meta(max_length=16, description="each entry a size, or the name of a free dimension")
]
Feature = Annotated[str, Meta(pattern=whole("[a-z0-9][a-z0-9_.-]*"), max_length=64)]
Features = Annotated[tuple[Feature, ...], Meta(max_length=256, description="sorted, each once")]
Domain = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9_.-]+"), max_length=128)]
Operator = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9_.-]+::[A-Za-z0-9_]+"), max_length=256)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts: frozen, slotted, every member given."""


class Model(Part, frozen=True, kw_only=True):
    """The ONNX file, and what a reader may expect in it."""

    cid: ContentCid
    size: Positive
    profile: Literal["unixfs-v1-2025"]
    opsets: dict[Domain, Annotated[int, Meta(ge=1, lt=2**31)]]
    operators: Annotated[tuple[Operator, ...], Meta(max_length=4096, description="domain::Operator, sorted")]


class Build(Part, frozen=True, kw_only=True):
    """How the engine's native code was built; null means any."""

    operating_system: Word | None
    compiler: Word | None
    compiler_version: Word | None
    compiler_flags: Flags | None


class OnnxRuntimeOptions(Part, frozen=True, kw_only=True):
    """Options of ONNX Runtime. A thread count of 0 means any."""

    provider: Provider
    graph_optimization: GraphOptimization
    intra_op_threads: Annotated[int, Meta(ge=0, le=1024)]
    inter_op_threads: Annotated[int, Meta(ge=0, le=1024)]
    execution_mode: ExecutionMode
    deterministic: bool


class OnnxRuntime(Part, frozen=True, kw_only=True, tag_field="name", tag="onnxruntime"):
    """ONNX Runtime, exactly: its bits are those of one version, its options and the machine."""

    version: Annotated[str, Meta(pattern=whole("[0-9A-Za-z][0-9A-Za-z.+-]*"), max_length=64)]
    options: OnnxRuntimeOptions

    @property
    def name(self) -> str:
        """The engine's name."""
        return "onnxruntime"

    @property
    def provider(self) -> Provider:
        """What executes the operators."""
        return self.options.provider


class NoOptions(Part, frozen=True, kw_only=True):
    """No options: nothing that could be chosen changes a bit."""


class Reproducible(Part, frozen=True, kw_only=True, tag_field="name", tag="reproducible"):
    """The reproducible engine: an arithmetic that is defined (docs/arithmetic.md), the same bits on every machine."""

    version: Literal["aivm-arithmetic-1"]
    options: NoOptions

    @property
    def name(self) -> str:
        """The engine's name."""
        return "reproducible"

    @property
    def provider(self) -> Provider:
        """What executes the operators."""
        return Provider.CPU


#: The engine, exactly; the member `name` says which.
Runtime = OnnxRuntime | Reproducible


class Hardware(Part, frozen=True, kw_only=True):
    """What the machine must have, and what it must not."""

    kind: HardwareKind
    features: Features
    features_off: Features
    memory_bytes: Size


class Numerics(Part, frozen=True, kw_only=True):
    """Rules of the arithmetic, strictly on or off."""

    flush_to_zero: bool
    fma_contraction: bool
    tf32: bool


class RandomInput(Part, frozen=True, kw_only=True):
    """A graph input that is made from the seed."""

    name: TensorName
    distribution: Distribution


class Seeds(Part, frozen=True, kw_only=True):
    """Where randomness comes from."""

    policy: SeedPolicy
    fixed_seed: HexDigest | None
    generator: Literal["philox4x32-10/1"]
    random_inputs: Annotated[tuple[RandomInput, ...], Meta(max_length=256)]


class TensorSpec(Part, frozen=True, kw_only=True):
    """One graph input. Bounds are inclusive."""

    name: TensorName
    dtype: Dtype
    shape: Shape
    minimum: Bound | None
    maximum: Bound | None
    description: Description


class OutputSpec(Part, frozen=True, kw_only=True):
    """One graph output."""

    name: TensorName
    dtype: Dtype
    shape: Shape
    description: Description


class Answer(Part, frozen=True, kw_only=True):
    """How the answer's 32 bytes follow from the outputs."""

    convention: AnswerConvention
    output: TensorName | None


class Exact(Part, frozen=True, kw_only=True, tag_field="rule", tag="exact"):
    """A strict majority for one output record, bit for bit."""

    sketch: None
    tolerance: Literal[0]

    @property
    def rule(self) -> AggregationRule:
        """How answers become one."""
        return AggregationRule.EXACT


class Promise(Part, frozen=True, kw_only=True):
    """What is near enough to a conformance case's output: its sketch, in 32 bytes, and its answer."""

    sketch: HexDigest
    answer: HexDigest


class Hamming(Part, frozen=True, kw_only=True, tag_field="rule", tag="hamming"):
    """A strict majority near to one output: sketches that differ in at most `tolerance` bits, and one answer.

    `output` is the graph output that is sketched, `layout` how it is read, and `promises` say near to what the
    conformance cases must be, in their order.
    """

    sketch: Word
    tolerance: Annotated[int, Meta(ge=0, le=256)]
    output: TensorName
    layout: Layout
    promises: Annotated[tuple[Promise, ...], Meta(max_length=256)]

    @property
    def rule(self) -> AggregationRule:
        """How answers become one."""
        return AggregationRule.HAMMING


#: How the answers of a committee become one; the member `rule` says which.
Aggregation = Exact | Hamming

EXACT = Exact(sketch=None, tolerance=0)


class Limits(Part, frozen=True, kw_only=True):
    """What one execution may use: wall time, memory of the worker, bytes of the output's tensor file."""

    time_ms: Annotated[int, Meta(ge=1, le=24 * 3600 * 1000)]
    memory_bytes: Annotated[int, Meta(ge=1, le=2**42)]
    output_bytes: Annotated[int, Meta(ge=1, le=2**36)]


class Case(Part, frozen=True, kw_only=True):
    """A conformance case: the digest of an input record, and of the output record that it must give."""

    name: CaseName
    input: HexDigest
    output: HexDigest
