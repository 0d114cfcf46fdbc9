"""The axis of emulated processors: qemu-user with Python and wheels of their own, set up by scripts/emulated.sh."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aivm
from aivm.determinism import overlay
from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import HERE, Launcher, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

#: An emulated process takes some ten to fifty times as long.
_SLOWNESS: Final = 60
_REMEDY: Final = (
    "run `scripts/emulated.sh setup` in the source tree (some minutes, 700 MB), or name one with --emulated"
)


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """A Sandy Bridge, the oldest x86-64 that NumPy's wheels run on, and a Neoverse N1."""
    if wishes.confined:
        yield Absence(axis="emulated", reason="an emulated process cannot be confined")
        return
    if platform.machine() != "x86_64" or sys.platform != "linux":
        yield Absence(axis="emulated", reason="machines are emulated from x86-64 Linux alone")
        return
    folder = wishes.emulated or Path(aivm.__file__).resolve().parents[1] / "build" / "emulated"
    tools = folder / "tools" / "usr" / "bin"
    yield from _older(tools / "qemu-x86_64-static")
    yield from _arm(subject, wishes, folder, tools / "qemu-aarch64-static")


def _older(emulator: Path) -> Iterator[Choice | Absence]:
    name = "sandybridge"
    if not emulator.exists():
        yield Absence(axis="emulated", value=name, reason="its emulator is not set up", remedy=_REMEDY)
        return
    program = (str(emulator), "-cpu", "SandyBridge", *HERE)
    launcher = Launcher(program=program, confined=False, slowness=_SLOWNESS)
    yield Choice(axis="emulated", value=name, setting=Setting(launcher=launcher))


def _arm(subject: Subject, wishes: Wishes, folder: Path, emulator: Path) -> Iterator[Choice | Absence]:
    name, root, wheels = "neoverse-n1", folder / "aarch64", folder / "wheels"
    core = next(iter((wheels / "aivm" / "arithmetic").glob("_core.*.so")), None)
    runtime = folder / "onnxruntime"
    if core is None or not emulator.exists() or not (root / "proc" / "cpuinfo").exists():
        yield Absence(axis="emulated", value=name, reason="it is not set up", remedy=_REMEDY)
        return
    if subject.engine == "onnxruntime" and not (runtime / "ready").exists():
        yield Absence(axis="emulated", value=name, reason="it has no ONNX Runtime", remedy=_REMEDY)
        return
    # The sources as they are now, with the core that was cross-compiled, and the packages of that machine.
    packages = [Path(aivm.__file__).resolve().parent]
    described = Path(str(importlib.metadata.distribution("aivm").locate_file("")))
    packages += sorted(described.glob("aivm-*.dist-info"))
    overlaid = overlay.build(wishes.cache, packages, {f"aivm/arithmetic/{core.name}": core})
    paths = (str(overlaid), str(runtime), str(wheels))
    interpreter = str(root / "usr" / "bin" / "python3")
    program = (str(emulator), "-cpu", "neoverse-n1", "-L", str(root), interpreter, "-S", "-s", "-P")
    launcher = Launcher(program=program, paths=paths, confined=False, slowness=_SLOWNESS)
    yield Choice(axis="emulated", value=name, setting=Setting(launcher=launcher))
