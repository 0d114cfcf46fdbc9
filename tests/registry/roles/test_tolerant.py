"""A kernel that is not the same bits everywhere: admitted and settled by nearness, on a real chain, by real machines.

Its three validators let ONNX Runtime rewrite the graph to different degrees, and so have different outputs.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from aivm import kernel as kernels
from aivm import records, tensors, unixfs
from aivm.cid import RAW
from aivm.manifest import GraphOptimization
from aivm.settlement import Outcome, distance
from registry import admissions, requester
from registry.contracts.types import JobFailure, JobStatus, KernelStatus, outcomes_of
from registry.requester import ResultMismatchError
from registry.validator import Computation

if TYPE_CHECKING:
    from pathlib import Path

    from support.town import Town

    from aivm.execution import Execution, Runner
    from aivm.kernel import Kernel
    from registry.contracts.types import Attestation


@dataclass(slots=True, kw_only=True)
class Substituting(Computation):
    """Runs another model than it was asked to, once it has one."""

    other: bytes | None = None

    def _prepare(self, kernel: Kernel) -> Runner:
        # Named in full: zero-argument super() does not work in a class with slots.
        return Computation._prepare(self, dataclasses.replace(kernel, model=self.other or kernel.model))

    def cheat_with(self, model: bytes) -> None:
        """From now on."""
        self.close()
        self.other = model


@dataclass(slots=True, kw_only=True)
class Misleading(Computation):
    """Attests the right sketch and the right answer, over a record of something else."""

    lies: bool = False

    def attestation(self, execution: Execution) -> Attestation:
        said = Computation.attestation(self, execution)
        if not self.lies:
            return said
        blank = tensors.encode({"image": np.zeros((1, 1, 8, 8), np.float32)})
        self.network.content.add_bytes(blank)
        record = unixfs.import_bytes(blank)
        forged = records.OutputRecord(tensors=str(record.cid), size=len(blank), answer=execution.record.answer)
        digest = self.network.content.put_block(RAW, records.encode(forged)).digest
        return dataclasses.replace(said, digest=digest)


LEVELS = (GraphOptimization.ALL, GraphOptimization.NONE, GraphOptimization.NONE)


@pytest.fixture(scope="module")
def kernel(tolerant_folder: Path) -> Kernel:
    return kernels.load(tolerant_folder)


def settle_in(town: Town, kinds: Any = (Computation,) * 3, *, relayed: bool = False) -> None:
    made = {
        index: functools.partial(kind, optimization=level)
        for index, (kind, level) in enumerate(zip(kinds, LEVELS, strict=True))
    }
    town.settle_in(3, made, relayed=relayed)


def admit(town: Town, kernel: Kernel) -> Any:
    publication = town.publish(kernel)
    town.work(publication.job)
    return publication


def ask(town: Town, kernel: bytes, digit: int) -> bytes:
    person = town.account("requester")
    call, value = requester.prepare(
        town.network, person.address, kernel=kernel, inputs={"digit": np.int64([digit])}, committee_size=3
    )
    return bytes(town.network.chain.transact(call, sender=person, value=value).event("JobRequested")["job"])


def status_of(town: Town, kernel: bytes) -> KernelStatus:
    return town.network.registry.kernel_of(kernel).status


def paid(town: Town, job: bytes) -> dict[str, Outcome]:
    state = town.state(job)
    return dict(zip(state.committee, outcomes_of(state.progress.outcomes, 3), strict=True))


def test_machines_with_other_bits_are_paid_and_another_model_is_not(
    town: Town, deployment: Any, kernel: Kernel, tolerant_folder: Path
):
    settle_in(town, (Computation, Computation, Substituting), relayed=True)
    publication = admit(town, kernel)
    assert status_of(town, publication.kernel) is KernelStatus.APPROVED
    names = {each.account.address: name for name, each in town.validators.items()}
    cheat = town.validators["validator 2"]
    cheat.computation.cheat_with((tolerant_folder / "substitutes" / "other-data.onnx").read_bytes())
    stake = town.network.staking.validator(cheat.account.address).stake
    # Of a hundred images of the other model one at most looks the same; three in a row do not.
    for digit in range(3):
        job = ask(town, publication.kernel, digit)
        assert town.work(job) is JobStatus.FINALISED
        state = town.state(job)
        said = {names[seat.member]: seat.attestation for seat in state.seats}
        honest = said["validator 0"], said["validator 1"]
        assert honest[0].digest != honest[1].digest
        assert (
            distance(honest[0].sketch, honest[1].sketch)
            <= state.terms.tolerance
            == kernel.manifest.aggregation.tolerance
        )
        far = distance(said["validator 2"].sketch, state.result.sketch) > state.terms.tolerance
        due = {names[who]: outcome for who, outcome in paid(town, job).items()}
        assert due == {
            "validator 0": Outcome.PAID,
            "validator 1": Outcome.PAID,
            "validator 2": Outcome.UNPAID if far else Outcome.PAID,
        }
        if far:
            break
    assert far
    assert town.network.staking.validator(cheat.account.address).stake == stake
    assert town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": job}) == []
    # Whoever asked gets an output whose sketch is the settled one.
    found = requester.fetch(town.network, job)
    assert found.sketch == state.result.sketch
    show(town, deployment, job, far=names[cheat.account.address])


def show(town: Town, deployment: Any, job: bytes, *, far: str) -> None:
    """The requester's commands name every member's distance."""
    said = job_command(town, deployment, "show", job)
    rows = {row["validator"]: row for row in said["committee"]}
    cheat, tolerance = town.validators[far].account.address, said["tolerance_bits"]
    assert {who: row["outcome"] for who, row in rows.items() if who != cheat} == dict.fromkeys(
        rows.keys() - {cheat}, "paid"
    )
    assert rows[cheat]["outcome"] == "unpaid"
    for who, row in rows.items():
        assert row["distance"] == (int(row["sketch"], 16) ^ int(said["sketch"], 16)).bit_count()
        assert (row["distance"] > tolerance) == (who == cheat)
    found = job_command(town, deployment, "check", job)
    assert found["agrees"]
    assert found["distance_bits"] <= tolerance


def job_command(town: Town, deployment: Any, command: str, job: bytes) -> Any:
    return json.loads(town.aivm(deployment, "job", command, f"0x{job.hex()}", "--json"))


def changed(kernel: Kernel, **members: Any) -> Kernel:
    """The kernel with other members of its aggregation, registered as it is."""
    rule = msgspec.structs.replace(kernel.manifest.aggregation, **members)
    return dataclasses.replace(kernel, manifest=msgspec.structs.replace(kernel.manifest, aggregation=rule))


def moved(kernel: Kernel, bits: int) -> tuple[Any, ...]:
    """The promises, the first one so many bits away."""
    first, *others = kernel.manifest.aggregation.promises
    away = int(first.sketch, 16) ^ (2**bits - 1)
    return (msgspec.structs.replace(first, sketch=f"0x{away:064x}"), *others)


def test_promises_that_no_honest_machine_could_keep_are_rejected(town: Town, kernel: Kernel):
    settle_in(town)
    publication = admit(town, changed(kernel, promises=moved(kernel, 32)))
    assert status_of(town, publication.kernel) is KernelStatus.REJECTED
    found = admissions.verdict(town.network, publication.job)
    kept = [case.actual == case.expected for case in found.cases]
    assert kept == [False] + [True] * 9
    assert set(paid(town, publication.job).values()) == {Outcome.PAID}


def test_promises_between_one_and_two_tolerances_away_are_nobodys_fault(town: Town, kernel: Kernel):
    """The job fails, the kernel can be validated again, and nobody is slashed for a distance."""
    settle_in(town)
    tolerance = kernel.manifest.aggregation.tolerance
    publication = admit(town, changed(kernel, promises=moved(kernel, 2 * tolerance - 1)))
    state = town.state(publication.job)
    assert (state.status, state.failure) == (JobStatus.FAILED, JobFailure.REFUSED)
    assert status_of(town, publication.kernel) is KernelStatus.REGISTERED
    assert town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": publication.job}) == []


def test_a_wider_tolerance_than_the_evidence_shows_is_rejected(town: Town, kernel: Kernel):
    settle_in(town)
    tolerance = kernel.manifest.aggregation.tolerance
    publication = admit(town, changed(kernel, tolerance=tolerance + 8))
    assert status_of(town, publication.kernel) is KernelStatus.REJECTED
    assert admissions.verdict(town.network, publication.job).refused == "EvidenceError"


def test_a_record_that_has_not_the_settled_sketch_is_found_out(town: Town, kernel: Kernel):
    settle_in(town, (Misleading, Misleading, Misleading))
    publication = admit(town, kernel)
    for validator in town.validators.values():
        validator.computation.lies = True
    job = ask(town, publication.kernel, 3)
    town.work(job)
    with pytest.raises(ResultMismatchError, match=r"settled with the sketch 0x0.*its output has 0x0"):
        requester.fetch(town.network, job)
