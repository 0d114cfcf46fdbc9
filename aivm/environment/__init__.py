"""Environments: what a machine is, and whether it is what a manifest asks for.

>>> environment = Environment.capture(engine.info)
>>> compliance(manifest, environment)
[]
"""

from aivm.environment.compliance import EnvironmentMismatchError, Mismatch, compliance, require_compliance
from aivm.environment.elf import Compiler, ElfError, compilers, read_build
from aivm.environment.parts import EngineBuild, EngineInfo, Implementation
from aivm.environment.record import Environment

__all__ = [
    "Compiler",
    "ElfError",
    "EngineBuild",
    "EngineInfo",
    "Environment",
    "EnvironmentMismatchError",
    "Implementation",
    "Mismatch",
    "compilers",
    "compliance",
    "read_build",
    "require_compliance",
]
