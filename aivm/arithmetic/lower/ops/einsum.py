"""Einsum: products of tensors over named axes, two tensors at a time from left to right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.registry import operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Value


@operator("Einsum", types={"T": dtypes.NUMBERS})
def lower(b: Builder, node: Node, *values: Value) -> Value:
    """Diagonals, then products; an axis is summed as soon as nobody needs it."""
    terms, result = _parse(b, node.get("equation", ""), values)
    operands = [_diagonal(b, value, term) for value, term in zip(values, terms, strict=True)]
    current, labels = operands[0]
    for position, (value, term) in enumerate(operands[1:], 2):
        later = set(result).union(*(other for _, other in operands[position:]))
        current, labels = _product(b, current, labels, value, term, later)
    gone = [axis for axis, label in enumerate(labels) if label not in result]
    if gone:
        current = b.reduce("reduce_sum", current, gone, keepdims=False)
        labels = [label for label in labels if label in result]
    return b.transpose(current, [labels.index(label) for label in result])


def _parse(b: Builder, equation: str, values: Sequence[Value]) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and of the result; those behind an ellipsis are numbers."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(values):
        b.refuse(f"equation {equation!r} for {len(values)} tensors")
    hidden = [
        value.rank - len(part.replace("...", "")) if "..." in part else 0
        for value, part in zip(values, parts, strict=True)
    ]
    most = max(hidden, default=0)

    def labels(part: str, count: int) -> list[str]:
        head, dots, tail = part.partition("...")
        middle = [str(most - count + index) for index in range(count)] if dots else []
        return [*head, *middle, *tail]

    terms = [labels(part, count) for part, count in zip(parts, hidden, strict=True)]
    if any(count < 0 for count in hidden) or any(
        len(term) != value.rank for term, value in zip(terms, values, strict=True)
    ):
        b.refuse(f"equation {equation!r} does not fit the ranks of {', '.join(map(str, values))}")
    if arrow:
        result = labels(right, most)
    else:
        every = [label for term in terms for label in term]
        alone = sorted({label for label in every if label.isalpha() and every.count(label) == 1})
        result = [str(index) for index in range(most)] + alone
    if len(set(result)) != len(result) or not set(result) <= {label for term in terms for label in term}:
        b.refuse(f"equation {equation!r} has no such result")
    return terms, result


def _diagonal(b: Builder, value: Value, term: list[str]) -> tuple[Value, list[str]]:
    """A label that an operand has twice takes its diagonal."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            first = term.index(label)
            second = term.index(label, first + 1)
            extent = value.shape[first]
            if value.shape[second] != extent:
                b.refuse(f"tensor {value} has no diagonal")
            rest = [axis for axis in range(value.rank) if axis not in (first, second)]
            moved = b.transpose(value, [first, second, *rest])
            flat = b.reshape(moved, (extent * extent, *moved.shape[2:]))
            value = b.gather(flat, b.ints([index * (extent + 1) for index in range(extent)]), 0)
            term = [label, *(term[axis] for axis in rest)]
    return value, term


def _product(
    b: Builder, x: Value, left: list[str], y: Value, right: list[str], later: set[str]
) -> tuple[Value, list[str]]:
    """The product of two operands, summed over the labels that nobody needs later."""
    x, left = _sum_alone(b, x, left, later.union(right))
    y, right = _sum_alone(b, y, right, later.union(left))
    both = [label for label in left if label in right]
    summed = [label for label in both if label not in later]
    kept = [label for label in both if label in later]
    rows = [label for label in left if label not in right]
    columns = [label for label in right if label not in left]
    size = dict(zip(right, y.shape, strict=True))
    for label, extent in zip(left, x.shape, strict=True):
        if size.setdefault(label, extent) != extent and 1 not in (size[label], extent):
            b.refuse(f"axes {label!r} of tensors {x} and {y} differ")
        size[label] = max(size[label], extent) if size[label] and extent else 0
    x, y = _spread(b, x, left, size), _spread(b, y, right, size)
    a = b.transpose(x, [left.index(label) for label in (*kept, *rows, *summed)])
    c = b.transpose(y, [right.index(label) for label in (*kept, *summed, *columns)])
    count = [math.prod(size[label] for label in group) for group in (kept, rows, summed, columns)]
    labels = [*kept, *rows, *columns]
    shape = [size[label] for label in labels]
    if x.dtype == "float32" and summed:
        product = b.matmul(b.reshape(a, (count[0], count[1], count[2])), b.reshape(c, (count[0], count[2], count[3])))
        return b.reshape(product, shape), labels
    wide = b.mul(b.reshape(a, (count[0], count[1], count[2], 1)), b.reshape(c, (count[0], 1, count[2], count[3])))
    return b.reshape(b.reduce("reduce_sum", wide, [2]), shape), labels


def _sum_alone(b: Builder, x: Value, labels: list[str], needed: set[str]) -> tuple[Value, list[str]]:
    gone = [axis for axis, label in enumerate(labels) if label not in needed]
    if not gone:
        return x, labels
    return b.reduce("reduce_sum", x, gone, keepdims=False), [label for label in labels if label in needed]


def _spread(b: Builder, x: Value, labels: list[str], size: dict[str, int]) -> Value:
    return b.expand(x, [size[label] for label in labels])
