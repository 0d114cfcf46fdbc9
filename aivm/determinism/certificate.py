"""The certificate: the matrix as a record that others can check and attest (docs/protocol.md §2).

Whoever reads one need not believe its class: it follows from the cells, and `check` computes it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from aivm import records
from aivm.determinism.matrix import classify
from aivm.digests import Digest
from aivm.manifest.enums import DeterminismClass
from aivm.records import HexDigest, Record, RecordError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.determinism.axes import Absence
    from aivm.determinism.divergence import FirstDivergence
    from aivm.determinism.matrix import Matrix
    from aivm.determinism.subject import Subject

Text = Annotated[str, Meta(max_length=1024)]
Count = Annotated[int, Meta(ge=0, lt=2**31)]
#: 0 for no output, else the place of its digest in the case's list, counted from 1.
Choice = Count


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the certificate's parts."""


class CertifiedCase(Part, frozen=True, kw_only=True):
    """A case.

    Attributes:
        name: the manifest's.
        digests: of the outputs that came, each once, in the order of the environments.
    """

    name: Text
    digests: tuple[HexDigest, ...]


class CertifiedEnvironment(Part, frozen=True, kw_only=True):
    """An environment in which the cases were run.

    Attributes:
        name: within this certificate.
        values: what was changed of the reference, by axis; empty for the reference itself.
        environment: digest of its record.
        environment_class: SHA-256 of its class record, the bytes whose keccak256 names the class on chain.
        complies: whether the manifest allows it.
        cells: for every case its output.
    """

    name: Text
    values: dict[Text, Text]
    environment: HexDigest
    environment_class: HexDigest
    complies: bool
    cells: tuple[Choice, ...]


class CertifiedDivergence(Part, frozen=True, kw_only=True):
    """Where an environment parts from the reference.

    Attributes:
        environment: its name.
        case: the first that differs.
        cases: how many differ.
        operator: the first node whose output differs; null where it could not be named.
        operator_type: its ONNX operator.
        tensor: the name of that output.
        largest_ulps: between elements of the case's outputs, in decimal; null where they cannot be compared.
        note: how it was found.
    """

    environment: Text
    case: Text
    cases: Count
    operator: Text | None
    operator_type: Text | None
    tensor: Text | None
    largest_ulps: Text | None
    note: Text


class CertifiedAbsence(Part, frozen=True, kw_only=True):
    """What the machine could not offer, and why. `value` is empty for all of an axis."""

    axis: Text
    value: Text
    reason: Text


class Certificate(Record, frozen=True, kw_only=True, tag="aivm/certificate"):
    """How deterministic a kernel is, by evidence.

    Attributes:
        manifest: digest of the kernel's manifest.
        engine: the runtime's name and version, as in the manifest.
        determinism: the class that the environments show which the manifest allows.
        cases: in the order of the manifest.
        environments: the reference first.
        divergences: of those that part from the reference.
        absences: what was not tried.
    """

    manifest: HexDigest
    engine: Text
    determinism: DeterminismClass
    cases: tuple[CertifiedCase, ...]
    environments: tuple[CertifiedEnvironment, ...]
    divergences: tuple[CertifiedDivergence, ...]
    absences: tuple[CertifiedAbsence, ...]

    def check(self) -> None:
        """Checks the cells, that the class follows from them, and that what is named can be shown on a terminal.

        Raises:
            RecordError: naming the member at fault.
        """
        for index, environment in enumerate(self.environments):
            if len(environment.cells) != len(self.cases):
                raise RecordError(
                    f"{len(environment.cells)} cells for {len(self.cases)} cases", path=f"environments[{index}].cells"
                )
            for cell, case in zip(environment.cells, self.cases, strict=True):
                if cell > len(case.digests):
                    raise RecordError(
                        f"case {case.name!r} has {len(case.digests)} digests, and no number {cell}",
                        path=f"environments[{index}].cells",
                    )
        follows = classify(
            (environment.environment_class, tuple(cell or None for cell in environment.cells))
            for environment in self.environments
            if environment.complies
        )
        if follows is not self.determinism:
            raise RecordError(f"is {self.determinism}, and the cells show {follows}", path="determinism")
        for index, parted in enumerate(self.divergences):
            for name in (parted.environment, parted.case):
                if not name.isprintable():
                    raise RecordError(f"{name!r} has characters that move the cursor", path=f"divergences[{index}]")

    def record(self) -> bytes:
        """The bytes of the record.

        Raises:
            RecordError: a member breaks a rule, or the record is over the limit of all records.
        """
        return records.encode(self)

    def digest(self) -> Digest:
        """The digest of the record, which validators attest."""
        return records.digest(self)

    @property
    def environment_classes(self) -> int:
        """How many distinct environment classes gave outputs that the manifest allows."""
        return len({environment.environment_class for environment in self.environments if environment.complies})

    @classmethod
    def of(
        cls,
        subject: Subject,
        matrix: Matrix,
        divergences: Sequence[FirstDivergence] = (),
        absences: Sequence[Absence] = (),
    ) -> Certificate:
        """The certificate of what a suite found; an environment in which no worker came to life is an absence.

        Raises:
            RecordError: the subject is a program, which has no manifest to certify.
        """
        if subject.manifest is None:
            raise RecordError(f"{subject.name} is a program, and has no manifest to certify", path="manifest")
        outputs = {case: [d for d in matrix.digests(case) if d is not None] for case in matrix.cases}
        places = {case: {digest: i for i, digest in enumerate(found, 1)} for case, found in outputs.items()}
        environments = []
        for tried in matrix.alive:
            assert tried.environment is not None
            found = [tried.cells[case].digest for case in matrix.cases]
            environments.append(
                CertifiedEnvironment(
                    name=tried.name,
                    values=tried.planned.values,
                    environment=tried.environment.digest().hex(),
                    environment_class=Digest.of(tried.environment_class).hex(),
                    complies=tried.complies,
                    cells=tuple(
                        0 if digest is None else places[case][digest]
                        for case, digest in zip(matrix.cases, found, strict=True)
                    ),
                )
            )
        return cls(
            manifest=subject.manifest.digest().hex(),
            engine=f"{subject.manifest.runtime.name} {subject.manifest.runtime.version}",
            determinism=matrix.determinism_class(),
            cases=tuple(
                CertifiedCase(name=case, digests=tuple(digest.hex() for digest in found))
                for case, found in outputs.items()
            ),
            environments=tuple(environments),
            divergences=tuple(_divergence(found) for found in divergences),
            absences=(
                *(CertifiedAbsence(axis=item.axis, value=item.value, reason=item.reason) for item in absences),
                *(
                    CertifiedAbsence(axis=axis, value=value, reason=tried.error)
                    for tried in matrix.environments
                    if tried.environment is None
                    for axis, value in tried.planned.values.items()
                ),
            ),
        )


def _divergence(found: FirstDivergence) -> CertifiedDivergence:
    largest = found.distance.largest if found.distance else None
    return CertifiedDivergence(
        environment=found.environment,
        case=found.case,
        cases=found.cases,
        operator=found.operator,
        operator_type=found.operator_type,
        tensor=found.tensor,
        largest_ulps=None if largest is None else str(largest),
        note=found.note,
    )
