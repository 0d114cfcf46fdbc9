"""A case: a model of one operator, and inputs for it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cases.values import Random

#: The operator set of a case, unless the operator is newer.
OPSET = 21
ML_OPSET = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        operator: its name, behind its domain unless that is the default one.
        model: a graph with that operator.
        feeds: the graph's inputs.
        batch: names of inputs whose first axis is a batch; every output has it too. Empty if there is none.
    """

    operator: str
    model: onnx.ModelProto
    feeds: Mapping[str, Any]
    batch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand and how it is given.

    Attributes:
        array: what it is.
        constant: how probable it is that it is an initializer; a graph input else.
        batch: whether its first axis is a batch.
    """

    array: Any
    constant: float = 0.0
    batch: bool = False


#: How to make a random case of each operator.
CASES: dict[str, Callable[[Random], Case]] = {}
#: The module that has it.
FAMILIES: dict[str, str] = {}


def case(*operators: str) -> Callable[[Any], Any]:
    """Registers a function that makes a random case of some operators, called with their names."""

    def register(function: Any) -> Any:
        for operator in operators:
            assert operator not in CASES, operator
            CASES[operator] = functools.partial(_call, function, operator)
            FAMILIES[operator] = function.__module__.rpartition(".")[2]
        return function

    return register


def _call(function: Any, operator: str, r: Random) -> Case:
    made: Case = function(r, operator)
    return made


def fed(array: Any) -> Operand:
    """A graph input."""
    return Operand(array)


def rows(array: Any) -> Operand:
    """A graph input whose first axis is a batch."""
    return Operand(array, batch=True)


def weights(array: Any) -> Operand:
    """An initializer as often as a graph input."""
    return Operand(array, constant=0.5)


def setting(values: Any, dtype: Any = np.int64) -> Operand:
    """An initializer, most of the time; what decides shapes is seldom computed."""
    return Operand(np.array(values, dtype), constant=0.9)


@dataclass(slots=True)
class Builder:
    """Collects a graph of several nodes."""

    r: Random
    opset: int = OPSET
    ml_opset: int = ML_OPSET
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    feeds: dict[str, Any] = field(default_factory=dict)
    batch: list[str] = field(default_factory=list)

    def operand(self, operand: Operand | None) -> str:
        """Adds an operand; gives its name."""
        if operand is None:
            return ""
        name = f"x{len(self.inputs) + len(self.constants)}"
        if isinstance(operand.array, np.ndarray) and self.r.chance(operand.constant):
            self.constants.append(numpy_helper.from_array(operand.array, name))
            return name
        value = type_of(name, operand.array)
        if operand.batch:
            value.type.tensor_type.shape.dim[0].dim_param = "N"
            self.batch.append(name)
        self.inputs.append(value)
        self.feeds[name] = operand.array
        return name

    def node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Any
    ) -> None:
        """Adds a node."""
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **given))

    def case(self, operator: str, outputs: Sequence[str]) -> Case:
        """The finished case."""
        results = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "case", self.inputs, results, initializer=self.constants)
        domains = {node.domain for node in self.nodes}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(name, self.ml_opset) for name in sorted(domains - {""})]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return Case(operator=operator, model=model, feeds=self.feeds, batch=tuple(self.batch))


def single(
    r: Random,
    operator: str,
    operands: Sequence[Operand | None],
    *,
    outputs: int | Sequence[bool] = 1,
    opset: int | None = None,
    **attributes: Any,
) -> Case:
    """A case of one node.

    Args:
        r: where randomness comes from.
        operator: its name, behind its domain unless that is the default one.
        operands: in order; None for one that is left out.
        outputs: how many, or which of them are wanted.
        opset: the operator set, if not the usual one.
        attributes: those that are None are left out.
    """
    domain, _, name = operator.rpartition("::")
    newest = onnx.defs.get_schema(name, ML_OPSET if domain else onnx.defs.onnx_opset_version(), domain)
    builder = Builder(r)
    if domain:
        builder.ml_opset = ML_OPSET - 2 if newest.deprecated else ML_OPSET
    else:
        builder.opset = opset or (OPSET if _has(name, OPSET) else newest.since_version)
    wanted = [True] * outputs if isinstance(outputs, int) else list(outputs)
    names = [f"y{index}" if want else "" for index, want in enumerate(wanted)]
    builder.node(name, [builder.operand(operand) for operand in operands], names, domain=domain, **attributes)
    return builder.case(operator, [name for name in names if name])


def _has(name: str, opset: int) -> bool:
    try:
        return not onnx.defs.get_schema(name, opset, "").deprecated
    except onnx.defs.SchemaError:
        return False


def type_of(name: str, value: Any) -> onnx.ValueInfoProto:
    """The declaration of a graph input."""
    if isinstance(value, list):
        element = helper.make_tensor_type_proto(element_type(value[0].dtype), None)
        return helper.make_value_info(name, helper.make_sequence_type_proto(element))
    return helper.make_tensor_value_info(name, element_type(value.dtype), value.shape)


def element_type(dtype: Any) -> int:
    """ONNX's number of a dtype."""
    if np.dtype(dtype) == ml_dtypes.bfloat16:
        return int(onnx.TensorProto.BFLOAT16)
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
