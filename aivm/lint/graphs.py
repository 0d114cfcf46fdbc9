"""Walking a model: every node of the graph, its subgraphs and its functions, with what is constant around it.

Nothing here trusts the model: depth and counts are bounded, names may collide, references may dangle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Graphs within graphs within functions; real models need two or three.
MAX_DEPTH = 8
#: Constants that rules look at are shapes, counts and flags; longer ones are weights.
_MAX_CONSTANT = 4096

FunctionKey = tuple[str, str, str]  # domain, name, overload


class TooDeepError(Exception):
    """Raised within the package; the structure rule turns it into a finding."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The names that are visible in a graph. A name maps to its constant, or to None if it is computed or fed."""

    names: Mapping[str, onnx.TensorProto | onnx.NodeProto | None]
    parent: Scope | None = None

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """The value of a short constant, or None if the name is no constant."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return _value(scope.names[name])
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A node and where it stands.

    Attributes:
        node: the node.
        where: its place in words.
        scope: the names visible to it.
        opsets: the operator sets that its graph or function imports, the default domain as `ai.onnx`.
        loops: the Loop nodes around it, outermost first.
        nested: whether it is in a subgraph or function rather than in the main graph.
    """

    node: onnx.NodeProto
    where: str
    scope: Scope
    opsets: Mapping[str, int]
    loops: tuple[Site, ...] = field(default=(), repr=False)
    nested: bool = False

    @property
    def domain(self) -> str:
        """The node's domain, the default one as `ai.onnx`."""
        return domain_name(self.node.domain)

    @property
    def is_standard(self) -> bool:
        """Whether the node's operator belongs to ONNX's default domain."""
        return self.domain == "ai.onnx"

    def attribute(self, name: str) -> onnx.AttributeProto | None:
        """The attribute of that name, or None."""
        return next((attribute for attribute in self.node.attribute if attribute.name == name), None)

    def input(self, index: int) -> str:
        """The name of an input, empty if it is left out."""
        return self.node.input[index] if index < len(self.node.input) else ""

    def constant(self, index: int) -> npt.NDArray[Any] | None:
        """The value of an input, if it is a short constant."""
        name = self.input(index)
        return self.scope.constant(name) if name else None


def domain_name(domain: str) -> str:
    """The default domain has two spellings in files; records have one."""
    return domain or "ai.onnx"


def opset_versions(imports: Any) -> dict[str, int]:
    """Operator set imports as a mapping, the default domain as `ai.onnx`."""
    return {domain_name(item.domain): item.version for item in imports}


def function_key(proto: onnx.FunctionProto) -> FunctionKey:
    """What a node names to call the function."""
    return domain_name(proto.domain), proto.name, proto.overload


def called_function(node: onnx.NodeProto) -> FunctionKey:
    """The function that a node calls, if the model has one of that key."""
    return domain_name(node.domain), node.op_type, node.overload


def sites(model: onnx.ModelProto) -> Iterator[Site]:
    """Every node of the model, outer before inner.

    Raises:
        TooDeepError: graphs are nested deeper than MAX_DEPTH.
    """
    opsets = opset_versions(model.opset_import)
    yield from _in_graph(model.graph, "graph", None, opsets, ())
    for function in model.functions:
        where = f"function {domain_name(function.domain)}::{function.name}"
        names: dict[str, Any] = dict.fromkeys(function.input)
        _add_nodes(names, function.node)
        own = opset_versions(function.opset_import)
        yield from _in_nodes(function.node, where, Scope(names=names), own, (), nested=True)


