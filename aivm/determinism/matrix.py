"""The matrix: cases by environments, a digest in each cell, and the determinism class that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aivm.manifest.enums import DeterminismClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aivm.determinism.plan import Planned
    from aivm.digests import Digest
    from aivm.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One case in one environment.

    Attributes:
        case: its name.
        digest: of its output; None where it gave none.
        error: why not; empty where it did.
        seconds: in the engine.
    """

    case: str
    digest: Digest | None
    error: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An environment that was tried.

    Attributes:
        planned: its name and setting.
        host: of which machine, where there are several.
        environment: its record; None where no worker came to life.
        digest: of the place; None likewise.
        differences: why the kernel's manifest rules it out; empty if it allows it.
        cells: by case; all of them, in the order of the subject's, where a worker came to life.
        error: why no worker came to life.
    """

    planned: Planned
    host: str = ""
    environment: Environment | None = field(default=None, repr=False)
    digest: Digest | None = None
    differences: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict, repr=False)
    error: str = ""

    @property
    def name(self) -> str:
        """The environment's name in the matrix."""
        return f"{self.host} {self.planned.name}" if self.host else self.planned.name

    @property
    def complies(self) -> bool:
        """Whether the manifest allows it, so that an honest node may be such."""
        return self.environment is not None and not self.differences

    @property
    def environment_class(self) -> bytes:
        """Canonical JSON of what can change bits; empty where no worker came to life."""
        return b"" if self.environment is None else self.environment.class_record()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What a suite found.

    Attributes:
        cases: names, in the order of the subject's.
        environments: the reference first.
        expected: for every case the digest that is promised, where one is.
    """

    cases: tuple[str, ...]
    environments: tuple[Tried, ...]
    expected: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def reference(self) -> Tried:
        """The environment that the others are held against."""
        return self.environments[0]

    @property
    def alive(self) -> tuple[Tried, ...]:
        """The environments in which a worker came to life."""
        return tuple(tried for tried in self.environments if tried.environment is not None)

    def digests(self, case: str, environments: Iterable[Tried] | None = None) -> tuple[Digest | None, ...]:
        """The distinct digests of a case, in the order of the environments; None among them for no output."""
        chosen = self.alive if environments is None else environments
        return tuple(dict.fromkeys(tried.cells[case].digest for tried in chosen))

    def differing(self, tried: Tried) -> tuple[str, ...]:
        """The cases whose digest is another one in an environment than in the reference."""
        if tried.environment is None or self.reference.environment is None:
            return ()
        return tuple(case for case in self.cases if tried.cells[case].digest != self.reference.cells[case].digest)

    def determinism_class(self) -> DeterminismClass:
        """What the environments show that the manifest allows (`classify`)."""
        allowed = (tried for tried in self.environments if tried.complies)
        return classify(
            (tried.environment_class, tuple(tried.cells[case].digest for case in self.cases)) for tried in allowed
        )

    def conforms(self) -> bool | None:
        """Whether the reference gave what is promised; None where nothing is."""
        if not self.expected:
            return None
        cells = self.reference.cells
        return all(case in cells and cells[case].digest == want for case, want in self.expected.items())


def classify(rows: Iterable[tuple[object, tuple[object | None, ...]]]) -> DeterminismClass:
    """The determinism class of what some environments gave.

    `bitwise`: every case gave one output in all of them. `pinned`: in those of each environment class. Otherwise
    `none`; `tolerant` is not for digests to show, since it needs a tolerance that was calibrated.

    Args:
        rows: for each environment its class, and what each case gave, None for nothing.
    """
    groups: dict[object, set[tuple[object | None, ...]]] = {}
    for environment_class, row in rows:
        groups.setdefault(environment_class, set()).add(row)
    found = set().union(*groups.values())
    if not found or any(None in row or not row for row in found):
        return DeterminismClass.NONE
    if len(found) == 1:
        return DeterminismClass.BITWISE
    return DeterminismClass.PINNED if all(len(group) == 1 for group in groups.values()) else DeterminismClass.NONE
