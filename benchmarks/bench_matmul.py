"""Matrix products with constant weights, in the 22 shapes that the goal was set for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from graphs import floats, one_node
from harness import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Rows, columns and terms of a product `[m, k] × [k, n]`, as m, n, k.
SHAPES = (
    (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
    (128, 384, 384), (128, 1536, 384), (128, 384, 1536), (128, 768, 768), (128, 3072, 768), (128, 768, 3072),
    (512, 768, 768), (16, 768, 768), (8, 1024, 1024), (4, 1024, 1024), (2, 1024, 1024),
    (1, 384, 384), (1, 1536, 384), (1, 768, 768), (1, 768, 3072), (1, 4096, 4096),
)  # fmt: skip


def product(m: int, n: int, k: int) -> tuple[bytes, dict[str, Any]]:
    """A model of one product."""
    return one_node("MatMul", [floats(1, m, k), floats(2, k, n)], constants=(1,))


def cases() -> Iterator[Case]:
    """One case for each shape."""
    for m, n, k in SHAPES:
        yield Case(name=f"{m} × {n}, {k} terms", make=partial(product, m, n, k), work=2.0 * m * n * k)
