"""A validator among liars: a chain that changes its mind, endpoints that lie, jobs that are made to cost a stake."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.town import held_out

from aivm import kernel as kernels
from aivm import records
from aivm.cid import RAW
from aivm.digests import Digest
from aivm.records import InputRecord
from registry import requester
from registry.contracts.types import ZERO_ADDRESS, Attestation, JobFailure, JobRequest, JobStatus
from registry.errors import RpcResponseError
from registry.validator import Computation, Duty
from registry.validator.journal import JournalError, Opening

if TYPE_CHECKING:
    from support.town import Town

IMAGES, LABELS = held_out()
#: What a validator asks its endpoint at a look, at most, about a job in which nothing is due.
#: Seven calls, and what a new block adds.
CALLS_OF_A_JOB = 9


def faults(town: Town, job: bytes) -> list[Any]:
    return town.network.chain.logs(town.network.market, "ValidatorFaulted", topics={"job": job})


def ready(town: Town) -> bytes:
    town.settle_in(3)
    return town.admit()


def until(town: Town, duty: Duty, name: str = "validator 0") -> None:
    """Lets one validator work until it has done a duty."""
    for _ in range(100):
        if duty in [step.duty for step in town.validators[name].tick()]:
            return
    raise AssertionError(f"{name} never did {duty}")


def work_all(town: Town, *jobs: bytes) -> list[JobStatus]:
    """Lets everybody work until all of these jobs are over, a few seconds at a time."""
    market = town.network.market
    for _ in range(150):
        steps = [step for validator in town.validators.values() for step in validator.tick()]
        found = [market.status_of(job) for job in jobs]
        if {*found} <= {JobStatus.FINALISED, JobStatus.FAILED}:
            return found
        if not steps:
            town.network.chain.advance_time(5)
    raise AssertionError(found)


def commit_all(town: Town) -> None:
    for name in town.validators:
        until(town, Duty.COMMIT, name)


# --- a chain that changes its mind


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_commitments_that_a_reorganisation_dropped_are_made_again_and_opened(town: Town, depth: int):
    kernel = ready(town)
    job = town.ask(kernel, IMAGES[:1])
    commit_all(town)
    town.network.chain.rpc.call("anvil_reorg", depth, [])
    town.network.chain.mine()
    assert town.work(job) is JobStatus.FINALISED
    assert faults(town, job) == []
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]


def test_a_job_whose_block_was_replaced_after_it_was_read_is_found(town: Town):
    kernel = ready(town)
    one = town.validators["validator 0"]
    one.tick()
    town.network.chain.mine(3)
    one.tick()
    assert one.journal.open_jobs() == []
    town.network.chain.rpc.call("anvil_reorg", 3, [])
    job = town.ask(kernel, IMAGES[:1])  # in a block that is not above those that were read
    one.tick()
    assert one.journal.open_jobs() == [job]


def test_what_was_computed_for_another_seed_or_input_is_not_committed_to(town: Town):
    kernel = ready(town)
    job = town.ask(kernel, IMAGES[:1])
    one = town.validators["validator 0"]
    old = Attestation(digest=b"\x07" * 32, answer=bytes(32), sketch=bytes(32), environment=b"\x08" * 32)
    # Before a reorganisation, the job had another seed; that commitment never came to be.
    one.journal.write_opening(Opening(job=job, round=0, attestation=old, salt=b"\x09" * 32, subject=b"\x0a" * 32))
    assert town.work(job) is JobStatus.FINALISED
    assert faults(town, job) == []
    assert len(one.journal.openings(job, 0)) == 2


# --- endpoints that lie


def test_an_endpoint_that_names_a_block_far_ahead_does_no_lasting_harm(town: Town):
    kernel = ready(town)
    one = town.validators["validator 0"]
    one.journal.follow([], next_block=10**12)
    job = town.ask(kernel, IMAGES[:1])
    assert town.work(job) is JobStatus.FINALISED
    assert one.journal.next_block < 10**6


def test_reveals_are_made_while_new_jobs_cannot_be_read(town: Town, monkeypatch: pytest.MonkeyPatch):
    kernel = ready(town)
    town.ask(kernel, IMAGES[:1])
    commit_all(town)

    def refuse(*_: Any, **__: Any) -> None:
        raise RpcResponseError("eth_getLogs", -32005, "rate limit")

    monkeypatch.setattr(type(town.network.chain), "logs", refuse)
    town.network.chain.mine()
    until(town, Duty.REVEAL)


@pytest.mark.parametrize("answer", [None, "0x", 7, {"number": "soon"}, []])
def test_an_answer_that_makes_no_sense_is_logged_and_the_next_look_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: Any
):
    kernel = ready(town)
    job = town.ask(kernel, IMAGES[:1])
    one = town.validators["validator 0"]
    one.tick()
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        real = town.network.chain.rpc.call

        def lie(method: str, *params: Any) -> Any:
            return answer if method == "eth_call" else real(method, *params)

        patch.setattr(town.network.chain.rpc, "call", lie)
        assert one.tick() == []
    assert job.hex() in caplog.text
    assert town.work(job) is JobStatus.FINALISED


# --- what one job must not do to another


class Mistaken(Computation):
    """Fails at one job in a way that nobody foresaw."""

    job = b""

    def attest(self, job: bytes, state: Any, **options: Any) -> Attestation:
        if job == Mistaken.job:
            raise ZeroDivisionError("a mistake of ours")
        return super().attest(job, state, **options)


def test_a_mistake_in_one_job_is_logged_and_refused_in_the_end_and_the_others_go_on(
    town: Town, caplog: pytest.LogCaptureFixture
):
    kernel = ready(town)
    Mistaken.job = town.ask(kernel, IMAGES[:1])
    other = town.ask(kernel, IMAGES[1:2])
    for name, validator in town.validators.items():
        town.validators[name] = replace(validator, computation=Mistaken(network=town.network))
        town.stack.callback(town.validators[name].computation.close)
    assert work_all(town, Mistaken.job, other) == [JobStatus.FAILED, JobStatus.FINALISED]
    assert "a mistake of ours" in caplog.text
    assert Mistaken.job.hex() in caplog.text
    assert faults(town, Mistaken.job) == faults(town, other) == []


class Stuck(Computation):
    """Takes as long as the kernel of one job makes it take."""

    job = b""
    go_on: threading.Event

    def attest(self, job: bytes, state: Any, **options: Any) -> Attestation:
        if job == Stuck.job:
            Stuck.go_on.wait(60)
        return super().attest(job, state, **options)


def test_a_kernel_that_takes_its_time_keeps_no_other_job_from_its_reveal(town: Town):
    kernel = ready(town)
    first = town.ask(kernel, IMAGES[:1])
    commit_all(town)
    Stuck.job, Stuck.go_on = town.ask(kernel, IMAGES[1:2]), threading.Event()
    with ThreadPoolExecutor(1) as executor:
        for name, validator in town.validators.items():
            computation = Stuck(network=town.network)
            town.stack.callback(computation.close)
            town.validators[name] = replace(validator, computation=computation, executor=executor)
        try:
            for name in town.validators:
                until(town, Duty.REVEAL, name)
            until(town, Duty.SETTLE)
            status = town.network.market.status_of
            assert status(first) is JobStatus.SETTLED
            for _ in range(10):
                for validator in town.validators.values():
                    validator.tick()
            assert status(Stuck.job) is JobStatus.COMMITTING
            # It did not end in time: a member that has no output refuses, rather than to be absent.
            town.network.chain.advance_time(50)
            for name in town.validators:
                until(town, Duty.COMMIT, name)
        finally:
            Stuck.go_on.set()
    assert town.work(first) is JobStatus.FINALISED
    assert status(Stuck.job) is JobStatus.FAILED
    assert faults(town, first) == faults(town, Stuck.job) == []


def test_content_that_comes_late_is_waited_for_before_a_job_is_refused(town: Town):
    kernel = ready(town)
    record, file = kernels.input_record({"image": IMAGES[:1]})
    data = records.encode(record)
    job = ask_for(town, kernel, data)
    for _ in range(5):
        for validator in town.validators.values():
            validator.tick()
    assert town.network.market.status_of(job) is JobStatus.COMMITTING
    town.network.content.add_bytes(file)
    town.network.content.put_block(RAW, data)
    assert town.work(job) is JobStatus.FINALISED
    assert faults(town, job) == []


def ask_for(town: Town, kernel: bytes, input_record: bytes) -> bytes:
    """Pays for an inference on an input record that need not be anywhere."""
    person, market = town.account("requester"), town.network.market
    wanted = JobRequest(
        kernel=kernel,
        input=bytes(Digest.of(input_record)),
        environment_class=requester.ANY_CLASS,
        committee_size=3,
        consumer=ZERO_ADDRESS,
        callback_gas=0,
        refund_to=person.address,
    )
    value = market.quote(kernel, committee_size=3)
    receipt = town.network.chain.transact(market.request(wanted), sender=person, value=value)
    return bytes(receipt.event("JobRequested")["job"])


@pytest.mark.parametrize("size", [10**6, 2**52])
def test_an_input_whose_record_lies_about_its_size_is_refused(town: Town, size: int):
    kernel = ready(town)
    record, file = kernels.input_record({"image": IMAGES[:1]})
    town.network.content.add_bytes(file)
    lying = records.encode(InputRecord(tensors=record.tensors, size=size))
    town.network.content.put_block(RAW, lying)
    job = ask_for(town, kernel, lying)
    assert town.work(job) is JobStatus.FAILED
    assert town.state(job).failure is JobFailure.REFUSED
    assert faults(town, job) == []


# --- this machine at its worst


def test_nothing_is_sent_that_the_journal_could_not_keep(town: Town, monkeypatch: pytest.MonkeyPatch):
    kernel = ready(town)
    job = town.ask(kernel, IMAGES[:1])
    one = town.validators["validator 0"]
    with monkeypatch.context() as patch:

        def full(_: Opening) -> None:
            raise JournalError("database or disk is full")

        patch.setattr(one.journal, "write_opening", full)
        for _ in range(20):
            assert Duty.COMMIT not in [step.duty for step in one.tick()]
    seat = town.state(job).seat_of(one.account.address)
    assert seat is not None
    assert seat.commitment is None
    assert town.work(job) is JobStatus.FINALISED
    assert faults(town, job) == []


# --- what wears a validator out


def calls_of_a_look(town: Town, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many JSON-RPC calls one look of a validator makes."""
    made = 0
    kind = type(town.network.chain.rpc)
    exchange = kind._exchange

    def counted(self: Any, endpoint: Any, calls: Any) -> Any:
        nonlocal made
        made += len(calls)
        return exchange(self, endpoint, calls)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "_exchange", counted)
        assert town.validators[name].tick() == []
    return made


