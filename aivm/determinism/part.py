"""A validator's part of the matrix: a few environments beside its own, drawn by a seed, each with everything changed.

The suite changes one circumstance at a time, to say which one matters. A validator only asks whether any does, and has
seconds: each of its environments takes a value on every axis on which machines that keep one manifest differ
(`Axis.free`). Which ones follows from the job's seed, so nobody knows them when a kernel is published, and two machines
that can have the same environments run the same: on what they find honest members agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aivm.determinism.axes import AXES
from aivm.determinism.axes.base import Absence, Choice, Wishes
from aivm.determinism.axes.computing import THREADS
from aivm.determinism.certificate import Certificate
from aivm.determinism.divergence import FirstDivergence
from aivm.determinism.feeds import Feeds
from aivm.determinism.matrix import Matrix
from aivm.determinism.notes import Memory
from aivm.determinism.plan import REFERENCE_NAME, Plan, Planned, combined, explored
from aivm.determinism.running import StoppedError, run_environment
from aivm.determinism.setting import REFERENCE
from aivm.errors import AivmError
from aivm.execution.protocol import KERNEL_FAULTS, collect, leaves_optimization
from aivm.execution.sketching import sketch_of
from aivm.execution.verdicts import Finding, judge
from aivm.manifest import DeterminismClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.determinism.matrix import Tried
    from aivm.determinism.running import Known
    from aivm.determinism.setting import Setting
    from aivm.determinism.subject import Subject
    from aivm.digests import Digest
    from aivm.environment import Environment

#: Free axes fetch and build nothing, and run in the sandbox.
_WISHES: Final = Wishes(cache=Path(), confined=True)


class PartError(AivmError):
    """A machine that cannot run its part: this says nothing about the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What came of one.

    Attributes:
        subject: what was run.
        matrix: the machine's own environment first.
        absences: what was not to be had, or not in time.
        outputs: tensor files by digest, of a kernel that claims to be tolerant; of others digests say enough.
    """

    subject: Subject = field(repr=False)
    matrix: Matrix
    absences: tuple[Absence, ...]
    outputs: Mapping[Digest, bytes] = field(repr=False)

    def varying(self) -> list[str]:
        """Where the kernel breaks what its manifest claims: `case in environment`; nothing if it keeps it.

        `bitwise`: an environment that the manifest allows gave another output than the machine's own; `pinned`: one
        of the same class did; `tolerant`: one gave an output that breaks the promise for sure (`judge`). Who claims
        nothing breaks nothing. An environment that gave no output shows nothing: it may have wanted for memory or time.
        """
        matrix = self.matrix
        return [
            f"{case} in {tried.name}"
            for tried in matrix.environments[1:]
            if tried.complies
            for index, case in enumerate(matrix.cases)
            if self._breaks(tried, index, case)
        ]

    @property
    def environments(self) -> list[Environment]:
        """Those in which a worker came to life: the certificate names their records."""
        return [tried.environment for tried in self.matrix.environments if tried.environment is not None]

    def certificate(self) -> Certificate:
        """What the environments gave, as a record.

        Raises:
            RecordError: the record is over the limit of all records.
        """
        matrix = self.matrix
        divergences = [
            FirstDivergence(
                environment=tried.name,
                axis=tried.planned.name,
                case=differing[0],
                cases=len(differing),
                note="a validator does not trace: `aivm suite run` names the operator",
            )
            for tried in matrix.environments[1:]
            if (differing := matrix.differing(tried))
        ]
        return Certificate.of(self.subject, matrix, divergences, self.absences)

    def _breaks(self, tried: Tried, index: int, case: str) -> bool:
        manifest, own = self.subject.manifest, self.matrix.reference
        assert manifest is not None
        came, usual = tried.cells[case].digest, own.cells[case].digest
        if came is None or usual is None or came == usual:
            return False
        match manifest.determinism:
            case DeterminismClass.BITWISE:
                return True
            case DeterminismClass.PINNED:
                return tried.environment_class == own.environment_class
            case DeterminismClass.TOLERANT:
                try:
                    outputs, _, word = collect(manifest, self.outputs[came])
                    sketch = sketch_of(manifest, outputs)
                except KERNEL_FAULTS:
                    return True  # as in a job: what the manifest does not allow keeps no promise
                verdict = judge(manifest, index, digest=came.hex(), answer=word, sketch=sketch)
                return verdict.finding is Finding.FAILS
            case DeterminismClass.NONE:
                return False


def draw(subject: Subject, seed: bytes, count: int, *, base: Setting = REFERENCE) -> Plan:
    """The machine's own environment, and some in which every free axis has another value.

    Values are taken in the order of their hashes with the seed, so machines that have the same ones take the same.

    Args:
        subject: a kernel.
        seed: the job's 32 bytes.
        count: how many environments beside the machine's own.
        base: how this machine runs kernels; axes are changed upon it.
    """
    choices, absences = explored(subject, _WISHES, (axis for axis in AXES if axis.free))
    by_axis: dict[str, list[Choice]] = {}
    for choice in choices:
        if _allowed(subject, choice.setting):
            by_axis.setdefault(choice.axis, []).append(choice)
    orders = [sorted(choices, key=lambda choice: _rank(seed, choice)) for choices in by_axis.values()]
    drawn = [[order[number % len(order)] for order in orders] for number in range(count if orders else 0)]
    own = Planned(name=REFERENCE_NAME, values={}, setting=base)
    return Plan(environments=(own, *(_upon(base, combined(choices)) for choices in drawn)), absences=tuple(absences))


def run_part(subject: Subject, plan: Plan, *, until: float | None = None) -> Part:
    """Runs every case in each environment, one after the other.

    Args:
        subject: a kernel.
        plan: see `draw`.
        until: when to stop, by the monotonic clock. Environments that are not done then are absences.

    Raises:
        AivmError: not even the machine's own environment could be run to its end.
    """
    memory = Memory() if _claims(subject) is DeterminismClass.TOLERANT else _Digests()
    known: Known = {}
    tried: list[Tried] = []
    absences = list(plan.absences)
    with Feeds(subject) as feeds:
        for planned in plan.environments:
            try:
                tried.append(run_environment(subject, planned, memory, known, feeds=feeds, until=until))
            except StoppedError:
                if not tried:
                    raise
                absences += [
                    Absence(axis=axis, value=value, reason=f"there was no time left for {planned.name}")
                    for axis, value in planned.values.items()
                ]
    if tried[0].environment is None:
        raise PartError(f"no worker came to life: {tried[0].error}")
    matrix = Matrix(cases=tuple(subject.cases), environments=tuple(tried), expected=dict(subject.expected))
    return Part(subject=subject, matrix=matrix, absences=tuple(absences), outputs=memory.outputs)


class _Digests(Memory):
    """Keeps no outputs: those of all cases may be hundreds of times what the kernel is allowed."""

    def add_outputs(self, outputs: Mapping[Digest, bytes]) -> None:
        """Lets them go."""
        del outputs


def _claims(subject: Subject) -> DeterminismClass:
    assert subject.manifest is not None
    return subject.manifest.determinism


def _allowed(subject: Subject, setting: Setting) -> bool:
    """Whether a machine that keeps the manifest may be so: it is free to choose its threads, but not all else."""
    assert subject.manifest is not None
    if setting.threads not in (None, *THREADS):
        return False  # as many as this machine has processors, which another has not
    return not setting.runtime or (
        leaves_optimization(subject.manifest) and setting.runtime.keys() == {"graph_optimization"}
    )


def _rank(seed: bytes, choice: Choice) -> bytes:
    return hashlib.sha256(seed + choice.name.encode()).digest()


def _upon(base: Setting, planned: Planned) -> Planned:
    """What is planned, on a machine that does some things its own way already."""
    changed = planned.setting
    setting = replace(
        changed,
        variables={**base.variables, **changed.variables},
        runtime={**base.runtime, **changed.runtime},
        threads=changed.threads or base.threads,
    )
    return replace(planned, setting=setting)
