"""What happens in the demo, in order."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aivm import kernel as kernels
from aivm import tensors
from aivm.cid import Cid
from registry import admissions, publisher, requester
from registry.chain import Chain
from registry.content import ContentStore, FileBlockStore
from registry.contracts.artifacts import artifact
from registry.contracts.contract import Contract, creation
from registry.contracts.types import JobStatus, KernelStatus
from registry.demo.cast import FUNDS, VALIDATORS, account, vrf_key
from registry.demo.cheat import CheatingComputation
from registry.deployment import deploy
from registry.errors import RegistryError
from registry.jobs import job_of
from registry.network import Network
from registry.parameters import DEVELOPMENT_MARKET, BoundParameters, Parameters, StakingParameters, VrfParameters
from registry.relay import Board, Relay, RelayError
from registry.validator import Computation, Journal, Validator
from registry.validator.machine import machine_class
from registry.validator.operator import registration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from aivm.kernel import Kernel
    from aivm.tensors import Array
    from registry.admissions import Testimony
    from registry.chain.receipts import Receipt
    from registry.jobs import Seat
    from registry.relay.messages import Handed

#: Two of the validators also answer randomness requests.
OPERATORS = 2
HANDLE = "aivm-demo"
#: Windows that a busy machine does not come to the end of: here, all members compute one after the other.
PARAMETERS = Parameters(
    vrf=VrfParameters(answer_window=200),
    staking=StakingParameters(epoch_length=3600),
    market=replace(DEVELOPMENT_MARKET, open_window=800),
    bounds=BoundParameters(least_open_window=700, longest_draw=3600),
)
#: Seconds in which members do their round before a job is opened.
GRACE = 100.0
#: Looks before the demo gives up: a guard against going on for ever, never reached.
MAX_LOOKS = 400


class DemoError(RegistryError):
    """The demo did not come to the end that it should have."""


class DigitReader(Contract):
    """The example dApp (contracts/examples/DigitReader.sol)."""

    NAME = "DigitReader"


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that is set up, and the log of what was done."""

    network: Network
    publisher: LocalAccount
    requester: LocalAccount
    validators: dict[str, Validator]
    say: Callable[[str], None]
    log: list[dict[str, Any]] = field(default_factory=list)
    gas: dict[str, int] = field(default_factory=dict)
    transactions: dict[bytes, list[dict[str, Any]]] = field(default_factory=dict)

    def note(self, who: str, step: str, receipt: Receipt) -> None:
        """Writes down a transaction."""
        self._note(who, step, receipt.transaction, receipt.gas_used)

    def _note(self, who: str, step: str, transaction: str, gas_used: int) -> None:
        self.log.append({"who": who, "step": step, "transaction": transaction, "gas": gas_used})
        self.gas[step] = max(gas_used, self.gas.get(step, 0))

    def wealth(self) -> dict[str, int]:
        """What each account has in wei: in its wallet, at stake, bonded, and owed to it."""
        network = self.network
        people = {"publisher": self.publisher.address, "requester": self.requester.address}
        people |= {name: validator.account.address for name, validator in self.validators.items()}
        bonds = {operator.account: operator.bond for operator in network.vrf.operators()}
        return {
            name: network.chain.balance(address)
            + network.staking.validator(address).stake
            + bonds.get(address, 0)
            + sum(contract.credit_of(address) for contract in (network.market, network.staking, network.vrf))
            for name, address in people.items()
        }

    def finish(self, job: bytes) -> None:
        """Lets the validators work until a job is over; the embedded chain's clock skips the challenge window."""
        chain = self.network.chain
        for _ in range(MAX_LOOKS):
            for name, validator in self.validators.items():
                for step in validator.tick():
                    self.say(f"{name}: {step.duty}")
                    self._note(name, step.duty, step.transaction, step.gas_used)
            state = job_of(self.network.market, job)
            status = state.status
            if status is JobStatus.FAILED:
                raise requester.failure_of(state)
            if status is JobStatus.SETTLED and chain.now() <= state.deadline:
                chain.advance_time(state.deadline - chain.now() + 1)
            if status is JobStatus.FINALISED and not any(v.journal.open_jobs() for v in self.validators.values()):
                return
        raise DemoError(f"job 0x{job.hex()} is still {state.status.name.lower()} after {MAX_LOOKS} looks")


