"""The primitives in NumPy, read from docs/primitives.md alone: slow, plain, and exact where the primitive is.

Sums of products are computed in binary64 and rounded, so floats agree within a tolerance and everything else to the
bit.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from aivm.arithmetic.lower import dtypes

ERF = np.vectorize(math.erf, otypes=[np.float64])

UNARY = {
    "abs": np.abs,
    "neg": np.negative,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: np.asarray(1, x.dtype) / x,
    "relu": lambda x: np.where(np.isnan(x), x, np.maximum(x, np.asarray(0, x.dtype))),
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": ERF,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x.astype(np.float64))),
    "not": np.logical_not,
    "bitwise_not": np.invert,
    "is_nan": np.isnan,
}
BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "equal": np.equal,
    "less": np.less,
    "less_or_equal": np.less_equal,
    "greater": np.greater,
    "greater_or_equal": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}


def run(program, memory):
    """The outputs of a program, flat, by storage."""
    arrays = []
    constants, inputs = iter(program.constants), iter(program.inputs)
    for spec in program.buffers:
        if spec.kind == "constant":
            arrays.append(next(constants).reshape(spec.shape))
        elif spec.kind == "input":
            arrays.append(memory[next(inputs)].reshape(spec.shape))
        else:
            arrays.append(None)
    for step in program.steps:
        operands = [None if ref < 0 else _read(program, arrays, ref) for ref in step.inputs]
        outs = [None if ref < 0 else program.buffers[ref] for ref in step.outputs]
        with np.errstate(all="ignore"):
            results = compute(step, operands, outs)
        for ref, out, result in zip(step.outputs, outs, results, strict=True):
            if ref >= 0:
                arrays[ref] = np.asarray(result).astype(dtypes.NUMPY[out.dtype]).reshape(out.shape)
    written = [ref for ref, spec in enumerate(program.buffers) if spec.kind == "output"]
    return {
        storage: arrays[ref].reshape(-1).view(dtypes.NUMPY[storage.dtype])
        for storage, ref in zip(program.outputs, written, strict=True)
    }


def _read(program, arrays, ref):
    spec = program.buffers[ref]
    if spec.kind != "view":
        return arrays[ref]
    return np.ascontiguousarray(arrays[spec.place]).reshape(-1).view(dtypes.NUMPY[spec.dtype]).reshape(spec.shape)


def compute(step, x, outs):
    """The outputs of one step."""
    op, ints = step.op, list(step.ints)
    if op in UNARY:
        return [UNARY[op](x[0])]
    if op in BINARY:
        return [BINARY[op](x[0], x[1])]
    return globals()["_" + op](x, ints, list(step.reals), outs)


def _is_inf(x, ints, _reals, _outs):
    return [(np.isneginf(x[0]) & bool(ints[0])) | (np.isposinf(x[0]) & bool(ints[1]))]


def _div(x, _ints, _reals, _outs):
    if x[0].dtype.kind == "f":
        return [x[0] / x[1]]
    a, b = np.broadcast_arrays(x[0], x[1])
    return [
        np.array(
            [
                int(p) // int(q) if (p < 0) == (q < 0) else -(-int(p) // int(q))
                for p, q in zip(a.flat, b.flat, strict=True)
            ]
        )
    ]


def _mod(x, ints, _reals, _outs):
    return [np.fmod(x[0], x[1]) if ints[0] else np.mod(x[0], x[1])]


def _pow(x, _ints, _reals, _outs):
    if x[0].dtype.kind == "f":
        return [np.power(x[0].astype(np.float64), x[1].astype(np.float64))]
    return [np.power(x[0].astype(np.float64), x[1].astype(np.float64)).astype(np.int64)]


def _bit_shift(x, ints, _reals, _outs):
    a, b = np.broadcast_arrays(x[0], x[1])
    shift = (lambda p, q: p << q) if ints[0] else (lambda p, q: p >> q)
    width = a.dtype.itemsize * 8
    return [
        np.array(
            [shift(int(p), int(q)) & ((1 << width) - 1) for p, q in zip(a.flat, b.flat, strict=True)], dtype=a.dtype
        )
    ]


def _where(x, _ints, _reals, _outs):
    return [np.where(x[0], x[1], x[2])]


def _clip(x, _ints, _reals, _outs):
    y, low, high = [*x, None, None][:3]
    y = y if low is None else np.where(y < low.reshape(()), low.reshape(()), y)
    return [y if high is None else np.where(high.reshape(()) < y, high.reshape(()), y)]


def _cast(x, _ints, _reals, outs):
    kind = dtypes.NUMPY[outs[0].dtype]
    if x[0].dtype.kind == "f" and kind.kind in "iu":
        return [np.trunc(x[0].astype(np.float64)).astype(np.int64)]
    return [x[0].astype(kind)]


def _copy(x, ints, _reals, outs):
    pieces, rank, *rest = ints
    y = np.zeros(math.prod(outs[0].shape), dtypes.NUMPY[outs[0].dtype])
    if len(x) > pieces:
        y[:] = x[pieces].reshape(-1)[0]
    for piece in range(pieces):
        extents, rest = rest[:rank], rest[rank:]
        (source, *sources), rest = rest[: 1 + rank], rest[1 + rank :]
        (target, *targets), rest = rest[: 1 + rank], rest[1 + rank :]
        read, write = np.full(extents, source), np.full(extents, target)
        for axis, extent in enumerate(extents):
            steps = np.arange(extent).reshape(-1, *([1] * (rank - axis - 1)))
            read, write = read + steps * sources[axis], write + steps * targets[axis]
        y[write.reshape(-1)] = x[piece].reshape(-1)[read.reshape(-1)]
    return [y]


def _gather(x, ints, _reals, _outs):
    return [np.take(x[0], x[1], axis=ints[0])]


def _gather_elements(x, ints, _reals, _outs):
    index = np.where(x[1] < 0, x[1] + x[0].shape[ints[0]], x[1])
    data = x[0][tuple(slice(n) if i != ints[0] else slice(None) for i, n in enumerate(index.shape))]
    return [np.take_along_axis(data, index, axis=ints[0])]


def _gather_nd(x, ints, _reals, _outs):
    batch = x[1].shape[: ints[0]]
    rows = [x[0][place][tuple(np.moveaxis(x[1][place], -1, 0))] for place in np.ndindex(*batch)]
    return [np.array(rows)]


REDUCE = (None, np.add, np.multiply, np.maximum, np.minimum)


def _scatter_elements(x, ints, _reals, _outs):
    y = x[0].copy()
    for place in np.ndindex(*x[1].shape):
        target = list(place)
        target[ints[0]] = int(x[1][place])
        old = y[tuple(target)]
        y[tuple(target)] = REDUCE[ints[1]](old, x[2][place]) if ints[1] else x[2][place]
    return [y]


def _scatter_nd(x, ints, _reals, _outs):
    y = x[0].copy()
    for place in np.ndindex(*x[1].shape[:-1]):
        target = tuple(int(i) for i in x[1][place])
        y[target] = REDUCE[ints[0]](y[target], x[2][place]) if ints[0] else x[2][place]
    return [y]


def _reduce(function, start):
    def reduce(x, ints, _reals, _outs):
        wide = x[0].astype(np.float64) if x[0].dtype.kind == "f" else x[0]
        return [function(wide, axis=tuple(ints), **({"initial": start(x[0].dtype)} if start else {}))]

    return reduce


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else (False if dtype.kind == "b" else np.iinfo(dtype).min)


def _highest(dtype):
    return np.inf if dtype.kind == "f" else (True if dtype.kind == "b" else np.iinfo(dtype).max)


_reduce_sum = _reduce(np.sum, None)
_reduce_mean = _reduce(np.mean, None)
_reduce_prod = _reduce(np.prod, None)
_reduce_max = _reduce(np.max, _lowest)
_reduce_min = _reduce(np.min, _highest)


def _arg(function):
    def arg(x, ints, _reals, _outs):
        axis, last = ints
        if last:
            flipped = function(np.flip(x[0], axis), axis=axis)
            return [x[0].shape[axis] - 1 - flipped]
        return [function(x[0], axis=axis)]

    return arg


_arg_max, _arg_min = _arg(np.argmax), _arg(np.argmin)


def _top_k(x, ints, _reals, outs):
    axis, largest = ints
    k = outs[0].shape[axis]
    key = np.moveaxis(x[0], axis, -1)
    order = np.empty(key.shape, np.int64)
    for place in np.ndindex(*key.shape[:-1]):
        row = key[place]
        order[place] = sorted(range(row.size), key=lambda i: (-row[i].item() if largest else row[i].item(), i))
    order = np.moveaxis(order, -1, axis)
    order = np.take(order, np.arange(k), axis=axis)
    return [np.take_along_axis(x[0], order, axis=axis), order]


def _cumulate(function, unit):
    def cumulate(x, ints, _reals, _outs):
        axis, exclusive, reverse = ints
        y = np.flip(x[0], axis) if reverse else x[0]
        y = function(y, axis=axis, dtype=x[0].dtype)
        if exclusive:
            y = np.roll(y, 1, axis=axis)
            y[tuple(slice(None) if i != axis else 0 for i in range(y.ndim))] = unit
        return [np.flip(y, axis) if reverse else y]

    return cumulate


_cumsum, _cumprod = _cumulate(np.cumsum, 0), _cumulate(np.cumprod, 1)


def _activated(y, ints, reals):
    if ints and ints[0] == 1:
        return np.maximum(y, 0)
    return np.clip(y, reals[0], reals[1]) if ints and ints[0] == 2 else y


def _matmul(x, ints, reals, _outs):
    a = np.swapaxes(x[0], -1, -2) if ints[0] else x[0]
    b = np.swapaxes(x[1], -1, -2) if ints[1] else x[1]
    y = np.matmul(a.astype(np.float64), b.astype(np.float64))
    for extra in x[2:]:
        y = y if extra is None else y + extra
    return [_activated(y, ints[2:], reals)]


def _matmul_integer(x, _ints, _reals, _outs):
    a, b = x[0].astype(np.int64), x[1].astype(np.int64)
    if x[2] is not None:
        a = a - (x[2].astype(np.int64).reshape(-1, 1) if x[2].size > 1 else int(x[2].reshape(-1)[0]))
    if x[3] is not None:
        b = b - (x[3].astype(np.int64).reshape(1, -1) if x[3].size > 1 else int(x[3].reshape(-1)[0]))
    return [np.matmul(a, b).astype(np.int32)]


def _window(ints):
    n, *rest = ints
    parts = [rest[n * i : n * (i + 1)] for i in range(5)]
    return parts, rest[5 * n :]


def _taps(extents, window, shape):
    """For each place of the output and each of the kernel: the place in the input, or None."""
    kernel, strides, dilations, before, _ = window
    for out in np.ndindex(*shape):
        taps = []
        for tap in np.ndindex(*kernel):
            at = [o * s - b + t * d for o, s, b, t, d in zip(out, strides, before, tap, dilations, strict=True)]
            taps.append((tap, tuple(at) if all(0 <= i < n for i, n in zip(at, extents, strict=True)) else None))
        yield out, taps


def _conv(x, ints, reals, outs):
    group, *rest = ints
    window, rest = _window(rest)
    y = _convolve(x[0].astype(np.float64), x[1].astype(np.float64), group, window, outs[0].shape)
    for extra in x[2:3]:
        y = y if extra is None else y + extra.reshape(1, -1, *([1] * (y.ndim - 2)))
    return [_activated(y if len(x) < 4 or x[3] is None else y + x[3], rest, reals)]


def _convolve(x, w, group, window, shape):
    y = np.zeros(shape, x.dtype)
    per_in, per_out = x.shape[1] // group, w.shape[0] // group
    for out, taps in _taps(x.shape[2:], window, shape[2:]):
        for tap, at in taps:
            if at is None:
                continue
            for g in range(group):
                block = x[(slice(None), slice(g * per_in, (g + 1) * per_in), *at)]
                kernel = w[(slice(g * per_out, (g + 1) * per_out), slice(None), *tap)]
                y[(slice(None), slice(g * per_out, (g + 1) * per_out), *out)] += block @ kernel.T
    return y


def _conv_transpose(x, ints, _reals, outs):
    group, *rest = ints
    (kernel, strides, dilations, before, _), _ = _window(rest)
    a, w = x[0].astype(np.float64), x[1].astype(np.float64)
    y = np.zeros(outs[0].shape)
    per_in, per_out = a.shape[1] // group, w.shape[1]
    for at in np.ndindex(*a.shape[2:]):
        for tap in np.ndindex(*kernel):
            out = [i * s - b + t * d for i, s, b, t, d in zip(at, strides, before, tap, dilations, strict=True)]
            if not all(0 <= o < n for o, n in zip(out, y.shape[2:], strict=True)):
                continue
            for g in range(group):
                block = a[(slice(None), slice(g * per_in, (g + 1) * per_in), *at)]
                kernel_part = w[(slice(g * per_in, (g + 1) * per_in), slice(None), *tap)]
                y[(slice(None), slice(g * per_out, (g + 1) * per_out), *out)] += block @ kernel_part
    return [y if x[2] is None else y + x[2].reshape(1, -1, *([1] * (y.ndim - 2)))]


def _conv_integer(x, ints, _reals, outs):
    group, *rest = ints
    window, _ = _window(rest)
    a, w = x[0].astype(np.int64), x[1].astype(np.int64)
    if x[2] is not None:
        a = a - int(x[2].reshape(-1)[0])
    if x[3] is not None:
        w = w - x[3].astype(np.int64).reshape(-1, *([1] * (w.ndim - 1)))
    return [_convolve(a, w, group, window, outs[0].shape).astype(np.int32)]


def _max_pool(x, ints, _reals, outs):
    window, (column_major,) = _window(ints)
    y, places = np.zeros(outs[0].shape, x[0].dtype), np.zeros(outs[0].shape, np.int64)
    extents = x[0].shape[2:]
    for out, taps in _taps(extents, window, y.shape[2:]):
        inside = [at for _, at in taps if at is not None]
        for n, c in np.ndindex(*y.shape[:2]):
            values = np.array([x[0][(n, c, *at)] for at in inside])
            best = inside[int(np.argmax(values))]
            y[(n, c, *out)] = values.max()
            order = "F" if column_major else "C"
            flat = int(np.ravel_multi_index(best, extents, order=order))
            places[(n, c, *out)] = (n * y.shape[1] + c) * math.prod(extents) + flat
    return [y, places][: len(outs)]


def _average_pool(x, ints, _reals, outs):
    window, (count_padding,) = _window(ints)
    kernel, strides, dilations, before, after = window
    y = np.zeros(outs[0].shape)
    extents = x[0].shape[2:]
    for out, taps in _taps(extents, window, y.shape[2:]):
        inside = [at for _, at in taps if at is not None]
        count = len(inside)
        if count_padding:  # what lies beyond the padding is not counted
            starts = [o * s - b for o, s, b in zip(out, strides, before, strict=True)]
            count = math.prod(
                sum(1 for t in range(k) if start + t * d < n + a)
                for start, k, d, n, a in zip(starts, kernel, dilations, extents, after, strict=True)
            )
        for n, c in np.ndindex(*y.shape[:2]):
            y[(n, c, *out)] = sum(float(x[0][(n, c, *at)]) for at in inside) / count
    return [y]


def _spread(scale, x, axis, block):
    if scale.size == 1 and not block:
        return scale.reshape(())
    if block:
        wide = np.repeat(scale, block, axis=axis)
        return wide[tuple(slice(n) for n in x.shape)]
    return scale.reshape(-1, *([1] * (x.ndim - axis - 1)))


def _quantize_linear(x, ints, _reals, outs):
    axis, block, _ = ints
    kind = dtypes.NUMPY[outs[0].dtype]
    zero = 0 if x[2] is None else _spread(x[2], x[0], axis, block).astype(np.float64)
    y = np.rint((x[0] / _spread(x[1], x[0], axis, block)).astype(np.float32)).astype(np.float64) + zero
    return [np.clip(y, np.iinfo(kind).min, np.iinfo(kind).max)]


def _requantize(x, ints, _reals, outs):
    kind = dtypes.NUMPY[outs[0].dtype]
    zero = _spread(x[2], x[0], ints[0], 0).astype(np.float64)
    y = np.rint(x[0].astype(np.float32) * _spread(x[1], x[0], ints[0], 0)).astype(np.float64) + zero
    return [np.clip(y, np.iinfo(kind).min, np.iinfo(kind).max)]


def _dequantize_linear(x, ints, _reals, _outs):
    axis, block = ints
    zero = 0 if x[2] is None else _spread(x[2], x[0], axis, block).astype(np.int64)
    return [(x[0].astype(np.int64) - zero).astype(np.float32) * _spread(x[1], x[0], axis, block)]


def _interpolate(x, ints, _reals, _outs):
    data = np.moveaxis(x[0], ints[0], 0).astype(np.float64)
    rows = [
        sum(w * data[i] for i, w in zip(row, weights, strict=True))
        for row, weights in zip(x[1], x[2].astype(np.float64), strict=False)
    ]
    return [np.moveaxis(np.array(rows), 0, ints[0])]


def _softmax(x, ints, _reals, _outs):
    wide = x[0].astype(np.float64)
    e = np.exp(wide - wide.max(axis=ints[0], keepdims=True))
    return [e / e.sum(axis=ints[0], keepdims=True)]


def _log_softmax(x, ints, _reals, _outs):
    wide = x[0].astype(np.float64)
    shifted = wide - wide.max(axis=ints[0], keepdims=True)
    return [shifted - np.log(np.exp(shifted).sum(axis=ints[0], keepdims=True))]


def _layer_norm(x, ints, reals, outs):
    axes = tuple(range(ints[0], x[0].ndim))
    wide = x[0].astype(np.float64)
    mean = wide.mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(wide.var(axis=axes, keepdims=True) + reals[0])
    y = (wide - mean) * inverse * x[1]
    return [y if x[2] is None else y + x[2], mean, inverse][: len(outs)]


def _tree_ensemble(x, ints, _reals, outs):
    data, roots, features, splits, modes, trues, falses, true_leafs, false_leafs, missing, starts, targets, weights = x[
        :13
    ]
    member_starts, members = x[13:]
    tests = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]
    y = np.zeros(outs[0].shape)
    for row, n in itertools.product(range(data.shape[0]), range(outs[0].shape[1])):
        found = []
        for root in roots:
            node, leaf = int(root), False
            while not leaf:
                value = data[row, features[node]]
                if modes[node] == 6:
                    taken = value in members[member_starts[node] : member_starts[node + 1]]
                else:
                    taken = bool(tests[modes[node]](value, splits[node]))
                taken = taken or (bool(np.isnan(value)) and bool(missing[node]))
                leaf = bool((true_leafs if taken else false_leafs)[node])
                node = int((trues if taken else falses)[node])
            found += [float(weights[i]) for i in range(starts[node], starts[node + 1]) if targets[i] == n]
        total = [sum(found) / max(len(roots), 1), sum(found), min(found, default=0), max(found, default=0)]
        y[row, n] = total[ints[0]]
    return [y]
