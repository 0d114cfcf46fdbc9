"""Operators on each element by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from cases.case import Case, case, element_type, fed, rows, setting, single

if TYPE_CHECKING:
    from cases.values import Random

INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
SIGNED = (np.int8, np.int16, np.int32, np.int64)
UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
FLOATS = (np.float32, np.float32, np.float32, np.float64)
NUMBERS = (*FLOATS, *FLOATS, *INTEGERS)
ALL = (np.float32, np.float64, np.float16, np.bool_, *INTEGERS)


@case("Ceil", "Floor", "Round", "Reciprocal", "Sqrt")
def of_floats(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.array(r.shape(), r.choice(FLOATS)))])


@case("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Erf", "Exp", "Log", "Sigmoid", "Sin", "Sinh")
@case("Tan", "Tanh", "HardSwish", "Mish", "Softplus", "Softsign")
def functions(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))])


@case("Abs", "Sign")
def of_numbers(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.array(r.shape(), r.choice(NUMBERS)))])


@case("Neg", "Relu")
def of_signed(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.array(r.shape(), r.choice((*FLOATS, *SIGNED))))])


@case("Not")
def of_booleans(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.booleans(r.shape()))])


@case("BitwiseNot")
def of_integers(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.integers(r.shape(), r.choice(INTEGERS)))])


@case("IsNaN")
def is_nan(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape(), r.choice(FLOATS)))])


@case("IsInf")
def is_inf(r: Random, name: str) -> Case:
    x = r.floats(r.shape(), r.choice(FLOATS))
    return single(r, name, [rows(x)], detect_negative=r.integer(0, 1), detect_positive=r.integer(0, 1))


@case("Celu", "Elu", "LeakyRelu", "ThresholdedRelu")
def with_alpha(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], alpha=r.choice([None, 0.25, 1.5]))


@case("Swish")
def swish(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], alpha=r.choice([None, 0.25, 1.5]))


@case("Gelu")
def gelu(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], approximate=r.choice([None, "none", "tanh"]))


@case("HardSigmoid")
def hard_sigmoid(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], alpha=r.choice([None, 0.5]), beta=r.choice([None, 0.25]))


@case("Selu")
def selu(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], alpha=r.choice([None, 1.5]), gamma=r.choice([None, 2.0]))


@case("Shrink")
def shrink(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], lambd=r.choice([None, 0.25]), bias=r.choice([None, 0.125]))


@case("PRelu")
def prelu(r: Random, name: str) -> Case:
    shape = r.shape()
    return single(r, name, [rows(r.floats(shape)), fed(r.floats(r.broadcast(shape[1:])))])


@case("Clip")
def clip(r: Random, name: str) -> Case:
    dtype = r.choice(NUMBERS)
    low, high = (setting(r.array([], dtype), dtype) if r.chance(0.7) else None for _ in range(2))
    return single(r, name, [rows(r.array(r.shape(), dtype)), low, high])


def pair(r: Random, name: str, dtypes: Any, **attributes: Any) -> Case:
    """Two operands, of which one may be broadcast; with it as the second, a batch stays a batch."""
    dtype, shape = r.choice(dtypes), r.shape(empty=0.02)
    other = r.broadcast(shape)
    a, b = r.array(shape, dtype), r.array(other, dtype)
    if len(other) == len(shape) and shape and other[0] == shape[0] and shape[0] > 1:
        return single(r, name, [rows(a), rows(b)], **attributes)
    if len(other) < len(shape):
        return single(r, name, [rows(a), fed(b)], **attributes)
    return single(r, name, [fed(b), fed(a)] if r.chance(0.5) else [fed(a), fed(b)], **attributes)


@case("Add", "Sub", "Mul")
def arithmetic(r: Random, name: str) -> Case:
    return pair(r, name, NUMBERS)


@case("Div")
def div(r: Random, name: str) -> Case:
    made = pair(r, name, NUMBERS)
    for key, array in made.feeds.items():
        if array.dtype.kind in "iu" and key != "x0":
            array[array == 0] = 3  # an error, and tested as one
    return made


@case("Mod")
def mod(r: Random, name: str) -> Case:
    dtypes = FLOATS if r.chance(0.5) else INTEGERS
    made = pair(r, name, dtypes, fmod=int(dtypes is FLOATS or r.chance(0.3)))
    for key, array in made.feeds.items():
        if array.dtype.kind in "iu" and key != "x0":
            array[array == 0] = 3  # an error, and tested as one
    return made


@case("Pow")
def power(r: Random, name: str) -> Case:
    shape = r.shape()
    x = r.floats(shape) if r.chance(0.8) else r.integers(shape, np.int32, -5, 5)
    exponent = r.choice([r.floats(shape), r.normal(r.broadcast(shape[1:])), np.array(2.0, np.float32)])
    if x.dtype.kind == "i":
        exponent = r.integers(shape, r.choice([np.int32, np.int64]), 0, 4)
    elif r.chance(0.3):
        exponent = r.integers(shape, r.choice([np.int32, np.int64]), -5, 5)
    other = rows(exponent) if exponent.ndim == len(shape) else fed(exponent)
    return single(r, name, [rows(x), other])


@case("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
def comparisons(r: Random, name: str) -> Case:
    return pair(r, name, (*NUMBERS, np.bool_) if name == "Equal" else NUMBERS)


@case("And", "Or", "Xor")
def logic(r: Random, name: str) -> Case:
    return pair(r, name, (np.bool_,))


@case("BitwiseAnd", "BitwiseOr", "BitwiseXor")
def bits(r: Random, name: str) -> Case:
    return pair(r, name, INTEGERS)


@case("BitShift")
def shift(r: Random, name: str) -> Case:
    dtype, shape = r.choice(UNSIGNED), r.shape()
    distance = r.integers(shape, dtype, 0, np.dtype(dtype).itemsize * 8 + 2)
    return single(r, name, [rows(r.integers(shape, dtype)), rows(distance)], direction=r.choice(["LEFT", "RIGHT"]))


@case("Max", "Mean", "Min", "Sum")
def several(r: Random, name: str) -> Case:
    dtype, shape = r.choice(NUMBERS if name in ("Max", "Min") else (np.float32,)), r.shape()
    others = [fed(r.array(r.broadcast(shape[1:]), dtype)) for _ in range(r.integer(0, 3))]
    return single(r, name, [rows(r.array(shape, dtype)), *others])


@case("Where")
def where(r: Random, name: str) -> Case:
    dtype, shape = r.choice(ALL), r.shape()
    parts = [fed(r.array(r.broadcast(shape[1:]), dtype)), rows(r.array(shape, dtype))]
    return single(r, name, [rows(r.booleans(shape)), *(parts if r.chance(0.5) else parts[::-1])])


@case("Cast")
def cast(r: Random, name: str) -> Case:
    x, target = castable(r), r.choice((*ALL, ml_dtypes.bfloat16))
    return single(r, name, [rows(x)], to=element_type(target))


@case("CastLike")
def cast_like(r: Random, name: str) -> Case:
    x, target = castable(r), r.choice((*ALL, ml_dtypes.bfloat16))
    return single(r, name, [rows(x), fed(np.zeros(1, target))])


@case("BitCast")
def bit_cast(r: Random, name: str) -> Case:
    x = r.array(r.shape(), r.choice((np.float32, np.float64, np.int32, np.int64, np.int8, np.uint16)))
    if x.dtype.kind == "f":
        x = np.where(np.isnan(x), x.dtype.type(1), x)  # which NaN it is shows, and is nobody's promise
    targets = [t for t in (np.float32, np.float64, *INTEGERS) if np.dtype(t).itemsize == x.itemsize]
    return single(r, name, [rows(x)], to=element_type(r.choice(targets)))


def castable(r: Random) -> Any:
    """Numbers of any dtype."""
    dtype = r.choice((*ALL, np.float32, np.float32, ml_dtypes.bfloat16))
    shape = r.shape()
    if dtype is ml_dtypes.bfloat16:
        with np.errstate(over="ignore", invalid="ignore"):
            return r.floats(shape).astype(dtype)
    return r.array(shape, dtype)
