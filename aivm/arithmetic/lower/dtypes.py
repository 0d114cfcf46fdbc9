"""The dtypes of plans, under the names that the core has for them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto

#: The names of the dtypes that a buffer may have, with NumPy's types.
NUMPY: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "int8": np.dtype(np.int8),
    "uint8": np.dtype(np.uint8),
    "int16": np.dtype(np.int16),
    "uint16": np.dtype(np.uint16),
    "int32": np.dtype(np.int32),
    "uint32": np.dtype(np.uint32),
    "int64": np.dtype(np.int64),
    "uint64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
}
_NAMES = {dtype: name for name, dtype in NUMPY.items()}

#: ONNX's numbers of the same dtypes.
ONNX: dict[str, int] = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int32": TensorProto.INT32,
    "uint32": TensorProto.UINT32,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
}
_FROM_ONNX = {number: name for name, number in ONNX.items()}

SIGNED = frozenset({"int8", "int16", "int32", "int64"})
UNSIGNED = frozenset({"uint8", "uint16", "uint32", "uint64"})
INTEGERS = SIGNED | UNSIGNED
#: The floats that are computed with, not only moved and cast.
FLOATS = frozenset({"float32", "float64"})
NUMBERS = INTEGERS | FLOATS
ALL = frozenset(NUMPY)


def from_onnx(number: int) -> str | None:
    """The name of an ONNX dtype, or None if no buffer can hold it."""
    return _FROM_ONNX.get(number)


def from_numpy(dtype: np.dtype[Any]) -> str | None:
    """The name of a NumPy dtype, or None if no buffer can hold it."""
    return _NAMES.get(dtype)


def onnx_name(number: int) -> str:
    """What ONNX calls a dtype, for messages."""
    try:
        return str(TensorProto.DataType.Name(number)).lower()
    except ValueError:
        return f"dtype {number}"
