"""A validator at work: it looks at the jobs under way and takes the step that is due in each."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aivm import vrf
from aivm.errors import AivmError
from registry.contracts.types import JobStatus, Showing, Shown
from registry.errors import ContractError, RegistryError, RpcResponseError
from registry.ids import commitment
from registry.jobs import as_of_now, fold, job_of
from registry.relay import HandedProof
from registry.relay.messages import from_hex, to_hex
from registry.validator.ahead import answer_of, challenge_of, draw, has_time
from registry.validator.duties import SHARED, Duty, Situation, duty
from registry.validator.exchange import Exchange
from registry.validator.journal import JournalMissingError, Opening
from registry.validator.operator import answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from eth_account.signers.local import LocalAccount

    from registry.contracts.contract import Call
    from registry.contracts.types import Attestation
    from registry.jobs import Job, Seat
    from registry.network import Network
    from registry.relay import Relay
    from registry.validator.ahead import Challenge
    from registry.validator.computation import Computation
    from registry.validator.journal import Journal

log = logging.getLogger(__name__)

#: Blocks that are read again for new jobs, in case they were replaced.
REREAD = 32
#: Seconds, at the most, for which a settled job is not looked at.
NAP_SECONDS = 30
#: What a member goes on with while it is another's turn.
_MEANWHILE = {Duty.OPEN_TOGETHER: Duty.AGREE, Duty.TOGETHER: Duty.AGREE, Duty.BATCH: Duty.HAND_IN}


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
        grace: seconds that a job stays unopened while its members, who were handed its proof, do their round; with
            none, an operator opens its jobs at once.
        clock: monotonic seconds.
        executor: computes while the ticks go on, one job at a time; None computes within the tick. A kernel may take as
            long as the commit window, and meanwhile the reveals of other jobs fall due.
        relay: exchanges commitments, lists and openings with the other members, so that one transaction carries all
            of them; None commits and reveals alone.
    """

    network: Network
    account: LocalAccount
    journal: Journal
    computation: Computation
    vrf_key: bytes | None = None
    confirmations: int = 0
    patience: float = 2.0
    grace: float = 0.0
    clock: Callable[[], float] = time.monotonic
    executor: Executor | None = None
    relay: Relay | None = None
    _since: dict[tuple[bytes, Duty, int], float] = field(default_factory=dict)
    _retry_at: dict[bytes, float] = field(default_factory=dict)
    _failures: dict[bytes, int] = field(default_factory=dict)
    _asleep: dict[bytes, int] = field(default_factory=dict)
    _known: dict[bytes, Job] = field(default_factory=dict)
    _drawn: dict[bytes, tuple[bytes, Job | None, float]] = field(default_factory=dict)
    _tasks: dict[tuple[bytes, bytes], Future[Attestation]] = field(default_factory=dict)
    _read: str = ""

    def tick(self) -> list[Step]:
        """Finds new jobs, then takes at most one step in each job under way.

        Whatever fails is logged, and tried again at a later tick: no other job waits for it, and jobs that are known go
        on while new ones cannot be found.

        Raises:
            RpcError: no endpoint answers.
        """
        now = self.network.chain.now()
        try:
            self._follow()
        except RegistryError as error:
            log.warning("new jobs cannot be read: %s", error.diagnostics())
        steps = []
        for job in self.journal.open_jobs():
            if now < self._asleep.get(job, 0):
                continue
            try:
                step = self._advance(job)
            except ContractError as error:
                # Somebody else was quicker, or the chain moved on: the next look decides anew.
                log.info("job 0x%s: %s", job.hex(), error.message)
                self._pause(job)
            except AivmError as error:
                log.warning("job 0x%s: %s", job.hex(), error.diagnostics())
                self._pause(job)
            except Exception:
                # A mistake of ours, or an answer that no node gives: it must not cost us the other jobs.
                log.exception("job 0x%s: unexpected", job.hex())
                self._pause(job)
            else:
                self._failures.pop(job, None)
                if step is not None:
                    steps.append(step)
        return steps

    def _pause(self, job: bytes) -> None:
        """Leaves a job alone for a while, and longer each time, but not so long that a window passes."""
        failures = self._failures[job] = self._failures.get(job, 0) + 1
        self._retry_at[job] = self.clock() + self.patience * min(2 ** (failures - 1), 4)

    def check_journal(self) -> None:
        """Refuses to start when the chain holds a commitment of ours that this journal cannot open.

        Raises:
            JournalMissingError: naming the job.
        """
        self._follow()
        for job in self.journal.open_jobs():
            seat = job_of(self.network.market, job).seat_of(self.account.address)
            if seat and seat.commitment and not seat.attestation and self._opening_of(job, seat) is None:
                raise JournalMissingError(
                    f"job 0x{job.hex()}: this validator has committed in round {seat.round}, "
                    f"and {self.journal.path} does not hold the opening",
                    hint="The journal is not the one that the commitment was made with. Put that one back: "
                    "without it the reveal is lost, and a second validator with this key may be running.",
                )

    def _follow(self) -> None:
        """Reads new jobs, and the last blocks again: after a reorganisation they are others.

        The cursor follows the head backwards too, so an endpoint that once named a block far ahead does not make
        us wait for it.
        """
        head = self.network.chain.block_number() - self.confirmations
        if head < 0:
            return
        seen = self.network.chain.header(head).hash
        if seen == self._read:
            return
        start = max(0, min(self.journal.next_block, head + 1) - REREAD)
        events = self.network.chain.logs(self.network.market, "JobRequested", from_block=start, to_block=head)
        self.journal.follow([bytes(event["job"]) for event in events], next_block=head + 1)
        self._read = seen

    def _advance(self, job: bytes) -> Step | None:
        situation, turn = self._look(job)
        due = duty(situation)
        if due is Duty.DROP:
            self._forget(job)
            return None
        if due is Duty.WAIT and situation.job.status is JobStatus.SETTLED:
            # Thousands of jobs may wait for the end of their challenge window.
            self._asleep[job] = min(situation.job.deadline + 1, situation.now + NAP_SECONDS)
        if due in _MEANWHILE and not self._my_turn(job, due, situation.job.round, turn):
            # Whose turn it is may lack ours: it was refused there if it came before the job was known.
            due = _MEANWHILE[due]
        if due is Duty.WAIT or not self._my_turn(job, due, situation.job.round, turn):
            return None
        return self._take(due, job, situation)

    def _forget(self, job: bytes) -> None:
        self.journal.drop(job)
        for each in (self._retry_at, self._failures, self._asleep, self._known, self._drawn):
            each.pop(job, None)
        for key in [key for key in self._since if key[0] == job]:
            del self._since[key]
        for task in [key for key in self._tasks if key[0] == job]:
            self._tasks.pop(task).cancel()
        if self.relay is not None:
            self.relay.board.forget(job)

    def _look(self, job: bytes) -> tuple[Situation, int]:
        """What this validator sees of a job, and how many members come before it in taking shared steps."""
        state = self._state(job)
        me, now = self.account.address, self.network.chain.now()
        randomness, challenge, ahead, early = None, None, None, False
        if state.status is JobStatus.REQUESTED:
            randomness = self.network.vrf.request_of(state.terms.randomness)
            if self.relay is not None or self.vrf_key is not None:
                challenge = challenge_of(self.network, state.terms.randomness, randomness)
            ahead = self._ahead(state, challenge, now)
            in_grace = ahead is not None and self.clock() - self._drawn[job][2] < self.grace
            early = in_grace and has_time(self.network, randomness, now)
        seen = ahead or state
        situation = Situation(
            job=state,
            now=now,
            seat=seen.seat_of(me),
            randomness=randomness,
            my_turn_to_prove=self._proves(challenge),
            ahead=ahead,
            early=early,
            **(self._exchange.heard(seen) if self.relay is not None else {}),
        )
        return situation, seen.committee.index(me) if me in seen.committee else len(seen.committee)

    def _state(self, job: bytes) -> Job:
        """The job; while its events cannot be read, as it was at the last look, if it still is."""
        known = self._known.get(job)
        since = 0 if known is None else max(0, known.block - REREAD)
        try:
            state = job_of(self.network.market, job, since=since)
        except RpcResponseError:
            unchanged = None if known is None else as_of_now(self.network.market, known)
            if unchanged is None:
                raise
            return unchanged
        self._known[job] = state
        return state

    @property
    def _exchange(self) -> Exchange:
        assert self.relay is not None
        return Exchange(network=self.network, account=self.account, journal=self.journal, relay=self.relay)

    def _proves(self, challenge: Challenge | None) -> bool:
        """Whether a challenge is this validator's to answer."""
        mine = challenge is not None and challenge.operator.account == self.account.address
        return mine and self.vrf_key is not None

    def _ahead(self, state: Job, challenge: Challenge | None, now: int) -> Job | None:
        """The job as the proof that is here will draw it; an operator's own is always here."""
        if self.relay is None or challenge is None:
            return None
        board = self.relay.board
        board.expect(state.id, challenge.operator.public_key, challenge.alpha)
        if self.grace and self._proves(challenge) and board.proof(state.id) is None and self.vrf_key is not None:
            board.take(HandedProof(job=to_hex(state.id), proof=to_hex(vrf.prove(self.vrf_key, challenge.alpha))))
        proof = board.proof(state.id)
        if proof is None:
            return None
        known = self._drawn.get(state.id)
        if known is None or known[0] != proof:
            made = draw(self.network, state, challenge, proof, self.account.address)
            known = self._drawn[state.id] = proof, made, self.clock()
        # There is no deadline yet; what is computed now has as much time as if the job were opened now.
        return None if known[1] is None else replace(known[1], deadline=now + state.terms.commit_window)

    def _my_turn(self, job: bytes, due: Duty, round_: int, turn: int) -> bool:
        now = self.clock()
        if now < self._retry_at.get(job, 0):
            return False
        if due not in SHARED:
            return True
        since = self._since.setdefault((job, due, round_), now)
        return now >= since + (turn + (due is Duty.OPEN_FOR)) * self.patience  # the operator comes first

    def _take(self, due: Duty, job: bytes, situation: Situation) -> Step | None:
        call = self._call(due, job, situation)
        if call is None:
            return None
        receipt = self.network.chain.transact(call, sender=self.account)
        log.info("job 0x%s: %s in %s, %d gas", job.hex(), due, receipt.transaction, receipt.gas_used)
        known = fold((event for event in receipt.events if event.arguments.get("job") == job), self._known.get(job))
        if known is not None:
            self._known[job] = known
        return Step(duty=due, job=job, transaction=receipt.transaction, gas_used=receipt.gas_used)

    def _call(self, due: Duty, job: bytes, situation: Situation) -> Call | None:  # noqa: PLR0911 - one for each duty
        market, state = self.network.market, situation.job
        if state.status is JobStatus.COMMITTING:
            return self._commit(due, situation)
        if due in {Duty.AGREE, Duty.HAND_IN, Duty.OPEN_TOGETHER}:
            return self._say(due, situation)
        match due:
            case Duty.OPEN | Duty.OPEN_FOR:
                return market.open(job, state.terms, self._answer(state))
            case Duty.REASSIGN:
                return self.network.vrf.reassign(state.terms.randomness)
            case Duty.REVEAL:
                opening = self._owed(situation)
                return market.reveal(job, state.terms, state.progress, opening.attestation, opening.salt)
            case Duty.EXPIRE:
                return market.expire(job, state.terms)
            case Duty.SETTLE:
                return market.settle(job, state.terms, state.progress, self._shown(state))
            case Duty.DELIVER:
                return market.deliver(job, state.terms, state.progress)
            case Duty.FINALISE:
                return market.finalise(job, state.terms, state.progress)
            case _:
                raise AssertionError(due)

    def _say(self, due: Duty, situation: Situation) -> Call | None:
        """Does the first round of a job that is not open yet; or hands in the opening for what the chain has."""
        ahead = situation.ahead
        if ahead is None:
            self._exchange.hand_in_opening(situation.job, self._owed(situation))
            return None
        if due is Duty.OPEN_TOGETHER:
            return self._exchange.open_together(ahead, self._answer(situation.job))
        self._exchange.hand_in_proof(ahead, self._drawn[ahead.id][0])
        return self._commit(due, replace(situation, job=ahead)) if due is Duty.AGREE else None

    def _commit(self, due: Duty, situation: Situation) -> Call | None:
        """Commits: by what all sign, by handing the commitment in, by sending what was handed in, or alone."""
        job = situation.job
        if due is Duty.TOGETHER:
            return self._exchange.together(job)
        opening = self._opening_for(job.id, situation)
        if opening is None:
            return None
        own = self._commitment(opening)
        if due is Duty.COMMIT:
            if not self.journal.way_of(job.id, job.round, job.seed):
                self.journal.choose_way(job.id, job.round, job.seed)
            return self.network.market.commit(job.id, job.terms, job.progress, own)
        if due is Duty.AGREE:
            self._exchange.agree(job, opening, own)
            return None
        self._exchange.hand_in_commitment(job, own)
        return self._exchange.batch(job) if due is Duty.BATCH else None

    def _shown(self, job: Job) -> list[Shown]:
        """What `settle` is shown: what members have revealed alone, and the openings that they have handed in."""
        openings = {} if self.relay is None else self.relay.board.openings(job.id)
        shown = []
        for seat in job.round_seats:
            opening = openings.get(seat.member)
            if seat.attestation is not None:
                shown.append(Shown(showing=Showing.REVEALED, attestation=seat.attestation))
            elif opening is not None:
                salt = from_hex(opening.salt)
                shown.append(Shown(showing=Showing.OPENING, attestation=opening.attestation, salt=salt))
            else:
                shown.append(Shown(showing=Showing.NOTHING))
        return shown

    def _owed(self, situation: Situation) -> Opening:
        """The opening of this validator's commitment.

        Raises:
            JournalMissingError: the journal does not hold it.
        """
        assert situation.seat is not None
        opening = self._opening_of(situation.job.id, situation.seat)
        if opening is None:
            raise JournalMissingError(
                f"job 0x{situation.job.id.hex()}: no opening for round {situation.seat.round} in the journal"
            )
        return opening

    def _opening_of(self, job: bytes, seat: Seat) -> Opening | None:
        """The opening of the commitment that the chain holds."""
        kept = self.journal.openings(job, seat.round)
        return next((each for each in kept if self._commitment(each) == seat.commitment), None)

    def _answer(self, state: Job) -> bytes:
        """What opens a job: the proof, or the output if somebody has answered already."""
        network, request = self.network, state.terms.randomness
        challenge = challenge_of(network, request, network.vrf.request_of(request))
        if challenge is not None:
            handed = None if self.relay is None else self.relay.board.proof(state.id)
            if handed is not None:
                return answer_of(challenge, handed)
            if self._proves(challenge) and self.vrf_key is not None:
                return answer(self.vrf_key, challenge.alpha)
        # The coordinator compares it, so it is as good.
        told = network.chain.logs(network.vrf, "RandomnessFulfilled", from_block=state.block, topics={"id": request})
        return told[-1]["output"] if told else b""

    def _opening_for(self, job: bytes, situation: Situation) -> Opening | None:
        """Computes, journals, and only then gives the opening out; None while the computation is under way."""
        state, subject = situation.job, _subject(situation.job)
        opening = self.journal.opening(job, state.round, subject)
        if opening is None:
            attestation = self._attestation(job, situation, subject)
            if attestation is None:
                return None
            opening = Opening(
                job=job, round=state.round, attestation=attestation, salt=secrets.token_bytes(32), subject=subject
            )
            self.journal.write_opening(opening)
        return opening

    def _attestation(self, job: bytes, situation: Situation, subject: bytes) -> Attestation | None:
        """What to attest, in time: in the last quarter of the commit window a member that has no output refuses.

        To refuse costs no more than to be absent, and nothing if the others cannot compute it either.
        """
        left = situation.job.deadline - situation.now - situation.job.terms.commit_window // 4
        task = self._tasks.get((job, subject))
        if task is not None and task.done():
            del self._tasks[job, subject]
            return task.result()
        if left <= 0:
            log.warning("job 0x%s is refused: there was no output in time", job.hex())
            return self.computation.refusal()
        until = time.monotonic() + left
        if self.executor is None:
            return self.computation.attest(job, situation.job, until=until)
        if task is None:
            self._tasks[job, subject] = self.executor.submit(self.computation.attest, job, situation.job, until=until)
        return None

    def _commitment(self, opening: Opening) -> bytes:
        return commitment(
            chain_id=self.network.chain.chain_id,
            market=self.network.market.address,
            job=opening.job,
            round_=opening.round,
            validator=self.account.address,
            attestation=opening.attestation,
            salt=opening.salt,
        )


def _subject(state: Job) -> bytes:
    """What an output is computed from, as 32 bytes: equal if and only if all of it is."""
    return hashlib.sha256(bytes([state.kind]) + state.kernel + state.input + state.seed).digest()
