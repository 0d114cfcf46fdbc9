"""Delta debugging: the smallest part that still fails.

Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28 (2002), algorithm ddmin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def ddmin(items: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """A part of the items that fails, and no longer does when any one item is taken away.

    Args:
        items: all of them together fail.
        fails: whether a part, in the same order, still does.
    """
    kept, pieces = list(items), 2
    while len(kept) > 1:
        size = -(-len(kept) // pieces)
        starts = range(0, len(kept), size)
        smaller = next((part for start in starts if fails(part := kept[start : start + size])), None)
        if smaller is not None and len(smaller) < len(kept):
            kept, pieces = smaller, 2
            continue
        rest = next((part for start in starts if fails(part := kept[:start] + kept[start + size :])), None)
        if rest:
            kept, pieces = rest, max(pieces - 1, 2)
        elif size == 1:
            break
        else:
            pieces = min(2 * pieces, len(kept))
    return kept
