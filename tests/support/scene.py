"""A deployment with people in it: a VRF operator, staked validators, an approved kernel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aivm import vrf
from aivm.manifest import DeterminismClass
from registry.contracts import JobMarket, KernelRegistry, MarketParameters, ValidatorStaking, VrfCoordinator
from registry.contracts.kernel_registry import ALL_CLASSES
from registry.contracts.types import ZERO_ADDRESS, Attestation, JobRequest, JobStatus, Showing, Shown
from registry.ids import commitment, manifest_fields
from registry.jobs import Job, Seat, job_of
from registry.relay.signatures import sign
from registry.validator.operator import answer
from support.manifests import example_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    #: What members committed to in a batch, for whoever settles.
    Openings = Mapping[str, Attestation]

ETHER = 10**18
CONFORMS = Attestation(digest=b"\xce" * 32, answer=(1).to_bytes(32), sketch=bytes(32), environment=b"\x0e" * 32)
REFUSES = Attestation(digest=bytes(32), answer=bytes(32), sketch=bytes(32), environment=b"\x0e" * 32)
SALT = b"\x5a" * 32
CLASS = b"\x0c" * 32
#: Another, which no job asks for.
ELSEWHERE = b"\x0e" * 32


@dataclass
class Scene:
    """Acts for everybody; everything it does is a transaction of the one whose turn it is."""

    chain: Any
    account: Any
    market: JobMarket
    registry: KernelRegistry
    staking: ValidatorStaking
    vrf: VrfCoordinator
    parameters: MarketParameters
    vrf_key: bytes = b"\x77" * 32
    validators: dict[str, Any] = field(default_factory=dict)
    kernel: bytes = b""

    @classmethod
    def of(cls, chain: Any, deployment: Any, account: Any) -> Scene:
        """The contracts of a deployment."""
        return cls(
            chain=chain,
            account=account,
            market=JobMarket(chain, deployment.job_market),
            registry=KernelRegistry(chain, deployment.kernel_registry),
            staking=ValidatorStaking(chain, deployment.validator_staking),
            vrf=VrfCoordinator(chain, deployment.vrf_coordinator),
            parameters=MarketParameters(chain, deployment.market_parameters),
        )

    def transact(self, who: Any, call: Any, value: int = 0) -> Any:
        """One transaction."""
        return self.chain.transact(call, sender=who, value=value)

    def add_operator(self) -> None:
        """Registers the VRF operator and lets its activation delay pass."""
        operator = self.account("operator")
        key = vrf.decompress(vrf.public_key(self.vrf_key))
        proof = answer(self.vrf_key, self.vrf.possession_alpha(operator.address, key))
        self.transact(operator, self.vrf.register_operator(key, proof), ETHER)
        self.chain.mine(2)

    def add_validators(self, stakes: list[int], environment_class: bytes = CLASS) -> None:
        """Stakes, in wei, one validator each; they weigh something when this returns."""
        for stake in stakes:
            one = self.account(f"validator {len(self.validators)}")
            self.transact(one, self.staking.stake(environment_class, ""), stake)
            self.validators[one.address] = one
        next_epoch(self.staking)

    def state(self, job: bytes) -> Job:
        """The job, rebuilt from its events."""
        return job_of(self.market, job)

    def open(self, job: bytes) -> Any:
        """Proves the job's randomness and draws its committee."""
        terms = self.state(job).terms
        _, alpha = self.vrf.challenge_of(terms.randomness)
        return self.transact(self.account("anyone"), self.market.open(job, terms, answer(self.vrf_key, alpha)))

    def commitment(self, job: bytes, round_: int, who: str, what: Attestation) -> bytes:
        """What a validator commits to."""
        return commitment(
            chain_id=self.chain.chain_id,
            market=self.market.address,
            job=job,
            round_=round_,
            validator=who,
            attestation=what,
            salt=SALT,
        )

    def vote(self, job: bytes, votes: Mapping[str, Attestation | None], *, together: bool = False) -> Openings:
        """Everybody named commits; then those with an attestation open it, the others withhold theirs.

        Args:
            job: the job.
            votes: what each member of the round commits to; None to conform, and never to say so.
            together: whether a strict majority of the round commits in one batch, and is opened by whoever settles.

        Returns:
            What was not revealed alone, for `settle`.
        """
        state = self.state(job)
        seats = [seat.member for seat in state.round_seats]
        most = [who for who in seats if who in votes][: len(seats) // 2 + 1]
        batched = set(most) if together and 2 * len(most) > len(seats) else set()
        if batched:
            self.commit_batch(job, {who: votes[who] or CONFORMS for who in batched})
        self._commit_alone(job, {who: what or CONFORMS for who, what in votes.items() if who not in batched})
        if self.state(job).status is not JobStatus.REVEALING:
            self.chain.advance_time(state.terms.commit_window + 1)
        opened = {who: what for who, what in votes.items() if what is not None}
        self._reveal_alone(job, {who: what for who, what in opened.items() if who not in batched})
        return {who: opened[who] for who in batched if who in opened}

    def commit_batch(self, job: bytes, votes: Mapping[str, Attestation]) -> Any:
        """One transaction with the signed commitments of those named."""
        state = self.state(job)
        batch, signatures = [], b""
        for seat in state.round_seats:
            what = votes.get(seat.member)
            batch.append(bytes(32) if what is None else self.commitment(job, state.round, seat.member, what))
            if what is not None:
                digest = self.market.commit_digest(job, state.round, state.progress.seed, batch[-1])
                signatures += sign(self.validators[seat.member], digest)
        call = self.market.commit_batch(job, state.terms, state.progress, batch, signatures)
        return self.transact(self.account("anyone"), call)

    def _commit_alone(self, job: bytes, votes: Mapping[str, Attestation]) -> None:
        state = self.state(job)
        self._all(
            (who, self.market.commit(job, state.terms, state.progress, self.commitment(job, state.round, who, what)))
            for who, what in votes.items()
        )

    def _reveal_alone(self, job: bytes, votes: Mapping[str, Attestation]) -> None:
        state = self.state(job)
        self._all(
            (who, self.market.reveal(job, state.terms, state.progress, what, SALT)) for who, what in votes.items()
        )

    def _all(self, calls: Iterable[tuple[str, Any]]) -> None:
        for transaction in [self.chain.send(call, sender=self.validators[who]) for who, call in calls]:
            self.chain.wait(transaction)

    def settle(self, job: bytes, openings: Openings | None = None) -> Any:
        """Settles, at once if everybody's commitment is open, else after the window."""
        state, given = self.state(job), openings or {}
        seats = state.round_seats
        open_ = [seat.attestation is not None or seat.member in given for seat in seats if seat.commitment is not None]
        if not open_ or not all(open_):
            self.chain.advance_time(max(0, state.deadline - self.chain.now()) + 1)
        call = self.market.settle(job, state.terms, state.progress, shown(seats, given))
        return self.transact(self.account("anyone"), call)

    def finalise(self, job: bytes) -> Any:
        """Finalises after the challenge window."""
        state = self.state(job)
        self.chain.advance_time(state.terms.challenge_window + 1)
        return self.transact(self.account("anyone"), self.market.finalise(job, state.terms, state.progress))

    def approve_kernel(self, **changes: Any) -> None:
        """Publishes the example kernel, with changed fields if there are any, and has it admitted."""
        publisher, fields = self.account("publisher"), replace(manifest_fields(example_manifest()), **changes)
        self.transact(publisher, self.registry.register_publisher("aivm"))
        receipt = self.transact(publisher, self.registry.register(fields))
        self.kernel = receipt.event("KernelRegistered")["kernel"]
        examiners = CLASS
        if fields.determinism is not DeterminismClass.PINNED:
            examiners = ALL_CLASSES
            self.add_validators([ETHER], ELSEWHERE)
        price = self.market.quote_validation(committee_size=3)
        call = self.registry.request_validation(self.kernel, committee_size=3, environment_class=examiners)
        receipt = self.transact(publisher, call, price)
        job = receipt.event("ValidationRequested")["job"]
        self.open(job)
        self.settle(job, self.vote(job, dict.fromkeys(self.state(job).committee, CONFORMS), together=True))
        self.finalise(job)
        state = self.state(job)
        self.transact(self.account("anyone"), self.market.deliver(job, state.terms, state.progress))

    def request(self, committee_size: int) -> bytes:
        """Asks for an inference without a consumer."""
        requester = self.account("requester")
        call = self.market.request(
            JobRequest(
                kernel=self.kernel,
                input=b"\x11" * 32,
                environment_class=CLASS,  # which a pinned kernel needs
                committee_size=committee_size,
                consumer=ZERO_ADDRESS,
                callback_gas=0,
                refund_to=requester.address,
            )
        )
        price = self.market.quote(self.kernel, committee_size=committee_size)
        return bytes(self.transact(requester, call, price).event("JobRequested")["job"])


def next_epoch(staking: ValidatorStaking) -> None:
    """Lets the clock jump to the next epoch, in which what was staked weighs something."""
    length = staking.epoch_length()
    staking.chain.advance_time(length - staking.chain.now() % length)


def shown(seats: Iterable[Seat], openings: Openings) -> list[Shown]:
    """What `settle` is shown: what was revealed alone, and these openings."""
    return [
        Shown(showing=Showing.REVEALED, attestation=seat.attestation)
        if seat.attestation is not None
        else Shown(showing=Showing.OPENING, attestation=openings[seat.member], salt=SALT)
        if seat.member in openings
        else Shown(showing=Showing.NOTHING)
        for seat in seats
    ]


def attestation(**changes: bytes) -> Attestation:
    """The conforming attestation with other words."""
    return dataclasses.replace(CONFORMS, **changes)
