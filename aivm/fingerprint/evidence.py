"""The evidence for a tolerance: a record that a manifest links to, with no number that is not an integer.

Parts per million and per billion are rounded so that they never look better than what was found.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar

from msgspec import Meta

from aivm.fingerprint import committee, sketches
from aivm.fingerprint.layouts import Layout
from aivm.manifest.parts import Part, TensorName, Word
from aivm.records import ContentCid, Record, RecordError, Size, check_cid

Million = Annotated[int, Meta(ge=0, le=1_000_000)]
Billion = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Histogram = Annotated[tuple[Size, ...], Meta(max_length=257, description="how often each distance occurs, from 0 bits")]


#: The impostor that is the kernel itself, on the same request with another seed.
OTHER_SEED = "other seed"


class CalibrationRecordError(RecordError):
    """A record that is no calibration."""


class Targets(Part, frozen=True, kw_only=True):
    """What was wanted, and how sure."""

    vote_false_rejection_ppm: Million
    committee_false_rejection_ppm: Million
    committee_false_acceptance_ppm: Million
    colluding_ppm: Million
    confidence_ppm: Million


class Honest(Part, frozen=True, kw_only=True):
    """Honest outputs against each other.

    `rejected` of `pairs` are beyond the tolerance; `rejection_ppm` bounds their share. `correlation_ppm` is the
    intra-class correlation of votes, and `correlation_upper_ppm` what committees are computed with.
    """

    histogram: Histogram
    pairs: Size
    rejected: Size
    rejection_ppm: Million
    correlation_ppm: Million | None
    correlation_upper_ppm: Million


class CommitteeSize(Part, frozen=True, kw_only=True):
    """The smallest committee that meets both targets, and how often it errs."""

    size: Annotated[int, Meta(ge=1, le=1023)]
    false_rejection_ppb: Billion
    false_acceptance_ppb: Billion


class Impostor(Part, frozen=True, kw_only=True):
    """False outputs against honest ones.

    `accepted` of `pairs` are within the tolerance; `acceptance_ppm` bounds their share. `committee` is null where none
    tells them apart.
    """

    name: Word
    model: ContentCid | None
    histogram: Histogram
    pairs: Size
    accepted: Size
    acceptance_ppm: Million
    correlation_upper_ppm: Million
    committee: CommitteeSize | None


def committee_of(targets: Targets, honest: Honest, acceptance_ppm: int, correlation_ppm: int) -> CommitteeSize | None:
    """The smallest committee that meets both targets, from bounds alone; None if none does.

    Args:
        targets: for committees, and which share of their members colludes.
        honest: what is known of honest votes.
        acceptance_ppm: bound of the share of false outputs that one member accepts.
        correlation_ppm: bound of the correlation of votes on a false output.
    """
    tried = (
        committee.decide(
            size,
            honest=1 - part(honest.rejection_ppm),
            false=part(acceptance_ppm),
            honest_correlation=part(honest.correlation_upper_ppm),
            false_correlation=part(correlation_ppm),
            share=part(targets.colluding_ppm),
        )
        for size in committee.SIZES
    )
    rejection, acceptance = part(targets.committee_false_rejection_ppm), part(targets.committee_false_acceptance_ppm)
    chosen = committee.smallest(tried, rejection=rejection, acceptance=acceptance)
    if chosen is None:
        return None
    return CommitteeSize(
        size=chosen.size,
        false_rejection_ppb=ceiling(chosen.false_rejection * 10**9),
        false_acceptance_ppb=ceiling(chosen.false_acceptance * 10**9),
    )


def part(millionths: int) -> Fraction:
    """Parts per million as a number."""
    return Fraction(millionths, 1_000_000)


def ceiling(value: Fraction) -> int:
    """The least integer that is not below."""
    return -(-value.numerator // value.denominator)


class Calibration(Record, frozen=True, kw_only=True, tag="aivm/calibration"):
    """How a kernel's tolerance was found, and what it can and cannot tell apart (docs/determinism.md)."""

    error: ClassVar[type[RecordError]] = CalibrationRecordError

    model: ContentCid
    sketch: Word
    output: TensorName
    layout: Layout
    environments: Annotated[tuple[Word, ...], Meta(min_length=2, max_length=256)]
    images: Size
    replicates: Size
    targets: Targets
    tolerance: Annotated[int, Meta(ge=0, le=256)]
    honest: Honest
    impostors: Annotated[tuple[Impostor, ...], Meta(max_length=256)]

    def check(self) -> None:
        """Checks that counts are those of the histograms, bounds no better than counts, and committees what follows.

        Raises:
            CalibrationRecordError: naming the member at fault.
        """
        check_cid(self.model, "model", self.error)
        if self.sketch not in sketches.NAMES:
            raise self.error(f"there is no sketch {self.sketch!r}", path="sketch")
        if self.layout not in sketches.named(self.sketch).layouts:
            raise self.error(f"{self.sketch} does not read {self.layout}", path="layout")
        honest = self.honest
        self._counts("honest", honest.histogram, honest.pairs, honest.pairs - honest.rejected)
        self._bound("honest.rejection_ppm", honest.rejected, honest.pairs, honest.rejection_ppm)
        for index, each in enumerate(self.impostors):
            path = f"impostors[{index}]"
            self._counts(path, each.histogram, each.pairs, each.accepted)
            self._bound(f"{path}.acceptance_ppm", each.accepted, each.pairs, each.acceptance_ppm)
            if each.committee != committee_of(self.targets, honest, each.acceptance_ppm, each.correlation_upper_ppm):
                raise self.error("is not what follows from the bounds", path=f"{path}.committee")

    def _counts(self, path: str, histogram: tuple[int, ...], pairs: int, within: int) -> None:
        if len(histogram) != sketches.named(self.sketch).bits + 1:
            raise self.error("want a count for each distance of the sketch", path=f"{path}.histogram")
        if sum(histogram) != pairs or sum(histogram[: self.tolerance + 1]) != within:
            raise self.error("the counts are not those of the histogram", path=path)

    def _bound(self, path: str, events: int, pairs: int, bound: int) -> None:
        if not pairs:
            raise self.error("there are no pairs", path=path)
        if part(bound) * pairs < events:
            raise self.error(f"{bound} is a bound below what was seen, {events} of {pairs}", path=path)
