"""A graph as the lowering reads it: parsed once, with nothing of protobuf left but function bodies.

Nothing here trusts the model: what is malformed is a `MalformedModelError`, whichever way it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import AttributeProto, numpy_helper

from aivm.arithmetic.errors import MalformedModelError, UnsupportedOperatorError
from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.values import constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aivm.arithmetic.lower.values import Value
    from aivm.tensors import Array

_ELEMENT_TYPES = "there are " + ", ".join(dtypes.NUMPY)
#: Graphs within graphs within functions; real models need two or three.
MAX_DEPTH = 16

FunctionKey = tuple[str, str, str]  # domain, name, overload
Functions = dict[FunctionKey, onnx.FunctionProto]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: the tensor's name.
        dtype: None where the model does not say, as in most subgraphs.
        shape: extents, names of free extents, or None for an extent nobody named; None for an unknown rank.
        tensor: False for a sequence or an optional.
    """

    name: str
    dtype: str | None = None
    shape: tuple[int | str | None, ...] | None = None
    tensor: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One node.

    Attributes:
        op_type: the operator.
        domain: its domain, the default one empty.
        overload: which of the model's functions of that name.
        version: the version of the domain's operator set that the graph imports.
        name: the node's own name, or else that of its first output.
        inputs: names of tensors, empty where one is left out.
        outputs: names of tensors, empty where one is not wanted.
        attributes: Python values; tensors as arrays, graphs as `Graph`.
        captures: names that its subgraphs take from around it.
    """

    op_type: str
    domain: str
    overload: str
    version: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(repr=False)
    captures: frozenset[str] = field(repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or the default where it is left out."""
        return self.attributes.get(name, default)

    @property
    def title(self) -> str:
        """The operator and the node, for messages."""
        return f"{self.domain or 'ai.onnx'}::{self.op_type} (operator set {self.version}, node {self.name!r})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """A graph, a subgraph or a function body.

    Attributes:
        name: for messages.
        inputs: in order; in the main graph without those that initializers give.
        outputs: in order.
        nodes: in the order of the model, which is topological.
        constants: the initializers by name.
        last_use: for each name, the index of the last node that reads it; `len(nodes)` for outputs.
        captures: names that are read and not made here.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Value] = field(repr=False)
    last_use: Mapping[str, int] = field(repr=False)
    captures: frozenset[str] = field(repr=False)


def parse_graph(
    proto: onnx.GraphProto,
    opsets: Mapping[str, int],
    references: Mapping[str, AttributeProto | None] | None = None,
    depth: int = 0,
) -> Graph:
    """Parses a graph and its subgraphs.

    Args:
        proto: the graph.
        opsets: versions by domain, the default one empty.
        references: what `ref_attr_name` refers to, in a function's body; None for an attribute that was left out.
        depth: how deep in other graphs it is.

    Raises:
        MalformedModelError: it breaks a rule.
        UnsupportedOperatorError: it holds tensors that no buffer can hold.
    """
    if depth > MAX_DEPTH:
        raise MalformedModelError(f"graph {proto.name!r} is nested more than {MAX_DEPTH} deep")
    constants = {text(tensor.name): constant(read_tensor(tensor), tensor.name) for tensor in proto.initializer}
    if len(constants) != len(proto.initializer):
        raise MalformedModelError(f"graph {proto.name!r} has two initializers of one name")
    if proto.sparse_initializer:
        raise UnsupportedOperatorError(
            f"graph {proto.name!r} has sparse initializers", hint="store them as ordinary tensors"
        )
    # IR version 3 lists initializers among the inputs.
    inputs = tuple(read_port(value) for value in proto.input if value.name not in constants)
    nodes = tuple(parse_node(node, opsets, references or {}, depth) for node in proto.node)
    return assemble(text(proto.name), inputs, tuple(read_port(value) for value in proto.output), nodes, constants)


def assemble(
    name: str,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    nodes: tuple[Node, ...],
    constants: Mapping[str, Value],
) -> Graph:
    """A graph from its parts.

    Raises:
        MalformedModelError: a name is made twice.
    """
    made: set[str] = set()
    captures: set[str] = set()
    last_use: dict[str, int] = {}
    for item in (*constants, *(port.name for port in inputs)):
        _make(item, made, name)
    for index, node in enumerate(nodes):
        used = {item for item in (*node.inputs, *node.captures) if item}
        last_use.update(dict.fromkeys(used, index))
        captures |= used - made
        for item in filter(None, node.outputs):
            _make(item, made, name)
    results = {port.name for port in outputs if port.name}
    last_use.update(dict.fromkeys(results, len(nodes)))
    captures |= results - made
    return Graph(
        name=name,
        inputs=inputs,
        outputs=outputs,
        nodes=nodes,
        constants=constants,
        last_use=last_use,
        captures=frozenset(captures),
    )


