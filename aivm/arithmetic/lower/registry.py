"""The operators that are lowered by a file of their own; all others are their function bodies, or unsupported."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aivm.arithmetic.lower import dtypes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aivm.arithmetic.lower.builder import Builder
    from aivm.arithmetic.lower.graph import Node

    Lower = Callable[..., Any]

#: The operator sets that are read: the default one from its first version here on.
OLDEST_OPSET = 13
DOMAINS = ("", "ai.onnx.ml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """How an operator is lowered.

    Attributes:
        name: the ONNX operator.
        domain: its domain.
        lower: called with the builder, the node and the node's inputs; gives its outputs.
        types: for type variables of the operator's schema, the dtypes that they may have here; others may have any.
        host: whether `lower` works on arrays between two plans, since the data decides the shapes of its outputs.
    """

    name: str
    domain: str
    lower: Lower
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    host: bool = False

    def allowed(self, type_variable: str) -> frozenset[str]:
        """The dtypes that a type variable may have."""
        return self.types.get(type_variable, dtypes.ALL)


_TABLE: dict[tuple[str, str], Operator] = {}


def operator(
    name: str, *, domain: str = "", types: Mapping[str, frozenset[str]] | None = None, host: bool = False
) -> Callable[[Lower], Lower]:
    """Registers a function as the lowering of an operator."""

    def register(lower: Lower) -> Lower:
        assert (domain, name) not in _TABLE
        _TABLE[domain, name] = Operator(name=name, domain=domain, lower=lower, types=dict(types or {}), host=host)
        return lower

    return register


@functools.cache
def table() -> Mapping[tuple[str, str], Operator]:
    """All operators by domain and name."""
    package = importlib.import_module("aivm.arithmetic.lower.ops")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_TABLE.items()))


def find(node: Node) -> Operator | None:
    """The operator of a node, if it has a file here."""
    return table().get((node.domain, node.op_type))


def unary(name: str, primitive: str, *, types: frozenset[str]) -> None:
    """Registers an operator that is one primitive of one operand."""

    @operator(name, types={"T": types})
    def lower(b: Builder, _node: Node, x: Any) -> Any:
        return b.unary(primitive, x)
