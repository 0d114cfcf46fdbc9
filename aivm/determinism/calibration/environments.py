"""Honest outputs from the suite's environments: the differences that machines really have, as far as one has them.

Every environment that the manifest allows makes the same images, each in a process of its own, and those that gave the
same bits throughout count once: ten restarts that agree would hide how far two processors are apart.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm import canonical, tensors
from aivm.determinism.calibration.campaign import seeded_inputs
from aivm.determinism.calibration.distances import Samples
from aivm.determinism.calibration.errors import CalibrationError
from aivm.determinism.plan import REFERENCE_NAME, Plan, Planned
from aivm.determinism.setting import REFERENCE
from aivm.determinism.subject import of_kernel
from aivm.determinism.suite import run
from aivm.determinism.surprise import with_surprises
from aivm.digests import Digest
from aivm.fingerprint.layouts import arrange
from aivm.manifest import SeedPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aivm.determinism.journal import Journal
    from aivm.determinism.matrix import Matrix, Tried
    from aivm.determinism.subject import Subject
    from aivm.kernel import Kernel
    from aivm.kernel.aggregating import Reading
    from aivm.tensors import Array

#: What inputs are drawn from where a kernel takes no seed.
_DRAWN_FROM = hashlib.sha256(b"aivm/calibration/1").digest()
_REFERENCE = Plan(environments=(Planned(name=REFERENCE_NAME, values={}, setting=REFERENCE),), absences=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the environments gave.

    Attributes:
        samples: one entry for all environments that gave the same bits.
        left_out: environments that say nothing about honest machines, with the reason.
    """

    samples: Samples
    left_out: tuple[str, ...]


def images_of(kernel: Kernel, count: int) -> Subject:
    """The kernel with the images of a calibration as its cases, which promise nothing.

    With a seed from jobs, they are the kernel's cases in turn, each time with another seed; without, inputs drawn
    within the manifest's bounds.

    Args:
        kernel: packed, or a draft.
        count: how many images.
    """
    subject = of_kernel(kernel)
    if kernel.manifest.seeds.policy is SeedPolicy.VERIFIABLE:
        cases: dict[str, Mapping[str, Array]] = {
            f"image-{index}": inputs for index, inputs in enumerate(seeded_inputs(kernel, count))
        }
    else:
        drawn = with_surprises(subject, _DRAWN_FROM, count).cases
        cases = {name: inputs for name, inputs in drawn.items() if name not in subject.cases}
    return _named(dataclasses.replace(subject, cases=cases, expected={}, known={}))


def gather(
    kernel: Kernel,
    subject: Subject,
    plan: Plan,
    journal: Journal,
    *,
    reading: Reading,
    substitutes: Mapping[str, bytes],
    jobs: int | None = None,
    on_cells: Callable[[int], None] = lambda _: None,
) -> Gathered:
    """Runs the images in every environment of the plan, and the substitutes in the reference.

    Args:
        kernel: packed, or a draft.
        subject: its images (`images_of`).
        plan: the environments, the reference first.
        journal: remembers what was run.
        reading: which output is compared, and how it becomes bits.
        substitutes: other models by name, ONNX files with the same inputs and outputs.
        jobs: workers at a time; as many as there are processors, if None.
        on_cells: is told of images as they are done.

    Raises:
        CalibrationError: the reference is not what the manifest allows, no other environment is, or a model gave no
            output.
        SketchError: an output has no sketch.
    """
    matrix = run(subject, plan, journal, jobs=jobs, on_cells=on_cells)
    reader = _Reader(journal=journal, reading=reading)
    if not matrix.reference.complies:
        why = matrix.reference.error or "; ".join(matrix.reference.differences)
        raise CalibrationError(f"this machine is none that the manifest allows: {why}")
    honest = {name: reader.sketches(tried) for name, tried in _distinct(matrix)}
    others = {}
    for name, model in substitutes.items():
        other = _named(dataclasses.replace(subject, name=name, model=model))
        others[name] = reader.sketches(run(other, _REFERENCE, journal, jobs=1, on_cells=on_cells).reference)
    seeded = kernel.manifest.seeds.policy is SeedPolicy.VERIFIABLE
    groups = [index % len(kernel.cases) if seeded else index for index in range(len(subject.cases))]
    return Gathered(
        samples=Samples(bits=reading.sketch.bits, groups=groups, honest=honest, substitutes=others),
        left_out=tuple(_left_out(matrix)),
    )


def _named(subject: Subject) -> Subject:
    """The subject under a digest of what it runs, so that a journal takes no other model's outputs for its own."""
    identity = {"manifest": subject.digest.hex(), "model": Digest.of(subject.model).hex(), "calibration": 1}
    return dataclasses.replace(subject, digest=Digest.of(canonical.encode(identity)))


def _distinct(matrix: Matrix) -> Iterator[tuple[str, Tried]]:
    """One environment for each set of bits, with how many others gave the same; at least two environments."""
    groups: dict[tuple[Digest | None, ...], list[Tried]] = {}
    for tried in matrix.environments:
        if tried.complies:
            groups.setdefault(tuple(cell.digest for cell in tried.cells.values()), []).append(tried)
    found = list(groups.values())
    if len(found) == 1:
        if len(found[0]) == 1:
            raise CalibrationError(
                "the manifest allows one environment of those that were tried, and one has no distance",
                hint="try more axes; `aivm suite axes` lists them",
            )
        # All agree on every bit: then two stand for all.
        found = [found[0][:1], found[0][1:]]
    for first, *alike in found:
        yield first.name + (f" (and {len(alike)} with the same bits)" if alike else ""), first


def _left_out(matrix: Matrix) -> Iterator[str]:
    for tried in matrix.environments:
        if tried.environment is None:
            yield f"{tried.name}: {tried.error}"
        elif tried.differences:
            yield f"{tried.name}: ruled out by the manifest ({tried.differences[0]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Sketches of what the journal holds."""

    journal: Journal
    reading: Reading

    def sketches(self, tried: Tried) -> Sequence[int]:
        """Of all images of an environment, in order."""
        if tried.environment is None:
            raise CalibrationError(f"the reference cannot be run: {tried.error}")
        return [self._sketch(tried, case) for case in tried.cells]

    def _sketch(self, tried: Tried, case: str) -> int:
        cell = tried.cells[case]
        data = None if cell.digest is None else self.journal.output(cell.digest)
        if data is None:
            raise CalibrationError(f"{tried.name} gave no output for {case}: {cell.error or 'the journal lost it'}")
        output = tensors.decode(data, limit=len(data))[self.reading.output]
        return self.reading.sketch.of(arrange(output, self.reading.layout))
