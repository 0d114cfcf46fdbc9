"""Bounds and correlations: against direct enumeration, and against what they promise."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aivm.determinism.calibration import resampling
from aivm.determinism.calibration.agreement import AgreementError, correlation, correlations
from aivm.determinism.calibration.resampling import ResamplingError
from aivm.seeds import random_input

SURE = Fraction(95, 100)


def uniform(name, shape):
    return random_input(name, shape, "uniform", bytes(32))


def test_each_replicate_draws_as_many_images_as_there_are_and_each_as_often():
    weights = resampling.draw(40, replicates=3_000)
    assert (weights.sum(axis=1) == 40).all()
    assert abs(weights.mean(axis=0) - 1).max() < 0.1
    # The number of times that an image is drawn is binomial: 40 trials of chance 1/40.
    assert weights.var() == pytest.approx(1 - 1 / 40, rel=0.02)


def test_draws_are_the_same_numbers_everywhere():
    assert resampling.draw(5, replicates=3).tolist() == [[0, 0, 1, 2, 2], [0, 2, 1, 1, 1], [2, 1, 2, 0, 0]]


def test_one_image_has_no_spread():
    with pytest.raises(ResamplingError, match="no spread in 1 images"):
        resampling.draw(1)


@given(st.data(), st.integers(2, 6))
def test_shares_of_a_replicate_are_those_of_the_images_that_were_drawn(data, images):
    events = data.draw(arrays(np.int64, images, elements=st.integers(0, 3)))
    trials = events + data.draw(arrays(np.int64, images, elements=st.integers(1, 3)))
    weights = data.draw(arrays(np.float64, (4, images), elements=st.integers(0, 3))) + np.float64(1)
    drawn = [[i for i in range(images) for _ in range(int(row[i]))] for row in weights]
    expected = [Fraction(int(sum(events[i] for i in row)), int(sum(trials[i] for i in row))) for row in drawn]
    assert resampling.cluster_rates(events, trials, weights) == expected


@given(st.data(), st.integers(2, 5))
def test_pairs_of_a_replicate_are_those_of_different_images_that_were_drawn(data, images):
    events = data.draw(arrays(np.bool_, (images, images)))
    events |= events.T
    weights = data.draw(arrays(np.float64, (3, images), elements=st.integers(1, 3)))
    expected = []
    for row in weights:
        drawn = [i for i in range(images) for _ in range(int(row[i]))]
        pairs = [bool(events[i, j]) for i, j in itertools.permutations(drawn, 2) if i != j]
        expected.append(Fraction(sum(pairs), len(pairs)))
    assert resampling.pair_rates(events, ~np.eye(images, dtype=np.bool_), weights) == expected


def test_a_replicate_without_any_pair_says_nothing():
    weights = np.array([[2.0, 0.0], [1.0, 1.0]])
    pairs = ~np.eye(2, dtype=np.bool_)
    assert resampling.pair_rates(pairs, pairs, weights) == [Fraction(1)]


@given(st.lists(st.fractions(0, 1), min_size=1, max_size=40), st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_a_quantile_is_the_least_value_that_enough_values_do_not_exceed(rates, level):
    found = resampling.quantile(rates, level)
    assert found in rates
    assert sum(rate <= found for rate in rates) >= level * len(rates)
    assert sum(rate < found for rate in rates) < level * len(rates)


@pytest.mark.parametrize("level", [Fraction(0), Fraction(1)])
def test_a_confidence_is_between_nothing_and_everything(level):
    with pytest.raises(ResamplingError, match="confidence"):
        resampling.quantile([Fraction(1)], level)
    with pytest.raises(ResamplingError, match="no replicate"):
        resampling.quantile([], SURE)


def test_nothing_seen_in_11219_images_supports_the_published_bound():
    assert resampling.unseen(11_219, SURE) == Fraction(267, 1_000_000)


@given(st.integers(1, 3_000))
def test_the_bound_of_what_was_not_seen_is_the_least_that_excludes_it(images):
    bound = resampling.unseen(images, SURE)
    step = Fraction(1, resampling.PARTS)
    assert (1 - bound) ** images <= 1 - SURE < (1 - (bound - step)) ** images


def test_a_bound_is_never_below_that_of_what_was_not_seen():
    assert resampling.upper_bound([Fraction(0)] * 50, images=100, confidence=SURE) == resampling.unseen(100, SURE)


@given(st.lists(st.fractions(0, 1), min_size=1, max_size=20))
def test_a_bound_is_rounded_up_to_millionths(rates):
    bound = resampling.upper_bound(rates, images=300, confidence=SURE)
    assert bound * resampling.PARTS == int(bound * resampling.PARTS)
    assert bound >= resampling.quantile(rates, SURE)


def test_bounds_of_clustered_events_hold_as_often_as_they_say_and_those_of_pairs_do_not():
    """Some images fail with all their ten pairs: an interval that takes pairs for independent is too narrow."""
    chance, images, tries, held, naive = 0.3, 60, 200, 0, 0
    weights = resampling.draw(images, replicates=400)
    failed = uniform("clusters", [tries, images]) < chance
    for row in failed:
        events, trials = row.astype(np.int64) * 10, np.full(images, 10)
        rates = resampling.cluster_rates(events, trials, weights)
        held += resampling.upper_bound(rates, images=images, confidence=SURE) >= chance
        share = events.sum() / trials.sum()
        naive += share + 1.645 * (share * (1 - share) / trials.sum()) ** 0.5 >= chance
    assert held / tries > 0.9
    assert naive / tries < 0.8


# ---- correlation


def direct_correlation(votes):
    """The analysis of variance, written out in fractions."""
    votes = [[int(vote) for vote in row] for row in votes]
    n, k = len(votes), len(votes[0])
    means = [Fraction(sum(row), k) for row in votes]
    grand = sum(means) / n
    between = k * sum((mean - grand) ** 2 for mean in means) / (n - 1)
    within = sum((vote - mean) ** 2 for row, mean in zip(votes, means, strict=True) for vote in row) / (n * (k - 1))
    return None if between + (k - 1) * within == 0 else (between - within) / (between + (k - 1) * within)


@given(st.integers(2, 6).flatmap(lambda k: arrays(np.bool_, st.tuples(st.integers(2, 9), st.just(k)))))
def test_the_correlation_is_that_of_the_analysis_of_variance(votes):
    assert correlation(votes) == direct_correlation(votes)


@given(arrays(np.bool_, (5, 3)), arrays(np.float64, (4, 5), elements=st.integers(1, 3)))
def test_a_replicate_counts_each_output_as_often_as_it_was_drawn(votes, weights):
    expected = [direct_correlation(np.repeat(votes, row.astype(np.int64), axis=0)) for row in weights]
    assert correlations(votes, weights) == [each for each in expected if each is not None]


def test_members_that_always_agree_are_fully_correlated_and_equal_votes_say_nothing():
    assert correlation(np.array([[True] * 3, [False] * 3])) == 1
    assert correlation(np.ones((4, 3), np.bool_)) is None


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.7])
def test_the_correlation_of_simulated_votes_is_found_again(truth):
    """Each output's votes are all one draw with chance r of being copied: pairs are then correlated by r squared."""
    outputs, members, chance, copied = 4_000, 4, 0.8, truth**0.5
    own = uniform("own", [outputs, members]) < chance
    shared = np.broadcast_to(uniform("shared", [outputs, 1]) < chance, own.shape)
    votes = np.where(uniform("copied", [outputs, members]) < copied, shared, own)
    assert float(correlation(votes)) == pytest.approx(truth, abs=0.04)


def test_a_correlation_needs_two_outputs_and_two_members():
    for shape in ((1, 3), (3, 1)):
        with pytest.raises(AgreementError, match="have no correlation"):
            correlation(np.ones(shape, np.bool_))


def test_replicates_of_one_draw_differ():
    weights = resampling.draw(100, replicates=50)
    assert Counter(map(tuple, weights.tolist())).most_common(1)[0][1] == 1
