"""What an axis is: a circumstance of a computation that must not change its bits, and the values to be had here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aivm.determinism.setting import Setting
    from aivm.determinism.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What whoever runs the suite asks for beyond what this machine has.

    Attributes:
        cache: a folder for what is built or fetched once.
        ort_versions: releases of ONNX Runtime to fetch and compare.
        emulated: the folder that `scripts/emulated.sh` set up.
        confined: only environments whose worker can be confined: for kernels that are not trusted.
    """

    cache: Path
    ort_versions: tuple[str, ...] = ()
    emulated: Path | None = None
    confined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of an axis that can be had here."""

    axis: str
    value: str
    setting: Setting

    @property
    def name(self) -> str:
        """`axis=value`: the environment's name if nothing else is changed."""
        return f"{self.axis}={self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A value of an axis, or all of it, that cannot be had here: why not, and how to get it."""

    axis: str
    reason: str
    remedy: str = ""
    value: str = ""

    def __str__(self) -> str:
        name = f"{self.axis}={self.value}" if self.value else self.axis
        return f"{name}: {self.reason}" + (f"; {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A circumstance.

    Attributes:
        name: one word.
        summary: what is changed, for a person.
        explore: gives what can be had here for a subject, and what cannot.
        usual: whether the suite takes it when no axes are named.
        free: whether machines that keep one manifest differ in it: what a validator varies (`aivm.determinism.part`).
    """

    name: str
    summary: str
    explore: Callable[[Subject, Wishes], Iterator[Choice | Absence]]
    usual: bool = True
    free: bool = False
