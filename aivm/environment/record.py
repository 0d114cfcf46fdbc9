"""The environment record: what a machine is, as far as that can change bits or explain why it did."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aivm import canonical, records
from aivm.digests import Digest  # noqa: TC001 - Environment is a msgspec class, whose annotations are read
from aivm.environment.accelerator import capture_accelerator
from aivm.environment.libraries import CORE, capture_libraries
from aivm.environment.loaded import ACCELERATED
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

#: Options that a node may choose for each run: what follows them is no bit of a machine, and must not look like one.
FREE_OPTIONS: Final = frozenset({"threads", "intra_op_threads", "inter_op_threads"})
#: Variables that choose the code that computes where nothing else in the record shows it: any engine's, an
#: accelerator's, and what a program without an engine calls.
CHOOSING: Final = ("GLIBC_TUNABLES", "LD_PRELOAD")
CHOOSING_ACCELERATED: Final = ("CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES")
CHOOSING_PROGRAMS: Final = ("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")


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
            libraries=capture_libraries(engine),
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

        It is what a machine is and has installed. What every process may choose for itself, such as the number of
        threads, the hash seed or the time zone, is no part of it: a kernel whose bits follow that is not even pinned.

        The accelerator and its maker's libraries count only if the engine's provider is not the processor: a card that
        computes nothing changes nothing. The C library counts because engines call its elementary functions. An engine
        whose arithmetic is defined depends on none of it: its implementation and build stay, which a mistake could be
        in. Without an engine, NumPy, its BLAS and whatever else is loaded are what computes.
        """
        parts: dict[str, Any] = {"architecture": self.processor.architecture, "engine": self._engine()}
        if self.engine is None or self.engine.implementation is None:
            on_card = self.engine is not None and self.engine.provider != "cpu"
            system = self.operating_system
            parts |= {
                "features": self.processor.features,
                "floating_point": msgspec.to_builtins(self.floating_point),
                "libc": {"name": system.libc, "version": system.libc_version},
                "accelerator": msgspec.to_builtins(self.accelerator) if on_card else None,
                "libraries": msgspec.to_builtins(self._computing(on_card=on_card)),
                "variables": self._choosing(on_card=on_card),
            }
        return canonical.encode(parts)

    def _engine(self) -> dict[str, Any] | None:
        if self.engine is None:
            return None
        options = {name: value for name, value in self.engine.options.items() if name not in FREE_OPTIONS}
        return {**msgspec.to_builtins(self.engine), "options": options}

    def _computing(self, *, on_card: bool) -> list[Library]:
        """The libraries that the result comes from: without an engine all but our own core, which no program calls."""
        if self.engine is None:
            return [library for library in self.libraries if library.name != CORE]
        return [library for library in self.libraries if on_card and library.name in ACCELERATED]

    def _choosing(self, *, on_card: bool) -> dict[str, str]:
        programs = CHOOSING_PROGRAMS if self.engine is None else ()
        names = {*CHOOSING, *(CHOOSING_ACCELERATED if on_card else ()), *programs}
        return {name: value for name, value in self.variables.items() if name in names}
