"""The processor: its architecture, the instruction sets that can change bits, and how it does floating point."""

from __future__ import annotations

import importlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aivm.environment.control import read_control
from aivm.environment.parts import FloatingPoint, Processor, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterable

_CPUINFO = Path("/proc/cpuinfo")

# Arithmetic extensions: what a library may choose an implementation by. Not listed: what has no arithmetic
# (aes, crc32), since it would split machines that give the same bits.
_X86 = (
    "sse sse2 sse3 ssse3 sse4_1 sse4_2 sse4a avx avx2 fma fma4 xop f16c avx_vnni avx_vnni_int8 avx_vnni_int16 avx_ifma "
    "avx_ne_convert avx10 avx512f avx512cd avx512dq avx512bw avx512vl avx512ifma avx512vbmi avx512_vbmi2 avx512_vnni "
    "avx512_bitalg avx512_vpopcntdq avx512_bf16 avx512_fp16 avx512er avx512pf avx512_4vnniw avx512_4fmaps "
    "avx512_vp2intersect amx_tile amx_int8 amx_bf16 amx_fp16"
)
_ARM = (
    "fp asimd fphp asimdhp asimdrdm asimddp asimdfhm fcma frint i8mm bf16 sve sve2 svei8mm svebf16 svef32mm svef64mm "
    "sme sme2 ebf16 rpres afp"
)
_RELEVANT = frozenset(f"{_X86} {_ARM}".split())
_RENAMED = {"pni": "sse3"}

# numpy asks the processor itself, in this process, so it sees what /proc/cpuinfo does not: features that are masked
# for this process (CPUID faulting, an emulator). A feature that it does not see is not there.
_NUMPY_NAMES = {
    "sse3": "SSE3",
    "ssse3": "SSSE3",
    "sse4_1": "SSE41",
    "sse4_2": "SSE42",
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA3",
    "f16c": "F16C",
    "avx512f": "AVX512F",
    "avx512cd": "AVX512CD",
    "avx512dq": "AVX512DQ",
    "avx512bw": "AVX512BW",
    "avx512vl": "AVX512VL",
    "avx512ifma": "AVX512IFMA",
    "avx512vbmi": "AVX512VBMI",
    "avx512_vbmi2": "AVX512VBMI2",
    "avx512_vnni": "AVX512VNNI",
    "avx512_bitalg": "AVX512BITALG",
    "avx512_vpopcntdq": "AVX512VPOPCNTDQ",
    "sve": "SVE",
}


def capture_processor() -> Processor:
    """Describes the processor as this process sees it."""
    text = _CPUINFO.read_text("utf-8", "replace") if _CPUINFO.exists() else ""
    features = normalise_features(text)
    seen = _numpy_features()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return Processor(
        architecture=architecture(),
        model=model_name(text),
        features=tuple(f for f in features if seen.get(_NUMPY_NAMES.get(f, ""), True)),
        threads=len(allowed) or os.cpu_count() or 1,
        affinity=ranges(allowed) or None,
    )


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in the form of the kernel's lists: `0-3,8`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def architecture() -> str:
    """`x86_64`, `aarch64`, …: one name for each, whatever the system calls it."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def normalise_features(cpuinfo: str) -> tuple[str, ...]:
    """The arithmetic features that every processor of a /proc/cpuinfo has, sorted, by the kernel's names.

    Machines mix cores, and a thread may run on any of them: a feature counts only if all have it.
    """
    lines = [value for key, value in _fields(cpuinfo) if key in ("flags", "features")]
    if not lines:
        return ()
    common = set.intersection(*({_RENAMED.get(flag, flag) for flag in line.lower().split()} for line in lines))
    return tuple(sorted(common & _RELEVANT))


def model_name(cpuinfo: str) -> str:
    """The processor's name; on Arm, which has none there, its implementer and part numbers."""
    fields = dict(reversed(list(_fields(cpuinfo))))  # reversed: the first processor's stay
    if fields.get("model name"):
        return " ".join(fields["model name"].split())
    if "cpu part" in fields:
        return f"implementer {fields.get('cpu implementer', '?')} part {fields['cpu part']}"
    return "unknown"


def measure_floating_point() -> FloatingPoint:
    """What this thread's arithmetic does now with subnormals and halves, by doing some.

    A library that was linked with -ffast-math sets these modes for whoever loads it: they are measured, not assumed.
    """
    one = np.ones(1, np.float32)
    tiny = np.frombuffer(b"\x00\x00\x80\x00", "<f4")  # 2^-126, the least normal number
    subnormal = np.frombuffer(b"\x01\x00\x00\x00", "<f4")  # 2^-149
    with np.errstate(all="ignore"):
        flushed = (tiny * np.float32(0.5)).view(np.uint32)[0] == 0
        taken_as_zero = (subnormal * np.float32(2**30)).view(np.uint32)[0] == 0
        quarter, three_quarters = one * np.float32(2**-25), one * np.float32(3 * 2**-25)
        up = (one + quarter)[0] != 1
        away = (one + three_quarters)[0] != 1
        down = (-one - quarter)[0] != -1
    rounding = Rounding.UP if up else Rounding.DOWN if down else Rounding.NEAREST if away else Rounding.ZERO
    return FloatingPoint(
        flush_to_zero=bool(flushed),
        denormals_are_zero=bool(taken_as_zero),
        rounding=rounding,
        control=read_control(),
    )


def _numpy_features() -> dict[str, bool]:
    if any(name in os.environ for name in ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")):
        return {}  # these change what numpy says, not what the processor does
    module = importlib.import_module("numpy._core._multiarray_umath")  # private, and so perhaps not there one day
    return dict(getattr(module, "__cpu_features__", {}))


def _fields(cpuinfo: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in cpuinfo.splitlines())
    return [(key.strip().lower(), value.strip()) for key, colon, value in pairs if colon]
