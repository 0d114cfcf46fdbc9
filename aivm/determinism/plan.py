"""The plan of a suite: which environments to try, and what cannot be had here."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.determinism.axes import AXES, Absence, AxisNameError, Choice
from aivm.determinism.setting import REFERENCE, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aivm.determinism.axes import Axis, Wishes
    from aivm.determinism.subject import Subject

#: The name of the environment in which nothing is changed.
REFERENCE_NAME = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An environment to try.

    Attributes:
        name: `reference`, or what differs from it, such as `isa=avx2` or `isa=avx2 threads=4`.
        values: the same by axis.
        setting: how it is made.
    """

    name: str
    values: dict[str, str]
    setting: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to try, the reference first, and what is not here."""

    environments: tuple[Planned, ...]
    absences: tuple[Absence, ...]


def plan(subject: Subject, wishes: Wishes, axes: Iterable[Axis] | None = None, *, crossed: Sequence[str] = ()) -> Plan:
    """One environment for each value of each axis, and for each combination of the crossed ones.

    Args:
        subject: what will be run.
        wishes: what is asked for beyond what this machine has.
        axes: all that are usual, if None.
        crossed: names of axes whose values are combined with each other.

    Raises:
        AxisNameError: an axis is crossed that is not among the axes.
        SettingError: combined values contradict each other.
    """
    taken = tuple(axis for axis in AXES if axis.usual) if axes is None else tuple(axes)
    unknown = set(crossed) - {axis.name for axis in taken}
    if unknown:
        raise AxisNameError(f"{min(unknown)!r} cannot be crossed: it is not among the axes that are run")
    choices, absences = explored(subject, wishes, taken)
    single = [combined([choice]) for choice in choices]
    return Plan(
        environments=(
            Planned(name=REFERENCE_NAME, values={}, setting=REFERENCE),
            *single,
            *_combinations(choices, crossed),
        ),
        absences=tuple(absences),
    )


def _combinations(choices: Iterable[Choice], crossed: Sequence[str]) -> Iterator[Planned]:
    by_axis = [[None, *(choice for choice in choices if choice.axis == name)] for name in crossed]
    for combination in itertools.product(*by_axis):
        chosen = [choice for choice in combination if choice is not None]
        if len(chosen) > 1:
            yield combined(chosen)


def explored(subject: Subject, wishes: Wishes, axes: Iterable[Axis]) -> tuple[list[Choice], list[Absence]]:
    """What some axes offer here, and what they cannot."""
    found = [each for axis in axes for each in axis.explore(subject, wishes)]
    return [each for each in found if isinstance(each, Choice)], [each for each in found if isinstance(each, Absence)]


def combined(choices: Sequence[Choice]) -> Planned:
    """The environment that has all of some choices.

    Raises:
        SettingError: they contradict each other.
    """
    setting = REFERENCE
    for choice in choices:
        setting = choice.setting.over(setting)
    name = " ".join(choice.name for choice in choices)
    return Planned(name=name, values={choice.axis: choice.value for choice in choices}, setting=setting)
