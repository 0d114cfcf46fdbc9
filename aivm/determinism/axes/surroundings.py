"""Axes around the engine: hash seed, locale, time zone, and the libraries beside it."""

from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING, Final

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import Setting
from aivm.environment.libraries import blas_name
from aivm.environment.processor import capture_processor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

_SEEDS: Final = (0, 1)
#: Decimal commas, and an i that has no dot.
_LOCALES: Final = ("de_DE", "fr_FR", "tr_TR")
_LOCALES_REMEDY: Final = "install the locale; on Debian the package locales-all has it"
#: Half a day ahead, and a fraction of an hour behind; in POSIX's form, which needs no database.
_ZONES: Final = (("+14", "AHEAD-14"), ("-3:30", "BEHIND3:30"))
#: Makes glibc take this processor for one from before 2013.
_OLDER: Final = "glibc.cpu.hwcaps=-AVX2,-FMA"
#: OpenBLAS's names, each with the feature that it needs, from the newest.
_CORES: Final = {
    "x86_64": (
        ("SkylakeX", "avx512bw"),
        ("Haswell", "avx2"),
        ("Sandybridge", "avx"),
        ("Nehalem", "sse4_2"),
        ("Prescott", "sse3"),
    ),
    "aarch64": (("NEOVERSEN1", "asimddp"), ("CORTEXA57", "asimd"), ("ARMV8", "asimd")),
}


def hashing(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The order of sets of texts."""
    del subject, wishes
    for seed in _SEEDS:
        yield Choice(axis="hashing", value=str(seed), setting=Setting(variables={"PYTHONHASHSEED": str(seed)}))


def language(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Locales that are installed, and differ in more than language."""
    del subject, wishes
    installed = _locales()
    for name in _LOCALES:
        fitting = [locale for locale in installed if locale.startswith(name)]
        if fitting:
            yield Choice(axis="locale", value=name, setting=Setting(variables={"LC_ALL": fitting[-1]}))
        else:
            yield Absence(axis="locale", value=name, reason="it is not installed", remedy=_LOCALES_REMEDY)
    yield Choice(axis="locale", value="POSIX", setting=Setting(variables={"LC_ALL": "POSIX"}))


def timezone(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """Zones far from UTC, which every worker has otherwise."""
    del subject, wishes
    for name, zone in _ZONES:
        yield Choice(axis="timezone", value=name, setting=Setting(variables={"TZ": zone}))


def coretype(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """OpenBLAS's kernels for this and older processors; no engine calls it, so a kernel gets the oldest alone."""
    del wishes
    library, processor = blas_name(), capture_processor()
    if "openblas" not in library.lower():
        yield Absence(axis="coretype", reason=f"NumPy's BLAS is {library or 'none'}, not OpenBLAS")
        return
    known = _CORES.get(processor.architecture, ())
    usable = [name for name, feature in known if feature in processor.features]
    for name in usable if subject.manifest is None else usable[-1:]:
        yield Choice(axis="coretype", value=name, setting=Setting(variables={"OPENBLAS_CORETYPE": name}))
    if not usable:
        yield Absence(axis="coretype", reason=f"no names of OpenBLAS's kernels are known for {platform.machine()}")


def elementary(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """What `pow` and its kind are on a processor without AVX2 and FMA: the linker chooses before a mask can."""
    del subject, wishes
    processor = capture_processor()
    if platform.libc_ver()[0] != "glibc" or processor.architecture != "x86_64":
        yield Absence(axis="libm", reason="only glibc on x86-64 is known to have several of each function")
    elif "fma" not in processor.features:
        yield Absence(axis="libm", reason="this processor has no FMA, so the older functions are the reference's")
    else:
        yield Choice(axis="libm", value="older", setting=Setting(variables={"GLIBC_TUNABLES": _OLDER}))


def _locales() -> list[str]:
    try:
        done = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    except OSError:
        return []
    return sorted(done.stdout.split())
