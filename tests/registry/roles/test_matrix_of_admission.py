"""What a committee tries before it admits a kernel: each member its part of the matrix, attested by its digest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from aivm import canonical, records
from aivm.digests import Digest
from aivm.environment import Environment
from aivm.manifest import DeterminismClass
from registry import admissions
from registry.validator import Computation

if TYPE_CHECKING:
    from support.town import Town

    from aivm.determinism import Part
    from registry.contracts.types import Attestation


class Forger(Computation):
    """Attests a certificate that it has altered."""

    changes: ClassVar[dict[str, Any]] = {}

    def _verdict(self, record: Any, environment: Environment, part: Part | None = None) -> Attestation:
        assert part is not None
        said = super()._verdict(record, environment, part)
        altered = {**msgspec.to_builtins(part.certificate()), **self.changes}
        return replace(said, sketch=self._keep(canonical.encode(altered)) if self.changes else bytes(32))


class NamesAnotherKernel(Forger):
    changes: ClassVar = {"manifest": "0x" + "17" * 32}


class NamesAnotherClass(Forger):
    changes: ClassVar = {"determinism": "pinned"}


class AttestsNone(Forger):
    """As who runs no part does."""


def test_each_member_runs_its_part_and_attests_the_certificate(town: Town):
    town.environments = 2
    town.settle_in(3)
    job = town.network.registry.kernel_of(town.admit()).validation_job
    said, verdict = admissions.testimonies(town.network, job), admissions.verdict(town.network, job)
    assert [each.member for each in said] == [seat.member for seat in town.state(job).seats]
    drawn = set()
    for each in said:
        certificate = each.certificate
        assert certificate is not None
        own, *others = certificate.environments
        assert certificate.determinism is DeterminismClass.BITWISE
        assert [case.digests for case in certificate.cases] == [(case.actual,) for case in verdict.cases]
        assert own.values == {}
        assert all({"isa", "threads", "alignment", "hashing"} <= set(other.values) for other in others)
        for environment in certificate.environments:
            record = town.network.content.get_record(bytes(Digest.from_hex(environment.environment)))
            assert records.decode(record, Environment).digest().hex() == environment.environment
        drawn.add(tuple(other.name for other in others))
    # One machine and one seed: what members can try alike they do.
    assert len(drawn) == 1
    assert (
        len(
            {
                environment.environment_class
                for each in said
                if each.certificate
                for environment in each.certificate.environments[:1]
            }
        )
        == 2
    )


def test_a_certificate_that_is_made_up_or_about_another_kernel_is_none_and_changes_no_verdict(town: Town):
    town.environments = 1
    town.settle_in(3, {0: NamesAnotherKernel, 1: NamesAnotherClass, 2: AttestsNone})
    job = town.network.registry.kernel_of(town.admit()).validation_job
    said = {each.member: each for each in admissions.testimonies(town.network, job)}
    faults = [said[town.account(f"validator {index}").address].fault for index in range(3)]
    assert all(each.certificate is None for each in said.values())
    assert faults[0] == "it is about another manifest"
    assert "the cells show bitwise" in faults[1]
    assert faults[2] == "it attested none"
    assert admissions.verdict(town.network, job).conforms
