"""kernel.toml: what the author of a kernel writes down. Everything that can be derived is left to packing."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from aivm import typed
from aivm.fingerprint import Layout
from aivm.kernel.types import KernelError
from aivm.manifest.enums import (
    AggregationRule,
    AnswerConvention,
    DeterminismClass,
    Distribution,
    ExecutionMode,
    GraphOptimization,
    HardwareKind,
    Provider,
    SeedPolicy,
)

if TYPE_CHECKING:
    from pathlib import Path

#: The author's file in a kernel folder.
FILE = "kernel.toml"
MAX_BYTES = 2**18

#: The word for "as this machine is".
CAPTURED: Final = "captured"
#: The word for "does not matter", a null in the manifest.
ANY: Final = "any"

Captured = Literal["captured"]
Natural = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the tables of kernel.toml: a member that is not known is a spelling mistake, and refused."""


class AnswerTable(Table, frozen=True, kw_only=True):
    """`[answer]`."""

    convention: AnswerConvention = AnswerConvention.NONE
    output: str | None = None


class AggregationTable(Table, frozen=True, kw_only=True):
    """`[aggregation]`. The tolerance is the calibrated one, and not for the author to say."""

    rule: AggregationRule = AggregationRule.EXACT
    sketch: str | None = None
    output: str | None = None
    layout: Layout | None = None


class LimitsTable(Table, frozen=True, kw_only=True):
    """`[limits]`."""

    time_ms: Natural = 10_000
    memory_bytes: Natural = 1 << 30
    output_bytes: Natural = 1 << 20


class ReproducibleTable(Table, frozen=True, kw_only=True, tag_field="name", tag="reproducible"):
    """`[runtime]` of the reproducible engine, which has no options."""

    version: str = CAPTURED

    @property
    def name(self) -> str:
        """The engine's name."""
        return "reproducible"


class OnnxRuntimeTable(Table, frozen=True, kw_only=True, tag_field="name", tag="onnxruntime"):
    """`[runtime]` of ONNX Runtime, with its options."""

    version: str = CAPTURED
    provider: Provider = Provider.CPU
    graph_optimization: GraphOptimization = GraphOptimization.BASIC
    intra_op_threads: Natural = 1
    inter_op_threads: Natural = 1
    execution_mode: ExecutionMode = ExecutionMode.SEQUENTIAL
    deterministic: bool = True

    @property
    def name(self) -> str:
        """The engine's name."""
        return "onnxruntime"


RuntimeTable = ReproducibleTable | OnnxRuntimeTable


class BuildTable(Table, frozen=True, kw_only=True):
    """`[build]` of the engine: `any`, `captured`, or a value."""

    operating_system: str = ANY
    compiler: str = ANY
    compiler_version: str = ANY
    compiler_flags: str = ANY


class HardwareTable(Table, frozen=True, kw_only=True):
    """`[hardware]`."""

    kind: HardwareKind = HardwareKind.CPU
    features: tuple[str, ...] | Captured = ()
    features_off: tuple[str, ...] = ()
    memory_bytes: Natural = 1 << 30


class NumericsTable(Table, frozen=True, kw_only=True):
    """`[numerics]`."""

    flush_to_zero: bool = False
    fma_contraction: bool | Captured = CAPTURED
    tf32: bool = False


class SeedsTable(Table, frozen=True, kw_only=True):
    """`[seeds]`, and `[seeds.random_inputs]` with a distribution for each name."""

    policy: SeedPolicy = SeedPolicy.NONE
    fixed_seed: str | None = None
    random_inputs: dict[str, Distribution] = {}


class InputTable(Table, frozen=True, kw_only=True):
    """`[inputs.NAME]`. A shape given here fixes what the graph leaves free."""

    minimum: int | None = None
    maximum: int | None = None
    shape: tuple[int | str, ...] | None = None
    description: str = ""


class OutputTable(Table, frozen=True, kw_only=True):
    """`[outputs.NAME]`."""

    shape: tuple[int | str, ...] | None = None
    description: str = ""


class Author(Table, frozen=True, kw_only=True):
    """The whole of kernel.toml."""

    name: str
    version: str
    licence: str
    description: str = ""
    model_card: str | None = None
    determinism: DeterminismClass | None = None
    author_fee: str = "0"
    answer: AnswerTable = AnswerTable()
    aggregation: AggregationTable = AggregationTable()
    limits: LimitsTable = LimitsTable()
    runtime: RuntimeTable = ReproducibleTable()
    build: BuildTable = BuildTable()
    hardware: HardwareTable = HardwareTable()
    numerics: NumericsTable = NumericsTable()
    seeds: SeedsTable = SeedsTable()
    inputs: dict[str, InputTable] = {}
    outputs: dict[str, OutputTable] = {}


