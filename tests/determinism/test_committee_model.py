"""Committees under correlated votes: against published figures, and against all outcomes counted one by one."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.fingerprint.committee import (
    CommitteeModelError,
    accepted,
    colluding,
    decide,
    smallest,
    votes,
)

HONEST, FALSE = Fraction("0.981"), Fraction("0.00945")
chances = st.fractions(0, 1, max_denominator=60)


@pytest.mark.parametrize(
    ("size", "rejection", "acceptance"),
    [(3, 1.07e-3, 2.66e-4), (5, 6.7e-5, 8.3e-6), (7, 4.4e-6, 2.7e-7), (9, 2.9e-7, 9.2e-9)],
)
def test_independent_committees_err_as_published(size, rejection, acceptance):
    found = decide(size, honest=HONEST, false=FALSE)
    assert float(found.false_rejection) == pytest.approx(rejection, rel=0.02)
    assert float(found.false_acceptance) == pytest.approx(acceptance, rel=0.02)


@pytest.mark.parametrize(
    ("correlation", "of_three", "of_seven"),
    [
        ("0", 1.07e-3, 4.4e-6),
        ("0.05", 3.6e-3, 4.8e-4),
        ("0.2", 9.4e-3, 5.5e-3),
        ("0.5", 1.6e-2, 1.5e-2),
        ("1", 0.019, 0.019),
    ],
)
def test_correlated_committees_err_as_published(correlation, of_three, of_seven):
    for size, rejection in ((3, of_three), (7, of_seven)):
        found = decide(size, honest=HONEST, false=FALSE, honest_correlation=Fraction(correlation))
        assert float(found.false_rejection) == pytest.approx(rejection, rel=0.03)


@pytest.mark.parametrize(
    ("share", "size", "acceptance"), [("0.1", 3, 3.3e-2), ("0.1", 15, 6.1e-5), ("0.1", 31, 2.2e-8), ("0.3", 31, 1.2e-2)]
)
def test_colluding_members_carry_false_outputs_as_published(share, size, acceptance):
    found = decide(size, honest=HONEST, false=FALSE, share=Fraction(share))
    assert float(found.false_acceptance) == pytest.approx(acceptance, rel=0.02)


def urn(chance, correlation, outcome):
    """The chance of one sequence of votes by Polya's urn: what was drawn goes back with as many more of its kind.

    Another definition of the beta-binomial distribution than the one under test.
    """
    yes, no, more = chance * (1 - correlation), (1 - chance) * (1 - correlation), correlation
    product = Fraction(1)
    for vote in outcome:
        product *= (yes if vote else no) / (yes + no)
        yes, no = (yes + more, no) if vote else (yes, no + more)
    return product


@given(st.integers(1, 7), chances, st.fractions(0, Fraction(59, 60), max_denominator=60))
def test_the_distribution_is_that_of_all_sequences_of_votes(size, chance, correlation):
    counted = [Fraction(0)] * (size + 1)
    for outcome in itertools.product((False, True), repeat=size):
        counted[sum(outcome)] += urn(chance, correlation, outcome)
    assert votes(size, chance, correlation) == counted


@given(st.integers(2, 9), chances, chances)
def test_the_distribution_has_the_mean_and_the_correlation_that_it_was_given(size, chance, correlation):
    found = votes(size, chance, correlation)
    mean = sum(yes * share for yes, share in enumerate(found))
    variance = sum(yes * yes * share for yes, share in enumerate(found)) - mean**2
    assert sum(found) == 1
    assert mean == size * chance
    # The variance of a sum of votes: that of single votes, and a correlation for each ordered pair.
    assert variance == chance * (1 - chance) * size * (1 + (size - 1) * correlation)


def test_with_full_correlation_no_committee_is_better_than_one_member():
    assert {accepted(size, Fraction(9, 10), Fraction(1)) for size in range(1, 16)} == {Fraction(9, 10)}


@given(st.integers(1, 9), chances, chances, chances)
def test_more_willing_members_accept_more(size, low, high, correlation):
    low, high = sorted((low, high))
    assert accepted(size, low, correlation) <= accepted(size, high, correlation)


def test_all_members_colluding_decide_everything():
    assert colluding(HONEST, FALSE, Fraction(1)) == (0, 1)
    assert colluding(HONEST, FALSE, Fraction(0)) == (HONEST, FALSE)


def test_the_smallest_committee_that_meets_both_targets_is_chosen():
    tried = [decide(size, honest=HONEST, false=FALSE) for size in (3, 5, 7)]
    assert smallest(tried, rejection=Fraction("1e-4"), acceptance=Fraction("1e-4")).size == 5
    assert smallest(tried, rejection=Fraction("1e-5"), acceptance=Fraction("1e-4")).size == 7
    assert smallest(tried, rejection=Fraction("1e-9"), acceptance=Fraction(1)) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, Fraction(3, 2), Fraction(0)), "chance 3/2"),
        ((3, Fraction(1, 2), Fraction(-1, 9)), "correlation -1/9"),
        ((0, Fraction(1, 2), Fraction(0)), "committee of 0"),
    ],
)
def test_what_is_no_chance_correlation_or_size_is_refused(arguments, message):
    with pytest.raises(CommitteeModelError, match=message):
        votes(*arguments)
