"""The reproducible engine behind a manifest: `aivm.arithmetic`, within the limits of the kernel.

Nothing about it is chosen by the manifest but its version, which names the arithmetic. Threads and the instruction set
are this machine's, and change nothing but time.
"""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from aivm.arithmetic import Limits, _core
from aivm.arithmetic.errors import ArithmeticEngineError, GraphMemoryError, PlanError
from aivm.arithmetic.session import open_session
from aivm.arithmetic.trace import ARITHMETIC
from aivm.environment.libraries import core_build
from aivm.environment.parts import EngineInfo, Implementation
from aivm.execution.engine import (
    STRICT,
    EngineError,
    EngineUnavailableError,
    EngineVersionError,
    ForeignRuntimeError,
    ModelFailedError,
    ModelMemoryError,
    ModelRejectedError,
    only_tensors,
    wanted_outputs,
)
from aivm.manifest.parts import Reproducible

if TYPE_CHECKING:
    from aivm.arithmetic import Session
    from aivm.manifest import Manifest, Numerics, Runtime
    from aivm.tensors import Array, Tensors


class ReproducibleKind:
    """The kind of engine that the manifest calls `reproducible`."""

    def describe(self, runtime: Runtime, *, numerics: Numerics = STRICT, threads: int = 1) -> EngineInfo:
        """Checks the version, and imports and starts everything that a confined worker cannot import any more.

        Raises:
            ForeignRuntimeError: the manifest asks for another engine.
            EngineVersionError: it asks for another arithmetic.
            EngineUnavailableError: the instruction set that AIVM_ISA forces is not there.
        """
        del numerics  # the arithmetic is defined
        if not isinstance(runtime, Reproducible):
            raise ForeignRuntimeError(
                f"this is the reproducible engine, and the manifest wants {runtime.name}",
                hint="take the engine by the manifest's name: aivm.execution.engine.engine_kind",
            )
        if runtime.version != ARITHMETIC:
            raise EngineVersionError(
                f"the manifest wants {runtime.version}, this engine computes {ARITHMETIC}",
                hint="install a version of aivm that has it",
            )
        try:
            info = _info(threads)
        except PlanError as error:
            raise EngineUnavailableError(error.message, hint=error.hint) from error
        _warm_up()
        return info

    def open(self, manifest: Manifest, model: bytes, *, threads: int) -> ReproducibleEngine:
        """Loads a model: checks all of it, and plans its run if no dimension is free.

        Raises:
            EngineError: the runtime is not what the manifest asks for, or it rejects the model.
            ModelMemoryError: the model needs more memory than the manifest allows.
            MemoryError: memory ran out.
        """
        info = self.describe(manifest.runtime, threads=threads)
        limits = Limits(memory_bytes=manifest.limits.memory_bytes)
        try:
            session = open_session(model, threads=threads, limits=limits)
        except ArithmeticEngineError as error:
            raise _translate(error, ModelRejectedError) from error
        return ReproducibleEngine(info=info, session=session, outputs=wanted_outputs(manifest, session.outputs))


class ReproducibleEngine:
    """A session of the reproducible engine."""

    __slots__ = ("_outputs", "_session", "info")

    def __init__(self, *, info: EngineInfo, session: Session, outputs: list[str]) -> None:
        self.info = info
        self._session = session
        self._outputs = outputs

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Runs the graph once.

        Raises:
            ModelFailedError: the graph failed on these inputs, or gave something that is no tensor.
            ModelMemoryError: it would need more memory for them than the manifest allows.
            MemoryError: memory ran out.
        """
        try:
            values = self._session.run(inputs)
        except ArithmeticEngineError as error:
            raise _translate(error, ModelFailedError) from error
        return only_tensors({name: values[name] for name in self._outputs})


def _translate(error: ArithmeticEngineError, kind: type[EngineError]) -> EngineError:
    if isinstance(error, GraphMemoryError):
        kind = ModelMemoryError
    return kind(error.message, hint=error.hint)


def _info(threads: int) -> EngineInfo:
    return EngineInfo(
        name="reproducible",
        version=ARITHMETIC,
        provider="cpu",
        build=core_build(),
        implementation=Implementation(
            version=importlib.metadata.version("aivm"),
            instruction_set=_core.isa(),
            hardware_fma=_core.hardware_fma(),
        ),
        options={"threads": str(threads)},
    )


def _warm_up() -> None:
    """Runs a small graph of composite operators once: what the engine imports or reads on first use, it does here."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Gelu", ["x"], ["g"]), helper.make_node("Mish", ["g"], ["y"])]
    graph = helper.make_graph(nodes, "warm-up", [value], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    open_session(model.SerializeToString(), threads=1).run({"x": np.zeros(1, np.float32)})
