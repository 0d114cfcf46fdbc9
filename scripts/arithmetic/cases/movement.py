"""Operators that move elements and compute nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import numpy_helper

from cases.case import Builder, Case, case, fed, rows, setting, single
from cases.elementwise import ALL, FLOATS

if TYPE_CHECKING:
    from cases.values import Random


def tensor(r: Random, rank: int | None = None, *, least: int = 1, elements: int = 4096) -> Any:
    """Any tensor of any dtype."""
    return r.array(r.shape(rank, least=least, elements=elements), r.choice(ALL))


@case("Identity", "Dropout")
def identity(r: Random, name: str) -> Case:
    x = tensor(r) if name == "Identity" else r.floats(r.shape())
    return single(r, name, [rows(x)], outputs=1 if name == "Identity" else r.integer(1, 2))


@case("Reshape")
def reshape(r: Random, name: str) -> Case:
    x = tensor(r)
    target = r.choice([[-1], [0, -1] if x.ndim > 1 else [-1, 1], [1, *x.shape], list(x.shape[::-1])])
    return single(r, name, [fed(x), setting(target)])


@case("Flatten")
def flatten(r: Random, name: str) -> Case:
    x = tensor(r)
    return single(r, name, [fed(x)], axis=r.integer(-x.ndim, x.ndim))


@case("Squeeze")
def squeeze(r: Random, name: str) -> Case:
    x = tensor(r)
    axis = r.integer(0, x.ndim)
    return single(r, name, [fed(np.expand_dims(x, axis)), setting([axis])])


@case("Unsqueeze")
def unsqueeze(r: Random, name: str) -> Case:
    x = tensor(r)
    return single(r, name, [fed(x), setting(r.subset(range(x.ndim + 1), least=1)[:2])])


@case("Transpose")
def transpose(r: Random, name: str) -> Case:
    x = tensor(r)
    return single(r, name, [fed(x)], perm=r.permutation(x.ndim) if r.chance(0.9) else None)


@case("Shape", "Size")
def shape(r: Random, name: str) -> Case:
    x = tensor(r)
    return single(r, name, [fed(x)], **({"start": r.integer(-1, 1)} if name == "Shape" else {}))


@case("Slice")
def slice_(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axes = r.subset(range(1, x.ndim), least=1)
    steps = [r.choice([1, 1, 2, -1, -3]) for _ in axes]
    starts = [r.integer(-x.shape[axis] - 1, x.shape[axis]) for axis in axes]
    ends = [r.choice([r.integer(-x.shape[axis] - 1, x.shape[axis]), 2**31, -(2**31)]) for axis in axes]
    return single(r, name, [rows(x), setting(starts), setting(ends), setting(axes), setting(steps)])


@case("Concat")
def concat(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axis = r.integer(1, x.ndim - 1)
    others = []
    for _ in range(r.integer(0, 3)):
        extents = list(x.shape)
        extents[axis] = r.extent(9)
        others.append(rows(r.array(extents, x.dtype)))
    return single(r, name, [rows(x), *others], axis=axis - x.ndim if r.chance(0.3) else axis)


@case("Split")
def split(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axis = r.integer(1, x.ndim - 1)
    parts = r.integer(1, 3)
    if r.chance(0.3) and parts <= x.shape[axis]:
        return single(r, name, [rows(x)], outputs=parts, axis=axis, num_outputs=parts)
    cuts = sorted(r.integer(0, x.shape[axis]) for _ in range(parts - 1))
    sizes = np.diff([0, *cuts, x.shape[axis]])
    return single(r, name, [rows(x), setting(sizes)], outputs=parts, axis=axis)


@case("Expand")
def expand(r: Random, name: str) -> Case:
    target = r.shape()
    return single(r, name, [fed(r.array(r.broadcast(target), r.choice(ALL))), setting(target)])


@case("Tile")
def tile(r: Random, name: str) -> Case:
    x = tensor(r, elements=512)
    return single(r, name, [fed(x), setting([r.integer(1, 3) for _ in range(x.ndim)])])


@case("Pad")
def pad(r: Random, name: str) -> Case:
    x = tensor(r, least=2, elements=512)
    mode = r.choice(["constant", "constant", "edge", "reflect", "wrap"])
    lowest = -1 if mode == "constant" and min(x.shape) > 3 else 0
    pads = [0 if i % x.ndim == 0 else r.integer(lowest, min(3, x.shape[i % x.ndim] - 1)) for i in range(2 * x.ndim)]
    value = fed(r.array([], x.dtype)) if mode == "constant" and r.chance(0.6) else None
    return single(r, name, [rows(x), setting(pads), value], mode=mode)


@case("CenterCropPad")
def center_crop_pad(r: Random, name: str) -> Case:
    x = r.floats(r.shape(r.integer(2, 3)))
    return single(r, name, [rows(x), setting([r.extent(9)])], axes=[r.integer(1, x.ndim - 1)])


@case("DepthToSpace")
def depth_to_space(r: Random, name: str) -> Case:
    block = r.integer(1, 3)
    x = r.floats([r.integer(1, 2), block * block * r.integer(1, 3), r.extent(5), r.extent(5)])
    return single(r, name, [rows(x)], blocksize=block, mode=r.choice(["DCR", "CRD"]))


@case("SpaceToDepth")
def space_to_depth(r: Random, name: str) -> Case:
    block = r.integer(1, 3)
    x = r.floats([r.integer(1, 2), r.integer(1, 3), block * r.extent(5), block * r.extent(5)])
    return single(r, name, [rows(x)], blocksize=block)


@case("Trilu")
def trilu(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    k = setting(r.integer(-3, 3)) if r.chance(0.7) else None
    return single(r, name, [(rows if x.ndim > 2 else fed)(x), k], upper=r.integer(0, 1))


@case("ReverseSequence")
def reverse_sequence(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    lengths = r.integers([x.shape[0]], np.int64, 1, x.shape[1])
    return single(r, name, [rows(x), rows(lengths)], batch_axis=0, time_axis=1)


@case("Gather")
def gather(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axis = r.integer(1, x.ndim - 1)
    indices = r.integers(
        r.shape(least=0, elements=32), r.choice((np.int32, np.int64)), -x.shape[axis], x.shape[axis] - 1
    )
    return single(r, name, [rows(x), fed(indices)], axis=axis)


@case("GatherElements")
def gather_elements(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axis = r.integer(1, x.ndim - 1)
    extents = [x.shape[0], *(r.integer(1, extent) for extent in x.shape[1:])]
    indices = r.integers(extents, r.choice((np.int32, np.int64)), -x.shape[axis], x.shape[axis] - 1)
    return single(r, name, [rows(x), rows(indices)], axis=axis)


def places(r: Random, extents: Any, count: int) -> Any:
    """`count` places in a tensor, each different: [count, rank]."""
    total = int(np.prod(extents))
    flat = np.array(r.permutation(total)[: min(count, total)])
    return np.stack(np.unravel_index(flat, tuple(extents)), axis=-1).astype(np.int64)


@case("GatherND")
def gather_nd(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    depth = r.integer(1, x.ndim - 1)
    if r.chance(0.5):
        found = [places(r, x.shape[1 : 1 + depth], 2)[:1] for _ in range(x.shape[0])]
        return single(r, name, [rows(x), rows(np.stack(found))], batch_dims=1)
    return single(r, name, [fed(x), fed(places(r, x.shape[:depth], 5))])


@case("ScatterElements")
def scatter_elements(r: Random, name: str) -> Case:
    x = r.array(r.shape(r.integer(2, 3)), r.choice((*FLOATS, np.int32, np.int64)))
    axis = r.integer(1, x.ndim - 1)
    extents = [x.shape[0], *(r.integer(1, extent) for extent in x.shape[1:])]
    # The same place more than once: updates are applied in their order.
    indices = r.integers(extents, np.int64, -x.shape[axis], x.shape[axis] - 1)
    reduction = r.choice(["none", "add", "mul", "max", "min"])
    if reduction == "none":
        indices = np.broadcast_to(
            np.arange(extents[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)]), extents
        )
        indices = np.ascontiguousarray(indices)
    updates = rows(r.array(extents, x.dtype))
    return single(r, name, [rows(x), rows(indices), updates], axis=axis, reduction=reduction)


@case("ScatterND")
def scatter_nd(r: Random, name: str) -> Case:
    x = r.array(r.shape(r.integer(2, 3)), r.choice((*FLOATS, np.int32, np.int64)))
    depth = r.integer(1, x.ndim)
    found = places(r, x.shape[:depth], 5)
    reduction = r.choice(["none", "add", "mul", "max", "min"])
    if reduction != "none":
        found = np.concatenate([found, found[:1], found])
    return single(
        r, name, [fed(x), fed(found), fed(r.array([len(found), *x.shape[depth:]], x.dtype))], reduction=reduction
    )


@case("TensorScatter")
def tensor_scatter(r: Random, name: str) -> Case:
    batch, heads, length, size = r.integer(1, 3), r.integer(1, 3), r.extent(9), r.extent(9)
    cache = r.floats([batch, heads, length, size])
    mode = r.choice(["linear", "circular"])
    new = r.integer(1, length)
    starts = r.integers([batch], np.int64, 0, length - 1 if mode == "circular" else length - new)
    return single(r, name, [rows(cache), rows(r.floats([batch, heads, new, size])), rows(starts)], mode=mode)


@case("Compress")
def compress(r: Random, name: str) -> Case:
    x = tensor(r, least=2)
    axis = r.integer(1, x.ndim - 1)
    return single(r, name, [rows(x), fed(r.booleans([r.integer(1, x.shape[axis])]))], axis=axis)


@case("OneHot")
def one_hot(r: Random, name: str) -> Case:
    depth = r.integer(1, 9)
    indices = r.integers(r.shape(elements=64), np.int64, -depth - 2, depth + 2)
    values = fed(r.array([2], r.choice((np.float32, np.int64, np.int8))))
    return single(r, name, [rows(indices), setting(depth), values], axis=r.choice([-1, 1]))


@case("Constant")
def constant(r: Random, name: str) -> Case:
    return single(r, name, [], value=numpy_helper.from_array(tensor(r, elements=64)))


@case("ConstantOfShape")
def constant_of_shape(r: Random, name: str) -> Case:
    value = numpy_helper.from_array(r.array([1], r.choice(ALL))) if r.chance(0.8) else None
    return single(r, name, [setting(r.shape(elements=64))], value=value)


@case("EyeLike")
def eye_like(r: Random, name: str) -> Case:
    return single(r, name, [fed(r.floats(r.shape(2)))], k=r.integer(-2, 2))


@case("Range")
def range_(r: Random, name: str) -> Case:
    if r.chance(0.5):
        dtype = r.choice((np.float32, np.float64))
        numbers = [
            np.array(item, dtype) for item in (r.normal([]) * 3, r.normal([]) * 3 + 9, r.choice([0.5, 0.3, 1.1]))
        ]
        return single(r, name, [fed(item) for item in numbers])
    start, step, dtype = r.integer(-9, 9), r.choice([1, 2, -3]), r.choice((np.int16, np.int32, np.int64, np.int64))
    return single(r, name, [setting(item, dtype) for item in (start, start + step * r.integer(0, 9), step)])


@case("SequenceConstruct", "SequenceLength", "SequenceAt", "SequenceInsert", "SequenceErase", "ConcatFromSequence")
@case("SequenceEmpty", "SplitToSequence")
def sequences(r: Random, name: str) -> Case:
    """A sequence is made of three tensors, and what the operator gives is made a tensor."""
    b = Builder(r)
    arrays = [r.floats([2, r.extent(9)]) for _ in range(3)]
    names = [b.operand(fed(array)) for array in arrays]
    at = b.operand(setting(r.integer(-3, 2)))
    result, sequence = "y", "s"
    if name == "SequenceEmpty":
        b.node("SequenceEmpty", [], ["empty"])
        b.node("SequenceInsert", ["empty", names[0]], ["s"])
    elif name == "SplitToSequence":
        b.node("Concat", names, ["joined"], axis=1)
        width = sum(array.shape[1] for array in arrays)
        b.node("SplitToSequence", ["joined", b.operand(setting(r.integer(1, width)))], ["s"], axis=1)
    else:
        b.node("SequenceConstruct", names, ["s"])
    if name == "SequenceInsert":
        b.node(name, ["s", names[0], at], ["t"])
        sequence = "t"
    if name == "SequenceErase":
        b.node(name, ["s", at], ["t"])
        sequence = "t"
    if name == "SequenceLength":
        b.node(name, ["s"], ["y"])
    elif name == "SequenceAt":
        b.node(name, ["s", at], ["y"])
    else:
        b.node("ConcatFromSequence", [sequence], ["y"], axis=1)
    return b.case(name, [result])


@case("Optional", "OptionalGetElement", "OptionalHasElement")
def optional(r: Random, name: str) -> Case:
    b = Builder(r)
    x = b.operand(rows(r.floats(r.shape())))
    b.node("Optional", [x], ["o"])
    b.node("OptionalHasElement" if name == "OptionalHasElement" else "OptionalGetElement", ["o"], ["y"])
    made = b.case(name, ["y"])
    return made if name != "OptionalHasElement" else Case(operator=name, model=made.model, feeds=made.feeds)


@case("ai.onnx.ml::ArrayFeatureExtractor")
def array_feature_extractor(r: Random, name: str) -> Case:
    x = r.array(r.shape(2), r.choice((np.float32, np.float64, np.int32, np.int64)))
    return single(r, name, [rows(x), fed(r.integers([r.integer(1, 5)], np.int64, 0, x.shape[1] - 1))])


@case("ai.onnx.ml::Binarizer")
def binarizer(r: Random, name: str) -> Case:
    return single(r, name, [rows(r.floats(r.shape()))], threshold=r.choice([None, 0.5, -1.25]))
