"""The sketches by name. A name carries everything that changes a bit; another algorithm would be another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.fingerprint.errors import SketchError
from aivm.fingerprint.layouts import Layout
from aivm.fingerprint.phash import phash
from aivm.fingerprint.simhash import simhash

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.tensors import Array

__all__ = ["NAMES", "Sketch", "SketchError", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """One way to make a sketch.

    Attributes:
        name: as manifests write it.
        bits: how many it has, at most 256.
        elements: how many a tensor may have whose sketch takes seconds, and no longer.
        layouts: how an output can be read for it.
        compute: gives the bits of a tensor.
    """

    name: str
    bits: int
    elements: int
    layouts: tuple[Layout, ...]
    compute: Callable[[Array], list[bool]]

    def of(self, tensor: Array) -> int:
        """The sketch of a tensor: an integer below 2**bits, whose most significant bit is the first.

        Raises:
            SketchError: the tensor has none.
        """
        value = 0
        for bit in self.compute(tensor):
            value = 2 * value + bit
        return value


_IMAGES = (Layout.HW, Layout.CHW, Layout.HWC)
_ALL = {
    sketch.name: sketch
    for sketch in (
        Sketch(
            name="phash-64/1",
            bits=64,
            elements=1 << 24,
            layouts=_IMAGES,
            compute=lambda image: phash(image, side=8, grid=32),
        ),
        Sketch(
            name="phash-256/1",
            bits=256,
            elements=1 << 24,
            layouts=_IMAGES,
            compute=lambda image: phash(image, side=16, grid=64),
        ),
        Sketch(
            name="simhash-256/1",
            bits=256,
            elements=1 << 20,
            layouts=(Layout.FLAT,),
            compute=lambda array: simhash(array, bits=256, name="simhash-256/1"),
        ),
    )
}

#: The names of all sketches.
NAMES = tuple(_ALL)


def named(name: str) -> Sketch:
    """The sketch of that name.

    Raises:
        SketchError: there is none.
    """
    if name not in _ALL:
        raise SketchError(f"there is no sketch {name!r}", hint=f"this version has {', '.join(NAMES)}")
    return _ALL[name]
