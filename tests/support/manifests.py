"""Manifests for tests of `registry`: a real one, and structs with random fields, beyond what a registry would take."""

from __future__ import annotations

import random

from manifest_examples import REPRODUCIBLE, example_manifest

from aivm.manifest import AggregationRule, DeterminismClass, HardwareKind, SeedPolicy
from registry.contracts import manifest_fields as fields

__all__ = ["REPRODUCIBLE", "example_manifest", "random_fields"]


def random_fields(seed: int) -> fields.ManifestFields:
    """A struct that is the same for the same seed; often at the ends of the ranges."""
    source = random.Random(seed)

    def text() -> str:
        length = source.choice([0, 1, 31, 32, 33, source.randrange(100)])
        return "".join(source.choice('az09-,. {}":éλ🙂\x00') for _ in range(length))

    def number(bits: int) -> int:
        return source.choice([0, 1, 2**bits - 1, source.getrandbits(bits)])

    def some(words: type) -> object:
        return source.choice(list(words))

    def flag() -> bool:
        return source.random() < 0.5

    return fields.ManifestFields(
        name=text(),
        version=text(),
        record=source.randbytes(32),
        model_cid=source.randbytes(source.choice([0, 31, 32, 33, 36])),
        build=fields.BuildFields(
            operating_system=text(), compiler=text(), compiler_version=text(), compiler_flags=text()
        ),
        runtime=fields.RuntimeFields(name=text(), version=text(), options=text()),
        hardware=fields.HardwareFields(
            kind=some(HardwareKind), features=text(), features_off=text(), memory_bytes=number(64)
        ),
        numerics=fields.NumericsFields(flush_to_zero=flag(), fma_contraction=flag(), tf32=flag()),
        seeds=fields.SeedsFields(policy=some(SeedPolicy), fixed_seed=source.randbytes(32)),
        aggregation=fields.AggregationFields(rule=some(AggregationRule), sketch=text(), tolerance=number(16)),
        limits=fields.LimitsFields(time_ms=number(32), memory_bytes=number(64), output_bytes=number(64)),
        determinism=some(DeterminismClass),
        author_fee=number(96),
    )
