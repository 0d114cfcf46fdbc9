"""Reductions, running sums and places (§6)."""

from __future__ import annotations

import numpy as np

from reference.functions import apply
from reference.numbers import maximum, minimum
from reference.table import canonical, operator

COMBINE = {"sum": np.add, "mean": np.add, "prod": np.multiply, "max": maximum, "min": minimum}


def start_of(op, dtype):
    """What the lanes hold before the first term."""
    if np.dtype(dtype).kind == "b":
        return op == "min"
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    low, high = (info.min, info.max) if info else (-np.inf, np.inf)
    return {"prod": 1, "max": low, "min": high}.get(op, 0)


def lanes_of(op, terms):
    """The reduction of the first axis: term i into lane i mod 16, lanes folded 8, 4, 2, 1 apart."""
    combine = COMBINE[op]
    lanes = np.full((16, *terms.shape[1:]), start_of(op, terms.dtype), terms.dtype)
    with np.errstate(all="ignore"):
        for i, term in enumerate(terms):
            lanes[i % 16] = combine(lanes[i % 16], term)
        for half in (8, 4, 2, 1):
            lanes[:half] = combine(lanes[:half], lanes[half : 2 * half])
        if op != "mean":
            return canonical(lanes[0])
        if terms.dtype.kind == "f":
            return canonical(lanes[0] / np.asarray(len(terms), terms.dtype))
        quotients = [abs(int(v)) // len(terms) * (-1 if v < 0 else 1) for v in lanes[0].reshape(-1)]
        return np.array(quotients, terms.dtype).reshape(lanes[0].shape)


def reduced(op, x, axes, *, keepdims=False):
    """The reduction over axes, whose terms are numbered in C order; without axes a copy."""
    if not axes:
        return x
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    count = int(np.prod([x.shape[axis] for axis in axes]))
    terms = np.transpose(x, [*axes, *kept]).reshape(count, *(x.shape[axis] for axis in kept))
    y = lanes_of(op, np.ascontiguousarray(terms))
    return y.reshape([1 if axis in axes else extent for axis, extent in enumerate(x.shape)]) if keepdims else y


def _axes(node, x, given):
    axes = node.get("axes") if given is None else [int(item) for item in given.reshape(-1)]
    if not axes:
        return [] if node.get("noop_with_empty_axes", 0) else list(range(x.ndim))
    return sorted(axis % x.ndim for axis in axes)


def _reduction(op, before=lambda x: x, after=lambda y: y):
    def reduce(node, x, axes=None):
        return after(reduced(op, before(x), _axes(node, x, axes), keepdims=bool(node.get("keepdims", 1))))

    return reduce


operator("ReduceSum", moves=True)(_reduction("sum"))
operator("ReduceMean", moves=True)(_reduction("mean"))
operator("ReduceProd", moves=True)(_reduction("prod"))
operator("ReduceMax", moves=True)(_reduction("max"))
operator("ReduceMin", moves=True)(_reduction("min"))
operator("ReduceL1")(_reduction("sum", np.abs))
operator("ReduceL2")(_reduction("sum", np.square, np.sqrt))
operator("ReduceSumSquare")(_reduction("sum", np.square))
operator("ReduceLogSum")(_reduction("sum", after=lambda y: apply("log", y)))


@operator("ReduceLogSumExp")
def _log_sum_exp(node, x, axes=None):
    axes = _axes(node, x, axes)
    top = reduced("max", x, axes, keepdims=True)
    shift = np.where(np.isfinite(top), top, np.float32(0))
    y = apply("log", reduced("sum", apply("exp", x - shift), axes, keepdims=True)) + shift
    return y if node.get("keepdims", 1) else y.reshape([n for i, n in enumerate(x.shape) if i not in axes])


@operator("ArgMax", "ArgMin")
def _place(node, x):
    axis = node.get("axis", 0) % x.ndim
    find = np.argmax if node.proto.op_type == "ArgMax" else np.argmin  # both take a NaN first, and zeros for equal
    last = bool(node.get("select_last_index", 0))
    y = x.shape[axis] - 1 - find(np.flip(x, axis), axis) if last else find(x, axis)
    return np.expand_dims(y, axis) if node.get("keepdims", 1) else y


@operator("TopK")
def _top_k(node, x, k):
    axis, largest = node.get("axis", -1) % x.ndim, bool(node.get("largest", 1))
    lines = np.moveaxis(x, axis, -1)
    order = np.empty(lines.shape, np.int64)
    for place in np.ndindex(*lines.shape[:-1]):
        keys = [(True, 0) if np.isnan(v) else (False, v.item()) for v in lines[place]]
        order[place] = sorted(range(len(keys)), key=keys.__getitem__, reverse=largest)  # equal ones stay in order
    order = np.take(np.moveaxis(order, -1, axis), range(int(k.reshape(-1)[0])), axis)
    return np.take_along_axis(x, order, axis), order


@operator("CumSum", "CumProd")
def _running(node, x, axis):
    axis, combine = int(axis.reshape(-1)[0]) % x.ndim, np.add if node.proto.op_type == "CumSum" else np.multiply
    lines = np.moveaxis(x, axis, 0)[:: -1 if node.get("reverse", 0) else 1]
    sums = list(lines[:1])
    for line in lines[1:]:
        sums.append(combine(sums[-1], line))
    if node.get("exclusive", 0):
        sums = [np.full_like(lines[0], 0 if combine is np.add else 1), *sums[:-1]][: len(lines)]
    y = np.array(sums, x.dtype).reshape(lines.shape)[:: -1 if node.get("reverse", 0) else 1]
    return np.moveaxis(y, 0, axis)


@operator("Hardmax")
def _hardmax(node, x):
    axis = node.get("axis", -1) % x.ndim
    places = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return (places == np.expand_dims(np.argmax(x, axis), axis)).astype(x.dtype)
