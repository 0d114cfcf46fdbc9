"""Whether a node fits the standard's definition of its operator, and which dtypes its outputs have."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TypeProto, defs

from aivm.arithmetic.errors import MalformedModelError, UnsupportedOperatorError
from aivm.arithmetic.lower import dtypes, registry
from aivm.arithmetic.lower.graph import Graph
from aivm.arithmetic.lower.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.graph import Node
    from aivm.arithmetic.lower.values import Item

_ONNX_NAMES = {"float32": "float", "float64": "double"}
#: What the parsed attributes of each kind are; of lists, what their elements are.
_KINDS: dict[str, type] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "TENSOR": np.ndarray,
    "GRAPH": Graph,
    "TYPE_PROTO": TypeProto,
}


@functools.lru_cache(maxsize=4096)
def schema_of(op_type: str, version: int, domain: str) -> Any:
    """The standard's definition of an operator at a version, or None."""
    try:
        return defs.get_schema(op_type, min(version, (1 << 31) - 1), domain)
    except defs.SchemaError:
        return None


def check_node(node: Node, kinds: Sequence[str | None]) -> Any:
    """Checks a node against the standard's definition.

    Args:
        node: the node.
        kinds: dtypes of its inputs; None where one is left out, is no tensor, or is not known.

    Returns:
        The definition.

    Raises:
        UnsupportedOperatorError: there is no such operator, or it cannot have these dtypes here.
        MalformedModelError: inputs, outputs, attributes or dtypes do not fit the definition.
    """
    if node.domain not in registry.DOMAINS:
        raise UnsupportedOperatorError(
            f"{node.title}: this engine has no operators of the domain {node.domain!r}",
            hint="express the node in operators of ai.onnx, or as a function of the model",
        )
    if node.version < 1:
        raise MalformedModelError(f"{node.title}: the operator set {node.domain or 'ai.onnx'!r} is not imported")
    schema = schema_of(node.op_type, node.version, node.domain)
    if schema is None or schema.deprecated:
        raise UnsupportedOperatorError(
            f"{node.title}: the operator set has no such operator",
            hint="check its name; if it is newer than that, export the model for a newer operator set",
        )
    _check_counts(node, schema)
    _check_attributes(node, schema)
    _check_dtypes(node, schema, kinds)
    return schema


def check_forms(node: Node, schema: Any, items: Sequence[Item]) -> None:
    """Checks that there are tensors where the definition wants tensors, and sequences where it wants those.

    Raises:
        MalformedModelError: an input is something else.
    """
    for index, item in enumerate(items):
        place = min(index, len(schema.inputs) - 1)
        forms, name = _forms(node.op_type, node.version, node.domain, place), schema.inputs[place].name
        if item is None:
            if "optional" not in forms:
                raise MalformedModelError(f"{node.title}: there is nothing where input {name!r} should be")
        elif (form := "tensor" if isinstance(item, Value) else "sequence") not in forms:
            raise MalformedModelError(f"{node.title}: input {name!r} is a {form}, which the operator does not take")
        elif isinstance(item, list) and not all(isinstance(part, Value) for part in item):
            raise MalformedModelError(f"{node.title}: the sequence {name!r} holds something else than tensors")


@functools.lru_cache(maxsize=4096)
def _forms(op_type: str, version: int, domain: str, place: int) -> frozenset[str]:
    """Which of "tensor", "sequence" and "optional" an operand may be; an optional's element may be in its place."""
    formal = schema_of(op_type, version, domain).inputs[place]
    words = {word for kind in formal.types for word in kind.split("(")[:2]}
    names = {"tensor": "tensor", "seq": "sequence", "optional": "optional"}
    found = {names[word] for word in words if word in names}
    sequences = all(kind.startswith(("seq(", "map(")) for kind in formal.types)
    if formal.option == defs.OpSchema.FormalParameterOption.Optional:
        found.add("optional")
    return frozenset(found - {"tensor"} if sequences else found)