def tensors(model: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Every tensor stored in the model: initializers and attributes, sparse ones too, with its place."""
    for where, graph in _graphs(model):
        for tensor in graph.initializer:
            yield f"{where}/initializer {tensor.name!r}", tensor
        for sparse in graph.sparse_initializer:
            yield f"{where}/sparse initializer {sparse.values.name!r}", sparse.values
            yield f"{where}/sparse initializer {sparse.values.name!r} (indices)", sparse.indices
    for site in sites(model):
        for attribute in site.node.attribute:
            place = f"{site.where}/{attribute.name}"
            sparse_tensors = [*attribute.sparse_tensors]
            if attribute.HasField("sparse_tensor"):
                sparse_tensors.append(attribute.sparse_tensor)
            if attribute.HasField("t"):
                yield place, attribute.t
            for tensor in (*attribute.tensors, *(part for s in sparse_tensors for part in (s.values, s.indices))):
                yield place, tensor


def elements(dims: Any) -> int:
    """The number of elements of a shape, in whole numbers, so that no product wraps around."""
    return math.prod(int(size) for size in dims)


def subgraphs(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """The graphs in a node's attributes, with the attribute's name."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.name, attribute.g
        for index, graph in enumerate(attribute.graphs):
            yield f"{attribute.name}[{index}]", graph


def _graphs(model: onnx.ModelProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    yield "graph", model.graph
    for site in sites(model):
        for name, graph in subgraphs(site.node):
            yield f"{site.where}/{name}", graph


def _in_graph(
    graph: onnx.GraphProto, where: str, parent: Scope | None, opsets: Mapping[str, int], loops: tuple[Site, ...]
) -> Iterator[Site]:
    names: dict[str, Any] = {}
    if parent is None:
        # In the main graph an initializer may share its name with an input that nobody feeds (IR version 3).
        names.update((value.name, None) for value in graph.input)
        names.update((tensor.name, tensor) for tensor in graph.initializer)
    else:
        names.update((tensor.name, tensor) for tensor in graph.initializer)
        names.update((value.name, None) for value in graph.input)
    _add_nodes(names, graph.node)
    scope = Scope(names=names, parent=parent)
    yield from _in_nodes(graph.node, where, scope, opsets, loops, nested=parent is not None)


def _in_nodes(
    nodes: Any, where: str, scope: Scope, opsets: Mapping[str, int], loops: tuple[Site, ...], *, nested: bool
) -> Iterator[Site]:
    for index, node in enumerate(nodes):
        place = f"{where}/node[{index}]:{node.op_type}" + (f" {node.name!r}" if node.name else "")
        site = Site(node=node, where=place, scope=scope, opsets=opsets, loops=loops, nested=nested)
        yield site
        around = (*loops, site) if node.op_type == "Loop" and site.is_standard else loops
        for name, graph in subgraphs(node):
            if _depth(scope) >= MAX_DEPTH:
                raise TooDeepError(place)
            yield from _in_graph(graph, f"{place}/{name}", scope, opsets, around)


def _add_nodes(names: dict[str, Any], nodes: Any) -> None:
    for node in nodes:
        constant = node if node.op_type == "Constant" and domain_name(node.domain) == "ai.onnx" else None
        names.update((name, constant) for name in node.output if name)


def _depth(scope: Scope) -> int:
    depth, at = 0, scope.parent
    while at is not None:
        depth, at = depth + 1, at.parent
    return depth


def _value(source: onnx.TensorProto | onnx.NodeProto | None) -> npt.NDArray[Any] | None:
    """The array of an initializer or a Constant node; None if it is long, stored elsewhere, or malformed."""
    if isinstance(source, onnx.NodeProto):
        attribute = next(iter(source.attribute), None)
        return None if attribute is None else _attribute_value(attribute)
    if source is None or source.data_location == onnx.TensorProto.EXTERNAL:
        return None
    if any(size < 0 for size in source.dims) or elements(source.dims) > _MAX_CONSTANT:
        return None
    try:
        return numpy_helper.to_array(source)
    except (ValueError, TypeError, KeyError, RuntimeError):
        return None  # malformed: the checker says how


def _attribute_value(attribute: onnx.AttributeProto) -> npt.NDArray[Any] | None:
    """The value of a Constant node, which has it in one of several attributes."""
    if attribute.name == "value":
        return _value(attribute.t)
    if attribute.name in ("value_int", "value_float"):
        return np.array(attribute.i if attribute.name == "value_int" else attribute.f)
    values = {"value_ints": attribute.ints, "value_floats": attribute.floats}.get(attribute.name)
    return np.array(values) if values is not None and len(values) <= _MAX_CONSTANT else None
