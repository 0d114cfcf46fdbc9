"""How alike the votes on one output are: the intra-class correlation."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aivm.errors import AivmError

if TYPE_CHECKING:
    from aivm.determinism.calibration.resampling import F64


class AgreementError(AivmError):
    """Votes from which no correlation follows."""


def correlation(votes: npt.NDArray[np.bool_]) -> Fraction | None:
    """The intra-class correlation of votes, by the analysis of variance of one factor.

    (B - W) / (B + (k - 1) W) with the mean squares between and within outputs (Ridout, Demetrio and Firth, "Estimating
    intraclass correlation for binary data", Biometrics 55, 1999).

    Args:
        votes: bool [outputs, members]: did the member accept the output?

    Returns:
        In [-1 / (members - 1), 1]; None where all votes are equal, which says nothing about it.

    Raises:
        AgreementError: fewer than two outputs or members.
    """
    outputs, members = votes.shape
    if outputs < 2 or members < 2:
        raise AgreementError(f"{members} votes on {outputs} outputs have no correlation", hint="two of each at least")
    return _ratio(votes.sum(axis=1).astype(np.float64), np.ones(outputs), members)


def correlations(votes: npt.NDArray[np.bool_], weights: F64) -> list[Fraction]:
    """The correlation in each replicate of a bootstrap over outputs; replicates without a dissenting vote are left out.

    Args:
        votes: bool [outputs, members].
        weights: float64 [replicates, outputs], from `resampling.draw`.
    """
    members, yes = votes.shape[1], votes.sum(axis=1).astype(np.float64)
    found = (_ratio(yes, row, members) for row in weights)
    return [each for each in found if each is not None]


def _ratio(yes: F64, weights: F64, members: int) -> Fraction | None:
    """The estimator in integers: s1 and s2 are the sums of the yes-votes of an output, and of their squares."""
    count, s1, s2 = (int(total) for total in (weights.sum(), weights @ yes, weights @ yes**2))
    # B = (s2 - s1^2 / n) / (k (n - 1)) and W = (s1 - s2 / k) / (n (k - 1)), k members, n outputs.
    between = Fraction(count * s2 - s1 * s1, count * members * (count - 1))
    within = Fraction(members * s1 - s2, members * count * (members - 1))
    below = between + (members - 1) * within
    return None if below == 0 else (between - within) / below
