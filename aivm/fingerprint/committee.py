"""Committees whose members err together: the beta-binomial model of votes, exactly.

The votes of a committee on one output are not independent: a fragile output is rejected by many. With the chance p of a
yes-vote drawn for each output from a beta distribution of mean p and intra-class correlation r, the number of yes-votes
among k is beta-binomial (Skellam, "A probability distribution derived from the binomial distribution by regarding the
probability of success as variable between the sets of trials", 1948). r = 0 is the binomial model, and with r = 1 all
vote alike and no committee is better than one member.

All of it is rational arithmetic, so there is nothing to round.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sizes that a job can have after its last growth, at most (aivm.settlement.LARGEST_COMMITTEE).
SIZES = (3, 5, 7, 9, 11, 13, 15)


class CommitteeModelError(AivmError):
    """A probability or a size that the model does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """How often a committee decides wrongly.

    Attributes:
        size: its members.
        false_rejection: the chance that an honest output gets no strict majority.
        false_acceptance: the chance that a false one gets it.
    """

    size: int
    false_rejection: Fraction
    false_acceptance: Fraction


def votes(size: int, chance: Fraction, correlation: Fraction) -> list[Fraction]:
    """The distribution of the number of yes-votes.

    Args:
        size: members.
        chance: of one yes-vote, in [0, 1].
        correlation: intra-class, in [0, 1].

    Returns:
        The probabilities of 0 to `size` yes-votes.

    Raises:
        CommitteeModelError: a value out of range.
    """
    for name, value in (("chance", chance), ("correlation", correlation)):
        if not 0 <= value <= 1:
            raise CommitteeModelError(f"the {name} {value} is not in [0, 1]")
    if size < 1:
        raise CommitteeModelError(f"a committee of {size} has no votes")
    if correlation == 1:
        return [1 - chance, *[Fraction(0)] * (size - 1), chance]
    # P(x) = C(k, x) p (p + t) … (p + (x-1) t) q (q + t) … / (1 (1 + t) … (1 + (k-1) t)), t = r / (1 - r).
    step = correlation / (1 - correlation)
    below = _rising(Fraction(1), step, size)
    return [
        comb(size, yes) * _rising(chance, step, yes) * _rising(1 - chance, step, size - yes) / below
        for yes in range(size + 1)
    ]


def _rising(start: Fraction, step: Fraction, count: int) -> Fraction:
    product = Fraction(1)
    for index in range(count):
        product *= start + index * step
    return product


def accepted(size: int, chance: Fraction, correlation: Fraction = Fraction(0)) -> Fraction:
    """The chance that a strict majority of a committee says yes.

    Raises:
        CommitteeModelError: a value out of range.
    """
    return sum(votes(size, chance, correlation)[size // 2 + 1 :], Fraction(0))


def colluding(honest: Fraction, false: Fraction, share: Fraction) -> tuple[Fraction, Fraction]:
    """Both chances of a yes-vote when a share of all members votes against honest outputs and for false ones.

    Args:
        honest: the chance of an honest member's yes to an honest output.
        false: of its yes to a false one.
        share: of colluding members, in [0, 1].

    Returns:
        The chances of a yes to an honest output, and to a false one.
    """
    return (1 - share) * honest, share + (1 - share) * false


def decide(
    size: int,
    *,
    honest: Fraction,
    false: Fraction,
    honest_correlation: Fraction = Fraction(0),
    false_correlation: Fraction = Fraction(0),
    share: Fraction = Fraction(0),
) -> Committee:
    """How often a committee of this size decides wrongly.

    Args:
        size: members, odd.
        honest: the chance of an honest member's yes to an honest output.
        false: of its yes to a false one.
        honest_correlation: of the votes on one honest output.
        false_correlation: of those on a false one.
        share: of members that collude.

    Raises:
        CommitteeModelError: a value out of range.
    """
    yes, wrong = colluding(honest, false, share)
    return Committee(
        size=size,
        false_rejection=1 - accepted(size, yes, honest_correlation),
        false_acceptance=accepted(size, wrong, false_correlation),
    )


def smallest(committees: Iterable[Committee], *, rejection: Fraction, acceptance: Fraction) -> Committee | None:
    """The first committee that meets both targets; None if none does."""
    return next(
        (each for each in committees if each.false_rejection <= rejection and each.false_acceptance <= acceptance), None
    )
