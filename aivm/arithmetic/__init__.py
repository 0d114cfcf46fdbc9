"""The reproducible engine: the same bits on every machine (docs/arithmetic.md).

    import aivm

    session = aivm.load("model.onnx")                    # named errors for whatever it cannot run
    outputs = session.run({"image": image})              # NumPy arrays by name, in and out
    session.isa                                          # "avx512", "avx2", "neon" or "portable"

Threads, batch, instruction set and machine change nothing but time. Operators that it has: docs/operators.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aivm.arithmetic.lower.stage import Limits
from aivm.arithmetic.session import Session, open_session

if TYPE_CHECKING:
    from aivm.arithmetic.ort import OrtSession

__all__ = ["Limits", "Session", "load"]


def load(
    source: Any,
    engine: str = "reproducible",
    threads: int | None = None,
    *,
    limits: Limits | None = None,
) -> Session | OrtSession:
    """Loads a model.

    Args:
        source: a path, the bytes of a file, or an `onnx.ModelProto`.
        engine: `reproducible`, or `onnxruntime`, whose bits are those of one machine and one version of it.
        threads: how many share the work; all that there are by default. Never changes a result of `reproducible`.
        limits: what the graph may do, on the reproducible engine.

    Raises:
        AivmError: the model cannot be run, and why.
    """
    if engine == "reproducible":
        return open_session(source, threads=threads, limits=limits)
    from aivm.arithmetic.ort import OrtSession  # noqa: PLC0415 - an optional package

    return OrtSession.open(source, engine, threads)
