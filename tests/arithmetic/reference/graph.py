"""Walking a graph: operators, function bodies and control flow (§15, §16)."""

from __future__ import annotations

import importlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

from reference import bodies, moving
from reference.table import TABLE, Node

SECTIONS = ("casting", "elementwise", "functions", "moving", "normalising", "pooling", "products", "quantising")
for _name in (*SECTIONS, "recurrent", "reductions", "resizing", "trees"):
    importlib.import_module(f"reference.{_name}")


def run(model, inputs):
    """The outputs of a model by name."""
    opsets = {item.domain: item.version for item in model.opset_import}
    functions = {(item.domain, item.name): item for item in model.functions}
    outputs = Walk(functions).graph(model.graph, {}, dict(inputs), opsets)
    return dict(zip([item.name for item in model.graph.output], outputs, strict=True))


class Walk:
    """Runs graphs of one model."""

    def __init__(self, functions):
        self.functions = functions

    def graph(self, graph, around, inputs, opsets):
        """The outputs of a graph that sees the names around it."""
        names = {**around, **{item.name: numpy_helper.to_array(item) for item in graph.initializer}, **inputs}
        for node in graph.node:
            self.node(node, names, opsets)
        return [names[item.name] for item in graph.output]

    def node(self, proto, names, opsets):
        """Runs a node and binds its outputs."""
        inputs = [names[name] if name else None for name in proto.input]
        results = self.evaluate(proto, inputs, names, opsets)
        for name, result in zip(proto.output, results, strict=False):
            if name:
                names[name] = np.asarray(result) if isinstance(result, np.generic) else result

    def evaluate(self, proto, inputs, names, opsets):
        """The outputs of a node."""
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        if (domain, proto.op_type) in self.functions:
            return self.call(self.functions[domain, proto.op_type], proto, inputs)
        attributes = {item.name: _value(item) for item in proto.attribute}
        node = Node(proto, opsets.get(domain, opsets.get("ai.onnx", 0)), attributes)
        if proto.op_type in FLOW and domain == "":
            return FLOW[proto.op_type](self, node, inputs, names, opsets)
        if (domain, proto.op_type) in TABLE:
            with np.errstate(all="ignore"):
                result = TABLE[domain, proto.op_type](node, *inputs)
            return result if isinstance(result, tuple) else (result,)
        if proto.op_type in moving.EXACT:
            return moving.run(node, inputs)
        function = bodies.body_of(proto, domain, node.version, inputs)
        assert function is not None, f"there is no definition of {proto.op_type}"
        return self.call(function, proto, inputs)

    def call(self, function, proto, inputs):
        """The outputs of a function that a node calls."""
        opsets = {item.domain: item.version for item in function.opset_import}
        names = dict.fromkeys(function.input)
        names.update(zip(function.input, inputs, strict=False))
        for node in bodies.called(function, proto):
            self.node(node, names, opsets)
        wanted = zip(function.output, proto.output, strict=False)
        return [names[name] if outer else None for name, outer in wanted]

    def body(self, graph, inputs, names, opsets):
        """The outputs of a graph within a node."""
        own = dict(zip([item.name for item in graph.input], inputs, strict=True))
        return self.graph(graph, names, own, opsets)


def _if(walk, node, inputs, names, opsets):
    branch = node.get("then_branch" if inputs[0].reshape(-1)[0] else "else_branch")
    return walk.body(branch, [], names, opsets)


def _loop(walk, node, inputs, names, opsets):
    body = node.get("body")
    count, condition, *carried = [*inputs, None, None][: max(len(inputs), 2)]
    going = True if condition is None else bool(condition.reshape(-1)[0])
    most = None if count is None else int(count.reshape(-1)[0])
    collected = [[] for _ in body.output[1 + len(carried) :]]
    trip = 0
    while going and (most is None or trip < most):
        outputs = walk.body(body, [np.array(trip), np.array(going), *carried], names, opsets)
        going = bool(outputs[0].reshape(-1)[0])
        carried, scanned = outputs[1 : 1 + len(carried)], outputs[1 + len(carried) :]
        for items, item in zip(collected, scanned, strict=True):
            items.append(item)
        trip += 1
    ports = body.output[1 + len(carried) :]
    return [*carried, *(_stacked(items, port, 0) for items, port in zip(collected, ports, strict=True))]


def _scan(walk, node, inputs, names, opsets):
    body, sources = node.get("body"), node.get("num_scan_inputs")
    states, sequences = list(inputs[: len(inputs) - sources]), inputs[len(inputs) - sources :]
    axes = node.get("scan_input_axes") or [0] * sources
    backward = node.get("scan_input_directions") or [0] * sources
    lines = [np.moveaxis(item, axis, 0)[:: -1 if flip else 1] for item, axis, flip in zip(sequences, axes, backward)]  # noqa: B905
    collected = [[] for _ in body.output[len(states) :]]
    for slices in zip(*lines, strict=True):
        outputs = walk.body(body, [*states, *map(np.array, slices)], names, opsets)
        states = outputs[: len(states)]
        for items, item in zip(collected, outputs[len(states) :], strict=True):
            items.append(item)
    ports = body.output[len(states) :]
    axes = node.get("scan_output_axes") or [0] * len(ports)
    flips = node.get("scan_output_directions") or [0] * len(ports)
    return [
        *states,
        *(
            _stacked(items[:: -1 if flip else 1], port, axis)
            for items, port, axis, flip in zip(collected, ports, axes, flips, strict=True)
        ),
    ]


def _sequence_map(walk, node, inputs, names, opsets):
    body = node.get("body")
    columns = [item if isinstance(item, list) else [item] * len(inputs[0]) for item in inputs]
    rows = [walk.body(body, row, names, opsets) for row in zip(*columns, strict=True)]
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in body.output]


FLOW = {"If": _if, "Loop": _loop, "Scan": _scan, "SequenceMap": _sequence_map}


def _stacked(items, port, axis):
    if items:
        return np.stack(items, axis)
    kind = port.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type or onnx.TensorProto.FLOAT)
    return np.zeros((0, *(dim.dim_value for dim in kind.shape.dim)), dtype)


def _value(attribute):
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [item.decode() for item in value]
    return value
