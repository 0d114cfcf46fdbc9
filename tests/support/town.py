"""People at work on one chain: a publisher, a requester, and validators that really compute."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aivm import kernel as kernels
from aivm import tensors
from registry import publisher, requester
from registry.content import ContentStore, FileBlockStore
from registry.contracts.types import JobStatus
from registry.network import Network
from registry.validator import Computation, Journal, Validator
from registry.validator.operator import registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

ETHER = 10**18
DIGITS = Path(__file__).resolve().parents[2] / "kernels" / "digits"
VRF_KEY = b"\x21" * 32


@dataclass
class Town:
    """Who lives on a chain during one test."""

    network: Network
    account: Callable[[str], Any]
    folder: Path
    stack: ExitStack
    validators: dict[str, Validator] = field(default_factory=dict)

    @classmethod
    def of(cls, chain: Any, deployment: Any, account: Callable[[str], Any], folder: Path, stack: ExitStack) -> Self:
        """A town with nobody in it yet."""
        network = Network.of(chain, deployment, ContentStore(FileBlockStore(folder / "blocks")))
        return cls(network=network, account=account, folder=folder, stack=stack)

    def settle_in(self, count: int, computation: Mapping[int, type[Computation]] | None = None) -> None:
        """Stakes validators, the first of which also answers randomness requests."""
        for index in range(count):
            name = f"validator {index}"
            person = self.account(name)
            self.network.chain.transact(self.network.staking.stake(bytes(32), ""), sender=person, value=2 * ETHER)
            kind = (computation or {}).get(index, Computation)
            self.validators[name] = self.validator(person, name, kind(network=self.network))
        first = self.validators["validator 0"]
        first.vrf_key = VRF_KEY
        call = registration(self.network, first.account.address, VRF_KEY)
        self.network.chain.transact(call, sender=first.account, value=ETHER)

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
                wait = market.job_of(job).deadline - chain.now()
                if status is JobStatus.COMMITTING and wait > 8:
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


def held_out() -> tuple[Any, Any]:
    """Images [N, 1, 8, 8] that the digits kernel was not trained on, and their labels."""
    data = tensors.decode((DIGITS / "held_out.safetensors").read_bytes())
    return data["image"], data["label"]
