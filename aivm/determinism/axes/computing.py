"""Axes of the computation itself: the engine, its kernels, threads, batches, graph optimisation, subnormals."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aivm.arithmetic import _core
from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.runtimes import RuntimeChangeError, engine_runtime
from aivm.determinism.setting import Setting
from aivm.environment.control import read_control
from aivm.manifest import GraphOptimization, OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

_ENGINES: Final = ("reproducible", "onnxruntime")
#: Beside those, as many as this machine has processors.
THREADS: Final = (2, 4)
#: A few, and more than any register tile has rows.
_BATCHES: Final = (5, 64)


def restart(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The same again."""
    del subject, wishes
    yield Choice(axis="restart", value="2", setting=Setting(restart=2))


def engine(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The engines that the manifest does not name."""
    del wishes
    if subject.manifest is None:
        yield Absence(axis="engine", reason="a program has no engine")
        return
    for name in _ENGINES:
        if name == subject.engine:
            continue
        try:
            engine_runtime(name)
        except RuntimeChangeError as error:
            yield Absence(axis="engine", value=name, reason=error.message, remedy=error.hint)
        else:
            yield Choice(axis="engine", value=name, setting=Setting(runtime={"name": name}))


def isa(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The instruction sets that the core has kernels for, but for the one that it takes by itself."""
    del wishes
    if subject.engine != "reproducible":
        yield Absence(axis="isa", reason=f"the engine {subject.engine} chooses its kernels by itself: see cpu")
        return
    others = [name for name in _core.isas() if name != _core.isa()]
    for name in others:
        yield Choice(axis="isa", value=name, setting=Setting(variables={"AIVM_ISA": name}))
    if not others:
        yield Absence(axis="isa", reason=f"this machine has {_core.isa()} alone")


def threads(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Two and four, and as many as there are processors."""
    del wishes
    for count in sorted({*THREADS, os.cpu_count() or 1} - {1}):
        runtime = subject.manifest.runtime if subject.manifest else None
        pinned = isinstance(runtime, OnnxRuntime) and runtime.options.intra_op_threads != 0
        changes = {"intra_op_threads": count} if pinned else {}
        yield Choice(axis="threads", value=str(count), setting=Setting(threads=count, runtime=changes))


def batch(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The first examples of larger batches."""
    del wishes
    if subject.rows is None:
        yield Absence(
            axis="batch",
            reason="no dimension is the free first one of inputs and outputs",
            remedy="give them a named first dimension, if the model takes examples in batches",
        )
        return
    for size in _BATCHES:
        yield Choice(axis="batch", value=str(size), setting=Setting(batch=size))


def optimisation(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The levels that the manifest does not name; it rules them out, unless it leaves the level free."""
    del wishes
    runtime = subject.manifest.runtime if subject.manifest else None
    if not isinstance(runtime, OnnxRuntime):
        yield Absence(axis="optimisation", reason=f"the engine {subject.engine} has no levels of optimisation")
        return
    chosen = runtime.options.graph_optimization
    # Left free, ONNX Runtime does all it can, so that is the reference.
    taken = {GraphOptimization.ANY, GraphOptimization.ALL if chosen is GraphOptimization.ANY else chosen}
    for level in GraphOptimization:
        if level not in taken:
            setting = Setting(runtime={"graph_optimization": level.value})
            yield Choice(axis="optimisation", value=level.value, setting=setting)


def flush(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Set in the process that calls the engine: what a library does that was linked with -ffast-math."""
    del wishes
    if subject.manifest is not None and subject.manifest.numerics.flush_to_zero:
        yield Absence(axis="flush", reason="the manifest asks for it in every environment")
    elif read_control() is None:
        yield Absence(axis="flush", reason="this processor's control register is not known here")
    else:
        yield Choice(axis="flush", value="on", setting=Setting(flush_to_zero=True))
