"""Which function bodies count: those that the arithmetic was defined with (docs/arithmetic.md §16).

A release of ONNX may write the body of an operator anew. The same mathematics then has other bits, so a body is used
only if its digest is the one that is kept in bodies.json.
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import onnx
from onnx import TensorProto, defs, helper

from aivm.arithmetic.errors import UnsupportedOperatorError
from aivm.arithmetic.lower import registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@functools.cache
def kept() -> Mapping[str, Any]:
    """The release of ONNX, and the digest of each body that counts."""
    loaded: dict[str, Any] = json.loads(resources.files(__package__).joinpath("bodies.json").read_text())
    return loaded


def check(schema: Any, opset: int, title: str) -> None:
    """Checks that the installed ONNX defines an operator as the arithmetic does.

    Args:
        schema: the operator's definition.
        opset: which of its bodies is used.
        title: the node, for messages.

    Raises:
        UnsupportedOperatorError: it defines the operator by another body.
    """
    key = key_of(schema, opset)
    if _digest(schema.name, schema.domain, schema.since_version, opset) != kept()["bodies"].get(key):
        raise UnsupportedOperatorError(
            f"{title}: ONNX {onnx.__version__} defines the operator by a body that is not aivm-arithmetic-1's ({key})",
            hint=f"install onnx {kept()['onnx']}",
        )


def current() -> dict[str, str]:
    """The digests of all bodies that the installed ONNX has for operators without a file of their own."""
    found = {}
    for schema in defs.get_all_schemas_with_history():
        own = (schema.domain, schema.name) in registry.table() or "body" in schema.attributes  # control flow
        if schema.domain in registry.DOMAINS and not schema.deprecated and not own:
            for opset in versions(schema):
                found[key_of(schema, opset)] = _digest(schema.name, schema.domain, schema.since_version, opset)
    return dict(sorted(found.items()))


def key_of(schema: Any, opset: int) -> str:
    """The name of a body: operator, version, and the operator set that it is written for."""
    return f"{schema.domain}{'::' if schema.domain else ''}{schema.name} {schema.since_version}, opset {opset}"


def versions(schema: Any) -> list[int]:
    """The operator sets that a definition has bodies for."""
    if schema.has_function:
        return list(schema.function_opset_versions)
    return list(schema.context_dependent_function_opset_versions) if schema.has_context_dependent_function else []


@functools.cache
def _digest(name: str, domain: str, version: int, opset: int) -> str:
    """SHA-256 of the nodes of a body; of one that depends on its node, of those for sample nodes."""
    hashed = hashlib.sha256()
    for function in _bodies(defs.get_schema(name, version, domain), opset):
        for node in function.node:
            node.ClearField("doc_string")
            hashed.update(node.SerializeToString(deterministic=True))
        hashed.update(b"\0" + ",".join([*function.input, *function.output, *function.attribute]).encode())
    return hashed.hexdigest()


def _bodies(schema: Any, opset: int) -> Iterator[onnx.FunctionProto]:
    if schema.has_function:
        body = schema.get_function_with_opset_version(opset)
        yield onnx.FunctionProto.FromString(body if isinstance(body, bytes) else body.SerializeToString())
        return
    for count in range(schema.min_input, min(schema.max_input, len(schema.inputs)) + 1):
        yield sample(schema, count, opset)


def sample(schema: Any, inputs: int, opset: int) -> onnx.FunctionProto:
    """The body that depends on its node, for so many float32 tensors of four axes and for required attributes of 2."""
    node = onnx.NodeProto(op_type=schema.name, domain=schema.domain)
    count = min(inputs, len(schema.inputs))
    node.input.extend(f"i{index}" for index in range(count))
    node.output.extend(f"o{index}" for index in range(max(schema.min_output, 1)))
    for name, attribute in schema.attributes.items():
        if attribute.required:
            node.attribute.append(helper.make_attribute(name, 2))
    kinds = [
        TensorProto.INT64 if "tensor(float)" not in formal.types else TensorProto.FLOAT
        for formal in schema.inputs[:count]
    ]
    types = [helper.make_tensor_type_proto(kind, [2, 4, 4, 4]).SerializeToString() for kind in kinds]
    data: bytes = schema.get_context_dependent_function_with_opset_version(opset, node.SerializeToString(), types)
    function = onnx.FunctionProto()
    function.ParseFromString(data)
    return function
