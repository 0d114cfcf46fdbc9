"""A kernel whose bits really differ between two classes of machines, and what the network does about it.

The machines of one class compute with the C library's functions for processors with FMA, those of the other with its
functions for processors without (`support.differing`). So these tests need an x86-64 with FMA, and glibc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import differing
from support.town import ISAS

from aivm import records
from aivm.environment import Environment
from aivm.execution import execute
from aivm.manifest import DeterminismClass
from aivm.settlement import Outcome
from registry import admissions, challenges, errors, publisher, requester
from registry.contracts.types import JobStatus, KernelStatus, outcomes_of
from registry.ids import environment_class
from registry.validator.machine import machine_class

if TYPE_CHECKING:
    from pathlib import Path

    from support.town import Town

    from aivm.kernel import Kernel

NEWER, OLDER = (machine_class(isa) for isa in ISAS)
#: Seats of a committee whose result can be held against a kernel.
JUDGES = 7


def settle_in(town: Town, count: int, *, older: bytes = OLDER) -> None:
    """Validators of the two classes by turns; those of one have the C library's functions of an older machine."""
    town.settle_in(count)
    for index, validator in enumerate(town.validators.values()):
        computation = validator.computation
        if machine_class(ISAS[index % 2]) == older:
            computation.variables = {**(computation.variables or {}), **differing.OLDER}


def ask(town: Town, kernel: bytes, inputs: Any, *, of: bytes, seats: int = 3) -> bytes:
    person = town.account("requester")
    call, value = requester.prepare(
        town.network, person.address, kernel=kernel, inputs=inputs, committee_size=seats, environment_class=of
    )
    return bytes(town.network.chain.transact(call, sender=person, value=value).event("JobRequested")["job"])


def examine(town: Town, kernel: bytes, *, of: bytes) -> bytes:
    """The kernel's cases, run once more by a committee of one class."""
    call = town.network.registry.request_validation(kernel, committee_size=3, environment_class=of)
    price = town.network.market.quote_validation(committee_size=3)
    receipt = town.network.chain.transact(call, sender=town.account("anyone"), value=price)
    job = bytes(receipt.event("ValidationRequested")["job"])
    assert town.work(job) is JobStatus.FINALISED
    return job


def outcomes(town: Town, job: bytes) -> list[Outcome]:
    """What became of each member, in the order of the validators."""
    state = town.state(job)
    due = dict(zip(state.committee, outcomes_of(state.progress.outcomes, len(state.committee)), strict=True))
    return [
        due[validator.account.address] for validator in town.validators.values() if validator.account.address in due
    ]


