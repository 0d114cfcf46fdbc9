"""The manifest fields that the chain keeps (contracts/types/Manifest.sol), and how they follow from a manifest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from aivm import canonical
from aivm.cid import Cid

if TYPE_CHECKING:
    from aivm.manifest import AggregationRule, DeterminismClass, HardwareKind, Manifest, SeedPolicy

#: The ABI type of the on-chain struct; equal to the one in the artifacts (a test compares them).
MANIFEST_TYPE = (
    "(string,string,bytes32,bytes,(string,string,string,string),(string,string,string),(uint8,string,string,uint64),"
    "(bool,bool,bool),(uint8,bytes32),(uint8,string,uint16),(uint32,uint64,uint64),uint8,uint96)"
)

ZERO = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFields:
    """How the engine was built; an empty string means any."""

    operating_system: str
    compiler: str
    compiler_version: str
    compiler_flags: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFields:
    """The engine; options are canonical JSON."""

    name: str
    version: str
    options: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareFields:
    """The machine; features are comma-joined."""

    kind: HardwareKind
    features: str
    features_off: str
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericsFields:
    """Rules of the arithmetic."""

    flush_to_zero: bool
    fma_contraction: bool
    tf32: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsFields:
    """Where randomness comes from."""

    policy: SeedPolicy
    fixed_seed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregationFields:
    """How answers become one."""

    rule: AggregationRule
    sketch: str
    tolerance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsFields:
    """What one execution may use."""

    time_ms: int
    memory_bytes: int
    output_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFields:
    """The on-chain struct, member by member."""

    name: str
    version: str
    record: bytes
    model_cid: bytes
    build: BuildFields
    runtime: RuntimeFields
    hardware: HardwareFields
    numerics: NumericsFields
    seeds: SeedsFields
    aggregation: AggregationFields
    limits: LimitsFields
    determinism: DeterminismClass
    author_fee: int


def manifest_fields(manifest: Manifest) -> ManifestFields:
    """The fields that `KernelRegistry.register` takes for this manifest.

    Raises:
        ManifestError: when the manifest breaks a rule, and so has no record.
    """
    build, seeds, hardware = manifest.build, manifest.seeds, manifest.hardware
    return ManifestFields(
        name=manifest.name,
        version=manifest.version,
        record=bytes(manifest.digest()),
        model_cid=bytes(Cid.parse(manifest.model.cid)),
        build=BuildFields(
            operating_system=build.operating_system or "",
            compiler=build.compiler or "",
            compiler_version=build.compiler_version or "",
            compiler_flags=build.compiler_flags or "",
        ),
        runtime=RuntimeFields(
            name=manifest.runtime.name,
            version=manifest.runtime.version,
            options=canonical.encode(msgspec.to_builtins(manifest.runtime.options)).decode(),
        ),
        hardware=HardwareFields(
            kind=hardware.kind,
            features=",".join(hardware.features),
            features_off=",".join(hardware.features_off),
            memory_bytes=hardware.memory_bytes,
        ),
        numerics=NumericsFields(
            flush_to_zero=manifest.numerics.flush_to_zero,
            fma_contraction=manifest.numerics.fma_contraction,
            tf32=manifest.numerics.tf32,
        ),
        seeds=SeedsFields(
            policy=seeds.policy,
            fixed_seed=ZERO if seeds.fixed_seed is None else bytes.fromhex(seeds.fixed_seed.removeprefix("0x")),
        ),
        aggregation=AggregationFields(
            rule=manifest.aggregation.rule,
            sketch=manifest.aggregation.sketch or "",
            tolerance=manifest.aggregation.tolerance,
        ),
        limits=LimitsFields(
            time_ms=manifest.limits.time_ms,
            memory_bytes=manifest.limits.memory_bytes,
            output_bytes=manifest.limits.output_bytes,
        ),
        determinism=manifest.determinism,
        author_fee=int(manifest.author_fee),
    )


def manifest_difference(manifest: Manifest, on_chain: ManifestFields) -> str | None:
    """The path of the first on-chain field that is not what the manifest's record says, or None when all agree.

    Returns:
        For instance `hardware.features`: the name in the on-chain struct, in snake case.
    """
    return _difference(manifest_fields(manifest), on_chain, "")


def _difference(want: Any, have: Any, path: str) -> str | None:
    if not dataclasses.is_dataclass(want):
        return None if want == have else path
    for field in dataclasses.fields(want):
        inner = f"{path}.{field.name}" if path else field.name
        if (found := _difference(getattr(want, field.name), getattr(have, field.name), inner)) is not None:
            return found
    return None
