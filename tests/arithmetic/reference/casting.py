"""Cast (§8), from exact values."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from onnx import helper

from reference.table import canonical, operator

#: Significant bits, exponent of the least subnormal, and the first power of two beyond the greatest number.
FLOATS = {
    "float16": (11, -24, 16),
    "bfloat16": (8, -133, 128),
    "float32": (24, -149, 128),
    "float64": (53, -1074, 1024),
}


def rounded(value, name):
    """A number in a float format, to nearest even."""
    digits, least, beyond = FLOATS[name]
    if isinstance(value, float) and (value == 0 or not math.isfinite(value)):
        return value
    exact = Fraction(value)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if abs(exact) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** max(exponent - digits + 1, least)
    result = round(exact / unit) * unit  # Python rounds halves to even
    if abs(result) >= Fraction(2) ** beyond:
        return math.copysign(math.inf, result)
    return math.copysign(float(result), exact)


def converted(value, dtype):
    """One element in another dtype."""
    if dtype == np.bool_:
        return value != 0
    if dtype.name in FLOATS:
        return rounded(value, dtype.name)
    info = np.iinfo(dtype)
    if not isinstance(value, float):
        return (int(value) - info.min) % (1 << info.bits) + info.min
    if math.isnan(value):
        return 0
    return min(max(math.trunc(min(max(value, -(2.0**70)), 2.0**70)), info.min), info.max)


def cast(x, dtype):
    """Each element in another dtype; in its own, its bits."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    flat = [item if isinstance(item, (bool, int, float)) else float(item) for item in x.reshape(-1).tolist()]
    return canonical(np.array([converted(item, dtype) for item in flat], dtype).reshape(x.shape))


@operator("Cast", moves=True)
def _cast(node, x):
    return cast(x, helper.tensor_dtype_to_np_dtype(node.get("to")))


@operator("CastLike", moves=True)
def _cast_like(_node, x, like):
    return cast(x, like.dtype)


@operator("Constant", moves=True)
def _constant(node):
    ((name, value),) = [item for item in node.attributes.items() if item[0].startswith("value")]
    kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    return np.array(value, kinds.get(name))
