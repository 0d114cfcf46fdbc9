"""The parts of an environment record."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from aivm.canonical import INTEGER_BOUND

Count = Annotated[int, Meta(ge=0, lt=INTEGER_BOUND)]
Text = Annotated[str, Meta(max_length=1024)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts: frozen, slotted, every member given."""


class Rounding(StrEnum):
    """The direction of rounding that was measured."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"
    ZERO = "zero"


class Tf32(StrEnum):
    """Whether the accelerator may shorten float32 to TF32: not at all, as the engine asks, or always."""

    UNAVAILABLE = "unavailable"
    SELECTABLE = "selectable"
    FORCED = "forced"


class OperatingSystem(Part, frozen=True, kw_only=True):
    """The system: `linux`, its distribution (`debian 12`), the kernel's release, the C library."""

    name: Text
    distribution: Text
    kernel: Text
    libc: Text
    libc_version: Text


class Processor(Part, frozen=True, kw_only=True):
    """The processor.

    Attributes:
        features: those that can change bits, sorted.
        threads: how many hardware threads this process may use.
        affinity: which of them, as ranges, such as `0-3,8`; null where the system does not say.
    """

    architecture: Text
    model: Text
    features: tuple[Text, ...]
    threads: Count
    affinity: Text | None = None


class FloatingPoint(Part, frozen=True, kw_only=True):
    """The floating-point control state: what arithmetic was measured to do, and what the control register says.

    Attributes:
        control: the bits of the register that decide results, such as `mxcsr 0x0000`; null where it cannot be read.
    """

    flush_to_zero: bool
    denormals_are_zero: bool
    rounding: Rounding
    control: Text | None = None


class Accelerator(Part, frozen=True, kw_only=True):
    """An accelerator and its driver."""

    name: Text
    driver: Text
    count: Count
    tf32: Tf32


class EngineBuild(Part, frozen=True, kw_only=True):
    """How the engine's native code was built, as far as it can be told; null where it cannot."""

    operating_system: Text | None = None
    compiler: Text | None = None
    compiler_version: Text | None = None
    compiler_flags: Text | None = None


class Library(Part, frozen=True, kw_only=True):
    """A native library that can compute.

    Attributes:
        version: `unknown` where it says nothing.
        uses: what it has chosen for this processor: instruction sets, or the name of its kernels.
    """

    name: Text
    version: Text
    build: EngineBuild
    uses: tuple[Text, ...]


class Implementation(Part, frozen=True, kw_only=True):
    """What carries out an arithmetic that is defined apart from it: none of this may change a bit.

    Attributes:
        version: the package's.
        instruction_set: what the kernels that were chosen are compiled for: `avx512`, `avx2`, `neon` or `portable`.
        hardware_fma: whether they use fused multiply-add instructions; without these the same bits take much longer.
    """

    version: Text
    instruction_set: Text
    hardware_fma: bool


class EngineInfo(Part, frozen=True, kw_only=True):
    """An engine: its name and version, the provider that executes the operators (`cpu`, `cuda`), its build.

    Attributes:
        implementation: there if the version names an arithmetic, and not the package that computes it.
        options: as they were set and read back, the number of threads among them, by the manifest's names; those that
            a manifest has no word for by the engine's.
    """

    name: Text
    version: Text
    provider: Text
    build: EngineBuild
    implementation: Implementation | None = None
    options: dict[Text, Text] = msgspec.field(default_factory=dict)


class Python(Part, frozen=True, kw_only=True):
    """The interpreter and the packages that take part."""

    implementation: Text
    version: Text
    hash_seed: Text
    numpy: Text
    onnx: Text


class Region(Part, frozen=True, kw_only=True):
    """Locale and time zone: they must not matter, and are recorded to show that they do not."""

    locale: Text
    time_zone: Text
