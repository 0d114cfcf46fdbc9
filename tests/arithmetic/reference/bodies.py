"""Function bodies (§16): which one defines an operator, and its nodes with the attributes of a call."""

from __future__ import annotations

import onnx
from onnx import AttributeProto, defs, helper


def body_of(proto, domain, version, inputs):
    """The operator's body at the model's version, else at the next later version that has one; None without one."""
    last = defs.onnx_opset_version() if domain == "" else version
    for number in range(version, last + 1):
        try:
            schema = defs.get_schema(proto.op_type, number, domain)
        except defs.SchemaError:
            continue
        if schema.has_function:
            chosen = _chosen(schema.function_opset_versions, version)
            body = schema.get_function_with_opset_version(chosen)
            return _complete(
                body if isinstance(body, onnx.FunctionProto) else onnx.FunctionProto.FromString(body), schema
            )
        if schema.has_context_dependent_function:
            chosen = _chosen(schema.context_dependent_function_opset_versions, version)
            types = [_type_of(item).SerializeToString() for item in inputs]
            data = schema.get_context_dependent_function_with_opset_version(chosen, proto.SerializeToString(), types)
            if onnx.FunctionProto.FromString(data).node:
                return _complete(onnx.FunctionProto.FromString(data), schema)
    return None


def _chosen(versions, wanted):
    return max((item for item in versions if item <= wanted), default=min(versions))


def _complete(function, schema):
    result = onnx.FunctionProto()
    result.CopyFrom(function)
    known = {item.name for item in result.attribute_proto}
    for name, attribute in schema.attributes.items():
        if attribute.default_value.name and name not in known:
            result.attribute_proto.append(attribute.default_value)
    return result


def _type_of(item):
    if item is None or isinstance(item, list):
        return onnx.TypeProto()
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(item.dtype), item.shape)


def called(function, proto):
    """The body's nodes, references to the function's attributes replaced by what the call gives."""
    given = {item.name: item for item in function.attribute_proto}
    given.update({item.name: item for item in proto.attribute})
    return [_bound(node, given) for node in function.node]


def _bound(node, given):
    result = onnx.NodeProto()
    result.CopyFrom(node)
    del result.attribute[:]
    for attribute in node.attribute:
        item = AttributeProto()
        item.CopyFrom(attribute)
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in given:
                continue
            item.CopyFrom(given[attribute.ref_attr_name])
            item.name = attribute.name
        elif attribute.type == AttributeProto.GRAPH:
            nodes = [_bound(inner, given) for inner in attribute.g.node]
            del item.g.node[:]
            item.g.node.extend(nodes)
        result.attribute.append(item)
    return result
