"""The manifest record itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from aivm import records
from aivm.digests import Digest  # noqa: TC001 - Manifest is a msgspec class, whose annotations are read
from aivm.manifest import rules
from aivm.manifest.enums import DeterminismClass
from aivm.manifest.parts import (
    Aggregation,
    Answer,
    Build,
    Case,
    Description,
    Hardware,
    Limits,
    Model,
    Numerics,
    OutputSpec,
    Runtime,
    Seeds,
    TensorSpec,
    Word,
)
from aivm.records import ContentCid, HexDigest, Record, RecordError, whole

Name = Annotated[str, Meta(pattern=whole("[a-z0-9]([a-z0-9-]*[a-z0-9])?"), max_length=64)]
KernelVersion = Annotated[str, Meta(pattern=whole(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"), max_length=64)]
Wei = Annotated[str, Meta(pattern=whole("0|[1-9][0-9]*"), max_length=29, description="wei in decimal, below 2^96")]


class Manifest(Record, frozen=True, kw_only=True, tag="aivm/manifest"):
    """A kernel's description: everything that decides its output (docs/protocol.md §3).

    `Manifest.from_record(m.record()) == m`, and equal manifests have equal bytes.
    """

    error: ClassVar[type[RecordError]] = rules.ManifestError

    name: Name
    # In the record, `version` is that of the record's format, as in every record.
    version: KernelVersion = msgspec.field(name="kernel_version")
    model: Model
    build: Build
    runtime: Runtime
    hardware: Hardware
    numerics: Numerics
    seeds: Seeds
    inputs: Annotated[tuple[TensorSpec, ...], Meta(max_length=256)]
    outputs: Annotated[tuple[OutputSpec, ...], Meta(max_length=256)]
    answer: Answer
    aggregation: Aggregation
    limits: Limits
    determinism: DeterminismClass
    author_fee: Wei
    cases: Annotated[tuple[Case, ...], Meta(max_length=256)]
    licence: Word
    description: Description
    model_card: ContentCid | None
    calibration: HexDigest | None

    def check(self) -> None:
        """Checks the rules between members.

        Raises:
            ManifestError: naming the member and what is wanted.
        """
        rules.check(self)

    def record(self) -> bytes:
        """The bytes of the record, after checking every rule.

        Raises:
            ManifestError: naming the member and what is wanted.
        """
        return records.encode(self)

    def digest(self) -> Digest:
        """The digest of the record: the `record` field on chain."""
        return records.digest(self)

    @classmethod
    def from_record(cls, data: bytes) -> Manifest:
        """Reads a record; accepts only its one canonical form.

        Raises:
            ManifestError: naming the member and what is wanted.
        """
        return records.decode(data, cls)
