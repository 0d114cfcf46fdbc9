"""binary32 by the C library and by the engine: bit patterns in, bit patterns out, for whole arrays."""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
from plans import one_step

CANONICAL_NAN = np.uint32(0x7FC00000)
OF_INTEGERS = {"Int32": np.int32, "Uint32": np.uint32, "Int64": np.int64, "Uint64": np.uint64}

_LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))


def _function(name, operands):
    function = getattr(_LIBRARY, name)
    function.argtypes, function.restype = [ctypes.c_float] * operands, ctypes.c_float
    return np.frompyfunc(function, operands, 1)


_C = {name: _function(f"{name}f", 1) for name in ("sqrt", "trunc", "floor", "ceil", "rint")}
_C["fma"] = _function("fmaf", 3)
_OPERATORS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
_WHOLE = {"truncate": "trunc", "floor": "floor", "ceil": "ceil", "round": "rint", "sqrt": "sqrt"}


def values(bits):
    """The numbers of bit patterns."""
    return np.ascontiguousarray(bits).view(np.float32)


def canonical(numbers):
    """The bit patterns of numbers, with the one NaN."""
    numbers = np.ascontiguousarray(numbers, np.float32)
    return np.where(np.isnan(numbers), CANONICAL_NAN, numbers.view(np.uint32))


def by_c_library(name, operands):
    """`[n]`: an operation of Float32 or Float32Integer, on `[n, k]` operands, as compiled C does it.

    Numbers to integers have no definition in C where they do not fit: those follow `Cast`.
    """
    columns = values(operands).T if name[:4] != "from" else (operands,)
    with np.errstate(all="ignore"):
        if name == "fma" or name in _WHOLE:
            return canonical(_C[_WHOLE.get(name, name)](*columns).astype(np.float32))
        if name in _OPERATORS:
            return canonical(_OPERATORS[name](*columns))
        if name == "compare":
            a, b = columns
            return (np.isnan(a) | np.isnan(b)) * 1 + (a < b) * 2 + (a <= b) * 4 + (a == b) * np.uint32(8)
        if name.startswith("from"):
            return operands.astype(np.float32).view(np.uint32)
        return _truncated(columns[0], OF_INTEGERS[name.removeprefix("to")])


def _truncated(numbers, dtype):
    ends = np.iinfo(dtype)
    # Exact in binary64, but for the ends of 64 bits, which are then the powers of two next to them.
    wide = np.nan_to_num(numbers.astype(np.float64), nan=0.0)
    inside = (wide > float(ends.min)) & (wide < float(ends.max))
    return np.where(
        inside, np.where(inside, wide, 0).astype(dtype), np.where(wide > 0, ends.max, ends.min).astype(dtype)
    )


def by_engine(name, operands):
    """The same by the primitives of aivm.arithmetic; no `fma` with an addend of -0, where none of its chains starts."""
    if name == "fma":
        return _fused(*values(operands).reshape(-1, 3).T)
    if name == "compare":
        return _compared(*values(operands).T)
    if name.startswith("from"):
        return _step("cast", operands).view(np.uint32)
    if name == "truncate":
        # The engine has no primitive for it: it is floor or ceil.
        down, up = by_engine("floor", operands), by_engine("ceil", operands)
        return np.where(np.signbit(values(operands).ravel()), up, down)
    if name.startswith("to"):
        return _step("cast", values(operands).ravel(), dtype=np.dtype(OF_INTEGERS[name[2:]]).name)
    return _step(name, *values(operands).T).view(np.uint32)


def _step(op, *columns, dtype="float32"):
    return one_step(op, columns, [len(columns[0])], [1] if op == "cast" else (), dtype=dtype)()


def _fused(a, b, c):
    left = np.stack([c, a], 1)[:, None, :]
    right = np.stack([np.ones_like(b), b], 1)[:, :, None]
    return canonical(one_step("matmul", [left, right], [len(a), 1, 1], [0, 0])()).ravel()


def _compared(a, b):
    less, most, same = (_step(op, a, b, dtype="bool") for op in ("less", "less_or_equal", "equal"))
    unordered = _step("is_nan", a, dtype="bool") | _step("is_nan", b, dtype="bool")
    return unordered * 1 + less * 2 + most * 4 + same * np.uint32(8)
