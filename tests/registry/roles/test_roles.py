"""The roles together, on an embedded chain, with kernels that really run."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support.town import DIGITS, ETHER, held_out

from aivm import kernel as kernels
from aivm import records, unixfs
from aivm.cid import RAW, Cid
from aivm.execution.inputs import InputDtypeError, InputRangeError, InputShapeError
from aivm.records import InputRecord, ValidationRecord
from registry import admissions, errors, publisher, requester
from registry.contracts.manifest_fields import manifest_fields
from registry.contracts.types import ZERO_ADDRESS, JobFailure, JobRequest, JobStatus, KernelStatus, Outcome
from registry.demo.cheat import CheatingComputation
from registry.jobs import JobUnknownError
from registry.validator import Computation, Duty, Journal
from registry.validator.journal import JournalMissingError

if TYPE_CHECKING:
    from support.town import Town

IMAGES, LABELS = held_out()


def faults(town: Town, job: bytes) -> dict[str, Outcome]:
    market = town.network.market
    logs = town.network.chain.logs(market, "ValidatorFaulted", topics={"job": job})
    return {log["validator"]: log["fault"] for log in logs}


def test_a_kernel_is_admitted_and_answers_as_it_does_at_home(town: Town):
    town.settle_in(3)
    kernel = town.admit()
    assert town.network.registry.kernel_of(kernel).status is KernelStatus.APPROVED
    job = town.ask(kernel, IMAGES[:1])
    assert town.work(job) is JobStatus.FINALISED
    result = requester.fetch(town.network, job)
    assert int.from_bytes(result.answer) == LABELS[0]
    assert int(np.argmax(result.outputs["logits"])) == LABELS[0]
    assert faults(town, job) == {}


def test_publishing_goes_on_where_it_stopped_and_pays_for_nothing_twice(town: Town):
    town.settle_in(3)
    network, owner, kernel = town.network, town.account("publisher"), kernels.load(DIGITS)
    first = publisher.publish(network, owner, kernel, handle="town", committee_size=None)
    assert list(first.receipts) == ["register_publisher", "register_kernel"]
    second = publisher.publish(network, owner, kernel, handle="town", committee_size=3)
    assert list(second.receipts) == ["request_validation"]
    assert second.job is not None
    third = publisher.publish(network, owner, kernel, handle="town", committee_size=3)
    assert third.receipts == {}
    town.work(second.job)
    assert publisher.publish(network, owner, kernel, handle="town").status is KernelStatus.APPROVED


@pytest.mark.parametrize("relayed", [False, True])
def test_two_cheats_of_three_find_no_majority_with_each_other_and_lose_to_a_grown_committee(
    town: Town, monkeypatch: pytest.MonkeyPatch, *, relayed: bool
):
    class OtherCheat(CheatingComputation):
        def attestation(self, execution: Any) -> Any:
            twice = replace(execution, outputs={k: np.roll(v, 1, axis=-1) for k, v in execution.outputs.items()})
            return super().attestation(twice)

    monkeypatch.setattr("registry.relay.relay.AGAIN_SECONDS", 0)
    town.settle_in(5, relayed=relayed)
    kernel = town.admit()
    job = town.ask(kernel, IMAGES[:1])
    # Who is drawn first is known once the job is open: two of those three turn.
    opener = town.validators["validator 0"]
    while town.network.market.status_of(job) is JobStatus.REQUESTED:
        assert [step.duty for step in opener.tick()] in ([], [Duty.OPEN])
    by_address = {validator.account.address: validator for validator in town.validators.values()}
    cheats = town.state(job).committee[:2]
    for address, kind in zip(cheats, (CheatingComputation, OtherCheat), strict=True):
        by_address[address].computation.close()
        by_address[address].computation = kind(network=town.network)
        town.stack.callback(by_address[address].computation.close)
    assert town.work(job) is JobStatus.FINALISED
    assert town.state(job).round == 1
    assert int.from_bytes(requester.fetch(town.network, job).answer) == LABELS[0]
    assert faults(town, job) == dict.fromkeys(cheats, Outcome.DEVIATED)
    rounds = town.network.chain.logs(town.network.market, "RoundOpened", topics={"job": job})
    assert [log["round"] for log in rounds] == ([0, 1] if relayed else []), "each round in one transaction"


# --- kernels that must not be admitted ---


def register_raw(town: Town, manifest: Any, **changes: Any) -> bytes:
    """Registers a manifest's fields, changed, past the publisher's own code."""
    network, owner = town.network, town.account("publisher")
    network.chain.transact(network.registry.register_publisher("town"), sender=owner)
    fields = dataclasses.replace(manifest_fields(manifest), **changes)
    receipt = network.chain.transact(network.registry.register(fields), sender=owner)
    kernel = bytes(receipt.event("KernelRegistered")["kernel"])
    value = network.market.quote_validation(committee_size=3)
    receipt = network.chain.transact(
        network.registry.request_validation(kernel, committee_size=3), sender=owner, value=value
    )
    town.work(bytes(receipt.event("ValidationRequested")["job"]))
    return kernel


def certificate(town: Town, kernel: bytes) -> ValidationRecord:
    record = town.network.content.get_record(town.network.registry.kernel_of(kernel).certificate)
    return records.decode(record, ValidationRecord)


def test_a_record_that_differs_from_the_chain_is_rejected_by_name(town: Town):
    town.settle_in(3)
    kernel = kernels.load(DIGITS)
    publisher.store_blocks(town.network, kernel)
    identity = register_raw(town, kernel.manifest, author_fee=1)
    assert town.network.registry.kernel_of(identity).status is KernelStatus.REJECTED
    assert certificate(town, identity).refused == "RecordMismatchError"


def test_a_kernel_that_gives_other_outputs_than_its_manifest_promises_is_rejected(town: Town):
    town.settle_in(3)
    kernel = kernels.load(DIGITS)
    first, *rest = kernel.manifest.cases
    lie = msgspec.structs.replace(first, output=rest[0].output)
    manifest = msgspec.structs.replace(kernel.manifest, cases=(lie, *rest))
    publisher.store_blocks(town.network, kernel)
    town.network.content.put_block(RAW, manifest.record())
    identity = register_raw(town, manifest)
    assert town.network.registry.kernel_of(identity).status is KernelStatus.REJECTED
    found = certificate(town, identity)
    assert [case.name for case in found.cases if case.actual != case.expected] == [first.name]


def test_a_kernel_with_an_operator_that_its_engine_has_not_is_rejected_by_name(town: Town):
    town.settle_in(3)
    kernel = kernels.load(DIGITS)
    model = onnx.load_from_string(kernel.model)
    model.graph.node.append(helper.make_node("Det", ["square"], ["volume"]))
    model.graph.initializer.append(numpy_helper.from_array(np.eye(2, dtype=np.float32), "square"))
    data = model.SerializeToString()
    described = msgspec.structs.replace(
        kernel.manifest.model,
        cid=str(unixfs.import_bytes(data).cid),
        size=len(data),
        operators=tuple(sorted({*kernel.manifest.model.operators, "ai.onnx::Det"})),
    )
    altered = replace(kernel, manifest=msgspec.structs.replace(kernel.manifest, model=described), model=data)
    publisher.store_blocks(town.network, altered)
    identity = register_raw(town, altered.manifest)
    assert town.network.registry.kernel_of(identity).status is KernelStatus.REJECTED
    assert certificate(town, identity).refused == "UnsupportedOperatorError"


def test_a_kernel_whose_blocks_nobody_has_is_refused_paid_back_and_can_be_tried_again(town: Town):
    town.settle_in(3)
    kernel = kernels.load(DIGITS)
    identity = register_raw(town, kernel.manifest)
    network, owner = town.network, town.account("publisher")
    state = network.registry.kernel_of(identity)
    assert network.market.status_of(state.validation_job) is JobStatus.FAILED
    assert state.status is KernelStatus.REGISTERED
    assert faults(town, state.validation_job) == {}
    fee = network.vrf.fee()
    assert network.market.credit_of(owner.address) == network.market.quote_validation(committee_size=3) - fee
    again = publisher.publish(network, owner, kernel, handle="town")
    assert list(again.receipts) == ["request_validation"]
    assert again.job is not None
    town.work(again.job)
    assert network.registry.kernel_of(identity).status is KernelStatus.APPROVED


# --- inputs ---


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros([1, 1, 8, 8], np.float32), InputDtypeError),
        (np.zeros([1, 1, 8, 9], np.uint8), InputShapeError),
        (np.zeros([1, 8, 8], np.uint8), InputShapeError),
        (np.full([1, 1, 8, 8], 17, np.uint8), InputRangeError),
    ],
)
def test_an_input_that_does_not_fit_is_refused_before_anything_is_paid(town: Town, image: Any, error: type[Exception]):
    town.settle_in(3)
    kernel = town.admit()
    before = town.network.chain.balance(town.account("requester").address)
    with pytest.raises(error, match="image"):
        town.ask(kernel, image)
    assert town.network.chain.balance(town.account("requester").address) == before


def ask_raw(town: Town, kernel: bytes, digest: bytes) -> bytes:
    person, market = town.account("requester"), town.network.market
    wanted = JobRequest(
        kernel=kernel,
        input=digest,
        environment_class=requester.ANY_CLASS,
        committee_size=3,
        consumer=ZERO_ADDRESS,
        callback_gas=0,
        refund_to=person.address,
    )
    value = market.quote(kernel, committee_size=3)
    receipt = town.network.chain.transact(market.request(wanted), sender=person, value=value)
    return bytes(receipt.event("JobRequested")["job"])


def bad_input(town: Town, what: str) -> bytes:
    content = town.network.content
    if what == "nobody has it":
        return b"\x13" * 32
    if what == "no record":
        return content.put_block(RAW, b"{}").digest
    if what == "no tensor file":
        stored = content.add_bytes(b"not tensors")
        return content.put_block(RAW, records.encode(InputRecord(tensors=str(stored.cid), size=stored.size))).digest
    if what == "another size than it says":
        stored = content.add_bytes(b"x" * 100)
        return content.put_block(RAW, records.encode(InputRecord(tensors=str(stored.cid), size=10))).digest
    record, file = kernels.input_record({"image": np.zeros([1, 1, 8, 8], np.float32)})
    content.add_bytes(file)
    return content.put_block(RAW, records.encode(record)).digest


@pytest.mark.parametrize(
    "what", ["nobody has it", "no record", "no tensor file", "another size than it says", "wrong dtype"]
)
def test_a_job_that_cannot_be_computed_is_refused_refunded_and_costs_no_validator_its_stake(town: Town, what: str):
    town.settle_in(3)
    kernel = town.admit()
    person, market = town.account("requester"), town.network.market
    owed = market.credit_of(person.address)
    job = ask_raw(town, kernel, bad_input(town, what))
    assert town.work(job) is JobStatus.FAILED
    assert town.state(job).failure is JobFailure.REFUSED
    assert faults(town, job) == {}
    paid_back = market.credit_of(person.address) - owed
    assert paid_back == market.quote(kernel, committee_size=3) - town.network.vrf.fee()
    with pytest.raises(requester.JobFailedError, match="failed: refused"):
        requester.fetch(town.network, job)
    with pytest.raises(requester.JobFailedError, match="refused"):
        requester.wait(town.network, job, timeout=1)


def test_a_job_that_nobody_requested_is_said_not_to_exist(town: Town):
    for ask in (requester.fetch, admissions.verdict):
        with pytest.raises(JobUnknownError, match="there is no job 0x1212"):
            ask(town.network, b"\x12" * 32)
    with pytest.raises(JobUnknownError):
        requester.wait(town.network, b"\x12" * 32, timeout=60)


def test_what_an_admission_committee_found_can_be_read(town: Town):
    town.settle_in(3)
    job = town.network.registry.kernel_of(town.admit()).validation_job
    found = admissions.verdict(town.network, job)
    assert found.conforms
    assert [case.name for case in found.cases] == sorted(path.stem for path in (DIGITS / "cases").iterdir())
    with pytest.raises(requester.JobError, match="has no output tensors"):
        requester.fetch(town.network, job)


def test_a_kernel_that_is_not_approved_a_fee_too_low_and_a_wrong_committee_have_their_names(town: Town):
    town.settle_in(3)
    network, person = town.network, town.account("requester")
    registered = publisher.publish(
        network, town.account("publisher"), kernels.load(DIGITS), handle="town", committee_size=None
    )
    with pytest.raises(errors.JobMarketKernelNotApproved):
        town.ask(registered.kernel, IMAGES[:1])
    kernel = town.admit()
    call, value = requester.prepare(network, person.address, kernel=kernel, inputs={"image": IMAGES[:1]})
    with pytest.raises(errors.JobMarketFeeTooLow) as caught:
        network.chain.transact(call, sender=person, value=value - 1)
    assert caught.value.arguments == {"have": value - 1, "want": value}
    with pytest.raises(errors.JobMarketInvalidCommitteeSize):
        requester.prepare(network, person.address, kernel=kernel, inputs={"image": IMAGES[:1]}, committee_size=4)


# --- outputs ---


def test_an_output_whose_blocks_were_tampered_with_is_not_shown(town: Town):
    town.settle_in(3)
    kernel = town.admit()
    job = town.ask(kernel, IMAGES[:1])
    town.work(job)
    digest = town.state(job).result.digest
    path = town.network.content.local.path(Cid.raw(digest))
    path.write_bytes(path.read_bytes().replace(b"aivm/output", b"aivm/0utput"))
    with pytest.raises(errors.RegistryError, match=str(Cid.raw(digest))):
        requester.fetch(town.network, job)


# --- a validator's memory ---


def commit_only(town: Town) -> tuple[bytes, Any]:
    """A job in which validator 0 has committed and not revealed."""
    town.settle_in(3)
    kernel = town.admit()
    job = town.ask(kernel, IMAGES[:1])
    one = town.validators["validator 0"]
    while Duty.COMMIT not in [step.duty for step in one.tick()]:
        pass
    return job, one


def test_a_validator_that_lost_its_journal_refuses_to_start(town: Town):
    job, one = commit_only(town)
    one.journal.close()
    with Journal.of(town.network, one.account.address, town.folder / "elsewhere") as empty:
        again = replace(one, journal=empty)
        with pytest.raises(JournalMissingError, match=job.hex()):
            again.check_journal()


def test_a_validator_that_was_restarted_opens_the_commitment_that_it_made_before(town: Town):
    job, one = commit_only(town)
    one.journal.close()
    with Journal.of(town.network, one.account.address, town.folder / "validator 0") as journal:
        again = replace(one, journal=journal, computation=Computation(network=town.network))
        again.check_journal()
        town.validators["validator 0"] = again
        assert town.work(job) is JobStatus.FINALISED
        assert faults(town, job) == {}


def test_a_commitment_that_is_sent_again_or_opened_with_another_salt_is_refused_by_name(town: Town):
    job, one = commit_only(town)
    network = town.network
    [kept] = one.journal.openings(job, 0)
    state = town.state(job)
    with pytest.raises(errors.JobMarketAlreadyCommitted):
        network.chain.transact(
            network.market.commit(job, state.terms, state.progress, b"\x01" * 32), sender=one.account
        )
    others = [each for name, each in town.validators.items() if name != "validator 0"]
    for other in others:
        while Duty.COMMIT not in [step.duty for step in other.tick()]:
            pass
    with pytest.raises(errors.JobMarketWrongOpening):
        network.chain.transact(
            network.market.reveal(job, state.terms, state.progress, kept.attestation, bytes(32)), sender=one.account
        )
    assert town.work(job) is JobStatus.FINALISED


def test_a_wrong_vrf_proof_opens_nothing(town: Town):
    town.settle_in(3)
    kernel = town.admit()
    job = town.ask(kernel, IMAGES[:1])
    network, anyone = town.network, town.account("anyone")
    network.chain.mine()
    with pytest.raises(errors.VrfCoordinatorInvalidProof):
        network.chain.transact(network.market.open(job, town.state(job).terms, bytes(81)), sender=anyone)
    assert network.market.status_of(job) is JobStatus.REQUESTED
    assert town.work(job) is JobStatus.FINALISED


def test_a_silent_vrf_operator_is_replaced_or_the_job_is_refunded(town: Town):
    town.settle_in(3)
    kernel = town.admit()
    for validator in town.validators.values():
        validator.vrf_key = None  # the only operator falls silent
    person, network = town.account("requester"), town.network
    owed = network.market.credit_of(person.address) + network.vrf.credit_of(person.address)
    job = town.ask(kernel, IMAGES[:1])
    price = network.market.quote(kernel, committee_size=3)
    assert town.work(job) is JobStatus.FAILED
    assert network.market.credit_of(person.address) + network.vrf.credit_of(person.address) - owed == price
    operator = network.vrf.operator(0)
    assert operator.bond < ETHER
