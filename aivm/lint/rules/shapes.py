"""Declared shapes and types must be those that follow from the operators, and none may be a bomb.

Uses ONNX's own checker and strict shape inference, after the rules that keep a hostile model from harming these.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import onnx
from onnx import checker, helper, shape_inference

from aivm.lint.errors import InvalidGraphError, OversizedModelError, ShapeMismatchError
from aivm.lint.graphs import elements
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.lint.context import Context

#: The most bytes of one tensor if no manifest says less.
MAX_TENSOR_BYTES = 2**32

_STRIP = re.compile(r"\s+")
_FIX = "Export the model again, or correct the declared shape."


def check(context: Context) -> Iterator[Finding]:
    """Finds what ONNX's checker refuses, contradictory shapes and types, and tensors of absurd size."""
    try:
        checker.check_model(context.model)
    except (checker.ValidationError, ValueError, RuntimeError) as error:
        remedy = "Export the model again; `onnx.checker.check_model` says the same."
        yield Finding(error=InvalidGraphError, where="model", message=_one_line(error), remedy=remedy)
        return
    yield from _disagreements(context.model)
    try:
        inferred = shape_inference.infer_shapes(context.model, check_type=True, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        yield Finding(error=ShapeMismatchError, where="graph", message=_one_line(error), remedy=_FIX)
        return
    yield from _bombs(inferred, context)


def _disagreements(model: onnx.ModelProto) -> Iterator[Finding]:
    """Compares every declared shape with the one that inference finds when it is not told."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    declared = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    try:
        inferred = shape_inference.infer_shapes(bare, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError, RuntimeError):
        return  # the strict run says why
    for value in (*inferred.value_info, *inferred.output):
        if value.name in declared:
            want, have = _sizes(value), _sizes(declared[value.name])
            if want is not None and have is not None and not _compatible(want, have):
                message = f"declared with shape {have}, but its operator makes {want}"
                yield Finding(
                    error=ShapeMismatchError, where=f"graph/value {value.name!r}", message=message, remedy=_FIX
                )


def _bombs(inferred: onnx.ModelProto, context: Context) -> Iterator[Finding]:
    limit = context.manifest.limits.memory_bytes if context.manifest else MAX_TENSOR_BYTES
    for where, graph in _annotated(inferred.graph, "graph"):
        for value in (*graph.input, *graph.value_info, *graph.output):
            sizes = _sizes(value)
            if sizes is None or not all(isinstance(size, int) for size in sizes):
                continue
            size = elements(sizes) * _element_bytes(value)
            if size > limit:
                message = f"a tensor of shape {sizes}, {size} bytes, at most {limit} are allowed"
                remedy = "Make the tensor smaller, or raise limits.memory_bytes in the manifest."
                yield Finding(
                    error=OversizedModelError, where=f"{where}/value {value.name!r}", message=message, remedy=remedy
                )


def _annotated(graph: onnx.GraphProto, where: str) -> Iterator[tuple[str, onnx.GraphProto]]:
    yield where, graph
    for index, node in enumerate(graph.node):
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _annotated(inner, f"{where}/node[{index}]:{node.op_type}/{attribute.name}")


def _sizes(value: onnx.ValueInfoProto) -> list[int | str] | None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim
    ]


def _compatible(want: list[int | str], have: list[int | str]) -> bool:
    return len(want) == len(have) and all(
        isinstance(a, str) or isinstance(b, str) or a == b for a, b in zip(want, have, strict=True)
    )


def _element_bytes(value: onnx.ValueInfoProto) -> int:
    try:
        return int(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).itemsize)
    except KeyError:
        return 1


def _one_line(error: Exception) -> str:
    return _STRIP.sub(" ", str(error)).strip()[:600]
