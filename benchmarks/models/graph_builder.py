"""Graphs of ONNX nodes, written as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from graphs import model_of
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphs import Array

    Shape = Sequence[int | str]


class GraphBuilder:
    """Collects nodes and weights; tensors are their names."""

    def __init__(self, seed: int = 0) -> None:
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}
        self._random = np.random.default_rng(seed)

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """The first output of a new node."""
        names = [f"{operator.lower()}_{len(self._nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, name=names[0], **attributes))
        return names[0]

    def weight(self, array: Array | Sequence[int], name: str = "") -> str:
        """An initializer; of plain numbers, one of int64."""
        name = name or f"weight_{len(self._weights)}"
        self._weights[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def random(self, *shape: int, scale: float) -> str:
        """Normal numbers of this deviation."""
        return self.weight(self._random.standard_normal(shape, np.float32) * np.float32(scale))

    def model(self, inputs: dict[str, tuple[int, Shape]], outputs: dict[str, Shape]) -> bytes:
        """The model file. Inputs have an ONNX dtype and a shape; outputs are float32."""
        graph = helper.make_graph(
            self._nodes,
            "model",
            [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(self._weights.values()),
        )
        return model_of(graph)
