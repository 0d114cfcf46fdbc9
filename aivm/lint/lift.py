"""Turning hidden randomness into graph inputs, so that its bits come from the job's seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from onnx import checker, helper, numpy_helper, shape_inference

from aivm.lint.errors import HiddenRandomnessError
from aivm.lint.graphs import Site, domain_name, elements, opset_versions, sites
from aivm.lint.linter import parse
from aivm.lint.rules.randomness import RANDOM_OPERATORS
from aivm.manifest.enums import Distribution
from aivm.manifest.parts import RandomInput

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Before it, arithmetic did not broadcast.
_LEAST_OPSET = 7


class Lifted(NamedTuple):
    """A model without hidden randomness, and the inputs that it now has to be fed from the seed."""

    model: bytes
    random_inputs: tuple[RandomInput, ...]


def lift_randomness(model: bytes) -> Lifted:
    """Rewrites RandomNormal, RandomUniform (and -Like) and Bernoulli into random inputs.

    `RandomNormal(mean, scale)` becomes `input · scale + mean` with a standard normal input, `RandomUniform(low, high)`
    becomes `input · (high - low) + low` with an input uniform in [0, 1), each in float32 and then cast to the type
    asked for. `Bernoulli(p)` becomes `input < p` with a uniform input. Other nodes stay as they are, so a model without
    randomness comes back with its bytes unchanged.

    Raises:
        TruncatedModelError: the bytes are no ONNX model.
        HiddenRandomnessError: a node cannot be lifted: it is in a subgraph or function, where it draws anew each
            time; its shape depends on the data; or it is a kind that has no such rewriting.
    """
    proto = parse(model)
    drawing = [site for site in sites(proto) if site.is_standard and site.node.op_type in RANDOM_OPERATORS]
    if not drawing:
        return Lifted(model, ())
    version = opset_versions(proto.opset_import).get("ai.onnx", 0)
    if version < _LEAST_OPSET:
        raise _refusal(drawing[0], f"the operator set {version} is too old, {_LEAST_OPSET} is needed")
    shapes = _Shapes(proto)
    taken = _names(proto)
    lifted: list[RandomInput] = []
    nodes: list[onnx.NodeProto] = []
    replacements: dict[int, list[onnx.NodeProto]] = {}
    positions = {site.where: index for index, site in enumerate(s for s in sites(proto) if not s.nested)}
    for site in drawing:
        if site.nested:
            raise _refusal(site, "it is in a subgraph or a function, where it draws anew each time")
        if not RANDOM_OPERATORS[site.node.op_type]:
            raise _refusal(site, f"{site.node.op_type} has no rewriting")
        shape = shapes.of(site)
        name = _fresh(f"random_{site.node.output[0]}", taken)
        normal = site.node.op_type.startswith("RandomNormal")
        lifted.append(RandomInput(name=name, distribution=Distribution.NORMAL if normal else Distribution.UNIFORM))
        proto.graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        replacements[positions[site.where]] = list(_rewrite(site, name, shapes.dtype(site), taken))
    for index, node in enumerate(proto.graph.node):
        nodes += replacements.get(index, [node])
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    checker.check_model(proto)
    return Lifted(proto.SerializeToString(deterministic=True), tuple(lifted))


class _Shapes:
    """What inference knows about the main graph."""

    def __init__(self, model: onnx.ModelProto) -> None:
        try:
            inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        except (shape_inference.InferenceError, ValueError, RuntimeError):
            inferred = model.graph
        self._types = {
            value.name: value.type.tensor_type for value in (*inferred.input, *inferred.value_info, *inferred.output)
        }
        for tensor in inferred.initializer:
            made = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
            self._types.setdefault(tensor.name, made.tensor_type)

    def of(self, site: Site) -> list[int]:
        """The shape of what a node draws, which must be fixed."""
        attribute = site.attribute("shape")
        if attribute is not None:
            shape: list[int] = list(attribute.ints)
        else:
            known = self._types.get(site.input(0) or site.node.output[0])
            if known is None or not known.HasField("shape"):
                raise _refusal(site, "its shape is not known before the model runs")
            shape = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in known.shape.dim]
        if any(size < 1 for size in shape) or elements(shape) > 2**31:
            raise _refusal(site, "its shape depends on the data, so no input can stand for it")
        return shape

    def dtype(self, site: Site) -> int:
        """The type that the node gives out: its attribute's, or that of the input it imitates, or float32."""
        attribute = site.attribute("dtype")
        if attribute is not None:
            return attribute.i
        known = self._types.get(site.input(0))
        return known.elem_type if known is not None else onnx.TensorProto.FLOAT


def _rewrite(site: Site, name: str, dtype: int, taken: set[str]) -> Iterator[onnx.NodeProto]:
    """The nodes that take the place of one that draws, from the random input to the same output."""
    output = site.node.output[0]
    if site.node.op_type == "Bernoulli":
        chance, below = _fresh(f"{output}_chance", taken), _fresh(f"{output}_below", taken)
        yield helper.make_node("Cast", [site.input(0)], [chance], to=onnx.TensorProto.FLOAT)
        yield helper.make_node("Less", [name, chance], [below])
        yield helper.make_node("Cast", [below], [output], to=dtype)
        return
    scale, offset = _scale_and_offset(site)
    at = name
    for operator, number, neutral in (("Mul", scale, 1), ("Add", offset, 0)):
        if number != neutral:
            term, result = _fresh(f"{output}_{operator.lower()}_by", taken), _fresh(f"{output}_{operator}", taken)
            yield helper.make_node("Constant", [], [term], value=numpy_helper.from_array(np.asarray(number)))
            yield helper.make_node(operator, [at, term], [result])
            at = result
    # A Cast also gives the value the name that the rest of the graph knows it by.
    yield helper.make_node("Cast", [at], [output], to=dtype)


def _scale_and_offset(site: Site) -> tuple[np.float32, np.float32]:
    def number(name: str, default: float) -> np.float32:
        attribute = site.attribute(name)
        found = np.float32(default if attribute is None else attribute.f)
        if not math.isfinite(found):
            raise _refusal(site, f"its {name} is {found}")
        return found

    if site.node.op_type.startswith("RandomNormal"):
        return number("scale", 1), number("mean", 0)
    low = number("low", 0)
    return np.float32(number("high", 1) - low), low


def _names(model: onnx.ModelProto) -> set[str]:
    names = {value.name for value in (*model.graph.input, *model.graph.output, *model.graph.value_info)}
    names |= {tensor.name for tensor in model.graph.initializer}
    names |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    for site in sites(model):
        names.update(site.node.input, site.node.output)
    return names


def _fresh(wish: str, taken: set[str]) -> str:
    """A name that nothing in the model has, the wished one if it is free."""
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    taken.add(name)
    return name


def _refusal(site: Site, why: str) -> HiddenRandomnessError:
    operator = f"{domain_name(site.node.domain)}::{site.node.op_type}"
    hint = "Change the model so that it takes this noise as an input."
    return HiddenRandomnessError(f"{operator} cannot be lifted into an input: {why}", where=site.where, hint=hint)