def run(folder: Path, kernel_folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the demo.

    Args:
        folder: empty; holds blocks and journals.
        kernel_folder: the packed digits kernel, with its held-out images.
        say: told what happens.

    Returns:
        What happened, as plain values: `kernel`, `job`, `cheat`, `gas`, `log`, `balances`, `environments`, `seconds`.

    Raises:
        DemoError: when a job fails, or anything comes out differently from what it should.
        AivmError: whatever a part of it raises.
    """
    started = time.monotonic()
    kernel = kernels.load(kernel_folder)
    images, labels = _held_out(kernel_folder)
    with ExitStack() as stack:
        stage = _set_up(stack, folder, say)
        before = stage.wealth()
        identity = _publish(stage, kernel)
        reader = _deploy_reader(stage, identity)
        first, second = 0, next(i for i, label in enumerate(labels) if label != labels[0])
        job = _read_digit(stage, reader, kernel, images[first], committee_size=3)
        say("a validator turns to cheating")
        cheat = _turn("validator 4", stage)
        other = _read_digit(stage, reader, kernel, images[second], committee_size=5)
        report = {
            "kernel": _kernel_report(stage, kernel, identity),
            "job": _job_report(stage, reader, job, expected=int(labels[first])),
            "cheat": _cheat_report(stage, reader, other, cheat, expected=int(labels[second])),
            "gas": stage.gas,
            "log": stage.log,
            "balances": {
                name: {"before_wei": before[name], "after_wei": after} for name, after in stage.wealth().items()
            },
            "seconds": round(time.monotonic() - started, 2),
        }
    return _checked(report)


def _held_out(folder: Path) -> tuple[Array, Array]:
    """Images [N, 1, 8, 8] that the kernel was not trained on, and their labels [N]."""
    data = tensors.decode((folder / "held_out.safetensors").read_bytes())
    return data["image"], data["label"]


def _set_up(stack: ExitStack, folder: Path, say: Callable[[str], None]) -> Stage:
    say("starting the embedded chain")
    chain = stack.enter_context(Chain.managed())
    content = ContentStore(FileBlockStore(folder / "blocks"))
    deployer, owner, asker = account("deployer"), account("publisher"), account("requester")
    for person in (deployer, owner, asker):
        chain.fund(person.address, FUNDS)
    say("deploying the contracts")
    network = Network.of(chain, deploy(chain, deployer, PARAMETERS), content)
    peers = _Together()
    stage = Stage(network=network, publisher=owner, requester=asker, validators={}, say=say)
    for index, part in enumerate(VALIDATORS):
        say(f"{part.name} stakes")
        person = account(part.name)
        chain.fund(person.address, FUNDS)
        endpoint = f"http://{part.name.replace(' ', '-')}.invalid"  # a name that no machine has
        call = network.staking.stake(machine_class(part.variables.get("AIVM_ISA", "")), endpoint)
        stage.note(part.name, "stake", chain.transact(call, sender=person, value=part.stake))
        key = vrf_key(part.name) if index < OPERATORS else None
        if key is not None:
            call = registration(network, person.address, key)
            bond = network.vrf.minimum_bond()
            stage.note(part.name, "register_operator", chain.transact(call, sender=person, value=bond))
        journal = stack.enter_context(
            Journal(
                folder / part.name, validator=person.address, chain_id=chain.chain_id, market=network.market.address
            )
        )
        computation = Computation(network=network, threads=part.threads, variables=part.variables)
        stage.validators[part.name] = Validator(
            network=network,
            account=person,
            journal=journal,
            computation=computation,
            vrf_key=key,
            patience=0,
            grace=GRACE,
            relay=Relay(peers.board(endpoint, network), peers),
        )
    stack.callback(_end_workers, stage)
    # Stake weighs from the next epoch on.
    length = network.staking.epoch_length()
    chain.advance_time(length - chain.now() % length)
    return stage


class _Together:
    """The demo's validators are in one process: what is sent to an endpoint is put on the board there."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}

    def board(self, endpoint: str, network: Network) -> Board:
        """An empty board, reached at an endpoint."""
        self._boards[endpoint] = Board(chain_id=network.chain.chain_id, market=network.market.address)
        return self._boards[endpoint]

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `registry.relay.relay.Peers`."""
        for endpoint in endpoints:
            with suppress(RelayError):
                self._boards[endpoint].take(message)


def _end_workers(stage: Stage) -> None:
    for validator in stage.validators.values():
        validator.computation.close()


def _publish(stage: Stage, kernel: Kernel) -> bytes:
    publication = publisher.publish(stage.network, stage.publisher, kernel, handle=HANDLE, on_step=stage.say)
    for step, receipt in publication.receipts.items():
        stage.note("publisher", step, receipt)
    assert publication.job is not None
    stage.finish(publication.job)
    status = stage.network.registry.kernel_of(publication.kernel).status
    if status is not KernelStatus.APPROVED:
        raise DemoError(f"the kernel is {status.name.lower()} after its admission")
    call = stage.network.registry.set_alias("latest", publication.kernel)
    stage.note("publisher", "set_alias", stage.network.chain.transact(call, sender=stage.publisher))
    return publication.kernel


def _deploy_reader(stage: Stage, kernel: bytes) -> DigitReader:
    stage.say("deploying the dApp")
    call = creation(artifact(DigitReader.NAME), stage.network.market.address, kernel)
    receipt = stage.network.chain.transact(call, sender=stage.requester)
    stage.note("requester", "deploy_dapp", receipt)
    assert receipt.contract is not None
    return DigitReader(stage.network.chain, receipt.contract)


def _read_digit(stage: Stage, reader: DigitReader, kernel: Kernel, image: Array, *, committee_size: int) -> bytes:
    stage.say("the dApp asks for a digit")
    digest = requester.publish_input(stage.network, kernel.manifest, {kernel.manifest.inputs[0].name: image[None]})
    call = reader.prepare("read", bytes(digest), committee_size)
    price = int(reader.read("quote", committee_size))
    receipt = stage.network.chain.transact(call, sender=stage.requester, value=price)
    first = len(stage.log)
    stage.note("requester", "request", receipt)
    job = bytes(receipt.event("JobRequested")["job"])
    stage.finish(job)
    stage.transactions[job] = stage.log[first:]
    return job


def _turn(name: str, stage: Stage) -> str:
    """Gives a validator a computation that cheats."""
    honest = stage.validators[name].computation
    honest.close()
    stage.validators[name].computation = CheatingComputation(
        network=honest.network, threads=honest.threads, variables=honest.variables
    )
    return name


def _kernel_report(stage: Stage, kernel: Kernel, identity: bytes) -> dict[str, Any]:
    state = stage.network.registry.kernel_of(identity)
    return {
        "id": "0x" + identity.hex(),
        "name": f"{HANDLE}/{kernel.manifest.name}@{kernel.manifest.version}",
        "cid": kernel.manifest.model.cid,
        "record": str(kernel.manifest.digest()),
        "record_cid": str(Cid.raw(bytes(kernel.manifest.digest()))),
        "status": state.status.name.lower(),
        "certificate": "0x" + state.certificate.hex(),
        "classes": state.classes,
        "tried": [_tried(said) for said in admissions.testimonies(stage.network, state.validation_job)],
    }


def _tried(said: Testimony) -> dict[str, Any]:
    """In what a member of the admission committee ran the kernel's cases, and what follows from its certificate."""
    certificate = said.certificate
    if certificate is None:
        raise DemoError(f"{said.member} shows no certificate: {said.fault}")
    return {
        "validator": said.member,
        "environments": [each.name for each in certificate.environments],
        "determinism": certificate.determinism.value,
    }


def _job_report(stage: Stage, reader: DigitReader, job: bytes, *, expected: int) -> dict[str, Any]:
    """What the contract was told, and what the requester fetched and verified."""
    reading = reader.read("readingOf", job)
    result = requester.fetch(stage.network, job)
    state = job_of(stage.network.market, job)
    names: dict[str, str] = {validator.account.address: name for name, validator in stage.validators.items()}
    return {
        "id": "0x" + job.hex(),
        "status": state.status.name.lower(),
        "label": reading["label"] if reading["known"] else None,
        "expected_label": expected,
        "output_digest": "0x" + bytes(result.digest).hex(),
        "outputs": {name: array.tolist() for name, array in result.outputs.items()},
        "verified": True,
        "seed": "0x" + state.seed.hex(),
        "committee": [_seat(seat, names) for seat in state.seats],
        "delivered": state.delivered,
        "transactions": [{"step": entry["step"], "gas": entry["gas"]} for entry in stage.transactions[job]],
    }


def _seat(seat: Seat, names: dict[str, str]) -> dict[str, Any]:
    attestation = seat.attestation
    assert attestation is not None
    return {
        "name": names[seat.member],
        "validator": seat.member,
        "digest": "0x" + attestation.digest.hex(),
        "answer": int.from_bytes(attestation.answer),
        "environment": "0x" + attestation.environment.hex(),
    }


def _cheat_report(stage: Stage, reader: DigitReader, job: bytes, name: str, *, expected: int) -> dict[str, Any]:
    network = stage.network
    address = stage.validators[name].account.address
    faults = network.chain.logs(network.market, "ValidatorFaulted", topics={"job": job})
    slashed = [fault for fault in faults if fault["validator"] == address]
    if len(slashed) != 1 or len(faults) != 1:
        raise DemoError(f"{len(faults)} validators were slashed in the job that one cheated in")
    return {
        "name": name,
        "validator": address,
        "fault": slashed[0]["fault"].name.lower(),
        "slashed_wei": slashed[0]["slashed"],
        "job": _job_report(stage, reader, job, expected=expected),
    }


def _checked(report: dict[str, Any]) -> dict[str, Any]:
    for job in (report["job"], report["cheat"]["job"]):
        if job["label"] != job["expected_label"]:
            raise DemoError(f"the contract was told {job['label']}, and the image shows {job['expected_label']}")
    return report
