"""Parts of a graph as models of their own, fed with what the whole computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aivm.tensors import Array


class MinimiseError(AivmError):
    """There is nothing to minimise, or the model cannot be taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model and its inputs.

    Attributes:
        model: without external data.
        inputs: for every graph input that no initializer gives.
    """

    model: onnx.ModelProto
    inputs: Mapping[str, Array] = field(repr=False)


def reads(node: onnx.NodeProto) -> list[str]:
    """The names of the tensors that a node reads, its subgraphs' from outside included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            made = {tensor.name for tensor in (*graph.input, *graph.initializer)}
            for inner in graph.node:
                names += [name for name in reads(inner) if name not in made]
                made.update(inner.output)
            names += [output.name for output in graph.output if output.name not in made]
    return list(dict.fromkeys(names))


def part(case: Case, values: Mapping[str, Array], nodes: Sequence[int]) -> Case | None:
    """Some nodes of a graph as a model: what they read and do not make is an input, or a constant if it was one.

    Args:
        case: the whole.
        values: what it computed, by name.
        nodes: their indices, ascending.

    Returns:
        None where something that they read is no tensor.
    """
    graph = case.model.graph
    chosen = [graph.node[index] for index in nodes]
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made = {name for node in chosen for name in node.output if name}
    wanted = list(dict.fromkeys(name for node in chosen for name in reads(node) if name not in made))
    feeds = {name: values[name] for name in wanted if name not in constants and name in values}
    if any(name not in constants and name not in feeds for name in wanted):
        return None
    read = {name for node in chosen for name in reads(node)}
    ends = [name for node in chosen for name in node.output if name and name not in read]
    asked = {output.name for output in graph.output}
    outputs = list(dict.fromkeys([*ends, *(name for name in made if name in asked)]))
    if any(name not in values for name in outputs):
        return None
    return Case(
        model=assemble(
            case.model,
            nodes=chosen,
            inputs=[_info(name, array) for name, array in feeds.items()],
            outputs=[_info(name, values[name]) for name in outputs],
            constants=[constants[name] for name in wanted if name in constants],
        ),
        inputs=feeds,
    )


def assemble(
    model: onnx.ModelProto,
    *,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    """A model with other contents, and the operator sets and functions of another one."""
    graph = helper.make_graph(nodes, "minimised", inputs, outputs, constants)
    return helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )


def retyped(case: Case, arrays: Mapping[str, Array]) -> Case:
    """The same nodes with other contents of inputs and constants; the shapes of outputs are left open."""
    graph = case.model.graph
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(arrays[tensor.name]), tensor.name)
        if tensor.name in arrays
        else tensor
        for tensor in graph.initializer
    ]
    inputs = {name: arrays.get(name, array) for name, array in case.inputs.items()}
    open_outputs = [_open(output) for output in graph.output]
    return Case(
        model=assemble(
            case.model,
            nodes=graph.node,
            inputs=[_info(name, array) for name, array in inputs.items()],
            outputs=open_outputs,
            constants=constants,
        ),
        inputs=inputs,
    )


def contents(case: Case) -> dict[str, Array]:
    """All inputs and constants by name."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in case.model.graph.initializer}
    return {**constants, **case.inputs}


def tensors_made(model: onnx.ModelProto) -> Iterator[str]:
    """The names of what the nodes of the main graph make."""
    for node in model.graph.node:
        yield from filter(None, node.output)


def _open(output: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """An output of the same rank, whose extents are free."""
    tensor = output.type.tensor_type
    extents = [f"{output.name}:{axis}" for axis in range(len(tensor.shape.dim))]
    return helper.make_tensor_value_info(output.name, tensor.elem_type, extents)


def _info(name: str, array: Array) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
