"""A deployment with people in it: a VRF operator, staked validators, an approved kernel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from aivm import vrf
from registry.contracts import JobMarket, KernelRegistry, ValidatorStaking, VrfCoordinator
from registry.contracts.types import ZERO_ADDRESS, Attestation, JobRequest
from registry.ids import commitment, manifest_fields
from registry.validator.operator import answer
from support.manifests import example_manifest

ETHER = 10**18
CONFORMS = Attestation(digest=b"\xce" * 32, answer=(1).to_bytes(32), sketch=bytes(32), environment=b"\x0e" * 32)
SALT = b"\x5a" * 32


@dataclass
class Scene:
    """Acts for everybody; everything it does is a transaction of the one whose turn it is."""

    chain: Any
    account: Any
    market: JobMarket
    registry: KernelRegistry
    staking: ValidatorStaking
    vrf: VrfCoordinator
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

    def add_validators(self, stakes: list[int]) -> None:
        """Stakes, in wei, one validator each."""
        for stake in stakes:
            one = self.account(f"validator {len(self.validators)}")
            self.transact(one, self.staking.stake(b"\x0c" * 32, ""), stake)
            self.validators[one.address] = one
        self.chain.mine()

    def open(self, job: bytes) -> Any:
        """Proves the job's randomness and draws its committee."""
        request = self.market.job_of(job).randomness
        _, alpha = self.vrf.challenge_of(request)
        return self.transact(self.account("anyone"), self.market.open(job, answer(self.vrf_key, alpha)))

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

    def vote(self, job: bytes, round_: int, votes: dict[str, Attestation | None]) -> None:
        """Everybody named commits; then those with an attestation reveal it, the others withhold theirs."""
        chain, market = self.chain, self.market
        sent = [
            chain.send(
                market.commit(job, self.commitment(job, round_, who, what or CONFORMS)), sender=self.validators[who]
            )
            for who, what in votes.items()
        ]
        receipts = [chain.wait(transaction) for transaction in sent]
        if not any(log.event == "RevealStarted" for receipt in receipts for log in receipt.events):
            chain.advance_time(market.parameters().commit_window + 1)
        sent = [
            chain.send(market.reveal(job, what, SALT), sender=self.validators[who])
            for who, what in votes.items()
            if what is not None
        ]
        for transaction in sent:
            chain.wait(transaction)

    def settle(self, job: bytes) -> Any:
        """Settles, at once if everybody revealed, else after the window."""
        state = self.market.job_of(job)
        if state.revealed < state.committed or not state.committed:
            self.chain.advance_time(max(0, state.deadline - self.chain.now()) + 1)
        return self.transact(self.account("anyone"), self.market.settle(job))

    def finalise(self, job: bytes) -> Any:
        """Finalises after the challenge window."""
        self.chain.advance_time(self.market.parameters().challenge_window + 1)
        return self.transact(self.account("anyone"), self.market.finalise(job))

    def approve_kernel(self) -> None:
        """Publishes the example kernel and has it admitted."""
        publisher = self.account("publisher")
        self.transact(publisher, self.registry.register_publisher("aivm"))
        receipt = self.transact(publisher, self.registry.register(manifest_fields(example_manifest())))
        self.kernel = receipt.event("KernelRegistered")["kernel"]
        price = self.market.quote_validation(committee_size=3)
        receipt = self.transact(publisher, self.registry.request_validation(self.kernel, committee_size=3), price)
        job = receipt.event("ValidationRequested")["job"]
        members = self.open(job).event("CommitteeDrawn")["members"]
        self.vote(job, 0, dict.fromkeys(members, CONFORMS))
        self.settle(job)
        self.finalise(job)
        self.transact(self.account("anyone"), self.market.deliver(job))

    def request(self, committee_size: int) -> bytes:
        """Asks for an inference without a consumer."""
        requester = self.account("requester")
        call = self.market.request(
            JobRequest(
                kernel=self.kernel,
                input=b"\x11" * 32,
                committee_size=committee_size,
                consumer=ZERO_ADDRESS,
                callback_gas=0,
                refund_to=requester.address,
            )
        )
        price = self.market.quote(self.kernel, committee_size=committee_size)
        return bytes(self.transact(requester, call, price).event("JobRequested")["job"])


def attestation(**changes: bytes) -> Attestation:
    """The conforming attestation with other words."""
    return dataclasses.replace(CONFORMS, **changes)
