"""A validator at work: it looks at the jobs under way and takes the step that is due in each."""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aivm import vrf
from aivm.errors import AivmError
from registry.contracts.types import JobStatus, RandomnessStatus
from registry.errors import ContractError, InsufficientFundsError, RegistryError
from registry.ids import commitment
from registry.validator.duties import SHARED, Duty, Situation, duty
from registry.validator.journal import JournalMissingError, Opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from eth_account.signers.local import LocalAccount

    from registry.contracts.contract import Call
    from registry.contracts.types import Job, RandomnessRequest, Seat
    from registry.network import Network
    from registry.validator.computation import Computation
    from registry.validator.journal import Journal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One duty done: for which job, in which transaction, at what cost."""

    duty: Duty
    job: bytes
    transaction: str
    gas_used: int


@dataclass(slots=True, kw_only=True)
class Validator:
    """One validator. Call `tick` again and again; it does whatever is due and returns.

    Attributes:
        network: the deployment to work for.
        account: pays and signs; its address is the validator.
        journal: its memory, already locked.
        computation: computes attestations, in a sandboxed worker.
        vrf_key: the secret key of this validator's VRF operator, if it runs one under the same account.
        confirmations: how many blocks must lie on top of a block before it is acted upon.
        patience: seconds that the next member waits before it takes over a step that anyone may take.
        clock: monotonic seconds.
    """

    network: Network
    account: LocalAccount
    journal: Journal
    computation: Computation
    vrf_key: bytes | None = None
    confirmations: int = 0
    patience: float = 2.0
    clock: Callable[[], float] = time.monotonic
    _since: dict[tuple[bytes, Duty, int], float] = field(default_factory=dict)
    _retry_at: dict[bytes, float] = field(default_factory=dict)

    def tick(self) -> list[Step]:
        """Finds new jobs, then takes at most one step in each job under way.

        A step that fails is logged and tried again at a later tick: another job must not wait for it.
        """
        self._follow()
        steps = []
        for job in self.journal.open_jobs():
            try:
                step = self._advance(job)
            except InsufficientFundsError:
                raise  # no step can be taken without gas: somebody has to act
            except ContractError as error:
                # Somebody else was quicker, or the chain moved on: the next look decides anew.
                log.info("job 0x%s: %s", job.hex(), error.message)
                continue
            except RegistryError as error:
                log.warning("job 0x%s: %s", job.hex(), error.diagnostics())
                continue
            if step is not None:
                steps.append(step)
        return steps

    def check_journal(self) -> None:
        """Refuses to start when the chain holds a commitment of ours that this journal cannot open.

        Raises:
            JournalMissingError: naming the job.
        """
        self._follow()
        for job in self.journal.open_jobs():
            seat = self._seat(job, self.network.market.committee_of(job))
            if seat and seat.committed and not seat.revealed and self.journal.opening(job, seat.round) is None:
                raise JournalMissingError(
                    f"job 0x{job.hex()}: this validator has committed in round {seat.round}, "
                    f"and {self.journal.path} does not hold the opening",
                    hint="The journal is not the one that the commitment was made with. Put that one back: "
                    "without it the reveal is lost, and a second validator with this key may be running.",
                )

    def _follow(self) -> None:
        head = self.network.chain.block_number() - self.confirmations
        start = self.journal.next_block
        if head < start:
            return
        events = self.network.chain.logs(self.network.market, "JobRequested", from_block=start, to_block=head)
        self.journal.follow([bytes(event["job"]) for event in events], next_block=head + 1)

    def _advance(self, job: bytes) -> Step | None:
        situation, turn = self._look(job)
        due = duty(situation)
        if due is Duty.DROP:
            self.journal.drop(job)
            return None
        if due is Duty.WAIT or not self._my_turn(job, due, situation.job.round, turn):
            return None
        return self._take(due, job, situation.job)

    def _look(self, job: bytes) -> tuple[Situation, int]:
        """What this validator sees of a job, and how many members come before it in taking shared steps."""
        market, vrf_contract = self.network.market, self.network.vrf
        state = market.job_of(job)
        status = market.status_of(job)
        members = market.committee_of(job)
        turn = members.index(self.account.address) if self.account.address in members else len(members)
        randomness = vrf_contract.request_of(state.randomness) if status is JobStatus.REQUESTED else None
        situation = Situation(
            job=state,
            status=status,
            now=self.network.chain.now(),
            seat=self._seat(job, members),
            randomness=randomness,
            my_turn_to_prove=randomness is not None and self._alpha(state.randomness, randomness) is not None,
        )
        return situation, turn

    def _seat(self, job: bytes, members: tuple[str, ...]) -> Seat | None:
        me = self.account.address
        return self.network.market.seat_of(job, me) if me in members else None

    def _alpha(self, request: bytes, randomness: RandomnessRequest) -> bytes | None:
        """What this validator's VRF key has to prove, if it is its turn."""
        if self.vrf_key is None or randomness.status is not RandomnessStatus.PENDING:
            return None
        try:
            index, alpha = self.network.vrf.challenge_of(request)
        except ContractError:
            return None  # the block hash is not there yet, or no longer
        return alpha if self.network.vrf.operator(index).account == self.account.address else None

    def _my_turn(self, job: bytes, due: Duty, round_: int, turn: int) -> bool:
        now = self.clock()
        if now < self._retry_at.get(job, 0):
            return False
        if due not in SHARED:
            return True
        since = self._since.setdefault((job, due, round_), now)
        return now >= since + turn * self.patience

    def _take(self, due: Duty, job: bytes, state: Job) -> Step:
        try:
            receipt = self.network.chain.transact(self._call(due, job, state), sender=self.account)
        except RegistryError:
            self._retry_at[job] = self.clock() + self.patience
            raise
        log.info("job 0x%s: %s in %s, %d gas", job.hex(), due, receipt.transaction, receipt.gas_used)
        return Step(duty=due, job=job, transaction=receipt.transaction, gas_used=receipt.gas_used)

    def _call(self, due: Duty, job: bytes, state: Job) -> Call:
        market = self.network.market
        match due:
            case Duty.OPEN:
                return market.open(job, self._proof(state))
            case Duty.REASSIGN:
                return self.network.vrf.reassign(state.randomness)
            case Duty.COMMIT:
                return market.commit(job, self._commitment(job, state))
            case Duty.REVEAL:
                return self._reveal(job, state)
            case Duty.EXPIRE | Duty.SETTLE | Duty.DELIVER | Duty.FINALISE:
                simple: dict[Duty, Callable[[bytes], Call]] = {
                    Duty.EXPIRE: market.expire,
                    Duty.SETTLE: market.settle,
                    Duty.DELIVER: market.deliver,
                    Duty.FINALISE: market.finalise,
                }
                return simple[due](job)
            case _:
                raise AssertionError(due)

    def _reveal(self, job: bytes, state: Job) -> Call:
        opening = self.journal.opening(job, state.round)
        if opening is None:
            raise JournalMissingError(f"job 0x{job.hex()}: no opening for round {state.round} in the journal")
        return self.network.market.reveal(job, opening.attestation, opening.salt)

    def _proof(self, state: Job) -> bytes:
        alpha = self._alpha(state.randomness, self.network.vrf.request_of(state.randomness))
        if alpha is None or self.vrf_key is None:
            return b""  # the seed is there already; the proof is not looked at
        return vrf.prove(self.vrf_key, alpha)

    def _commitment(self, job: bytes, state: Job) -> bytes:
        """Computes, journals, and only then gives the commitment out."""
        opening = self.journal.opening(job, state.round)
        if opening is None:
            try:
                attestation = self.computation.attest(job, state)
            except AivmError as error:
                self._retry_at[job] = self.clock() + self.patience
                raise RegistryError(f"cannot compute: {error.message}", hint=error.hint) from error
            opening = Opening(job=job, round=state.round, attestation=attestation, salt=secrets.token_bytes(32))
            self.journal.write_opening(opening)
        return commitment(
            chain_id=self.network.chain.chain_id,
            market=self.network.market.address,
            job=job,
            round_=state.round,
            validator=self.account.address,
            attestation=opening.attestation,
            salt=opening.salt,
        )
