"""People at work on one chain: a publisher, a requester, and validators that really compute."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aivm import kernel as kernels
from aivm import tensors
from aivm.arithmetic import _core
from registry import publisher, requester
from registry.content import ContentStore, FileBlockStore
from registry.contracts.types import JobStatus
from registry.jobs import Job, job_of
from registry.network import Network
from registry.relay import Board, Relay, RelayError
from registry.validator import Computation, Journal, Validator
from registry.validator.machine import machine_class
from registry.validator.operator import registration
from support.scene import next_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import ExitStack

    from registry.relay.messages import Handed

ETHER = 10**18
DIGITS = Path(__file__).resolve().parents[2] / "kernels" / "digits"
VRF_KEY = b"\x21" * 32
#: What the validators' engines are held to by turns: the best instructions of this machine, and what every machine has.
ISAS = (_core.isas()[0], _core.isas()[-1])


@dataclass
class Exchange:
    """Peers without a wire: what is handed in at an endpoint is put on the board there, as a relay's service does.

    Attributes:
        boards: by endpoint.
        dead: endpoints that take nothing.
    """

    boards: dict[str, Board] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def open(self, endpoint: str, board: Board) -> Board:
        """Serves a board."""
        self.boards[endpoint] = board
        return board

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `registry.relay.relay.Peers`."""
        for endpoint in endpoints:
            if endpoint not in self.dead:
                with suppress(RelayError):
                    self.boards[endpoint].take(message)


@dataclass
class Wire(Exchange):
    """Loses, repeats, delays and reorders messages, by chance."""

    honest: Exchange = field(default_factory=Exchange)
    chance: random.Random = field(default_factory=random.Random)
    under_way: list[tuple[list[str], Handed]] = field(default_factory=list)

    def send(self, endpoints: Iterable[str], message: Handed) -> None:
        """See `registry.relay.relay.Peers`."""
        self.under_way += [([endpoint], message) for endpoint in endpoints]
        self.chance.shuffle(self.under_way)
        for _ in range(self.chance.randrange(len(self.under_way) + 1)):
            where, what = self.under_way.pop()
            if self.chance.random() < 0.7:
                self.honest.send(where, what)
            if self.chance.random() < 0.2:
                self.under_way.append((where, what))


