"""The evidence for a tolerance: a record that a manifest links to, with no number that is not an integer.

Parts per million and per billion are rounded so that they never look better than what was found.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from aivm.fingerprint import sketches
from aivm.manifest.parts import Part, TensorName, Word
from aivm.records import ContentCid, Record, RecordError, Size, check_cid

Million = Annotated[int, Meta(ge=0, le=1_000_000)]
Billion = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Histogram = Annotated[tuple[Size, ...], Meta(max_length=257, description="how often each distance occurs, from 0 bits")]


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


class Calibration(Record, frozen=True, kw_only=True, tag="aivm/calibration"):
    """How a kernel's tolerance was found, and what it can and cannot tell apart (docs/determinism.md)."""

    error: ClassVar[type[RecordError]] = CalibrationRecordError

    model: ContentCid
    sketch: Word
    output: TensorName
    environments: Annotated[tuple[Word, ...], Meta(min_length=2, max_length=256)]
    images: Size
    replicates: Size
    targets: Targets
    tolerance: Annotated[int, Meta(ge=0, le=256)]
    honest: Honest
    impostors: Annotated[tuple[Impostor, ...], Meta(max_length=256)]

    def check(self) -> None:
        """Checks that the counts are those of the histograms.

        Raises:
            CalibrationRecordError: naming the member at fault.
        """
        check_cid(self.model, "model", self.error)
        if self.sketch not in sketches.NAMES:
            raise self.error(f"there is no sketch {self.sketch!r}", path="sketch")
        sides = [("honest", self.honest.histogram, self.honest.pairs, self.honest.pairs - self.honest.rejected)]
        sides += [
            (f"impostors[{index}]", each.histogram, each.pairs, each.accepted)
            for index, each in enumerate(self.impostors)
        ]
        for path, histogram, pairs, within in sides:
            if len(histogram) != sketches.named(self.sketch).bits + 1:
                raise self.error("want a count for each distance of the sketch", path=f"{path}.histogram")
            if sum(histogram) != pairs or sum(histogram[: self.tolerance + 1]) != within:
                raise self.error("the counts are not those of the histogram", path=path)
