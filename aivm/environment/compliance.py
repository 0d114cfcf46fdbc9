"""Whether a machine is what a manifest asks for: field by field, in words, and never "close enough"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from aivm.environment.parts import Tf32
from aivm.errors import AivmError
from aivm.manifest.enums import GraphOptimization, HardwareKind
from aivm.manifest.parts import Reproducible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.environment.parts import EngineInfo
    from aivm.environment.record import Environment
    from aivm.manifest import Manifest, Runtime


#: How often an output is in memory at once.
_COPIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One field of the manifest that this machine does not satisfy.

    Attributes:
        field: the manifest's member, such as `hardware.features`.
        want: what the manifest says.
        have: what the machine is.
        remedy: what to change.
    """

    field: str
    want: str
    have: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: want {self.want}, have {self.have}; {self.remedy}"


class EnvironmentMismatchError(AivmError):
    """A machine that does not satisfy a manifest; `mismatches` lists every field that differs."""

    def __init__(self, mismatches: list[Mismatch], kernel: str) -> None:
        fields = "\n".join(f"  {mismatch}" for mismatch in mismatches)
        super().__init__(
            f"this machine does not satisfy the manifest of {kernel}:\n{fields}",
            hint="Change what the lines above say, or leave this kernel to other machines.",
        )
        self.mismatches = tuple(mismatches)


def require_compliance(manifest: Manifest, environment: Environment) -> None:
    """Checks every field.

    Raises:
        EnvironmentMismatchError: listing every field that differs and what to change.
    """
    mismatches = compliance(manifest, environment)
    if mismatches:
        raise EnvironmentMismatchError(mismatches, f"{manifest.name}@{manifest.version}")


def compliance(manifest: Manifest, environment: Environment) -> list[Mismatch]:
    """Every field of the manifest that the machine does not satisfy, in the manifest's order; empty if it complies."""
    checks = (_build, _runtime, _hardware, _numerics, _limits)
    return [mismatch for check in checks for mismatch in check(manifest, environment)]


def _build(manifest: Manifest, environment: Environment) -> Iterator[Mismatch]:
    build = environment.engine.build if environment.engine else None
    for member in ("operating_system", "compiler", "compiler_version", "compiler_flags"):
        want, have = getattr(manifest.build, member), getattr(build, member, None)
        if want is not None and want != have:
            remedy = "install the build of the engine that the publisher used"
            yield Mismatch(field=f"build.{member}", want=want, have=have or "unknown", remedy=remedy)


def _runtime(manifest: Manifest, environment: Environment) -> Iterator[Mismatch]:
    want, have = manifest.runtime, environment.engine
    reproducible = isinstance(want, Reproducible)
    exact = f"a version of aivm that has {want.version}" if reproducible else f"{want.name}=={want.version}"
    if have is None:
        yield Mismatch(field="runtime.name", want=want.name, have="no engine", remedy=f"install {exact}")
        return
    if have.name != want.name:
        yield Mismatch(field="runtime.name", want=want.name, have=have.name, remedy=f"install {exact}")
    elif have.version != want.version:
        yield Mismatch(field="runtime.version", want=want.version, have=have.version, remedy=f"install {exact}")
    if have.provider != want.provider:
        remedy = f"install an engine that has the provider {want.provider}, and its driver"
        yield Mismatch(field="runtime.options.provider", want=want.provider, have=have.provider, remedy=remedy)
    if have.name == want.name:
        yield from _options(want, have)


def _options(runtime: Runtime, engine: EngineInfo) -> Iterator[Mismatch]:
    for name, value in sorted(msgspec.to_builtins(runtime.options).items()):
        want, have = str(value).lower(), engine.options.get(name, "unknown")
        anything = (name.endswith("_threads") and value == 0) or value == GraphOptimization.ANY
        if name != "provider" and want != have and not anything:
            remedy = "have the executor set what the manifest says"
            yield Mismatch(field=f"runtime.options.{name}", want=want, have=have, remedy=remedy)


def _hardware(manifest: Manifest, environment: Environment) -> Iterator[Mismatch]:
    want, have = manifest.hardware, environment.processor.features
    if want.kind is HardwareKind.CUDA and environment.accelerator is None:
        remedy = "run on a machine with an NVIDIA accelerator and its driver"
        yield Mismatch(field="hardware.kind", want=want.kind, have="no accelerator", remedy=remedy)
    missing = [feature for feature in want.features if feature not in have]
    if missing:
        yield Mismatch(
            field="hardware.features",
            want=", ".join(want.features),
            have=f"no {', '.join(missing)}",
            remedy="run on a processor that has these instruction sets",
        )
    present = [feature for feature in want.features_off if feature in have]
    if present:
        yield Mismatch(
            field="hardware.features_off",
            want=f"without {', '.join(want.features_off)}",
            have=", ".join(present),
            remedy="run on a processor without these, or where the hypervisor masks them",
        )
    if environment.memory_bytes < want.memory_bytes:
        yield _memory("hardware.memory_bytes", want.memory_bytes, environment)


def _numerics(manifest: Manifest, environment: Environment) -> Iterator[Mismatch]:
    want, state = manifest.numerics, environment.floating_point
    if state.rounding != "nearest":
        remedy = "find what changed the rounding mode of this process"
        yield Mismatch(field="numerics", want="rounding to nearest", have=f"rounding {state.rounding}", remedy=remedy)
    if not want.flush_to_zero and (state.flush_to_zero or state.denormals_are_zero):
        remedy = "find the library that sets it, usually one linked with -ffast-math, and do not load it"
        yield Mismatch(field="numerics.flush_to_zero", want="off", have="on", remedy=remedy)
    # The reproducible engine gives the same bits with and without.
    if want.fma_contraction != environment.fuses and not isinstance(manifest.runtime, Reproducible):
        on, off = ("on", "off") if want.fma_contraction else ("off", "on")
        having = "with" if want.fma_contraction else "without"
        remedy = f"run on a processor {having} fused multiply-add, since the engine uses it where it is"
        yield Mismatch(field="numerics.fma_contraction", want=on, have=off, remedy=remedy)
    tf32 = environment.accelerator.tf32 if environment.accelerator else Tf32.UNAVAILABLE
    if want.tf32 and tf32 is Tf32.UNAVAILABLE:
        remedy = "run on an accelerator that has it, without NVIDIA_TF32_OVERRIDE=0"
        yield Mismatch(field="numerics.tf32", want="on", have=tf32, remedy=remedy)
    if not want.tf32 and tf32 is Tf32.FORCED and manifest.hardware.kind is HardwareKind.CUDA:
        yield Mismatch(field="numerics.tf32", want="off", have=tf32, remedy="unset NVIDIA_TF32_OVERRIDE")


def _limits(manifest: Manifest, environment: Environment) -> Iterator[Mismatch]:
    # The execution may use up to its limit, and a worker killed for want of memory looks like a failed kernel.
    if environment.memory_bytes < manifest.limits.memory_bytes:
        yield _memory("limits.memory_bytes", manifest.limits.memory_bytes, environment)

    # The output is held outside the worker too, received, checked and stored: a file of zeros is cheap to make.
    needed = manifest.limits.memory_bytes + _COPIES * manifest.limits.output_bytes
    if manifest.limits.memory_bytes <= environment.memory_bytes < needed:
        yield _memory("limits.output_bytes", needed, environment)


def _memory(field: str, want: int, environment: Environment) -> Mismatch:
    return Mismatch(
        field=field,
        want=f"{want} bytes",
        have=f"{environment.memory_bytes} bytes",
        remedy="run on a machine, or in a control group, with more memory",
    )
