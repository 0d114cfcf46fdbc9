"""Bounds by resampling whole images.

Pairs that share an image are not independent, so intervals for binomial proportions over pairs are too narrow. The
bootstrap draws images with replacement and takes all their pairs along (Field and Welsh, "Bootstrapping clustered
data", JRSS B 69, 2007); for pairs of two different images each pair weighs the product of both counts. Counts are drawn
with Philox4x32-10 and sums are of integers below 2**53, exact in binary64 in any order, so the bounds are the same
numbers on every machine.

A bootstrap cannot see what never occurred: with no event among n images it would say 0. So an upper bound is never
below the exact one for no event in n trials, 1 - (1 - confidence)**(1/n) (Clopper and Pearson, 1934).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aivm.errors import AivmError
from aivm.seeds import philox4x32

if TYPE_CHECKING:
    from collections.abc import Sequence

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

#: Bounds are rounded outwards to multiples of this.
PARTS = 1_000_000
REPLICATES = 2_000


class ResamplingError(AivmError):
    """Too few images, or a confidence that is none."""


def draw(images: int, *, replicates: int = REPLICATES) -> F64:
    """How often each image is drawn in each replicate.

    Returns:
        float64 [replicates, images] of integers; each row sums to `images`.

    Raises:
        ResamplingError: there are fewer than two images.
    """
    if images < 2:
        raise ResamplingError(f"there is no spread in {images} images", hint="take at least some hundred")
    blocks = -(-replicates * images // 4)
    counter = np.zeros((blocks, 4), np.uint32)
    counter[:, 0] = np.arange(blocks, dtype=np.uint32)
    words = philox4x32(counter, [images, replicates]).reshape(-1)[: replicates * images]
    # The high word of a product: uniform over the images but for a bias below images / 2**32.
    chosen = (words.astype(np.uint64) * np.uint64(images)) >> np.uint64(32)
    chosen = chosen.reshape(replicates, images) + np.arange(replicates, dtype=np.uint64)[:, None] * np.uint64(images)
    counts = np.bincount(chosen.reshape(-1).astype(np.int64), minlength=replicates * images)
    return counts.reshape(replicates, images).astype(np.float64)


def cluster_rates(events: I64, trials: I64, weights: F64) -> list[Fraction]:
    """The share of events in each replicate, where each image has its own trials.

    Args:
        events: int64 [images].
        trials: int64 [images], positive.
        weights: float64 [replicates, images], from `draw`.
    """
    above, below = weights @ events.astype(np.float64), weights @ trials.astype(np.float64)
    return [Fraction(int(event), int(trial)) for event, trial in zip(above, below, strict=True)]


def pair_rates(events: npt.NDArray[np.bool_], pairs: npt.NDArray[np.bool_], weights: F64) -> list[Fraction]:
    """The share of events in each replicate among pairs of two images.

    Args:
        events: bool [images, images], symmetric.
        pairs: bool [images, images], symmetric, False on the diagonal: which pairs count.
        weights: float64 [replicates, images], from `draw`.
    """
    above, below = (((weights @ matrix.astype(np.float64)) * weights).sum(axis=1) for matrix in (events & pairs, pairs))
    # A replicate that draws no pair says nothing.
    return [Fraction(int(event), int(pair)) for event, pair in zip(above, below, strict=True) if pair]


def upper_bound(rates: Sequence[Fraction], *, images: int, confidence: Fraction) -> Fraction:
    """An upper confidence bound of a share, a multiple of 1 / PARTS.

    Args:
        rates: the share in each replicate.
        images: how many independent ones there were.
        confidence: such as 95/100.

    Raises:
        ResamplingError: the confidence is not between 0 and 1, or there is no replicate.
    """
    return max(_ceiling(quantile(rates, confidence)), unseen(images, confidence))


def quantile(rates: Sequence[Fraction], level: Fraction) -> Fraction:
    """The smallest of the rates that is not below a share `level` of all.

    Raises:
        ResamplingError: the level is not between 0 and 1, or there is no rate.
    """
    if not 0 < level < 1:
        raise ResamplingError(f"a confidence of {level} is not between 0 and 1")
    if not rates:
        raise ResamplingError("no replicate says anything", hint="take more images")
    ordered = sorted(rates)
    return ordered[-(-len(ordered) * level.numerator // level.denominator) - 1]


def unseen(images: int, confidence: Fraction) -> Fraction:
    """How frequent something may be that no image showed: the least multiple of 1 / PARTS that excludes it.

    With chance p in each of n images, none shows it with (1 - p)**n; at the bound that is 1 - confidence.
    """
    low, high = 0, PARTS
    while high - low > 1:
        middle = (low + high) // 2
        # Integers: ((PARTS - middle) / PARTS)**images <= 1 - confidence.
        excluded = (PARTS - middle) ** images * confidence.denominator <= PARTS**images * (
            confidence.denominator - confidence.numerator
        )
        low, high = (low, middle) if excluded else (middle, high)
    return Fraction(high, PARTS)


def _ceiling(value: Fraction) -> Fraction:
    return Fraction(-(-value.numerator * PARTS // value.denominator), PARTS)
