"""The axis of processors whose features are hidden at full speed (docs/bits.md)."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Final

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.masking.process import MaskError, masked
from aivm.determinism.setting import Launcher, Setting
from aivm.environment.processor import capture_processor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

#: What each mask leaves, with the feature without which it would hide nothing.
_MASKS: Final = {"avx2": "avx512f", "avx": "avx2", "sse": "avx"}


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The processor without AVX-512, without AVX2 and FMA, and without AVX."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        yield Absence(axis="cpu", reason="features can be hidden on x86-64 Linux alone")
        return
    if wishes.confined:
        yield Absence(axis="cpu", reason="a mask answers faults, which the sandbox does not allow")
        return
    present = capture_processor().features
    runtimes = ("onnxruntime",) if subject.engine == "onnxruntime" else ()
    for name, feature in _MASKS.items():
        if feature not in present:
            yield Absence(axis="cpu", value=name, reason=f"this processor has no {feature} to hide")
            continue
        try:
            # No engine calls BLAS, and it takes a minute to search.
            process = masked(name, wishes.cache, runtimes=runtimes, blas=subject.manifest is None)
        except MaskError as error:
            yield Absence(axis="cpu", value=name, reason=error.message, remedy=error.hint)
            continue
        launcher = Launcher(program=(*process.program, "-s", "-P"), paths=process.paths, confined=False)
        yield Choice(axis="cpu", value=name, setting=Setting(launcher=launcher, variables=process.variables))
