"""Sessions: a model, loaded and checked, ready to be run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped]
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from aivm.arithmetic import _core
from aivm.arithmetic.capacity import memory_bytes
from aivm.arithmetic.check import check_model
from aivm.arithmetic.direct import DirectRuns
from aivm.arithmetic.errors import MalformedModelError, SettingError, UnsupportedOperatorError
from aivm.arithmetic.executor import GraphRunner, Settings
from aivm.arithmetic.feeds import check_feeds
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.graph import Functions, Port, normal_domain, opset_versions, parse_graph, read_port, text
from aivm.arithmetic.lower.registry import OLDEST_OPSET
from aivm.arithmetic.lower.stage import Limits, named
from aivm.arithmetic.lower.values import check_shape
from aivm.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aivm.arithmetic.executor import RunPlan
    from aivm.arithmetic.lower.graph import Graph
    from aivm.arithmetic.lower.hosted import ArrayItem
    from aivm.arithmetic.recorder import Tracing
    from aivm.arithmetic.trace import Recording, Trace
    from aivm.tensors import Array

#: What the core takes.
_MOST_THREADS = 1024
_NO_MODEL = "give the path of an ONNX file, or the bytes of one"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A parsed and checked model.

    Attributes:
        graph: the main graph.
        functions: the model's own functions.
        defaults: inputs that have the value of an initializer if nothing is fed; they are not among the graph's.
    """

    graph: Graph
    functions: Functions
    defaults: tuple[Port, ...]


class Session:
    """A model on the reproducible engine.

        session = aivm.load("model.onnx")
        session.run({"image": image})["logits"]

    Plans are made for the shapes that a run is given, and kept. A session may be used by several threads at once.
    """

    def __init__(self, model: Model, settings: Settings, *, digest: Digest) -> None:
        self.model = model
        self.settings = settings
        #: SHA-256 of the model's file, which traces name it by.
        self.digest = digest
        self.runner = GraphRunner(model.graph, model.functions, settings)
        self._direct = DirectRuns()
        self._traces: Tracing | None = None
        #: Runs plans of one step for each primitive, as traces and disputes are about them.
        self.plain = GraphRunner(model.graph, model.functions, replace(settings, optimised=False))

    @property
    def inputs(self) -> Sequence[Port]:
        """The model's inputs: names, dtypes and shapes."""
        return self.model.graph.inputs

    @property
    def outputs(self) -> Sequence[str]:
        """The names of the model's outputs."""
        return [port.name for port in self.model.graph.outputs]

    @property
    def isa(self) -> str:
        """The instruction set that the kernels were compiled for; the environment variable AIVM_ISA forces one."""
        return _core.isa(self.settings.isa)

    @property
    def warnings(self) -> list[str]:
        """What the user of this machine should know."""
        if _core.hardware_fma(self.settings.isa):
            return []
        return ["this machine has no fused multiply-add: the same bits, at a small part of the speed"]

    def run(self, inputs: Mapping[str, Array], *, run_plan: RunPlan | None = None) -> dict[str, Any]:
        """The model's outputs for these inputs, by name.

        Args:
            inputs: contiguous arrays by name, of exactly the dtypes that the model has; nothing is converted.
            run_plan: what runs a plan, one step for each primitive; without it the core runs the fastest plan there is.

        Returns:
            New arrays; lists for sequences, None for optionals without an element.

        Raises:
            FeedError: an input is missing, unknown, or not what the model says.
            ArithmeticEngineError: the graph cannot be run on these inputs.
        """
        if run_plan is not None:
            return dict(zip(self.outputs, self.plain.run(self._feeds(inputs), run_plan), strict=True))
        results = self._direct.run(inputs, self.settings.threads)
        if results is None:
            feeds = self._feeds(inputs)
            results = dict(zip(self.outputs, self.runner.run(feeds), strict=True))
            self._direct.learn(self.runner.prepare(feeds), list(feeds), self.outputs)
        return results

    def trace(self, inputs: Mapping[str, Array], *, bodies: bool = False) -> Trace:
        """The digest of every operator's output for these inputs, in the order in which they are computed.

        Args:
            inputs: as for a run.
            bodies: whether to go into the bodies of composite operators and of the model's functions too.

        Raises:
            ArithmeticEngineError: as in a run.
        """
        return self._tracing().trace(inputs, bodies=bodies)

    def record(self, inputs: Mapping[str, Array], *, bodies: bool = False) -> Recording:
        """A trace, with a way to get at the tensors behind it."""
        from aivm.arithmetic.recorder import record  # noqa: PLC0415 - runs without a trace need none of it

        return record(self, inputs, bodies=bodies)

    def _tracing(self) -> Tracing:
        if self._traces is None:
            from aivm.arithmetic.recorder import Tracing  # noqa: PLC0415 - as above

            self._traces = Tracing(self)
        return self._traces

    def plan(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """The description of the first plan for inputs of these shapes, as canonical JSON can hold it."""
        return self.plain.prepare(self._feeds(inputs)).program.description()

    def _feeds(self, inputs: Mapping[str, Array]) -> dict[str, ArrayItem]:
        return check_feeds(self.inputs, self.model.defaults, inputs)


def open_session(source: Any, *, threads: int | None = None, isa: str = "", limits: Limits | None = None) -> Session:
    """Loads a model.

    Args:
        source: a path, the bytes of a file, or a parsed model. Only a path may have data in other files beside it.
        threads: how many share the work; all that there are by default.
        isa: which instruction set; empty for AIVM_ISA from the environment, or else the best.
        limits: what the graph may do.

    Raises:
        MalformedModelError: it is no model, or breaks the rules of ONNX.
        UnsupportedOperatorError: it has an operator, a version or a dtype that the engine does not have.
    """
    _core.isa(isa)  # a machine that cannot do what is asked for says so now
    threads = check_threads(threads)
    limits = limits or Limits()
    if limits.memory_bytes is None:
        limits = replace(limits, memory_bytes=memory_bytes())
    proto, digest = read_model(source)
    with named("the model"):
        model = parse_model(proto)
    settings = Settings(threads=threads, isa=isa, limits=limits)
    session = Session(model, settings, digest=digest)
    shapes = [port.shape for port in session.inputs]
    if all(port.tensor and port.dtype for port in session.inputs) and all(
        shape is not None and all(isinstance(extent, int) for extent in shape) for shape in shapes
    ):
        session.runner.prepare({port.name: _empty(port) for port in session.inputs})
    return session


def check_threads(threads: int | None) -> int:
    """How many threads to use.

    Raises:
        SettingError: that is no number of threads.
    """
    if threads is None:
        return min(_core.available_threads(), _MOST_THREADS)
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise SettingError(
            f"threads is {threads!r}, not a whole number from 1 to {_MOST_THREADS}",
            hint="leave it out to use all processors",
        )
    return threads


def read_model(source: Any) -> tuple[onnx.ModelProto, Digest]:
    """The model's protobuf message, and the SHA-256 of its file and of whatever it has in other files.

    Raises:
        MalformedModelError: it cannot be read.
    """
    if isinstance(source, onnx.ModelProto):
        try:
            return source, Digest.of(source.SerializeToString(deterministic=True))
        except (EncodeError, ValueError) as error:
            raise MalformedModelError(f"the model has no file form: {error}", hint="load it from its file") from error
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else b""
    path = Path(source) if isinstance(source, (str, Path)) else None
    if path is None and not isinstance(source, (bytes, bytearray, memoryview)):
        raise SettingError(
            f"a model cannot be loaded from something of the type {type(source).__name__}",
            hint="give a path, the bytes of a file, or an onnx.ModelProto",
        )
    try:
        if path is not None:
            data = path.read_bytes()
        model = onnx.ModelProto.FromString(data)
        hashed = hashlib.sha256(data)
        if path is not None:
            outside = [tensor for tensor in _tensors(model.graph.node, model.graph) if uses_external_data(tensor)]
            load_external_data_for_model(model, str(path.parent))
            for tensor in outside:
                hashed.update(tensor.raw_data)
    except OSError as error:
        raise MalformedModelError(
            f"the model cannot be read: {error.strerror or error}: {error.filename or path}",
            hint="give the path of an ONNX file; what it keeps outside of itself has to be where it says",
        ) from error
    except (DecodeError, ValueError, onnx.checker.ValidationError, RuntimeError) as error:
        raise MalformedModelError(f"the file is no ONNX model: {error}", hint=_NO_MODEL) from error
    return model, Digest(hashed.digest())


def _tensors(nodes: Iterable[onnx.NodeProto], graph: onnx.GraphProto | None = None) -> Iterator[onnx.TensorProto]:
    """All stored tensors, in subgraphs too."""
    if graph is not None:
        yield from graph.initializer
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner.node, inner)


