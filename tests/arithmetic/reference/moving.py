"""What only moves elements, or is exact whole-number work (§14): the standard's own evaluator."""

from __future__ import annotations

import numpy as np
from onnx.reference.ops import _op_list

from reference.casting import cast
from reference.numbers import maximum, minimum
from reference.table import canonical, operator

EXACT = frozenset(
    """
    And Or Xor Not BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift Equal Less LessOrEqual Greater GreaterOrEqual
    IsNaN IsInf Where Concat Split Slice Gather GatherND Transpose Reshape Flatten Squeeze Unsqueeze Expand Tile
    Shape Size ConstantOfShape EyeLike NonZero Compress Trilu DepthToSpace SpaceToDepth ReverseSequence
    SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence
    ConcatFromSequence TensorScatter BitCast CenterCropPad
    """.split()  # noqa: SIM905
)


def run(node, inputs):
    """The outputs of such a node."""
    _op_list.load_op("", "Identity")  # fills the standard's table
    versions = _op_list._registered_operators[node.proto.op_type]
    chosen = max((item for item in versions if item is not None and item <= node.version), default=None)
    settings = {"log": lambda *_: None, "opsets": {"": node.version}, "verbose": 0, "new_ops": None}
    return versions[chosen](node.proto, settings).run(*inputs)


@operator("ArrayFeatureExtractor", domain="ai.onnx.ml", moves=True)
def _columns(_node, x, indices):
    result = x[..., indices.reshape(-1)]
    return result.reshape(1, -1) if x.ndim == 1 else result


@operator("Binarizer", domain="ai.onnx.ml")
def _above(node, x):
    return (x > np.array(node.get("threshold", 0.0), x.dtype)).astype(x.dtype)


@operator("Identity", "Optional", "OptionalGetElement", moves=True)
def _same(_node, x=None):
    return x


@operator("OptionalHasElement")
def _has_element(_node, x=None):
    return np.array(x is not None)


COMBINE = {"add": np.add, "mul": np.multiply, "max": maximum, "min": minimum}


def _put(y, place, update, reduction):
    y[place] = update if reduction == "none" else canonical(COMBINE[reduction](y[place], update))


@operator("ScatterElements", moves=True)
def _scatter_elements(node, data, indices, updates):
    y, axis = data.copy(), node.get("axis", 0) % data.ndim
    for place in np.ndindex(*indices.shape):
        target = (*place[:axis], int(indices[place]), *place[axis + 1 :])
        _put(y, target, updates[place], node.get("reduction", "none"))
    return y


@operator("ScatterND", moves=True)
def _scatter_nd(node, data, indices, updates):
    y = data.copy()
    for place in np.ndindex(*indices.shape[:-1]):
        _put(y, tuple(int(item) for item in indices[place]), updates[place], node.get("reduction", "none"))
    return y


@operator("GatherElements", moves=True)
def _gather_elements(node, data, indices):
    y, axis = np.empty(indices.shape, data.dtype), node.get("axis", 0) % data.ndim
    for place in np.ndindex(*indices.shape):
        y[place] = data[(*place[:axis], int(indices[place]), *place[axis + 1 :])]
    return y


@operator("OneHot", moves=True)
def _one_hot(node, indices, depth, values):
    count, axis = int(depth.reshape(-1)[0]), node.get("axis", -1) % (indices.ndim + 1)
    whole = np.expand_dims(cast(indices, np.int64), axis)
    places = np.arange(count).reshape(-1, *([1] * (indices.ndim - axis)))
    return np.where(np.where(whole < 0, whole + count, whole) == places, values[1], values[0])


@operator("Unique", moves=True)
def _unique(node, x):
    axis = node.get("axis")
    lines = list(x.reshape(-1, 1)) if axis is None else [np.ravel(item) for item in np.moveaxis(x, axis, 0)]
    keys = [tuple((line + np.zeros((), line.dtype)).tolist()) for line in lines]
    chosen = list(dict.fromkeys(keys))
    chosen = sorted(chosen) if node.get("sorted", 1) else chosen
    first = [keys.index(key) for key in chosen]
    values = np.take(x.reshape(-1) if axis is None else x, first, axis or 0)
    counts = [keys.count(key) for key in chosen]
    return values, *(np.array(item, np.int64) for item in (first, [chosen.index(key) for key in keys], counts))


@operator("Pad", moves=True)
def _pad(node, x, pads, value=None, axes=None):
    chosen = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    fill = np.zeros((), x.dtype) if value is None else value.reshape(())
    for position, axis in enumerate(chosen):
        extent, lines = x.shape[axis], np.moveaxis(x, axis, 0)
        wanted = range(-int(pads[position]), extent + int(pads[position + len(chosen)]))
        rows = [_padding(node.get("mode", "constant"), at, extent) for at in wanted]
        parts = [np.full(lines.shape[1:], fill) if row is None else lines[row] for row in rows]
        x = np.moveaxis(np.array(parts, x.dtype).reshape(len(rows), *lines.shape[1:]), 0, axis)
    return x


def _padding(mode, at, extent):
    if 0 <= at < extent:
        return at
    if mode == "reflect":
        period = max(2 * (extent - 1), 1)
        return min(at % period, period - at % period) if extent > 1 else 0
    return {"edge": min(max(at, 0), extent - 1), "wrap": at % max(extent, 1)}.get(mode)