def _check_counts(node: Node, schema: Any) -> None:
    given, results = len(node.inputs), len(node.outputs)
    if not schema.min_input <= given <= schema.max_input or not schema.min_output <= results <= schema.max_output:
        raise MalformedModelError(f"{node.title}: {given} inputs and {results} outputs do not fit the operator")
    for index, name in enumerate(node.inputs[: len(schema.inputs)]):
        if not name and schema.inputs[index].option == defs.OpSchema.FormalParameterOption.Single:
            raise MalformedModelError(f"{node.title}: input {schema.inputs[index].name!r} is missing")


def _check_attributes(node: Node, schema: Any) -> None:
    for name, attribute in schema.attributes.items():
        if attribute.required and name not in node.attributes:
            raise MalformedModelError(f"{node.title}: attribute {name!r} is missing")
    for name, value in node.attributes.items():
        if name not in schema.attributes:
            raise MalformedModelError(f"{node.title}: the operator has no attribute {name!r}")
        kind = schema.attributes[name].type.name
        if not _is_a(kind, value):
            raise MalformedModelError(f"{node.title}: attribute {name!r} is {value!r}, not of the kind {kind}")


def _is_a(kind: str, value: Any) -> bool:
    if kind in _KINDS:
        return isinstance(value, _KINDS[kind])
    element = _KINDS.get(kind.removesuffix("S"), object)
    return isinstance(value, list) and all(isinstance(item, element) for item in value)


def _check_dtypes(node: Node, schema: Any, kinds: Sequence[str | None]) -> None:
    operator = registry.find(node)
    bound: dict[str, str] = {}
    for index, kind in enumerate(kinds):
        if kind is None:
            continue
        formal = schema.inputs[min(index, len(schema.inputs) - 1)]
        variable, name = formal.type_str, node.inputs[index]
        if tensor_type(kind) not in formal.types:
            raise MalformedModelError(f"{node.title}: tensor {name!r} is {kind}, which the operator does not take")
        if operator is not None and kind not in operator.allowed(variable):
            allowed = ", ".join(item for item in dtypes.NUMPY if item in operator.allowed(variable))
            raise UnsupportedOperatorError(
                f"{node.title}: tensor {name!r} is {kind}, which this engine does not compute with here",
                hint=f"it takes {allowed}",
            )
        if formal.is_homogeneous and bound.setdefault(variable, kind) != kind:
            raise MalformedModelError(
                f"{node.title}: tensor {name!r} is {kind}, and another input of type {variable} is {bound[variable]}"
            )


def tensor_type(kind: str) -> str:
    """What schemas call a tensor of that dtype."""
    return f"tensor({_ONNX_NAMES.get(kind, kind)})"


_FROM_TENSOR_TYPE = {tensor_type(kind): kind for kind in dtypes.NUMPY}


def output_dtypes(node: Node, schema: Any, kinds: Sequence[str | None]) -> list[str | None]:
    """Dtypes of a node's outputs, None where the definition's types do not tell."""
    bound: dict[str, str] = {}
    for index, kind in enumerate(kinds):
        if kind is not None:
            bound.setdefault(schema.inputs[min(index, len(schema.inputs) - 1)].type_str, kind)
    results: list[str | None] = []
    for index in range(len(node.outputs)):
        formal = schema.outputs[min(index, len(schema.outputs) - 1)]
        kind = _by_attribute(node)
        if kind is None:
            kind = bound.get(formal.type_str)
        if kind is None and len(formal.types) == 1:
            kind = _FROM_TENSOR_TYPE.get(next(iter(formal.types)))
        results.append(kind if formal.is_homogeneous else None)
    return results


def _by_attribute(node: Node) -> str | None:
    if node.op_type in ("Cast", "BitCast"):
        return dtypes.from_onnx(node.get("to", 0))
    if node.op_type == "Constant":
        for name, value in node.attributes.items():
            known = {"value_int": "int64", "value_ints": "int64", "value_float": "float32", "value_floats": "float32"}
            return dtypes.from_numpy(value.dtype) if name == "value" else known.get(name)
    if node.op_type == "ConstantOfShape":
        value = node.get("value")
        return "float32" if value is None else dtypes.from_numpy(value.dtype)
    if node.op_type == "EyeLike" and node.get("dtype"):
        return dtypes.from_onnx(node.get("dtype"))
    return None