def parse_node(
    proto: onnx.NodeProto, opsets: Mapping[str, int], references: Mapping[str, AttributeProto | None], depth: int
) -> Node:
    """Parses one node.

    Raises:
        MalformedModelError: it breaks a rule.
    """
    domain = normal_domain(text(proto.domain))
    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        source: AttributeProto | None = attribute
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in references:
                raise MalformedModelError(
                    f"node {proto.name!r} ({proto.op_type}) refers to the attribute {attribute.ref_attr_name!r}, "
                    f"which its function does not have"
                )
            source = references[attribute.ref_attr_name]
        if source is not None:
            attributes[text(attribute.name)] = _attribute(source, opsets, references, depth, proto)
    captures: set[str] = set()
    for value in attributes.values():
        for graph in value if isinstance(value, list) else [value]:
            if isinstance(graph, Graph):
                captures |= graph.captures
    outputs = tuple(map(text, proto.output))
    return Node(
        op_type=text(proto.op_type),
        domain=domain,
        overload=text(proto.overload),
        version=opsets.get(domain, 0),
        name=text(proto.name) or next((name for name in outputs if name), proto.op_type),
        inputs=tuple(map(text, proto.input)),
        outputs=outputs,
        attributes=attributes,
        captures=frozenset(captures),
    )


def normal_domain(domain: str) -> str:
    """The default domain has two spellings in files."""
    return "" if domain == "ai.onnx" else domain


def opset_versions(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Versions by domain."""
    return {normal_domain(text(item.domain)): item.version for item in imports}


def text(value: str) -> str:
    """A name in a model; protobuf hands over bytes where they are not UTF-8.

    Raises:
        MalformedModelError: they are not.
    """
    if not isinstance(value, str):
        raise MalformedModelError(f"the name {value!r} in the model is not UTF-8")
    return value


def read_tensor(tensor: onnx.TensorProto) -> Array:
    """The array of a stored tensor.

    Raises:
        MalformedModelError: extents and data disagree, or the data lies elsewhere.
        UnsupportedOperatorError: no buffer can hold its dtype.
    """
    where = f"tensor {tensor.name!r}" if tensor.name else "a stored tensor"
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise MalformedModelError(
            f"the data of {where} lies outside of the model", hint="load the model from its file, not from bytes"
        )
    if dtypes.from_onnx(tensor.data_type) is None:
        raise UnsupportedOperatorError(
            f"{where} is {dtypes.onnx_name(tensor.data_type)}, which this engine does not have", hint=_ELEMENT_TYPES
        )
    try:
        array = numpy_helper.to_array(tensor)
    except Exception as error:  # whatever the decoder trips over: wrong counts, negative extents, overflows
        raise MalformedModelError(f"{where} cannot be read: {error}") from error
    array = np.ascontiguousarray(array).reshape(array.shape)
    array.flags.writeable = False
    return array


def read_port(value: onnx.ValueInfoProto) -> Port:
    """An input or output as the model declares it.

    Raises:
        MalformedModelError: an extent is negative.
        UnsupportedOperatorError: no buffer can hold its dtype.
    """
    if value.type.WhichOneof("value") not in (None, "tensor_type"):
        return Port(name=text(value.name), tensor=False)
    tensor = value.type.tensor_type
    shape: tuple[int | str | None, ...] | None = None
    if tensor.HasField("shape"):
        shape = tuple(
            dim.dim_value if dim.HasField("dim_value") else (text(dim.dim_param) or None) for dim in tensor.shape.dim
        )
    if any(isinstance(extent, int) and extent < 0 for extent in shape or ()):
        raise MalformedModelError(
            f"tensor {value.name!r} is declared with shape {list(shape or ())}",
            hint="leave the extent out, or give it a name, if it is free",
        )
    if tensor.elem_type and dtypes.from_onnx(tensor.elem_type) is None:
        raise UnsupportedOperatorError(
            f"tensor {value.name!r} is {dtypes.onnx_name(tensor.elem_type)}, which this engine does not have",
            hint=_ELEMENT_TYPES,
        )
    return Port(name=text(value.name), dtype=dtypes.from_onnx(tensor.elem_type), shape=shape)


def _attribute(
    proto: AttributeProto,
    opsets: Mapping[str, int],
    references: Mapping[str, AttributeProto | None],
    depth: int,
    node: onnx.NodeProto,
) -> Any:
    kind = proto.type
    if kind == AttributeProto.GRAPH:
        return parse_graph(proto.g, opsets, references, depth + 1)
    if kind == AttributeProto.GRAPHS:
        return [parse_graph(graph, opsets, references, depth + 1) for graph in proto.graphs]
    if kind == AttributeProto.TENSOR:
        return read_tensor(proto.t)
    simple: dict[int, Callable[[], Any]] = {
        AttributeProto.INT: lambda: proto.i,
        AttributeProto.FLOAT: lambda: proto.f,
        AttributeProto.STRING: lambda: _text(proto.s),
        AttributeProto.INTS: lambda: list(proto.ints),
        AttributeProto.FLOATS: lambda: list(proto.floats),
        AttributeProto.STRINGS: lambda: [_text(item) for item in proto.strings],
        AttributeProto.TENSORS: lambda: [read_tensor(item) for item in proto.tensors],
        AttributeProto.TYPE_PROTO: lambda: proto.tp,
    }
    if kind not in simple:
        raise UnsupportedOperatorError(
            f"node {node.name!r} ({node.op_type}): the attribute {proto.name!r} is of a kind that this engine has not"
        )
    return simple[kind]()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _make(name: str, made: set[str], graph: str) -> None:
    if name in made:
        raise MalformedModelError(f"graph {graph!r} makes the tensor {name!r} twice")
    made.add(name)
