"""A program: ONNX's own checker and shape inference over a model on standard input, in a process of its own.

Inference follows the model's shapes without a bound: a small file can make it fill the memory (a shape tensor of 2^30
entries gives a value of 2^30 dimensions), and a broken one can crash it. So it runs here, limited, and says what it
found as JSON, a list of [rule, where, message]. It imports nothing of this package, to start fast.
"""

from __future__ import annotations

import json
import math
import re
import resource
import sys
from typing import TYPE_CHECKING

import onnx
from onnx import checker, helper, shape_inference

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of address space for a model of no size, and for each of its bytes: the library copies it several times.
BASE_MEMORY = 2**31
MEMORY_FACTOR = 8
CPU_SECONDS = 60
MAX_FINDINGS = 100

Found = tuple[str, str, str]
_FAILURES = (checker.ValidationError, shape_inference.InferenceError, ValueError, RuntimeError)


def main() -> None:
    """Reads the model from standard input; the first argument is the most bytes that a tensor may have."""
    data = sys.stdin.buffer.read()
    memory = BASE_MEMORY + MEMORY_FACTOR * len(data)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = list(_inspect(onnx.ModelProto.FromString(data), int(sys.argv[1])))[:MAX_FINDINGS]
    except MemoryError:
        found = [("oversized-model", "graph", f"ONNX's shape inference needs more than {memory} bytes for it")]
    json.dump(found, sys.stdout)


def _inspect(model: onnx.ModelProto, limit: int) -> Iterator[Found]:
    try:
        checker.check_model(model)
    except _FAILURES as error:
        yield "invalid-graph", "model", _one_line(error)
        return
    # Without being told the declared shapes first, to say which one is wrong.
    yield from _disagreements(model)
    try:
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except _FAILURES as error:
        yield "shape-mismatch", "graph", _one_line(error)
    else:
        yield from _bombs(inferred.graph, "graph", limit)


def _disagreements(model: onnx.ModelProto) -> Iterator[Found]:
    """Compares every declared shape with the one that inference finds when it is not told."""
    declared = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    try:
        inferred = shape_inference.infer_shapes(bare).graph
    except _FAILURES:
        return  # the strict run says why
    for value in (*inferred.value_info, *inferred.output):
        if value.name in declared:
            want, have = _sizes(value), _sizes(declared[value.name])
            if want is not None and have is not None and not _compatible(want, have):
                message = f"declared with shape {have}, but its operator makes {want}"
                yield "shape-mismatch", f"graph/value {value.name!r}", message[:600]


def _bombs(graph: onnx.GraphProto, where: str, limit: int) -> Iterator[Found]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        sizes = _sizes(value)
        if sizes is None or not all(isinstance(size, int) for size in sizes):
            continue
        size = math.prod(int(size) for size in sizes) * _element_bytes(value)
        if size > limit:
            message = f"a tensor of shape {str(sizes)[:200]}, {size} bytes, at most {limit} are allowed"
            yield "oversized-model", f"{where}/value {value.name!r}", message
    for index, node in enumerate(graph.node):
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _bombs(inner, f"{where}/node[{index}]:{node.op_type}/{attribute.name}", limit)


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
    return re.sub(r"\s+", " ", str(error)).strip()[:600]


if __name__ == "__main__":
    main()
