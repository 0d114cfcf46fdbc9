"""What this machine announces itself as."""

from __future__ import annotations

from aivm.arithmetic.trace import ARITHMETIC
from aivm.environment import Environment
from aivm.execution.engine import engine_kind
from aivm.manifest import NoOptions, Reproducible
from registry.ids import environment_class


def capture() -> Environment:
    """This machine with the engine that every validator has, the reproducible one.

    Raises:
        aivm.execution.engine.EngineError: the instruction set that AIVM_ISA forces is not there.
    """
    runtime = Reproducible(version=ARITHMETIC, options=NoOptions())
    return Environment.capture(engine_kind(runtime.name).describe(runtime))


def machine_class() -> bytes:
    """The environment class that this machine announces; 32 bytes.

    Raises:
        aivm.execution.engine.EngineError: as `capture` does.
    """
    return environment_class(capture())
