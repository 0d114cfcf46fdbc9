"""Traces of ONNX Runtime: every tensor of the main graph made an output of it.

Two things follow that a reader has to know. What is an output is not fused away, so that a watched run may compute
otherwise than a plain one: the note of a recording says whether it did. And what subgraphs make stays unseen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from aivm.arithmetic import trace as traces
from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.session import read_model
from aivm.arithmetic.trace import Entry, Operation, Recording, Trace
from aivm.extras import install_command

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


#: Makes the session's options, given the module.
Options = Callable[[Any], Any]


def record(source: Any, inputs: Mapping[str, Array], options: OrtOptions | Options) -> Recording:
    """Runs a model in ONNX Runtime once, and keeps every tensor of its main graph.

    Args:
        source: a path, the bytes of a file, or a parsed model.
        inputs: arrays by name.
        options: of the session, or what makes them, given the module.

    Raises:
        ObservedRunError: ONNX Runtime is not installed, or rejects the model or the inputs.
        MalformedModelError: the model cannot be read.
    """
    runtime = _runtime()
    settings = _settings(runtime, options) if isinstance(options, OrtOptions) else options(runtime)
    proto, digest = read_model(source)
    names = [output.name for output in proto.graph.output]
    plain = _run(runtime, proto, names, inputs, settings)
    made = [name for node in proto.graph.node for name in node.output if name]
    values = _run(runtime, _watching(proto, made), made, inputs, settings)
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
    level = next(name for name, long in LEVELS.items() if long == settings.graph_optimization_level.name)
    label = f"onnxruntime {runtime.__version__} (level {level}, threads {settings.intra_op_num_threads})"
    trace = Trace(arithmetic=label, model=digest.hex(), inputs=traces.tensors(dict(inputs)), entries=tuple(entries))
    return Recording(trace=trace, label=label, fetch=fetch, note=note)


def watch(source: Any, inputs: Mapping[str, Array], output: str, options: Options) -> Array:
    """One tensor of the main graph, the only one watched: all others may be fused away as in a plain run.

    Raises:
        ObservedRunError: ONNX Runtime is not installed, rejects the model or the inputs, or gives no tensor there.
        MalformedModelError: the model cannot be read.
    """
    runtime = _runtime()
    proto, _ = read_model(source)
    value = _run(runtime, _watching(proto, [output]), [output], inputs, options(runtime))[output]
    if not isinstance(value, np.ndarray):
        raise ObservedRunError(f"{output!r} is no tensor")
    return value


def _runtime() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ObservedRunError("ONNX Runtime is not installed", hint=f"run: {install_command('ort')}") from error


def _settings(runtime: Any, options: OrtOptions) -> Any:
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, LEVELS[options.level])
    settings.log_severity_level = 4
    return settings


def _watching(proto: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """The model with these tensors among its outputs."""
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    there = {output.name for output in proto.graph.output}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    return watched


def _run(
    runtime: Any, proto: onnx.ModelProto, names: list[str], inputs: Mapping[str, Array], settings: Any
) -> dict[str, Any]:
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
