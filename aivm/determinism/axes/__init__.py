"""The axes of the matrix, declared here and nowhere else.

An axis is a name, a sentence, and a function that says which of its values can be had on this machine for a subject,
and why others cannot. To add one, write that function and a line in `AXES`; nothing is dropped without a reason given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aivm.determinism.axes import accelerated, computing, emulated, masked, memory, releases, surroundings
from aivm.determinism.axes.base import Absence, Axis, Choice, Wishes
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterable

AXES: Final = (
    Axis(name="restart", summary="another process, all else equal", explore=computing.restart),
    Axis(name="engine", summary="another engine for the same model", explore=computing.engine, usual=False),
    Axis(name="isa", summary="the reproducible engine's kernels (AIVM_ISA)", explore=computing.isa, free=True),
    Axis(name="threads", summary="threads of the engine", explore=computing.threads, free=True),
    Axis(name="batch", summary="examples that a case is run among", explore=computing.batch),
    Axis(
        name="optimisation",
        summary="ONNX Runtime's level of graph optimisation",
        explore=computing.optimisation,
        free=True,
    ),
    Axis(name="release", summary="other releases of ONNX Runtime (--ort-version)", explore=releases.explore),
    Axis(name="coretype", summary="OpenBLAS's kernels (OPENBLAS_CORETYPE)", explore=surroundings.coretype, free=True),
    Axis(name="libm", summary="the C library's pow and its kind (GLIBC_TUNABLES)", explore=surroundings.elementary),
    Axis(
        name="alignment",
        summary="bytes between a cache line's start and an input's",
        explore=memory.alignment,
        free=True,
    ),
    Axis(
        name="fill", summary="what memory holds before it is written (MALLOC_PERTURB_)", explore=memory.fill, free=True
    ),
    Axis(name="flush", summary="subnormal numbers taken for zeros (FTZ, DAZ, FZ)", explore=computing.flush),
    Axis(name="hashing", summary="Python's hash seed (PYTHONHASHSEED)", explore=surroundings.hashing, free=True),
    Axis(name="locale", summary="language and number formats (LC_ALL)", explore=surroundings.language, free=True),
    Axis(name="timezone", summary="the time zone (TZ)", explore=surroundings.timezone, free=True),
    Axis(name="cpu", summary="features of the processor hidden, at full speed", explore=masked.explore),
    Axis(name="emulated", summary="other processors, emulated", explore=emulated.explore),
    Axis(name="gpu", summary="ONNX Runtime's CUDA provider, PyTorch's device", explore=accelerated.explore),
)


class AxisNameError(AivmError):
    """A name that no axis has."""


def named(names: Iterable[str]) -> tuple[Axis, ...]:
    """The axes of these names, in their order of declaration.

    Raises:
        AxisNameError: there is no such axis.
    """
    wanted = set(names)
    unknown = wanted - {axis.name for axis in AXES}
    if unknown:
        raise AxisNameError(
            f"there is no axis {min(unknown)!r}", hint=f"there are {', '.join(axis.name for axis in AXES)}"
        )
    return tuple(axis for axis in AXES if axis.name in wanted)


__all__ = ["AXES", "Absence", "Axis", "AxisNameError", "Choice", "Wishes", "named"]
