"""The settlement rule: how the votes of a committee become one (docs/protocol.md §7-9).

Pure functions over what was revealed; the contracts are tested against them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from aivm.digests import Digest
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seats that can be asked for: an odd number between these.
MINIMUM_COMMITTEE = 3
MAXIMUM_COMMITTEE = 7
#: Seats after growth, at most; and the last round, counted from 0.
LARGEST_COMMITTEE = 15
LAST_ROUND = 2


class SettlementError(AivmError):
    """The rule was asked about a committee that cannot be."""


class Fault(IntEnum):
    """What a seated validator did wrong."""

    ABSENT = 0
    WITHHELD = 1
    DEVIATED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Vote:
    """What one seat revealed under the `exact` rule.

    Attributes:
        digest: of the output record; zero for a refusal.
        answer: the output's on-chain word, 32 bytes.
    """

    digest: Digest
    answer: bytes

    @property
    def is_refusal(self) -> bool:
        """Whether this seat says that the job cannot be computed."""
        return not any(bytes(self.digest))


REFUSAL = Vote(Digest(bytes(32)), bytes(32))


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


def settle_exact(seats: int, votes: Sequence[Vote | None]) -> Vote | None:
    """The vote that a strict majority of all seats revealed, or None.

    Args:
        seats: members of the whole committee, of all rounds, whether they voted or not.
        votes: what was revealed; None, like a missing entry, is a seat that revealed nothing.

    Returns:
        The majority's vote, which may be a refusal; None when there is no majority.

    Raises:
        SettlementError: when there are more votes than seats.
    """
    cast = [vote for vote in votes if vote is not None]
    if len(cast) > seats:
        raise SettlementError(f"{len(cast)} votes of {seats} seats")
    for vote, count in Counter(cast).most_common(1):
        if 2 * count > seats:
            return vote
    return None


def fault_of(*, committed: bool, vote: Vote | None, majority: Vote | None) -> Fault | None:
    """What a seat is slashed for at the end of a job.

    Args:
        committed: whether it committed.
        vote: what it revealed, if it did.
        majority: what the committee agreed on; None or a refusal when the job fails.

    Returns:
        The fault. Without a majority for an output only what is a fact is one: a seat that did not commit or reveal.
    """
    if not committed:
        return Fault.ABSENT
    if vote is None:
        return Fault.WITHHELD
    if majority is None or majority.is_refusal or vote == majority:
        return None
    return Fault.REFUSED if vote.is_refusal else Fault.DEVIATED


def quote(
    size: int, *, vrf_fee: int, author_fee: int, seat_fee: int, delivery_fee_per_gas: int, callback_gas: int
) -> int:
    """What a job costs up front, in wei: everything that its longest course can pay out.

    Raises:
        SettlementError: when a committee of this size cannot be asked for.
    """
    return vrf_fee + author_fee + seat_fee * largest_committee(size) + delivery_fee_per_gas * callback_gas
