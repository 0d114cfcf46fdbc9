"""Random shapes and numbers, with what breaks arithmetic among them.

Nothing here is rounded or looked up in a mathematical library: the same seed gives the same bits on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

#: Extents around the widths of vectors and tiles.
EXTENTS = (1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 24, 31, 32, 33, 47, 64, 65, 97)

#: As bits: zeros, the smallest and largest subnormals, smallest and largest normals, infinities, NaNs with and without
#: a payload, one and its neighbours, 2^24 and its neighbour.
SPECIAL32 = np.array(
    [
        *(0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000, 0x80800000),
        *(0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7F812345),
        *(0x3F800000, 0xBF800000, 0x3F7FFFFF, 0x3F800001, 0x4B800000, 0x4B800001, 0x3F000000, 0xBF000000),
    ],
    np.uint32,
).view(np.float32)


class Random:
    """A source of random things; the same seed gives the same ones.

    Args:
        seed: of everything.
        small: whether tensors are to take a few hundred bytes, not thousands.
    """

    def __init__(self, seed: Sequence[int] | int, *, small: bool = False) -> None:
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.small = small

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.generator.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """One of low, …, high."""
        return int(self.generator.integers(low, high + 1))

    def choice(self, items: Sequence[T]) -> T:
        """One of them."""
        return items[self.integer(0, len(items) - 1)]

    def subset(self, items: Sequence[T], least: int = 0) -> list[T]:
        """Some of them, in order."""
        picked = [item for item in items if self.chance(0.5)]
        return picked if len(picked) >= least else list(items[:least])

    def permutation(self, count: int) -> list[int]:
        """0, …, count - 1 in some order."""
        return [int(item) for item in self.generator.permutation(count)]

    def extent(self, most: int = 97) -> int:
        """An extent of an axis."""
        limit = min(most, 9) if self.small else most
        return self.choice([extent for extent in EXTENTS if extent <= limit])

    def shape(self, rank: int | None = None, *, elements: int = 4096, least: int = 1, empty: float = 0.0) -> list[int]:
        """A shape of at most that many elements."""
        rank = self.integer(least, 4) if rank is None else rank
        limit = min(elements, 150) if self.small else elements
        shape: list[int] = []
        for _ in range(rank):
            shape.append(self.extent(max(limit, 1)))
            limit //= shape[-1]
        shape = [shape[i] for i in self.permutation(rank)]
        if shape and self.chance(empty):
            shape[self.integer(0, rank - 1)] = 0
        return shape

    def broadcast(self, shape: Sequence[int]) -> list[int]:
        """A shape that broadcasts to the given one."""
        kept = list(shape[self.integer(0, len(shape)) :])
        return [1 if self.chance(0.25) else extent for extent in kept]

    def floats(self, shape: Sequence[int], dtype: Any = np.float32) -> Any:
        """Floating-point numbers: normal ones, of any magnitude, of any bits, or with special ones among them."""
        count = int(np.prod(shape, dtype=np.int64))
        match self.choice(["normal"] * 4 + ["wide", "bits", "special", "special", "whole"]):
            case "normal":
                values = self._normal(count)
            case "wide":
                values = np.ldexp(self._normal(count), self.generator.integers(-140, 120, count))
            case "whole":
                values = self.generator.integers(-9, 10, count).astype(np.float64)
            case "bits":
                with np.errstate(invalid="ignore"):
                    values = self.generator.integers(0, 2**32, count, np.uint32).view(np.float32).astype(np.float64)
            case _:
                values = self._normal(count) * 4
                special = self.generator.random(count) < self.choice([0.02, 0.2])
                with np.errstate(invalid="ignore"):
                    values[special] = self.generator.choice(SPECIAL32, int(special.sum()))
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return values.astype(dtype).reshape(tuple(shape))

    def normal(self, shape: Sequence[int], scale: float = 1.0) -> Any:
        """Nearly normal numbers, float32."""
        return np.asarray(self._normal(tuple(shape)) * scale, np.float32)

    def positive(self, shape: Sequence[int]) -> Any:
        """Positive numbers from 1/8 to 8, float32."""
        fractions = self.generator.integers(2**23, 2**24, tuple(shape))
        return np.asarray(np.ldexp(fractions.astype(np.float64), self.generator.integers(-26, -20, tuple(shape))), "f4")

    def _normal(self, shape: int | Sequence[int]) -> Any:
        """The sum of twelve uniform numbers less its mean: of variance 1, and exact."""
        size = (12, shape) if isinstance(shape, int) else (12, *shape)
        whole = self.generator.integers(0, 2**32, size, np.uint32).sum(axis=0, dtype=np.int64)
        return np.ldexp((whole - 6 * 2**32).astype(np.float64), -32)

    def integers(
        self, shape: Sequence[int], dtype: Any = np.int64, low: int | None = None, high: int | None = None
    ) -> Any:
        """Whole numbers: from low to high, or of any size."""
        info = np.iinfo(dtype)
        low, high = info.min if low is None else low, info.max if high is None else high
        return np.asarray(self.generator.integers(low, high, tuple(shape), np.dtype(dtype), endpoint=True))

    def booleans(self, shape: Sequence[int]) -> Any:
        """Truth values."""
        return np.asarray(self.generator.random(tuple(shape)) < 0.5)

    def array(self, shape: Sequence[int], dtype: Any) -> Any:
        """Anything of that dtype."""
        kind = np.dtype(dtype)
        if kind == np.bool_:
            return self.booleans(shape)
        return self.floats(shape, kind) if kind.kind == "f" else self.integers(shape, kind)
