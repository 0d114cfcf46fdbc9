"""Function bodies: the model's own functions, and those that ONNX defines its composite operators by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

from aivm.arithmetic.errors import MalformedModelError
from aivm.arithmetic.lower import bodies, dtypes
from aivm.arithmetic.lower.graph import Graph, Port, assemble, opset_versions, parse_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.graph import Node


def instantiate(function: onnx.FunctionProto, node: Node, depth: int = 0) -> Graph:
    """A function's body with the attributes of a call.

    Raises:
        MalformedModelError: the call does not fit the function.
    """
    if len(node.inputs) > len(function.input) or len(node.outputs) > len(function.output):
        raise MalformedModelError(
            f"{node.title}: the function takes {len(function.input)} inputs and gives fewer outputs"
        )
    references: dict[str, onnx.AttributeProto | None] = dict.fromkeys(function.attribute)
    references.update({attribute.name: attribute for attribute in function.attribute_proto})
    for name, value in node.attributes.items():
        if name in references:
            references[name] = attribute_proto(name, value)
    opsets = opset_versions(function.opset_import)
    nodes = tuple(parse_node(item, opsets, references, depth) for item in function.node)
    inputs = tuple(Port(name=name) for name in function.input)
    # A body may leave out outputs that the call does not want.
    wanted = [*node.outputs, *([""] * (len(function.output) - len(node.outputs)))]
    outputs = tuple(Port(name=name if item else "") for name, item in zip(function.output, wanted, strict=True))
    return assemble(node.name, inputs, outputs, nodes, {})


def standard_body(
    node: Node, kinds: Sequence[str | None], shapes: Sequence[Sequence[int] | None]
) -> onnx.FunctionProto | None:
    """The body that ONNX defines an operator by, or None if it has none.

    An operator that got its body in a later version than the model imports has the same meaning in both: then it is
    that body.

    Args:
        node: the node.
        kinds: dtypes of its inputs, None for those that are left out.
        shapes: of its inputs, None where they are not known; some bodies depend on them.
    """
    for schema in _schemas(node.op_type, node.domain, node.version):
        if schema.has_function:
            return _fitting(schema, node)
        if schema.has_context_dependent_function:
            version = _best(bodies.versions(schema), node.version)
            bodies.check(schema, version, node.title)
            body = schema.get_context_dependent_function_with_opset_version(
                version,
                _node_proto(node),
                [_type_proto(*item) for item in zip(kinds, shapes, strict=True)],
            )
            function = onnx.FunctionProto.FromString(body)
            if function.node:
                return _with_defaults(function, schema)
    return None


def may_have_body(op_type: str, domain: str, version: int) -> bool:
    """Whether ONNX defines the operator by a body, if perhaps only for some shapes."""
    schemas = _schemas(op_type, domain, version)
    return any(schema.has_function or schema.has_context_dependent_function for schema in schemas)


def _schemas(op_type: str, domain: str, version: int) -> list[Any]:
    """The operator's schema at the version of the model, then later ones."""
    found: list[Any] = []
    for at in range(version, defs.onnx_opset_version() + 1) if domain == "" else [version]:
        try:
            schema = defs.get_schema(op_type, at, domain)
        except defs.SchemaError:
            continue
        if all(schema.since_version != other.since_version for other in found):
            found.append(schema)
    return found


def _best(versions: Sequence[int], wanted: int) -> int:
    fitting = [version for version in versions if version <= wanted]
    return max(fitting) if fitting else min(versions)


def _fitting(schema: Any, node: Node) -> onnx.FunctionProto:
    version = _best(bodies.versions(schema), node.version)
    bodies.check(schema, version, node.title)
    body = schema.get_function_with_opset_version(version)
    function = body if isinstance(body, onnx.FunctionProto) else onnx.FunctionProto.FromString(body)
    return _with_defaults(function, schema)


def _with_defaults(function: onnx.FunctionProto, schema: Any) -> onnx.FunctionProto:
    """The function with the schema's default values, which a body refers to."""
    present = {attribute.name for attribute in function.attribute_proto}
    result = onnx.FunctionProto()
    result.CopyFrom(function)
    for name, attribute in schema.attributes.items():
        if name not in present and attribute.default_value.name:
            result.attribute_proto.append(attribute.default_value)
        if name not in result.attribute and name not in present:
            result.attribute.append(name)
    return result


def attribute_proto(name: str, value: Any) -> onnx.AttributeProto:
    """The protobuf form of an attribute that was parsed."""
    if isinstance(value, np.ndarray):
        value = numpy_helper.from_array(value)
    if isinstance(value, list) and not value:
        return onnx.AttributeProto(name=name, type=onnx.AttributeProto.INTS)
    return helper.make_attribute(name, value)


def _node_proto(node: Node) -> bytes:
    proto = onnx.NodeProto(op_type=node.op_type, domain=node.domain, name=node.name)
    proto.input.extend(node.inputs)
    proto.output.extend(node.outputs)
    for name, value in node.attributes.items():
        if not isinstance(value, Graph):
            proto.attribute.append(attribute_proto(name, value))
    return bytes(proto.SerializeToString())


def _type_proto(kind: str | None, shape: Sequence[int] | None) -> bytes:
    if kind is None:
        return bytes(onnx.TypeProto().SerializeToString())
    return bytes(helper.make_tensor_type_proto(dtypes.ONNX[kind], shape).SerializeToString())