def faults(town: Town, job: bytes) -> list[Any]:
    return list(town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": job}))


def computed_by(town: Town, job: bytes) -> set[bytes]:
    """The classes of the environments in which a job's members say that they have computed."""
    said = [seat.attestation for seat in town.state(job).seats]
    read = town.network.content.get_record
    return {environment_class(records.decode(read(each.environment), Environment)) for each in said if each is not None}


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    """Claims to be the same everywhere, with a case that is not."""
    return differing.powers(tmp_path_factory.mktemp("uneven") / "kernel", differing.numbers())


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    """Claims the same, and its cases are."""
    return differing.powers(tmp_path_factory.mktemp("even") / "kernel", differing.squares())


def test_the_two_classes_have_bits_of_their_own_and_each_keeps_to_them(even: Kernel):
    def digests(inputs: Any, variables: Any) -> set[Any]:
        return {execute(even, inputs, variables=variables, threads=count).digest for count in (1, 2)}

    newer, older = digests(differing.numbers(), {}), digests(differing.numbers(), differing.OLDER)
    assert len(newer) == len(older) == 1
    assert newer != older
    assert digests(differing.squares(), {}) == digests(differing.squares(), differing.OLDER)


@pytest.mark.parametrize(
    ("older", "status"),
    [
        pytest.param(OLDER, KernelStatus.REGISTERED, id="undecided"),
        pytest.param(NEWER, KernelStatus.REJECTED, id="rejected"),
    ],
)
def test_bits_that_one_class_alone_has_are_not_admitted_as_bitwise_and_nobody_pays_for_them(
    town: Town, uneven: Kernel, older: bytes, status: KernelStatus
):
    """Two of the three machines are of one class: which one decides whether the majority has the promised bits."""
    settle_in(town, 3, older=older)
    publication = town.publish(uneven)
    assert town.work(publication.job) is JobStatus.FINALISED
    state = town.network.registry.kernel_of(publication.kernel)
    assert (state.status, state.classes) == (status, 1)
    (case,) = admissions.verdict(town.network, publication.job).cases
    assert (case.actual == case.expected) == (status is KernelStatus.REGISTERED)
    assert len(computed_by(town, publication.job)) == 2
    assert outcomes(town, publication.job) == [Outcome.PAID, Outcome.UNPAID, Outcome.PAID]
    assert faults(town, publication.job) == []
    with pytest.raises(errors.JobMarketKernelNotApproved):
        ask(town, publication.kernel, differing.squares(), of=requester.ANY_CLASS)


def test_the_same_kernel_is_admitted_as_pinned_by_the_class_that_has_its_bits(town: Town, tmp_path: Path):
    settle_in(town, 6)
    network, pinned = town.network, differing.powers(tmp_path / "kernel", differing.numbers(), determinism="pinned")
    publication = publisher.publish(
        network, town.account("publisher"), pinned, handle="town", committee_size=3, environment_class=NEWER
    )
    assert town.work(publication.job) is JobStatus.FINALISED
    kernel = publication.kernel
    assert network.registry.kernel_of(kernel).status is KernelStatus.APPROVED
    job = ask(town, kernel, differing.numbers(), of=NEWER)
    assert town.work(job) is JobStatus.FINALISED
    assert requester.fetch(network, job).digest.hex() == pinned.manifest.cases[0].output
    # The other class finds other bits: that is no fault of anybody, and no reason to reject what was not made for it.
    other = examine(town, kernel, of=OLDER)
    assert not admissions.verdict(network, other).conforms
    assert outcomes(town, other) == [Outcome.PAID] * 3
    assert faults(town, other) == []
    assert challenges.admitted_classes(network, kernel) == [NEWER]
    assert network.registry.kernel_of(kernel).status is KernelStatus.APPROVED
    for refused in (OLDER, requester.ANY_CLASS):
        with pytest.raises(errors.JobMarketClassNeeded):
            ask(town, kernel, differing.numbers(), of=refused)


def test_bits_that_follow_the_threads_are_not_admitted_though_every_member_computes_with_one(
    town: Town, tmp_path: Path
):
    """Each keeps the promise by itself, and so do all: what is wrong shows in their parts of the matrix alone."""
    town.environments = 1
    town.settle_in(3)
    kernel = differing.product(tmp_path / "kernel")
    promised = kernel.manifest.cases[0].output
    assert execute(kernel, kernel.cases["case-0"], threads=1).digest.hex() == promised
    publication = town.publish(kernel)
    assert town.work(publication.job) is JobStatus.FINALISED
    state = town.network.registry.kernel_of(publication.kernel)
    assert (state.status, state.classes) == (KernelStatus.REJECTED, 2)
    assert admissions.verdict(town.network, publication.job).refused == "VaryingOutputError"
    assert outcomes(town, publication.job) == [Outcome.PAID] * 3
    for said in admissions.testimonies(town.network, publication.job):
        assert said.certificate is not None
        (case,) = said.certificate.cases
        own, other = case.digests
        assert own == promised != other
        assert said.certificate.environments[1].values["threads"] != "1"


def test_a_member_with_more_threads_finds_what_the_others_find_and_pays_nothing(town: Town, tmp_path: Path):
    """Of the same class as another: its cases break their promise at once, the others' only in another environment."""
    town.environments = 2
    town.settle_in(3)
    town.validators["validator 2"].computation.threads = 2
    publication = town.publish(differing.product(tmp_path / "kernel"))
    assert town.work(publication.job) is JobStatus.FINALISED
    assert town.network.registry.kernel_of(publication.kernel).status is KernelStatus.REJECTED
    assert faults(town, publication.job) == []
    assert outcomes(town, publication.job) == [Outcome.PAID] * 3


def test_a_difference_that_only_a_job_shows_takes_the_class_down(town: Town, even: Kernel, deployment: Any):
    town.environments = 1
    settle_in(town, 2 * JUDGES)
    registry, publication = town.network.registry, town.publish(even)
    assert town.work(publication.job) is JobStatus.FINALISED
    kernel = publication.kernel
    state = registry.kernel_of(kernel)
    assert (state.status, state.determinism, state.classes) == (KernelStatus.APPROVED, DeterminismClass.BITWISE, 2)
    jobs = [ask(town, kernel, differing.numbers(), of=each, seats=JUDGES) for each in (NEWER, OLDER)]
    for job in jobs:
        assert town.work(job) is JobStatus.FINALISED
        assert outcomes(town, job) == [Outcome.PAID] * JUDGES
    one, other = (requester.fetch(town.network, job) for job in jobs)
    apart = one.outputs["y"] != other.outputs["y"]
    assert 0 < apart.sum() < apart.size // 100
    newer, older = (computed_by(town, job) for job in jobs)
    assert len(newer) == len(older) == 1
    assert newer != older
    assert challenge(town, deployment, kernel, *jobs) == "demoted to pinned\n"
    state = registry.kernel_of(kernel)
    assert (state.status, state.determinism) == (KernelStatus.APPROVED, DeterminismClass.PINNED)
    # From now on a class takes jobs once it has admitted the kernel by itself.
    for refused in (NEWER, OLDER, requester.ANY_CLASS):
        with pytest.raises(errors.JobMarketClassNeeded):
            ask(town, kernel, differing.numbers(), of=refused)
    examine(town, kernel, of=OLDER)
    assert challenges.admitted_classes(town.network, kernel) == [OLDER]
    assert town.state(ask(town, kernel, differing.numbers(), of=OLDER)).status is JobStatus.REQUESTED
    with pytest.raises(errors.JobMarketClassNeeded):
        ask(town, kernel, differing.numbers(), of=NEWER)


def challenge(town: Town, deployment: Any, kernel: bytes, one: bytes, other: bytes) -> str:
    """By the command, as anybody with a key would."""
    key = town.folder / "key"
    key.touch(mode=0o600)
    key.write_text(town.account("knower").key.hex())
    ids = [f"0x{each.hex()}" for each in (kernel, one, other)]
    return town.aivm(deployment, "kernel", "challenge", *ids, "--key-file", str(key))
