"""What can be said about a model before any shape is known: its operators and its dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.arithmetic.errors import LoopLimitError, MalformedModelError, UnsupportedOperatorError
from aivm.arithmetic.lower import functions, registry
from aivm.arithmetic.lower.flow import FLOW
from aivm.arithmetic.lower.graph import Graph
from aivm.arithmetic.lower.types import check_node, output_dtypes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aivm.arithmetic.lower.graph import Functions, Node

Kinds = dict[str, "str | None"]
_MAX_DEPTH = 32
#: Nodes of all graphs, with those of a function's body for each of its calls.
_MOST_NODES = 1 << 17


def check_model(graph: Graph, model_functions: Functions) -> None:
    """Checks every node, also in branches that may never be taken.

    Raises:
        MalformedModelError: a node does not fit the definition of its operator.
        UnsupportedOperatorError: a node is of an operator, a version or a dtype that the engine does not have.
    """
    _Checker(model_functions).graph(graph, {}, [port.dtype for port in graph.inputs], 0)


class _Checker:
    def __init__(self, model_functions: Functions) -> None:
        self._functions = model_functions
        self._nodes = 0

    def graph(
        self, graph: Graph, around: Mapping[str, str | None], inputs: Sequence[str | None], depth: int
    ) -> list[str | None]:
        """Checks a graph, and gives the dtypes of its outputs."""
        if depth > _MAX_DEPTH:
            raise LoopLimitError(f"graph {graph.name!r}: functions and branches are nested more than {_MAX_DEPTH} deep")
        kinds: Kinds = dict(around)
        kinds.update({name: value.dtype for name, value in graph.constants.items()})
        kinds.update({port.name: kind for port, kind in zip(graph.inputs, inputs, strict=False)})
        made = {name for node in graph.nodes for name in node.outputs}
        for name in sorted(graph.captures):
            if name not in kinds:
                when = "is made later" if name in made else "nothing makes"
                raise MalformedModelError(f"graph {graph.name!r} reads the tensor {name!r}, which {when}")
        for node in graph.nodes:
            results = self._node(node, kinds, depth)
            kinds.update(zip(node.outputs, results, strict=False))
        return [kinds.get(port.name) for port in graph.outputs]

    def _node(self, node: Node, kinds: Kinds, depth: int) -> Sequence[str | None]:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise LoopLimitError(f"{node.title}: functions within functions come to more than {_MOST_NODES} nodes")
        given = [kinds.get(name) if name else None for name in node.inputs]
        key = (node.domain, node.op_type, node.overload)
        if key in self._functions:
            return self.graph(functions.instantiate(self._functions[key], node), {}, given, depth + 1)
        schema = check_node(node, given)
        for value in node.attributes.values():
            for graph in value if isinstance(value, list) else [value]:
                if isinstance(graph, Graph):
                    # What a body is given is not known here: its own declarations count.
                    self.graph(graph, kinds, [port.dtype for port in graph.inputs], depth + 1)
        if node.op_type in FLOW and node.domain == "":
            return [None] * len(node.outputs)
        if registry.find(node) is None:
            function = functions.standard_body(node, given, [None] * len(given))
            if function is None and functions.may_have_body(node.op_type, node.domain, node.version):
                return output_dtypes(node, schema, given)
            if function is None:
                raise UnsupportedOperatorError(
                    f"{node.title}: this engine does not have the operator", hint="see docs/operators.md"
                )
            return self.graph(functions.instantiate(function, node), {}, given, depth + 1)
        return output_dtypes(node, schema, given)
