"""An engine and its options as one text, as commands take it: `reproducible:isa=avx2`, `onnxruntime:level=none`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aivm.arithmetic.errors import ArithmeticEngineError
from aivm.arithmetic.observed import LEVELS
from aivm.arithmetic.session import open_session

if TYPE_CHECKING:
    from aivm.arithmetic.ort import OrtSession
    from aivm.arithmetic.session import Session

_OPTIONS = {"reproducible": ("isa", "threads"), "onnxruntime": ("level", "threads")}


class EngineNameError(ArithmeticEngineError):
    """A text that names no engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One engine with its options.

    Attributes:
        name: `reproducible` or `onnxruntime`.
        threads: how many share the work.
        isa: of the reproducible engine; empty for the best that there is.
        level: of ONNX Runtime's graph optimisation.
    """

    name: str
    threads: int = 1
    isa: str = ""
    level: str = "all"

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Reads an engine's name, and behind a colon its options, separated by commas.

        Args:
            text: `reproducible` with the options threads and isa, or `onnxruntime` with the options threads and level.

        Raises:
            EngineNameError: there is no such engine, or it has no such option.
        """
        name, _, rest = text.partition(":")
        options = dict(part.partition("=")[::2] for part in rest.split(",") if part)
        if name not in _OPTIONS:
            raise EngineNameError(f"there is no engine {name!r}", hint="name reproducible or onnxruntime")
        for option in options:
            if option not in _OPTIONS[name]:
                raise EngineNameError(f"{name} has no option {option!r}", hint=f"it has {' and '.join(_OPTIONS[name])}")
        threads, level = options.get("threads", "1"), options.get("level", "all")
        if not threads.isdecimal() or not 1 <= int(threads) <= 1024:
            raise EngineNameError(f"threads={threads!r} is not a number from 1 to 1024")
        if level not in LEVELS:
            raise EngineNameError(f"there is no level {level!r}", hint=f"it is one of {', '.join(LEVELS)}")
        return cls(name=name, threads=int(threads), isa=options.get("isa", ""), level=level)

    def open(self, model: Any) -> Session | OrtSession:
        """Loads a model in this process, without a sandbox.

        Args:
            model: a path, the bytes of a file, or a parsed model.

        Raises:
            ArithmeticEngineError: the model cannot be run.
        """
        if self.name == "reproducible":
            return open_session(model, threads=self.threads, isa=self.isa)
        from aivm.arithmetic.ort import OrtSession  # noqa: PLC0415 - an optional package

        return OrtSession.open(model, self.name, self.threads, level=self.level)
