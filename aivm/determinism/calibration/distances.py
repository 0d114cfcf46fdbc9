"""The distances from which a tolerance follows: between honest outputs, and from false ones to honest ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aivm.fingerprint.hamming import distances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Sketches of one kernel's images, as several machines and several models make them.

    Attributes:
        bits: of a sketch.
        groups: what image i was asked for: images of one group differ in nothing but the seed.
        honest: for each environment the sketches of all images; the first environment is the one compared with.
        substitutes: the same for each other model, run on the same inputs and seeds.
    """

    bits: int
    groups: Sequence[int]
    honest: Mapping[str, Sequence[int]]
    substitutes: Mapping[str, Sequence[int]]

    @property
    def images(self) -> int:
        """How many there are."""
        return len(self.groups)


def honest_distances(samples: Samples) -> I64:
    """Between all pairs of environments: int64 [images, pairs]."""
    runs = list(samples.honest.values())
    return np.stack([_paired(a, b) for a, b in combinations(runs, 2)], axis=1)


def honest_votes(samples: Samples) -> I64:
    """From each output of each environment to the same of every other one: int64 [images * E, E - 1].

    The rows of one environment follow each other, so that row r is about image r mod `images`.
    """
    runs = list(samples.honest.values())
    return np.concatenate(
        [np.stack([_paired(a, b) for j, b in enumerate(runs) if j != i], axis=1) for i, a in enumerate(runs)],
        axis=0,
    )


def substitute_distances(samples: Samples, name: str) -> I64:
    """From a substitute's outputs to every environment's: int64 [images, environments]."""
    made = samples.substitutes[name]
    return np.stack([_paired(made, run) for run in samples.honest.values()], axis=1)


def seed_distances(samples: Samples) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Between images of one group that have other seeds, in the first environment.

    Returns:
        int64 [images, images], and a bool array of the same shape that says which pairs are of one group.
    """
    first = next(iter(samples.honest.values()))
    groups = np.asarray(samples.groups)
    together = groups[:, None] == groups[None, :]
    np.fill_diagonal(together, val=False)
    return distances(first, first), together


def histogram(found: npt.NDArray[np.int64], bits: int) -> tuple[int, ...]:
    """How often each distance from 0 to `bits` occurs."""
    return tuple(int(count) for count in np.bincount(found.reshape(-1), minlength=bits + 1))


def _paired(a: Sequence[int], b: Sequence[int]) -> I64:
    return np.array([(x ^ y).bit_count() for x, y in zip(a, b, strict=True)], np.int64)
