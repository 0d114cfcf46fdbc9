"""What this machine announces itself as."""

from __future__ import annotations

import msgspec

from aivm.arithmetic import _core
from aivm.arithmetic.trace import ARITHMETIC
from aivm.environment import Environment
from aivm.execution.engine import engine_kind
from aivm.manifest import NoOptions, Reproducible
from registry.ids import environment_class


def capture(isa: str = "") -> Environment:
    """This machine with the engine that every validator has, the reproducible one.

    Args:
        isa: the instruction set that the worker's engine is held to (its AIVM_ISA), if it is another one than here.

    Raises:
        aivm.execution.engine.EngineError: the instruction set that AIVM_ISA forces is not there.
        aivm.arithmetic.errors.PlanError: nor is `isa`.
    """
    runtime = Reproducible(version=ARITHMETIC, options=NoOptions())
    engine = engine_kind(runtime.name).describe(runtime)
    if isa:
        assert engine.implementation is not None
        held = msgspec.structs.replace(
            engine.implementation, instruction_set=_core.isa(isa), hardware_fma=_core.hardware_fma(isa)
        )
        engine = msgspec.structs.replace(engine, implementation=held)
    return Environment.capture(engine)


def machine_class(isa: str = "") -> bytes:
    """The environment class that this machine announces; 32 bytes.

    Args:
        isa: as `capture` takes it. An engine that is held to other instructions is another class: other code computes.

    Raises:
        AivmError: as `capture` does.
    """
    return environment_class(capture(isa))
