"""The environment record: what a machine is, as far as that can change bits or explain why it did."""

from __future__ import annotations

from typing import Any

import msgspec

from aivm import canonical, records
from aivm.digests import Digest  # noqa: TC001 - Environment is a msgspec class, whose annotations are read
from aivm.environment.accelerator import capture_accelerator
from aivm.environment.libraries import capture_libraries
from aivm.environment.parts import (
    Accelerator,
    Count,
    EngineInfo,
    FloatingPoint,
    Library,
    OperatingSystem,
    Processor,
    Python,
    Region,
    Text,
)
from aivm.environment.processor import capture_processor, measure_floating_point
from aivm.environment.system import (
    capture_operating_system,
    capture_python,
    capture_region,
    capture_variables,
    memory_bytes,
)
from aivm.records import Record


class Environment(Record, frozen=True, kw_only=True, tag="aivm/environment"):
    """A machine with an engine (docs/protocol.md §5). Two captures of one machine are equal, restarts included.

    It holds no time, no host name and no path.
    """

    operating_system: OperatingSystem
    processor: Processor
    floating_point: FloatingPoint
    memory_bytes: Count
    accelerator: Accelerator | None
    engine: EngineInfo | None
    libraries: tuple[Library, ...]
    python: Python
    region: Region
    variables: dict[Text, Text]

    @classmethod
    def capture(cls, engine: EngineInfo | None = None) -> Environment:
        """Describes this machine, and this thread's floating-point state, with the engine that will run."""
        return cls(
            operating_system=capture_operating_system(),
            processor=capture_processor(),
            floating_point=measure_floating_point(),
            memory_bytes=memory_bytes(),
            accelerator=capture_accelerator(),
            engine=engine,
            libraries=capture_libraries(),
            python=capture_python(),
            region=capture_region(),
            variables=capture_variables(),
        )

    @property
    def fuses(self) -> bool:
        """Whether a library may fuse a multiplication and an addition here, because the processor can."""
        return self.processor.architecture == "aarch64" or not {"fma", "fma4"}.isdisjoint(self.processor.features)

    def record(self) -> bytes:
        """The bytes of the record."""
        return records.encode(self)

    def digest(self) -> Digest:
        """The digest of the record, which goes into every attestation."""
        return records.digest(self)

    def class_record(self) -> bytes:
        """Canonical JSON of the part that can change bits; its keccak256 is the environment class.

        The accelerator counts only if the engine's provider is not the processor: a card that computes nothing
        changes nothing. The C library counts because engines call its elementary functions. An engine whose arithmetic
        is defined depends on none of it: its implementation and build stay, which a mistake could be in. Without an
        engine, NumPy and its BLAS are what computes.
        """
        parts: dict[str, Any] = {
            "architecture": self.processor.architecture,
            "engine": msgspec.to_builtins(self.engine),
        }
        if self.engine is None or self.engine.implementation is None:
            on_cpu = self.engine is None or self.engine.provider == "cpu"
            system = self.operating_system
            parts |= {
                "features": self.processor.features,
                "floating_point": msgspec.to_builtins(self.floating_point),
                "libc": {"name": system.libc, "version": system.libc_version},
                "accelerator": None if on_cpu else msgspec.to_builtins(self.accelerator),
            }
        if self.engine is None:
            parts["libraries"] = msgspec.to_builtins(self.libraries)
        return canonical.encode(parts)
