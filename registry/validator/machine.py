"""What this machine announces itself as."""

from __future__ import annotations

from importlib import metadata

from aivm.environment import Environment
from aivm.execution.engine import EngineUnavailableError, engine_kind
from aivm.execution.ort import DISTRIBUTIONS
from aivm.manifest import ExecutionMode, GraphOptimization, Provider, Runtime, RuntimeOptions
from registry.ids import environment_class


def capture() -> Environment:
    """This machine with the engine that is installed, on its processor.

    Raises:
        aivm.execution.engine.EngineError: none is installed, or two that overwrite each other.
    """
    runtime = Runtime(
        name="onnxruntime",
        version=_installed_version(),
        options=RuntimeOptions(
            provider=Provider.CPU,
            graph_optimization=GraphOptimization.ALL,
            intra_op_threads=0,
            inter_op_threads=0,
            execution_mode=ExecutionMode.SEQUENTIAL,
            deterministic=True,
        ),
    )
    return Environment.capture(engine_kind(runtime.name).describe(runtime))


def machine_class() -> bytes:
    """The environment class that this machine announces; 32 bytes.

    Raises:
        aivm.execution.engine.EngineError: as `capture` does.
    """
    return environment_class(capture())


def _installed_version() -> str:
    for name in DISTRIBUTIONS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    raise EngineUnavailableError("no engine is installed", hint="run: pip install 'aivm[ort]'")
