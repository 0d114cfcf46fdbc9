"""The model's own functions: none may call itself, and all of them inlined must stay within bounds.

This comes before everything that follows calls (ONNX's checker and shape inference do, without a bound of their own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivm.lint.errors import OversizedModelError, RecursiveFunctionError
from aivm.lint.graphs import called_function, subgraphs
from aivm.lint.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

    from aivm.lint.context import Context
    from aivm.lint.graphs import FunctionKey

#: The most nodes of a model whose functions are all inlined.
MAX_NODES = 100_000


def check(context: Context) -> Iterator[Finding]:
    """Finds functions that call themselves, and models that inlining would blow up."""
    calls = {key: list(_all_nodes(function.node)) for key, function in context.functions.items()}
    order = _callees_first(calls)
    if isinstance(order, tuple):
        domain, name, _ = order
        yield Finding(
            error=RecursiveFunctionError,
            where=f"function {domain}::{name}",
            message="the function calls itself, directly or through others",
            remedy="Unroll it, or write it as a Loop with a constant trip count.",
        )
        return
    sizes: dict[FunctionKey, int] = {}
    for key in order:
        sizes[key] = _size(calls[key], sizes)
    total = _size(list(_all_nodes(context.model.graph.node)), sizes)
    if total > MAX_NODES:
        yield Finding(
            error=OversizedModelError,
            where="model",
            message=f"the model has {total} nodes with its functions inlined, at most {MAX_NODES} are allowed",
            remedy="Make a smaller graph; the weights do not count here.",
        )


def _size(nodes: list[onnx.NodeProto], sizes: Mapping[FunctionKey, int]) -> int:
    return sum(1 + sizes.get(called_function(node), 0) for node in nodes)


def _callees_first(calls: Mapping[FunctionKey, list[onnx.NodeProto]]) -> list[FunctionKey] | FunctionKey:
    """The functions in an order in which each comes after those that it calls; or one that calls itself."""
    left = {key: {called_function(node) for node in nodes} & calls.keys() for key, nodes in calls.items()}
    order: list[FunctionKey] = []
    while left:
        ready = [key for key, callees in left.items() if not callees]
        if not ready:
            return min(left)
        for key in ready:
            del left[key]
        for callees in left.values():
            callees.difference_update(ready)
        order += ready
    return order


def _all_nodes(nodes: object) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of its subgraphs; their depth has been checked before."""
    for node in nodes:  # type: ignore[attr-defined]  # a repeated field of protobuf
        yield node
        for _, graph in subgraphs(node):
            yield from _all_nodes(graph.node)