@dataclass
class Town:
    """Who lives on a chain during one test.

    Attributes:
        environments: in how many beside its own a validator runs the cases of a kernel that asks for admission. Each
            takes a second of a processor, so only tests of it ask for any.
    """

    network: Network
    account: Callable[[str], Any]
    folder: Path
    stack: ExitStack
    validators: dict[str, Validator] = field(default_factory=dict)
    exchange: Exchange = field(default_factory=Exchange)
    environments: int = 0

    @classmethod
    def of(cls, chain: Any, deployment: Any, account: Callable[[str], Any], folder: Path, stack: ExitStack) -> Self:
        """A town with nobody in it yet."""
        network = Network.of(chain, deployment, ContentStore(FileBlockStore(folder / "blocks")))
        return cls(network=network, account=account, folder=folder, stack=stack)

    def settle_in(
        self,
        count: int,
        computation: Mapping[int, type[Computation]] | None = None,
        *,
        relayed: bool = False,
        grace: float = 0.0,
        stake: int = 2 * ETHER,
    ) -> None:
        """Stakes validators, of two environment classes by turns. The first also answers randomness requests.

        Args:
            count: how many.
            computation: what each computes with, by its index, if it is not the ordinary one.
            relayed: whether each has a relay of its own, at whose endpoint `exchange` reaches its board.
            grace: seconds in which members do their round before a job is opened.
            stake: of each, in wei: what a slash may not take if everybody is to be drawn for many jobs.
        """
        for index in range(count):
            name = f"validator {index}"
            person = self.account(name)
            endpoint = f"http://127.0.0.1:{index + 1}" if relayed else ""
            isa = ISAS[index % 2]
            call = self.network.staking.stake(machine_class(isa), endpoint)
            self.network.chain.transact(call, sender=person, value=stake)
            kind = (computation or {}).get(index, Computation)
            self.validators[name] = self.validator(
                person,
                name,
                kind(network=self.network, variables={"AIVM_ISA": isa}, environments=self.environments),
            )
            self.validators[name].grace = grace
            if relayed:
                self.validators[name].relay = Relay(self.exchange.open(endpoint, self.board()), self.exchange)
        first = self.validators["validator 0"]
        first.vrf_key = VRF_KEY
        call = registration(self.network, first.account.address, VRF_KEY)
        self.network.chain.transact(call, sender=first.account, value=ETHER)
        next_epoch(self.network.staking)

    def board(self) -> Board:
        """An empty board of this deployment."""
        return Board(chain_id=self.network.chain.chain_id, market=self.network.market.address)

    def state(self, job: bytes) -> Job:
        """The job, rebuilt from its events."""
        return job_of(self.network.market, job)

    def validator(self, person: Any, name: str, computation: Computation) -> Validator:
        """One validator, with a journal of its own that is closed with the town."""
        journal = self.stack.enter_context(Journal.of(self.network, person.address, self.folder / name))
        self.stack.callback(computation.close)
        return Validator(network=self.network, account=person, journal=journal, computation=computation, patience=0)

    def work(self, job: bytes, looks: int = 100) -> JobStatus:
        """Lets everybody work until a job is over; the clock skips every wait."""
        market, chain = self.network.market, self.network.chain
        for _ in range(looks):
            steps = [step for validator in self.validators.values() for step in validator.tick()]
            status = market.status_of(job)
            if status in {JobStatus.FINALISED, JobStatus.FAILED}:
                if not any(validator.journal.open_jobs() for validator in self.validators.values()):
                    return status
            elif not steps:
                wait = self.state(job).deadline - chain.now()
                if self.exchange.boards and status in {
                    JobStatus.REQUESTED,
                    JobStatus.COMMITTING,
                    JobStatus.REVEALING,
                }:
                    wait = min(wait, 4)  # relays act at eighths of a window
                elif status is JobStatus.COMMITTING and wait > 8:
                    wait -= 8  # to the end of the window, where those who could not compute refuse
                chain.advance_time(max(wait, 0) + 1)
        raise AssertionError(f"the job is {market.status_of(job).name} after {looks} looks")

    def publish(self, kernel: Any = None) -> publisher.Publication:
        """Publishes a kernel (the digits) and asks for its admission."""
        return publisher.publish(
            self.network, self.account("publisher"), kernel or kernels.load(DIGITS), handle="town", committee_size=3
        )

    def admit(self) -> bytes:
        """The digits kernel, admitted."""
        publication = self.publish()
        assert publication.job is not None
        self.work(publication.job)
        return publication.kernel

    def ask(self, kernel: bytes, image: Any, committee_size: int = 3) -> bytes:
        """Pays for one inference."""
        person = self.account("requester")
        call, value = requester.prepare(
            self.network, person.address, kernel=kernel, inputs={"image": image}, committee_size=committee_size
        )
        return bytes(self.network.chain.transact(call, sender=person, value=value).event("JobRequested")["job"])

    def aivm(self, deployment: Any, *arguments: str) -> str:
        """What a command says to somebody who is on this chain and has this deployment's file."""
        file = self.folder / "deployment.json"
        deployment.save(file)
        where = ["--rpc", self.network.chain.rpc.urls[0], "--deployment", file, "--store", self.folder / "blocks"]
        asked = [sys.executable, "-m", "registry.cli", *arguments, *where]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def held_out() -> tuple[Any, Any]:
    """Images [N, 1, 8, 8] that the digits kernel was not trained on, and their labels."""
    data = tensors.decode((DIGITS / "held_out.safetensors").read_bytes())
    return data["image"], data["label"]
