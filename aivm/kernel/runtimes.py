"""What the author says about the engine, as the manifest says it."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Final

from aivm.kernel.author import CAPTURED, ReproducibleTable
from aivm.kernel.types import KernelError
from aivm.manifest import (
    AggregationRule,
    DeterminismClass,
    NoOptions,
    Numerics,
    OnnxRuntime,
    OnnxRuntimeOptions,
    Reproducible,
)

if TYPE_CHECKING:
    from aivm.environment import Environment
    from aivm.kernel.author import Author, OnnxRuntimeTable
    from aivm.manifest import Runtime

#: The arithmetic that the reproducible engine has here.
ARITHMETIC: Final = "aivm-arithmetic-1"
_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")


def runtime_of(author: Author) -> Runtime:
    """The engine with its options.

    Raises:
        KernelError: its version is to be captured, and it is not installed; or there is no such version.
    """
    table = author.runtime
    return _reproducible(table) if isinstance(table, ReproducibleTable) else _onnx_runtime(table)


def numerics_of(author: Author, machine: Environment) -> Numerics:
    """The rules of the arithmetic. The reproducible engine fuses where its definition says, whatever a machine can."""
    said = author.numerics
    here = machine.fuses and not isinstance(author.runtime, ReproducibleTable)
    return Numerics(
        flush_to_zero=said.flush_to_zero,
        fma_contraction=here if said.fma_contraction == CAPTURED else bool(said.fma_contraction),
        tf32=said.tf32,
    )


def determinism_of(author: Author) -> DeterminismClass:
    """What is claimed; where the author leaves it out, what follows from rule and engine."""
    if author.determinism is not None:
        return author.determinism
    if author.aggregation.rule is AggregationRule.HAMMING:
        return DeterminismClass.TOLERANT
    return DeterminismClass.BITWISE if isinstance(author.runtime, ReproducibleTable) else DeterminismClass.PINNED


def _reproducible(table: ReproducibleTable) -> Reproducible:
    if table.version not in (CAPTURED, ARITHMETIC):
        raise KernelError(
            f"runtime.version: the reproducible engine has no version {table.version!r}",
            hint=f'Write "{ARITHMETIC}", or leave it out.',
        )
    return Reproducible(version=ARITHMETIC, options=NoOptions())


def _onnx_runtime(table: OnnxRuntimeTable) -> OnnxRuntime:
    return OnnxRuntime(
        version=_installed_version() if table.version == CAPTURED else table.version,
        options=OnnxRuntimeOptions(
            provider=table.provider,
            graph_optimization=table.graph_optimization,
            intra_op_threads=table.intra_op_threads,
            inter_op_threads=table.inter_op_threads,
            execution_mode=table.execution_mode,
            deterministic=table.deterministic,
        ),
    )


def _installed_version() -> str:
    """The version that is installed, from the package's own description: nothing is loaded for it."""
    for distribution in _DISTRIBUTIONS:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    hint = "Install aivm with the extra `ort` or `gpu`, or write the version into kernel.toml."
    raise KernelError("runtime.version: no ONNX Runtime is installed whose version could be captured", hint=hint)