def parse_model(proto: onnx.ModelProto) -> Model:
    """Parses and checks a model: all its operators and dtypes, but not its shapes.

    Raises:
        MalformedModelError: it breaks the rules of ONNX.
        UnsupportedOperatorError: it has an operator, a version or a dtype that the engine does not have.
    """
    if not proto.HasField("graph"):
        raise MalformedModelError("the file is no ONNX model: it has no graph", hint=_NO_MODEL)
    opsets = opset_versions(proto.opset_import)
    # A forest needs no operators of the default domain; a node of it without an import is refused by itself.
    _check_opset(opsets.get("", OLDEST_OPSET), "the model")
    for function in proto.functions:
        own = opset_versions(function.opset_import)
        if "" in own:  # else it has no standard operators
            _check_opset(own[""], f"the model's function {text(function.name)!r}")
    functions: Functions = {
        (normal_domain(text(function.domain)), text(function.name), text(function.overload)): function
        for function in proto.functions
    }
    if len(functions) < len(proto.functions):
        raise MalformedModelError("the model has two functions of one name")
    graph = parse_graph(proto.graph, opsets)
    names: set[str] = set()
    for port in graph.outputs:
        if not port.name or port.name in names:
            raise MalformedModelError(f"the model has two outputs of the name {port.name!r}, or one without a name")
        names.add(port.name)
    check_model(graph, functions)
    defaults = tuple(read_port(value) for value in proto.graph.input if value.name in graph.constants)
    return Model(graph=graph, functions=functions, defaults=defaults)


def _empty(port: Port) -> Array:
    shape = tuple(extent for extent in port.shape or () if isinstance(extent, int))
    check_shape(port.name, port.dtype or "float32", shape)
    # One element stands for all: only the shape is looked at.
    return np.broadcast_to(np.zeros((), dtypes.NUMPY[port.dtype or "float32"]), shape)


def _check_opset(version: int, what: str) -> None:
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise UnsupportedOperatorError(
            f"{what} is for operator set {version} of ai.onnx; this engine has {OLDEST_OPSET} to {newest}",
            hint="export it for another operator set, or convert it with onnx.version_converter",
        )
