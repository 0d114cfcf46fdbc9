"""Traces of ONNX Runtime: every tensor of the main graph made an output of it.

Two things follow that a reader has to know. What is an output is not fused away, so that a watched run may compute
otherwise than a plain one: the note of a recording says whether it did. And what subgraphs make stays unseen.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from aivm.arithmetic import trace as traces
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.session import read_model
from aivm.arithmetic.trace import Entry, Operation, Recording, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aivm.tensors import Array

LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


class ObservedRunError(ArithmeticEngineError):
    """ONNX Runtime is not there, or rejects the model or its inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrtOptions:
    """What can change ONNX Runtime's bits on one machine.

    Attributes:
        threads: intra-operator threads.
        level: of graph optimisation: none, basic, extended or all.
    """

    threads: int = 1
    level: str = "all"


def record(source: Any, inputs: Mapping[str, Array], options: OrtOptions) -> Recording:
    """Runs a model in ONNX Runtime once, and keeps every tensor of its main graph.

    Args:
        source: a path, the bytes of a file, or a parsed model.
        inputs: arrays by name.
        options: of the session.

    Raises:
        ObservedRunError: ONNX Runtime is not installed, or rejects the model or the inputs.
        MalformedModelError: the model cannot be read.
    """
    try:
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ObservedRunError("ONNX Runtime is not installed", hint="run: pip install 'aivm[ort]'") from error
    proto, digest = read_model(source)
    names = [output.name for output in proto.graph.output]
    plain = _run(runtime, proto, names, inputs, options)
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    made = [name for node in proto.graph.node for name in node.output if name]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name not in names)
    values = _run(runtime, watched, made, inputs, options)
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    entries: list[Entry] = []
    for node, name in _outputs(proto.graph):
        value = values[name]
        if isinstance(value, np.ndarray) and dtypes.from_numpy(value.dtype) is not None:
            entries.append(_entry(node, name, value))

    def find(name: str) -> Array | None:
        if name in constants:
            return onnx.numpy_helper.to_array(constants[name])
        value = values.get(name, inputs.get(name))
        return value if isinstance(value, np.ndarray) else None

    def fetch(positions: Sequence[int]) -> list[Operation]:
        return [
            Operation(inputs=tuple(find(name) for name in entries[i].inputs), output=values[entries[i].output])
            for i in positions
        ]

    disturbed = [name for name in names if name in values and not _equal(plain[name], values[name])]
    note = f"its outputs {', '.join(disturbed)} are others when it is not watched" if disturbed else ""
    label = f"onnxruntime {runtime.__version__} (level {options.level}, threads {options.threads})"
    trace = Trace(arithmetic=label, model=digest.hex(), inputs=traces.tensors(dict(inputs)), entries=tuple(entries))
    return Recording(trace=trace, label=label, fetch=fetch, note=note)


def _run(
    runtime: Any, proto: onnx.ModelProto, names: list[str], inputs: Mapping[str, Array], options: OrtOptions
) -> dict[str, Any]:
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, LEVELS[options.level])
    settings.log_severity_level = 4
    try:
        session = runtime.InferenceSession(
            proto.SerializeToString(), settings, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        values = session.run(names, dict(inputs))
    except Exception as error:  # its exceptions share no base class
        raise ObservedRunError(f"ONNX Runtime cannot run the model: {error}") from error
    return dict(zip(names, values, strict=True))


def _outputs(graph: onnx.GraphProto) -> Iterator[tuple[onnx.NodeProto, str]]:
    for node in graph.node:
        for name in node.output:
            if name:
                yield node, name


def _entry(node: onnx.NodeProto, name: str, value: Array) -> Entry:
    dtype = dtypes.from_numpy(value.dtype)
    assert dtype is not None
    domain = "" if node.domain == "ai.onnx" else node.domain
    return Entry(
        operator=node.name or next(filter(None, node.output)),
        type=f"{domain}::{node.op_type}" if domain else node.op_type,
        inputs=tuple(node.input),
        output=name,
        dtype=dtype,
        shape=tuple(value.shape),
        root=traces.root(value).hex(),
    )


def _equal(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return True  # sequences are not compared
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and (dtypes.from_numpy(a.dtype) is None or traces.root(a) == traces.root(b))
    )
