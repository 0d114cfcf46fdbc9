from __future__ import annotations

from collections import Counter

from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from registry.sortition import draw

SEEDS = st.binary(min_size=32, max_size=32)
WEIGHTS = st.dictionaries(st.integers(0, 2**21 - 1), st.integers(0, 2**16), max_size=12)


@given(SEEDS, st.integers(min_value=0, max_value=15), WEIGHTS)
def test_no_leaf_is_drawn_twice_and_none_without_weight(seed, count, weights):
    drawn = draw(seed, count, [], weights)
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= {leaf for leaf, weight in weights.items() if weight}
    assert len(drawn) == min(count, sum(1 for weight in weights.values() if weight))


@given(SEEDS, st.integers(min_value=0, max_value=7), st.integers(min_value=0, max_value=7), WEIGHTS)
def test_a_later_round_goes_on_where_the_earlier_one_stopped(seed, first, more, weights):
    at_once = draw(seed, first + more, [], weights)
    begun = draw(seed, first, [], weights)
    assert begun + draw(seed, more, begun, weights) == at_once


@given(SEEDS, st.integers(min_value=1, max_value=9))
def test_a_ticket_falls_on_the_interval_that_holds_it(seed, size):
    ticket = int.from_bytes(keccak(seed + bytes(32)), "big") % size
    assert draw(seed, 1, [], dict.fromkeys(range(100, 100 + size), 1)) == [100 + ticket]


@given(SEEDS, WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_in_which_leaves_are_told_does_not_matter(seed, weights, random):
    items = list(weights.items())
    assert draw(seed, 5, [], weights) == draw(seed, 5, [], dict(random.sample(items, len(items))))


def test_seats_are_won_in_proportion_to_weight():
    won = Counter(draw(number.to_bytes(32), 1, [], {1: 1, 2: 3})[0] for number in range(2000))
    # Three quarters of 2000, within five standard deviations of 19.4.
    assert abs(won[2] - 1500) < 97
