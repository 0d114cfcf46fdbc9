from __future__ import annotations

from collections import Counter

from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from registry.sortition import draw

SEEDS = st.binary(min_size=32, max_size=32)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=2**96), max_size=12).map(
    lambda stakes: [(f"0x{place:040x}", stake) for place, stake in enumerate(stakes, 1)]
)


@given(SEEDS, st.integers(min_value=0, max_value=15), WEIGHTS)
def test_nobody_is_drawn_twice_and_nobody_without_weight(seed, count, weights):
    drawn = draw(seed, count, [], weights)
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= {address for address, weight in weights if weight}
    assert len(drawn) == min(count, sum(1 for _, weight in weights if weight))


@given(SEEDS, st.integers(min_value=0, max_value=7), st.integers(min_value=0, max_value=7), WEIGHTS)
def test_a_later_round_goes_on_where_the_earlier_one_stopped(seed, first, more, weights):
    at_once = draw(seed, first + more, [], weights)
    begun = draw(seed, first, [], weights)
    assert begun + draw(seed, more, begun, weights) == at_once


@given(SEEDS, st.integers(min_value=1, max_value=9))
def test_a_ticket_falls_on_the_interval_that_holds_it(seed, size):
    weights = [(f"0x{place:040x}", 1) for place in range(size)]
    ticket = int.from_bytes(keccak(seed + bytes(32)), "big") % size
    assert draw(seed, 1, [], weights) == [weights[ticket][0]]


def test_addresses_are_the_same_in_any_case():
    weights = [("0x" + "aB" * 20, 5), ("0x" + "01" * 20, 5)]
    assert draw(bytes(32), 2, ["0x" + "Ab" * 20], weights) == ["0x" + "01" * 20]


def test_seats_are_won_in_proportion_to_stake():
    weights = [("0x" + "01" * 20, 1), ("0x" + "02" * 20, 3)]
    won = Counter(draw(number.to_bytes(32), 1, [], weights)[0] for number in range(2000))
    # Three quarters of 2000, within five standard deviations of 19.4.
    assert abs(won["0x" + "02" * 20] - 1500) < 97
