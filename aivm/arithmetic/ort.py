"""ONNX Runtime behind the same interface: fast, and honest about what it is. Its bits are those of one machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Self

from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.feeds import check_feeds
from aivm.arithmetic.observed import LEVELS
from aivm.arithmetic.session import parse_model, read_model
from aivm.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.arithmetic.session import Model
    from aivm.tensors import Array


class EngineNameError(ArithmeticEngineError):
    """There is no engine of that name, or its package is not installed."""


class OrtSession:
    """A model on ONNX Runtime's CPU provider."""

    def __init__(self, model: Model, session: Any) -> None:
        self.model = model
        self._session = session

    @classmethod
    def open(cls, source: Any, engine: str, threads: int | None, *, level: str = "all") -> Self:
        """Loads a model.

        Args:
            source: a path, the bytes of a file, or a parsed model.
            engine: `onnxruntime`.
            threads: within an operator; as many as there are cores where it is None.
            level: of graph optimisation, one of `observed.LEVELS`.

        Raises:
            EngineNameError: there is no such engine.
            ArithmeticEngineError: ONNX Runtime does not load the model.
        """
        if engine != "onnxruntime":
            raise EngineNameError(f"there is no engine {engine!r}", hint="there are reproducible and onnxruntime")
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise EngineNameError(
                f"ONNX Runtime cannot be imported: {error}", hint=f"run: {install_command('ort')}"
            ) from error
        proto, _ = read_model(source)
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what matters arrives as an exception
        options.intra_op_num_threads = threads or 0
        options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, LEVELS[level])
        try:
            session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no base class
            raise ArithmeticEngineError(f"ONNX Runtime does not load the model: {error}") from error
        return cls(parse_model(proto), session)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """The model's outputs for these inputs, by name.

        Raises:
            FeedError: an input is missing, unknown, or not what the model says.
            ArithmeticEngineError: the model failed.
        """
        feeds = check_feeds(self.model.graph.inputs, self.model.defaults, inputs)
        names = [port.name for port in self.model.graph.outputs]
        try:
            values = self._session.run(names, feeds)
        except Exception as error:  # its exceptions share no base class
            raise ArithmeticEngineError(f"the model failed while it ran: {error}") from error
        return dict(zip(names, values, strict=True))
