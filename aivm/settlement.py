"""The settlement rules: how the votes of a committee become one (docs/protocol.md §7-9).

Pure functions over what was revealed; the contracts are tested against them. Both rules look for one seat whose vote
has a strict majority of all seats behind it, those of the silent included.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from aivm.errors import AivmError
from aivm.manifest import AggregationRule

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seats that can be asked for: an odd number between these.
MINIMUM_COMMITTEE = 3
MAXIMUM_COMMITTEE = 7
#: Seats after growth, at most; and the last round, counted from 0.
LARGEST_COMMITTEE = 15
LAST_ROUND = 2
#: Bits of a sketch, and therefore the greatest distance of two.
SKETCH_BITS = 256


class SettlementError(AivmError):
    """The rule was asked about a committee or a vote that cannot be."""


class Ballot(IntEnum):
    """What one seat said, once its round is counted."""

    ABSENT = 0
    WITHHELD = 1
    REFUSED = 2
    CAST = 3


class Outcome(IntEnum):
    """What becomes of a seat when its job is over."""

    UNPAID = 0
    PAID = 1
    ABSENT = 2
    WITHHELD = 3
    REFUSED = 4
    DEVIATED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one seat said; 32 bytes each, zero unless it is a cast ballot.

    Attributes:
        ballot: whether it said anything.
        digest: of the output record.
        answer: the output's on-chain word.
        sketch: of the output, compared under the `hamming` rule alone.
    """

    ballot: Ballot
    digest: bytes = bytes(32)
    answer: bytes = bytes(32)
    sketch: bytes = bytes(32)


ABSENT = Vote(ballot=Ballot.ABSENT)
WITHHELD = Vote(ballot=Ballot.WITHHELD)
REFUSAL = Vote(ballot=Ballot.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kernel's rule.

    Attributes:
        kind: `exact`, or `hamming` for outputs that are only near each other.
        tolerance: bits in which two sketches may differ; 0 under the `exact` rule.

    Raises:
        SettlementError: for a tolerance that no two sketches could exceed, or that the rule has no use for.
    """

    kind: AggregationRule
    tolerance: int = 0

    def __post_init__(self) -> None:
        greatest = SKETCH_BITS if self.kind is AggregationRule.HAMMING else 0
        if not 0 <= self.tolerance <= greatest:
            raise SettlementError(
                f"a tolerance of {self.tolerance} bits under the rule {self.kind.value}",
                hint=f"It is from 0 to {greatest}.",
            )


EXACT = Rule(kind=AggregationRule.EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Election:
    """Whose vote is the result.

    Attributes:
        seat: the lowest of those with the most votes behind them.
        count: seats behind it, itself included.
        vote: its own.
    """

    seat: int
    count: int
    vote: Vote


def distance(one: bytes, other: bytes) -> int:
    """In how many bits two sketches of 32 bytes differ.

    Raises:
        SettlementError: when one of them is not 32 bytes.
    """
    if not len(one) == len(other) == SKETCH_BITS // 8:
        raise SettlementError(f"sketches of {len(one)} and {len(other)} bytes", hint="A sketch has 32 bytes.")
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def backs(vote: Vote, other: Vote, rule: Rule) -> bool:
    """Whether one seat's vote is behind another's: a symmetric relation, but under `hamming` not a transitive one.

    Refusals are behind refusals. Of cast ballots the answers must be equal under either rule, for a consumer acts on
    that word and no single seat may choose it; beside it, the digests (`exact`) or the nearness of the sketches count.
    """
    if vote.ballot is not other.ballot:
        return False
    if vote.ballot is not Ballot.CAST:
        return vote.ballot is Ballot.REFUSED
    if vote.answer != other.answer:
        return False
    if rule.kind is AggregationRule.HAMMING:
        return distance(vote.sketch, other.sketch) <= rule.tolerance
    return vote.digest == other.digest


def elect(votes: Sequence[Vote], rule: Rule) -> Election | None:
    """The seat whose vote more than half of all seats are behind.

    Under the `hamming` rule this is the medoid, the seat with the most neighbours; of several with as many, the first.

    Args:
        votes: of all seats of the whole committee, in the order of the seats.
        rule: the kernel's.

    Returns:
        The election, which a refusal can win; None without a majority.
    """
    behind = [sum(backs(vote, other, rule) for vote in votes) for other in votes]
    count = max(behind, default=0)
    if 2 * count <= len(votes):
        return None
    seat = behind.index(count)
    return Election(seat=seat, count=count, vote=votes[seat])


#: What needs no majority to be known.
_FACTS = {Ballot.ABSENT: Outcome.ABSENT, Ballot.WITHHELD: Outcome.WITHHELD}


def outcome_of(vote: Vote, winner: Vote | None, rule: Rule) -> Outcome:
    """What a seat is due.

    To be far from the result is no proof of a fault under the `hamming` rule: it goes unpaid, and no more.

    Args:
        vote: the seat's.
        winner: the vote that won; None when the job fails, and then only what is a fact counts.
        rule: the kernel's.
    """
    if vote.ballot in _FACTS:
        return _FACTS[vote.ballot]
    if winner is None:
        return Outcome.UNPAID
    if vote.ballot is Ballot.REFUSED:
        return Outcome.REFUSED
    if backs(vote, winner, rule):
        return Outcome.PAID
    return Outcome.UNPAID if rule.kind is AggregationRule.HAMMING else Outcome.DEVIATED


def outcomes(votes: Sequence[Vote], rule: Rule) -> tuple[Outcome, ...]:
    """What every seat is due at the end of a job whose last round these votes are: a majority of refusals fails it."""
    election = elect(votes, rule)
    winner = None if election is None or election.vote.ballot is Ballot.REFUSED else election.vote
    return tuple(outcome_of(vote, winner, rule) for vote in votes)


def check_size(size: int) -> None:
    """Checks a committee size that is asked for.

    Raises:
        SettlementError: when it is even or out of bounds.
    """
    if not MINIMUM_COMMITTEE <= size <= MAXIMUM_COMMITTEE or size % 2 == 0:
        raise SettlementError(
            f"a committee of {size} cannot be asked for",
            hint=f"Choose an odd size from {MINIMUM_COMMITTEE} to {MAXIMUM_COMMITTEE}.",
        )


def next_size(size: int) -> int | None:
    """Seats after a committee of this size has grown, or None when it cannot grow.

    From n to 2n + 1: were the first n all wrong in the same way, the new members alone could still be the majority.
    """
    return None if size >= LARGEST_COMMITTEE else min(2 * size + 1, LARGEST_COMMITTEE)


def largest_committee(size: int) -> int:
    """Seats that a requester of this size pays for: those after the last growth.

    Raises:
        SettlementError: when such a committee cannot be asked for.
    """
    check_size(size)
    for _ in range(LAST_ROUND):
        size = next_size(size) or size
    return size


def quote(
    size: int, *, vrf_fee: int, author_fee: int, seat_fee: int, delivery_fee_per_gas: int, callback_gas: int
) -> int:
    """What a job costs up front, in wei: everything that its longest course can pay out.

    Raises:
        SettlementError: when a committee of this size cannot be asked for.
    """
    return vrf_fee + author_fee + seat_fee * largest_committee(size) + delivery_fee_per_gas * callback_gas
