"""Reductions, scans, normalisations and losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cases.case import Case, case, fed, rows, setting, single, weights
from cases.elementwise import FLOATS, INTEGERS, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cases.values import Random


def axes_of(r: Random, rank: int, *, first: bool = False) -> list[int]:
    """Some axes, some of them counted from the end; without the first unless it is asked for."""
    axes = r.subset(range(0 if first else 1, rank), least=1)
    return [axis - rank if r.chance(0.3) else axis for axis in axes]


@case("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum")
@case("ReduceSumSquare", "ReduceMax", "ReduceMin")
def reduce(r: Random, name: str) -> Case:
    dtype: Any = np.float32
    if name in ("ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd"):
        dtype = r.choice((*FLOATS, np.int32, np.int64, np.uint32, np.uint64))
    shape = r.shape(r.integer(2, 4))
    whole = r.chance(0.15)
    axes = axes_of(r, len(shape), first=whole)
    operand = fed if whole or any(axis % len(shape) == 0 for axis in axes) else rows
    return single(r, name, [operand(r.array(shape, dtype)), setting(axes)], keepdims=r.integer(0, 1))


@case("ArgMax", "ArgMin")
def arg(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    axis = r.integer(1, len(shape) - 1)
    x = r.array(shape, r.choice((*FLOATS, *INTEGERS)))
    return single(r, name, [rows(x)], axis=axis, keepdims=r.integer(0, 1), select_last_index=r.integer(0, 1))


@case("TopK")
def top_k(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    axis = r.integer(1, len(shape) - 1)
    x = r.array(shape, r.choice((*FLOATS, np.int32, np.int64)))
    k = setting([r.integer(0, shape[axis])])
    return single(r, name, [rows(x), k], outputs=2, axis=axis, largest=r.integer(0, 1), sorted=1)


@case("CumSum", "CumProd")
def cumulative(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    axis = setting(r.integer(1, len(shape) - 1))
    x = r.array(shape, r.choice((*FLOATS, np.int32, np.int64)))
    return single(r, name, [rows(x), axis], exclusive=r.integer(0, 1), reverse=r.integer(0, 1))


@case("Softmax", "LogSoftmax", "Hardmax")
def softmax(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    return single(r, name, [rows(r.floats(shape))], axis=r.integer(1, len(shape) - 1))


@case("LpNormalization")
def lp_normalization(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    return single(r, name, [rows(r.floats(shape))], axis=r.integer(1, len(shape) - 1), p=r.integer(1, 2))


def scale_and_bias(r: Random, shape: Sequence[int], *, bias: bool = True) -> list[Any]:
    """A scale around one, and perhaps a bias."""
    scale = weights(r.positive(shape) if r.chance(0.7) else r.floats(shape))
    return [scale, weights(r.normal(shape)) if bias else None]


@case("LayerNormalization")
def layer_normalization(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    axis = r.integer(1, len(shape) - 1)
    operands = [rows(r.floats(shape)), *scale_and_bias(r, shape[axis:], bias=r.chance(0.7))]
    outputs = [True, r.chance(0.2), r.chance(0.2)]
    while not outputs[-1]:
        outputs.pop()
    axis = axis - len(shape) if r.chance(0.5) else axis
    return single(r, name, operands, outputs=outputs, axis=axis, epsilon=r.choice([None, 1e-3, 1e-12]))


@case("RMSNormalization")
def rms_normalization(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    axis = r.integer(1, len(shape) - 1)
    scale = weights(r.positive(shape[axis:]))
    return single(r, name, [rows(r.floats(shape)), scale], axis=axis, epsilon=r.choice([None, 1e-3]))


@case("InstanceNormalization")
def instance_normalization(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(3, 4))
    return single(r, name, [rows(r.floats(shape)), *scale_and_bias(r, shape[1:2])], epsilon=r.choice([None, 1e-3]))


@case("GroupNormalization")
def group_normalization(r: Random, name: str) -> Case:
    groups, each = r.integer(1, 4), r.integer(1, 5)
    shape = [r.integer(1, 3), groups * each, *r.shape(r.integer(1, 2), elements=64)]
    operands = [rows(r.floats(shape)), *scale_and_bias(r, [shape[1]])]
    return single(r, name, operands, num_groups=groups, epsilon=r.choice([None, 1e-3]))


@case("BatchNormalization")
def batch_normalization(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4))
    channels = [shape[1]]
    statistics = [weights(r.normal(channels)), weights(r.positive(channels))]
    operands = [rows(r.floats(shape)), *scale_and_bias(r, channels), *statistics]
    return single(r, name, operands, epsilon=r.choice([None, 1e-3]))


@case("MeanVarianceNormalization")
def mean_variance(r: Random, name: str) -> Case:
    shape = r.shape(4)
    return single(r, name, [rows(r.floats(shape))], axes=r.choice([[1, 2, 3], [2, 3], [1]]))


@case("LRN")
def lrn(r: Random, name: str) -> Case:
    x = rows(r.floats(r.shape(4)))
    return single(r, name, [x], size=r.choice([1, 3, 5]), alpha=r.choice([None, 0.5]), bias=r.choice([None, 2.0]))


@case("Einsum")
def einsum(r: Random, name: str) -> Case:
    a, b, c, d = (r.extent(17) for _ in range(4))
    equation, shapes = r.choice(
        [
            ("nij,njk->nik", ([a, b, c], [a, c, d])),
            ("ij,jk", ([a, b], [b, c])),  # of which the second has no batch
            ("nij->nji", ([a, b, c],)),
            ("nij->n", ([a, b, c],)),
            ("nhij,nhkj->nhik", ([a, 2, b, c], [a, 2, d, c])),
            ("nij,nij->ni", ([a, b, c], [a, b, c])),
            ("nii->ni", ([a, b, b],)),
            ("ni,nj->nij", ([a, b], [a, c])),
        ]
    )
    first, *others = (r.floats(shape) for shape in shapes)
    kind = fed if equation == "ij,jk" else rows
    return single(r, name, [rows(first), *map(kind, others)], equation=equation)


@case("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(r: Random, name: str) -> Case:
    shape = r.shape(r.integer(2, 4), elements=512)
    labels = r.integers([shape[0], *shape[2:]], np.int64, 0, shape[1] - 1)
    ignored = int(labels.reshape(-1)[0]) if r.chance(0.3) else None
    given = [fed(r.floats(shape)), fed(labels), fed(r.positive([shape[1]])) if r.chance(0.4) else None]
    return single(r, name, given, reduction=r.choice(["none", "sum", "mean"]), ignore_index=ignored)


@case("Unique")
def unique(r: Random, name: str) -> Case:
    x = r.integers(r.shape(r.integer(1, 2)), np.int64, -3, 3)
    axis = r.choice([None, 0])
    return single(r, name, [fed(x)], outputs=4, axis=axis, sorted=r.integer(0, 1))


@case("NonZero")
def non_zero(r: Random, name: str) -> Case:
    x = r.array(r.shape(), r.choice((*NUMBERS, np.bool_)))
    x[r.booleans(x.shape)] = 0
    return single(r, name, [fed(x)])
