"""The axis of ONNX Runtime's releases: wheels from PyPI, fetched only when asked for, each into a folder of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import Setting
from aivm.errors import AivmError
from aivm.manifest import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

_SECONDS = 600


class ReleaseError(AivmError):
    """A release that cannot be had."""


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The releases that were asked for."""
    runtime = subject.manifest.runtime if subject.manifest else None
    if not isinstance(runtime, OnnxRuntime):
        yield Absence(axis="release", reason=f"the engine {subject.engine} is not ONNX Runtime")
        return
    if not wishes.ort_versions:
        remedy = "name some with --ort-version; each is fetched from PyPI, some 20 MB"
        yield Absence(axis="release", reason="no other release was asked for", remedy=remedy)
    for version in wishes.ort_versions:
        try:
            folder = fetch(version, wishes.cache)
        except ReleaseError as error:
            yield Absence(axis="release", value=version, reason=error.message, remedy=error.hint)
        else:
            setting = Setting(paths=(str(folder),), runtime={"version": version})
            yield Choice(axis="release", value=version, setting=setting)


def fetch(version: str, cache: Path) -> Path:
    """The folder with a release of ONNX Runtime, fetched the first time.

    Raises:
        ReleaseError: PyPI has no such release for this interpreter, or cannot be reached.
    """
    if re.fullmatch(r"[0-9]+(\.[0-9]+){1,3}([a-z0-9.]+)?", version) is None:
        raise ReleaseError(f"{version!r} is no version", hint="write it as PyPI does, such as 1.22.1")
    folder = cache / "onnxruntime" / version
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--target", str(fresh), f"onnxruntime=={version}"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
        fresh.rename(folder)
    except subprocess.SubprocessError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise ReleaseError(f"ONNX Runtime {version} cannot be fetched: {said[-1] if said else error}") from error
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ReleaseError(f"ONNX Runtime {version} cannot be kept: {error}") from error
    return folder
