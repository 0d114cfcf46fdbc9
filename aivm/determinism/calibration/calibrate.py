"""From sketches to the smallest tolerance that meets the targets, with what it can and cannot tell apart.

1. The tolerance is the smallest at which honest votes are rejected at most as often as the target says, by an upper
   confidence bound. Bounds only fall with the tolerance, so testing it downwards from the widest keeps the confidence.
2. How often each impostor is accepted at that tolerance has an upper bound of its own.
3. Committees follow from these bounds and upper bounds of the votes' correlation, under the beta-binomial model.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from aivm.determinism.calibration import distances as found
from aivm.determinism.calibration import resampling
from aivm.determinism.calibration.agreement import correlation, correlations
from aivm.determinism.calibration.errors import CalibrationError
from aivm.fingerprint.evidence import OTHER_SEED, Calibration, Honest, Impostor, ceiling, committee_of, part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from aivm.determinism.calibration.distances import Samples
    from aivm.determinism.calibration.resampling import F64, I64
    from aivm.fingerprint import Layout
    from aivm.fingerprint.evidence import Targets


def calibrate(
    samples: Samples,
    targets: Targets,
    *,
    model: str,
    sketch: str,
    output: str,
    layout: Layout,
    substitutes: Mapping[str, str],
    replicates: int = resampling.REPLICATES,
) -> Calibration:
    """Finds the tolerance and writes down the evidence.

    Args:
        samples: what was measured, with at least two environments; three, for a correlation of honest votes.
        targets: what is wanted.
        model: the content CID of the kernel's model.
        sketch: its name.
        output: the graph output that is sketched.
        layout: how it is read.
        substitutes: content CIDs of the substituted models, by the names in `samples`.
        replicates: of the bootstrap.

    Raises:
        CalibrationError: there are too few images for the target, or no tolerance meets it.
        ResamplingError: the confidence is not between 0 and 1.
    """
    if len(samples.honest) < 2:
        raise CalibrationError("honest outputs of one environment have no distance", hint="name at least two")
    confidence, weights = part(targets.confidence_ppm), resampling.draw(samples.images, replicates=replicates)
    tolerance, rejection = _tolerance(samples, targets, weights)
    honest = _honest(samples, tolerance, rejection, weights, confidence)
    judge = _Judge(samples=samples, tolerance=tolerance, targets=targets, honest=honest)
    impostors = []
    apart, pairs = found.seed_distances(samples)
    if pairs.any():
        rates = resampling.pair_rates(apart <= tolerance, pairs, weights)
        upper = _upper(rates, _disjoint(samples.groups), confidence)
        # Honest members have nearly the same image, so they all accept the same false ones.
        impostors.append(judge.impostor(OTHER_SEED, None, apart[np.triu(pairs)], upper, Fraction(1)))
    for name in samples.substitutes:
        apart = found.substitute_distances(samples, name)
        within = apart <= tolerance
        rates = resampling.cluster_rates(within.sum(axis=1), np.full(len(within), within.shape[1]), weights)
        upper, alike = _upper(rates, samples.images, confidence), _correlation(within, weights, confidence)[1]
        impostors.append(judge.impostor(name, substitutes[name], apart, upper, alike))
    return Calibration(
        model=model,
        sketch=sketch,
        output=output,
        layout=layout,
        environments=tuple(samples.honest),
        images=samples.images,
        replicates=replicates,
        targets=targets,
        tolerance=tolerance,
        honest=honest,
        impostors=tuple(impostors),
    )


def check_images(images: int, targets: Targets) -> Fraction:
    """The bound of rejected honest votes if none of so many images shows one.

    Raises:
        CalibrationError: it is above the target, so that no tolerance could meet it.
    """
    target = part(targets.vote_false_rejection_ppm)
    least = resampling.unseen(images, part(targets.confidence_ppm))
    if least > target:
        raise CalibrationError(
            f"{images} images cannot show that at most {_percent(target)} of honest votes are rejected: "
            f"even if none is, the bound is {_percent(least)}",
            hint="take more images, or a higher target",
        )
    return least


def _tolerance(samples: Samples, targets: Targets, weights: F64) -> tuple[int, Fraction]:
    """The smallest tolerance that meets the target, and the bound of the honest votes that it rejects."""
    target, confidence = part(targets.vote_false_rejection_ppm), part(targets.confidence_ppm)
    least = check_images(samples.images, targets)
    apart = found.honest_distances(samples)
    trials, chosen = np.full(len(apart), apart.shape[1], np.int64), (samples.bits, least)
    for tolerance in range(int(apart.max()), -1, -1):
        rates = resampling.cluster_rates((apart > tolerance).sum(axis=1), trials, weights)
        bound = _upper(rates, samples.images, confidence)
        if bound > target:
            break
        chosen = (tolerance, bound)
    return chosen


def _honest(samples: Samples, tolerance: int, rejection: Fraction, weights: F64, confidence: Fraction) -> Honest:
    apart, votes = found.honest_distances(samples), found.honest_votes(samples) <= tolerance
    seen, upper = _correlation(votes, np.tile(weights, (1, len(samples.honest))), confidence)
    return Honest(
        histogram=found.histogram(apart, samples.bits),
        pairs=apart.size,
        rejected=int((apart > tolerance).sum()),
        rejection_ppm=_millionths(rejection),
        correlation_ppm=None if seen is None else _millionths(max(seen, Fraction(0))),
        correlation_upper_ppm=_millionths(upper),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """What is known when impostors are looked at."""

    samples: Samples
    tolerance: int
    targets: Targets
    honest: Honest

    def impostor(self, name: str, model: str | None, apart: I64, upper: Fraction, alike: Fraction) -> Impostor:
        return Impostor(
            name=name,
            model=model,
            histogram=found.histogram(apart, self.samples.bits),
            pairs=apart.size,
            accepted=int((apart <= self.tolerance).sum()),
            acceptance_ppm=_millionths(upper),
            correlation_upper_ppm=_millionths(alike),
            committee=committee_of(self.targets, self.honest, _millionths(upper), _millionths(alike)),
        )


def _correlation(votes: npt.NDArray[np.bool_], weights: F64, confidence: Fraction) -> tuple[Fraction | None, Fraction]:
    """The correlation that was seen, and an upper bound, which is 1 where nothing is known."""
    if votes.shape[1] < 2:
        return None, Fraction(1)
    seen = correlation(votes)
    if seen is None:
        return None, Fraction(1)
    upper = resampling.quantile(correlations(votes, weights), confidence)
    return seen, min(max(upper, seen, Fraction(0)), Fraction(1))


def _disjoint(groups: Sequence[int]) -> int:
    """How many pairs of one group there are that share no image: as many are independent."""
    return sum(int(count) // 2 for count in np.unique(np.asarray(groups), return_counts=True)[1])


def _upper(rates: Sequence[Fraction], independent: int, confidence: Fraction) -> Fraction:
    return resampling.upper_bound(rates, images=independent, confidence=confidence)


def _millionths(value: Fraction) -> int:
    return ceiling(value * 1_000_000)


def _percent(value: Fraction) -> str:
    return f"{float(100 * value):.3g} %"
