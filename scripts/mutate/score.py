"""How many mutants the tests kill, from a stratified sample of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from trial import Verdict

if TYPE_CHECKING:
    from collections import Counter

_Z = 1.959964  # two-sided 95 %
KILLS = frozenset({Verdict.KILLED, Verdict.TIMEOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The mutants of one source.

    Attributes:
        mutants: how many there are.
        verdicts: how many tried ones came to each verdict.
    """

    mutants: int
    verdicts: Counter[Verdict]

    @property
    def tried(self) -> int:
        """How many have a verdict."""
        return sum(self.verdicts.values())

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return sum(self.verdicts[verdict] for verdict in KILLS)

    @property
    def counted(self) -> int:
        """How many count: they compile, into other bytecode."""
        return self.killed + self.verdicts[Verdict.SURVIVED]

    @property
    def weight(self) -> float:
        """How many of all would count, by the share of those tried."""
        return self.mutants * self.counted / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The share that is killed, and bounds that hold it in 95 of 100 samples."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, strata: list[Stratum]) -> Self:
        """The stratified estimate: each source weighs what it has of mutants that count.

        The bounds are Wilson's for the number of independent trials that would vary as much. A source of which every
        mutant was tried adds nothing to them (the correction for finite populations).

        Raises:
            ValueError: when nothing was tried that counts.
        """
        used = [stratum for stratum in strata if stratum.counted]
        whole = sum(stratum.weight for stratum in used)
        if not whole:
            raise ValueError("no mutant that counts has been tried")
        share = sum(stratum.weight * stratum.killed / stratum.counted for stratum in used) / whole
        variance = 0.0
        for stratum in used:
            count = stratum.counted
            rate = (stratum.killed + 1) / (count + 2)  # not none, where all of a few were killed
            left = 1 - stratum.tried / stratum.mutants
            variance += (stratum.weight / whole) ** 2 * rate * (1 - rate) / count * left
        if not variance:
            return cls(share=share, low=share, high=share)
        middle = min(max(share, 0.5 / sum(s.counted for s in used)), 1 - 0.5 / sum(s.counted for s in used))
        trials = middle * (1 - middle) / variance
        centre = (share + _Z**2 / (2 * trials)) / (1 + _Z**2 / trials)
        spread = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2)) / (1 + _Z**2 / trials)
        return cls(share=share, low=max(0.0, centre - spread), high=min(1.0, centre + spread))
