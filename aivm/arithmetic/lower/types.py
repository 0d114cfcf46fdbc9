"""Whether a node fits the standard's definition of its operator, and which dtypes its outputs have."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from onnx import defs

from aivm.arithmetic.errors import MalformedModelError, UnsupportedOperatorError
from aivm.arithmetic.lower import dtypes, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.graph import Node

_ONNX_NAMES = {"float32": "float", "float64": "double"}
_KINDS: dict[str, tuple[type, ...]] = {
    "INT": (int,),
    "FLOAT": (float,),
    "STRING": (str,),
    "INTS": (list,),
    "FLOATS": (list,),
    "STRINGS": (list,),
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
        raise UnsupportedOperatorError(f"{node.title}: the operator set has no such operator")
    _check_counts(node, schema)
    _check_attributes(node, schema)
    _check_dtypes(node, schema, kinds)
    return schema


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
        wanted = _KINDS.get(schema.attributes[name].type.name)
        if wanted is not None and not isinstance(value, wanted):
            raise MalformedModelError(f"{node.title}: attribute {name!r} is {value!r}")


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