def read_author(directory: Path) -> Author:
    """Reads kernel.toml.

    Raises:
        KernelError: if it is not there, is not TOML, or has a member that is unknown or of another type; names it.
    """
    path = directory / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "`aivm kernel init` makes one."
        raise KernelError(f"{FILE} cannot be read: {error.strerror}", hint=hint) from error
    if len(data) > MAX_BYTES:
        raise KernelError(f"{FILE} has {len(data)} bytes, at most {MAX_BYTES} are allowed")
    try:
        return typed.convert(_with_engine(tomllib.loads(data.decode("utf-8"))), Author)
    except UnicodeDecodeError as error:
        raise KernelError(f"{FILE} is not UTF-8 (at byte {error.start})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise KernelError(f"{FILE} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        hint = "The one that `aivm kernel init` writes shows every member."
        raise KernelError(f"{FILE}: {error}", hint=hint) from error


def _with_engine(value: dict[str, Any]) -> dict[str, Any]:
    """The same with the engine's name, by which its other members are known; the default one where it is left out."""
    runtime = value.get("runtime")
    return value if not isinstance(runtime, dict) else {**value, "runtime": {"name": "reproducible", **runtime}}


TEMPLATE = """\
# What only the author of a kernel can know. `aivm kernel pack` derives the rest: content ids, operators, shapes,
# expected outputs. A member that is left out has the value that is shown here.

name = "{name}"            # lower case, digits, hyphens; unique among your kernels
version = "0.1.0"          # MAJOR.MINOR.PATCH; a published version never changes
description = ""
licence = "Apache-2.0"     # SPDX expression, of the model
# model_card = "README.md" # a file in this folder, published with the kernel
# determinism = "bitwise"  # what you claim: none, tolerant, pinned, bitwise; left out: pinned with onnxruntime, and
                           # tolerant with the rule hamming
author_fee = "0"           # wei for each job, a decimal string

[answer]                   # the 32 bytes that a contract receives
convention = "none"        # none; argmax: index of the greatest element; first: the first element, an integer
# output = "logits"        # the output that it is taken from

[aggregation]
rule = "exact"             # exact: the same bits; hamming: near to each other, for determinism "tolerant" alone
# sketch = "phash-64/1"    # hamming: phash-64/1, phash-256/1 (images), simhash-256/1 (any numbers)
# output = "image"         # the output that is sketched; left out: the only one
# layout = "chw"           # how it is read: flat, hw, chw, hwc; the tolerance is that of `aivm calibrate`

[limits]                   # for one execution
time_ms = 10000
memory_bytes = 1073741824
output_bytes = 1048576

[runtime]
name = "reproducible"      # the same bits on every machine; docs/operators.md lists its operators
version = "captured"       # captured: what is installed here
# Or onnxruntime: every operator, accelerators too, and the bits of one kind of machine. It has options:
#    name = "onnxruntime"
#    version = "captured"
#    provider = "cpu"      # cpu, cuda
#    graph_optimization = "basic"   # none, basic, extended, all; it changes bits; with hamming also any
#    intra_op_threads = 1  # 0: any
#    inter_op_threads = 1
#    execution_mode = "sequential"  # sequential, parallel
#    deterministic = true

[build]                    # of the engine: any, captured, or a value
operating_system = "any"
compiler = "any"
compiler_version = "any"
compiler_flags = "any"

[hardware]
kind = "cpu"               # cpu, cuda
features = []              # instruction sets that the processor must have, or "captured"
features_off = []          # and those that it must not have
memory_bytes = 1073741824

[numerics]                 # for onnxruntime; with the reproducible engine all are false
flush_to_zero = false
fma_contraction = "captured"   # true, false
tf32 = false

[seeds]
policy = "none"            # none; fixed: your own seed; verifiable: the job's
# fixed_seed = "0x…"       # 64 hex digits
# [seeds.random_inputs]    # graph inputs that are made from the seed
# noise = "normal"         # normal, uniform

# [inputs.image]           # for each input, if you like; bounds are integers, inclusive
# minimum = 0
# maximum = 16
# shape = [1, 64]          # fixes dimensions that the graph leaves free
# description = "8 x 8 pixels, row by row"
# [outputs.logits]         # for each output, likewise
# description = "one score for each digit"
"""
