"""Sums of products (§2) and Einsum (§2.5)."""

from __future__ import annotations

import numpy as np
import oracle

from reference.numbers import scalar, times
from reference.reductions import reduced
from reference.table import canonical, operator
from reference.windows import outputs_of, window


@operator("MatMul")
def _matmul(_node, a, b):
    return times(a, b)


@operator("Gemm")
def _gemm(node, a, b, c=None):
    y = times(a.T if node.get("transA", 0) else a, b.T if node.get("transB", 0) else b)
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    y = y * scalar(alpha, y) if alpha != 1 else y
    if c is None or beta == 0:
        return y
    return y + (c * scalar(beta, c) if beta != 1 else c)


def biased(y, bias):
    """A convolution plus its bias."""
    return y if bias is None else y + bias.reshape(1, -1, *([1] * (y.ndim - 2)))


@operator("Conv")
def _conv(node, x, w, bias=None):
    shape = window(node, w.shape[2:], x.shape[2:])
    return biased(oracle.conv(x, w, shape, node.get("group", 1), outputs_of(x.shape[2:], shape)), bias)


@operator("ConvTranspose")
def _conv_transpose(node, x, w, bias=None):
    n, auto = x.ndim - 2, node.get("auto_pad", "NOTSET")
    node.attributes.pop("auto_pad", None)
    shape = window(node, w.shape[2:], x.shape[2:])
    extra = node.get("output_padding") or [0] * n
    full = [
        (x.shape[2 + i] - 1) * shape["strides"][i] + (w.shape[2 + i] - 1) * shape["dilations"][i] + 1 + extra[i]
        for i in range(n)
    ]
    wanted = node.get("output_shape")
    if not wanted and auto.startswith("SAME"):
        wanted = [x.shape[2 + i] * shape["strides"][i] for i in range(n)]
    if wanted:
        totals = [whole - item for whole, item in zip(full, wanted, strict=True)]
        shape["begin"] = [t // 2 if auto == "SAME_UPPER" else t - t // 2 for t in totals]
        shape["end"] = [t - b for t, b in zip(totals, shape["begin"], strict=True)]
    out = [full[i] - shape["begin"][i] - shape["end"][i] for i in range(n)]
    return biased(oracle.conv(x, w, shape, node.get("group", 1), out, transposed=True), bias)


def wrapped(exact):
    """Whole numbers modulo 2**32."""
    return np.asarray(exact).astype(np.int64).astype(np.uint64).astype(np.uint32).view(np.int32)


def less_zero(x, zero, axis):
    """Small integers less their zero points, which are one or one for each index of the axis."""
    if zero is None:
        return x.astype(np.int64)
    spread = zero if zero.size == 1 else zero.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return x.astype(np.int64) - (spread.reshape(-1)[0] if zero.size == 1 else spread).astype(np.int64)


@operator("MatMulInteger")
def matmul_integer(_node, a, b, a_zero=None, b_zero=None):
    """The exact sum, modulo 2**32."""
    rows = a.ndim - 2 if a.ndim > 1 else 0
    return wrapped(np.matmul(less_zero(a, a_zero, rows), less_zero(b, b_zero, -1)))


@operator("ConvInteger")
def conv_integer(node, x, w, x_zero=None, w_zero=None):
    """The exact sum, modulo 2**32; padding is left out."""
    shape = window(node, w.shape[2:], x.shape[2:])
    x, w, group = less_zero(x, x_zero, 0), less_zero(w, w_zero, 0), node.get("group", 1)
    return wrapped(oracle.conv(x, w, shape, group, outputs_of(x.shape[2:], shape), step=lambda a, b, c: a * b + c))


@operator("Einsum", moves=True)
def _einsum(node, *values):
    left, _, right = node.get("equation").replace(" ", "").partition("->")
    terms = left.split(",")
    hidden = max(
        (v.ndim - len(t.replace("...", "")) for v, t in zip(values, terms, strict=True) if "..." in t), default=0
    )
    labels = [_labels(t, v.ndim - len(t.replace("...", "")), hidden) for v, t in zip(values, terms, strict=True)]
    if "->" in node.get("equation").replace(" ", ""):
        result = _labels(right, hidden, hidden)
    else:
        flat = [item for term in labels for item in term]
        result = [str(i) for i in range(hidden)] + sorted(i for i in set(flat) if i.isalpha() and flat.count(i) == 1)
    operands = [_diagonal(v, term) for v, term in zip(values, labels, strict=True)]
    x, have = operands[0]
    for position, (y, names) in enumerate(operands[1:], 2):
        later = set(result).union(*(term for _, term in operands[position:]))
        x, have = _pair(x, have, y, names, later)
    x, have = _summed(x, have, set(result))
    return np.transpose(x, [have.index(item) for item in result])


def _labels(term, count, hidden):
    head, dots, tail = term.partition("...")
    return [*head, *([str(hidden - count + i) for i in range(count)] if dots else []), *tail]


def _diagonal(value, labels):
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            rest = [item for i, item in enumerate(labels) if i not in (first, second)]
            value, labels = np.moveaxis(np.diagonal(value, 0, first, second), -1, 0), [label, *rest]
    return value, labels


def _summed(x, labels, needed):
    gone = [axis for axis, label in enumerate(labels) if label not in needed]
    return (reduced("sum", x, gone) if gone else x), [label for label in labels if label in needed]


def _pair(x, left, y, right, later):
    x, left = _summed(x, left, later | set(right))
    y, right = _summed(y, right, later | set(left))
    both = [label for label in left if label in right]
    summed, kept = [i for i in both if i not in later], [i for i in both if i in later]
    rows, columns = [i for i in left if i not in right], [i for i in right if i not in left]
    size = dict(zip(right, y.shape, strict=True))
    size.update({i: n if size.get(i, 1) == 1 else size[i] for i, n in zip(left, x.shape, strict=True)})
    x, y = np.broadcast_to(x, [size[i] for i in left]), np.broadcast_to(y, [size[i] for i in right])
    groups = [int(np.prod([size[i] for i in group])) for group in (kept, rows, summed, columns)]
    a = np.transpose(x, [left.index(i) for i in (*kept, *rows, *summed)]).reshape(groups[0], groups[1], groups[2])
    b = np.transpose(y, [right.index(i) for i in (*kept, *summed, *columns)]).reshape(groups[0], groups[2], groups[3])
    if x.dtype == np.float32 and summed:
        product = canonical(times(a, b))
    else:
        product = reduced("sum", a[..., None] * b[:, None], [2])
    labels = [*kept, *rows, *columns]
    return product.reshape([size[i] for i in labels]), labels
