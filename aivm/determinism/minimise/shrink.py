"""Smaller tensors and simpler numbers, as long as the difference stays.

What a smaller extent means for the rest of a graph is not worked out: axes of one extent are cut together, and where
the engines refuse what comes out, it was no good.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from aivm.determinism.minimise.cut import Case, contents, retyped
from aivm.determinism.minimise.ddmin import ddmin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aivm.tensors import Array

    Places = tuple[tuple[str, int], ...]

#: Tensors with more elements keep the elements that they have.
_FEW = 4096
#: Bits of a significand that are tried, from the fewest.
_SIGNIFICANDS = (1, 2, 3, 4, 6, 8, 11, 16)


def smaller(case: Case, differ: Callable[[Case], bool]) -> Case:
    """Cuts axes, halving while that works, until no axis can lose one more index."""
    progress = True
    while progress:
        progress = False
        for places in list(_groups(contents(case))):
            shorter = _shorten(case, places, differ)
            if shorter is not None:
                case, progress = shorter, True
    return case


def _groups(arrays: Mapping[str, Array]) -> Iterator[Places]:
    """Axes that may belong together: all of one extent, then two of them, then one alone; the longest first."""
    by_extent: dict[int, list[tuple[str, int]]] = {}
    for name, array in arrays.items():
        for axis, extent in enumerate(array.shape):
            if extent > 1:
                by_extent.setdefault(extent, []).append((name, axis))
    for extent in sorted(by_extent, reverse=True):
        places = by_extent[extent]
        for count in dict.fromkeys((len(places), 2, 1)):
            yield from itertools.combinations(places, count)


def _shorten(case: Case, places: Places, differ: Callable[[Case], bool]) -> Case | None:
    arrays = contents(case)
    extents = {arrays[name].shape[axis] for name, axis in places if axis < arrays[name].ndim}
    if len(extents) != 1:
        return None  # an earlier cut has parted them
    (extent,) = extents
    found = None
    step = extent // 2
    while step:
        for keep in (slice(0, extent - step), slice(step, extent)):
            candidate = retyped(found or case, _cut(contents(found or case), places, keep))
            if differ(candidate):
                found, extent = candidate, extent - step
                break
        else:
            step //= 2
            continue
        step = min(step, extent // 2)
    return found


def _cut(arrays: Mapping[str, Array], places: Places, keep: slice) -> dict[str, Array]:
    cut = {name: arrays[name] for name, _ in places}
    for name, axis in places:
        cut[name] = cut[name][(slice(None),) * axis + (keep,)]
    return cut


def simpler(case: Case, differ: Callable[[Case], bool]) -> Case:
    """Sets elements to zero, then to one, then rounds what is left to as few bits as keep the difference."""
    for name in contents(case):
        if contents(case)[name].dtype.kind == "f" and 0 < contents(case)[name].size <= _FEW:
            case = _with_zeros(case, name, differ)
            case = _with_ones(case, name, differ)
            case = _rounded(case, name, differ)
    return case


def _with_zeros(case: Case, name: str, differ: Callable[[Case], bool]) -> Case:
    array = contents(case)[name]
    places = np.flatnonzero(array)

    def only(kept: list[int]) -> Case:
        flat = np.zeros(array.size, array.dtype)
        flat[kept] = array.reshape(-1)[kept]
        return retyped(case, {name: flat.reshape(array.shape)})

    if not places.size:
        return case
    nothing = only([])
    return nothing if differ(nothing) else only(ddmin(places.tolist(), lambda kept: differ(only(kept))))


def _with_ones(case: Case, name: str, differ: Callable[[Case], bool]) -> Case:
    array = contents(case)[name]
    for place in np.flatnonzero((array != 0) & (array != 1)):
        flat = contents(case)[name].reshape(-1).copy()
        flat[place] = 1
        candidate = retyped(case, {name: flat.reshape(array.shape)})
        case = candidate if differ(candidate) else case
    return case


def _rounded(case: Case, name: str, differ: Callable[[Case], bool]) -> Case:
    array = contents(case)[name]
    for bits in _SIGNIFICANDS:
        significand, exponent = np.frexp(array)
        with np.errstate(invalid="ignore"):
            rounded = np.ldexp(np.rint(np.ldexp(significand, bits)), exponent - bits).astype(array.dtype)
        if np.array_equal(rounded, array, equal_nan=True):
            return case
        candidate = retyped(case, {name: rounded})
        if differ(candidate):
            return candidate
    return case