def test_every_open_job_costs_a_bounded_number_of_calls_a_look(town: Town, monkeypatch: pytest.MonkeyPatch):
    """What is said of floods in docs/security.md: the cost is linear in the jobs that are open."""
    kernel = ready(town)
    counts = []
    for _ in range(3):
        for _ in range(2):
            town.ask(kernel, IMAGES[:1])
        assert town.validators["validator 1"].tick() == []  # the jobs are found; it is the operator's turn
        counts.append(calls_of_a_look(town, "validator 1", monkeypatch))
    assert counts[0] < counts[1] < counts[2]
    assert counts[2] - counts[0] <= 4 * CALLS_OF_A_JOB


def test_what_a_job_leaves_on_the_disk_stays_there(town: Town):
    """What is said of disks in docs/security.md: inputs and outputs are kept, and nobody deletes them."""
    kernel = ready(town)
    before = set(town.network.content.local)
    for image in (IMAGES[:1], IMAGES[1:2]):
        job = town.ask(kernel, image)
        assert town.work(job) is JobStatus.FINALISED
    left = set(town.network.content.local) - before
    town.network.chain.advance_time(10**7)
    for validator in town.validators.values():
        validator.tick()
    kept = set(town.network.content.local) - before
    assert left <= kept
    assert len(kept) >= 2 * 2  # the input and the output of each job
