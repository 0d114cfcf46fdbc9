"""Tensors as integers on one scale, so that what follows is exact whatever computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aivm.fingerprint.errors import SketchError

if TYPE_CHECKING:
    import numpy.typing as npt

    from aivm.tensors import Array


def fixed_point(array: Array, bits: int) -> npt.NDArray[np.int64]:
    """The elements as multiples of one power of two, of which the greatest magnitude takes `bits` bits.

    Scaling by a power of two and rounding to the nearest integer (ties to even) are exact operations of IEEE 754, so
    equal tensors give equal integers everywhere. Integers of more than 53 bits are rounded to binary64 before.

    Args:
        array: [...], numbers or booleans.
        bits: 1 to 52.

    Returns:
        int64 [...], each in [-2**bits, 2**bits].

    Raises:
        SketchError: an element is not finite.
    """
    values = np.asarray(array).astype(np.float64)
    if not np.isfinite(values).all():
        raise SketchError("a tensor with NaN or infinities has no sketch")
    greatest = np.abs(values).max(initial=0.0)
    if greatest == 0.0:
        return np.zeros(values.shape, np.int64)
    exponent = int(np.frexp(greatest)[1])
    return np.rint(np.ldexp(values, bits - exponent)).astype(np.int64)
