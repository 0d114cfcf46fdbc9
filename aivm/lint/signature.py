"""What a graph takes and gives, by the words of a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from aivm.lint.graphs import called_function, domain_name, function_key, opset_versions, sites
from aivm.manifest.enums import Dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DTYPES: dict[int, Dtype] = {
    onnx.TensorProto.BOOL: Dtype.BOOL,
    onnx.TensorProto.UINT8: Dtype.U8,
    onnx.TensorProto.INT8: Dtype.I8,
    onnx.TensorProto.UINT16: Dtype.U16,
    onnx.TensorProto.INT16: Dtype.I16,
    onnx.TensorProto.FLOAT16: Dtype.F16,
    onnx.TensorProto.UINT32: Dtype.U32,
    onnx.TensorProto.INT32: Dtype.I32,
    onnx.TensorProto.FLOAT: Dtype.F32,
    onnx.TensorProto.UINT64: Dtype.U64,
    onnx.TensorProto.INT64: Dtype.I64,
    onnx.TensorProto.DOUBLE: Dtype.F64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A graph input or output. `dtype` is None if tensor files have no such type, `shape` None if it has no rank."""

    name: str
    dtype: Dtype | None
    shape: tuple[int | str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and gives, and what it is made of, as the manifest has to say it.

    Attributes:
        inputs: what has to be fed; initializers that share a name with an input are not.
        outputs: what comes out, in the graph's order.
        opsets: the operator sets that the model and its functions import.
        operators: `domain::Operator` of every node, subgraphs and functions included, calls of functions left out.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opsets: Mapping[str, int]
    operators: tuple[str, ...]


def signature_of(model: onnx.ModelProto) -> Signature:
    """Reads the signature of a parsed model that has been linted."""
    stored = {tensor.name for tensor in model.graph.initializer}
    stored |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    functions = {function_key(function) for function in model.functions}
    operators = {
        f"{domain_name(site.node.domain)}::{site.node.op_type}"
        for site in sites(model)
        if called_function(site.node) not in functions
    }
    opsets: dict[str, int] = {}
    for imports in (model.opset_import, *(function.opset_import for function in model.functions)):
        for domain, version in opset_versions(imports).items():
            opsets.setdefault(domain, version)
    return Signature(
        inputs=_ports(value for value in model.graph.input if value.name not in stored),
        outputs=_ports(model.graph.output),
        opsets=dict(sorted(opsets.items())),
        operators=tuple(sorted(operators)),
    )


def _ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    return tuple(Port(name=value.name, dtype=_dtype(value), shape=_shape(value)) for value in values)


def _dtype(value: onnx.ValueInfoProto) -> Dtype | None:
    return _DTYPES.get(value.type.tensor_type.elem_type) if value.type.HasField("tensor_type") else None


def _shape(value: onnx.ValueInfoProto) -> tuple[int | str, ...] | None:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or f"{value.name}_{axis}"
        for axis, dim in enumerate(tensor.shape.dim)
    )
