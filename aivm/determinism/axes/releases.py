"""The axis of ONNX Runtime's releases: wheels from the package index, fetched only when asked for.

Each is kept in a folder of its own in the cache, with the wheel's name and SHA-256 beside it (`wheel.json`). A version
may be followed by the digest that the wheel has to have, `1.30.0@sha256:…`; another wheel is refused before anything of
it is unpacked. A release has a wheel for each interpreter and processor, each with a digest of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from aivm.determinism.axes.base import Absence, Choice
from aivm.determinism.setting import Setting
from aivm.errors import AivmError
from aivm.manifest import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aivm.determinism.axes.base import Wishes
    from aivm.determinism.subject import Subject

_PACKAGE: Final = "onnxruntime"
_WISH: Final = re.compile(r"([0-9]+(?:\.[0-9]+){1,3}(?:[a-z0-9.]+)?)(?:@sha256:([0-9a-f]{64}))?")
_SECONDS: Final = 600
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
#: What pip says where it has not even seen a list of releases.
_UNREACHED: Final = ("(from versions: none)", "NewConnectionError", "ConnectTimeoutError", "NameResolutionError")
_NOTE: Final = "wheel.json"


class ReleaseError(AivmError):
    """A release that cannot be had."""


class NoSuchReleaseError(ReleaseError):
    """The index has no such release for this interpreter and processor."""


class IndexUnreachableError(ReleaseError):
    """The index cannot be reached."""


class WheelDigestError(ReleaseError):
    """The index gave another wheel than the one that was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What was asked for.

    Attributes:
        version: as the index writes it.
        sha256: of the wheel, in hexadecimal; empty if any will do.
    """

    version: str
    sha256: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `1.30.0` or `1.30.0@sha256:…`.

        Raises:
            ReleaseError: it is neither.
        """
        match = _WISH.fullmatch(text)
        if match is None:
            raise ReleaseError(
                f"{text!r} is no release",
                hint="write it as PyPI does, such as 1.22.1, or 1.22.1@sha256:… with a digest",
            )
        return cls(version=match[1], sha256=match[2] or "")


def explore(subject: Subject, wishes: Wishes) -> Iterator[Choice | Absence]:
    """The releases that were asked for."""
    runtime = subject.manifest.runtime if subject.manifest else None
    if not isinstance(runtime, OnnxRuntime):
        yield Absence(axis="release", reason=f"the engine {subject.engine} is not ONNX Runtime")
        return
    if not wishes.ort_versions:
        remedy = "name some with --ort-version; each is fetched from PyPI, some 20 MB"
        yield Absence(axis="release", reason="no other release was asked for", remedy=remedy)
    for text in wishes.ort_versions:
        try:
            release = Release.parse(text)
            folder = fetch(release, wishes.cache)
        except ReleaseError as error:
            yield Absence(axis="release", value=text, reason=error.message, remedy=error.hint)
        else:
            setting = Setting(paths=(str(folder),), runtime={"version": release.version})
            yield Choice(axis="release", value=release.version, setting=setting)


def fetch(release: Release, cache: Path) -> Path:
    """The folder with a release of ONNX Runtime, fetched the first time.

    Raises:
        NoSuchReleaseError: there is none for this interpreter and processor.
        IndexUnreachableError: the index does not answer.
        WheelDigestError: its wheel, or the one in the cache, has another digest than the one that was named.
        ReleaseError: it cannot be unpacked or kept.
    """
    folder = cache / _PACKAGE / release.version
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
                _fetch(release, Path(fresh))
                (Path(fresh) / "packages").rename(folder)
        except OSError as error:
            raise ReleaseError(f"ONNX Runtime {release.version} cannot be kept: {error}") from error
    have = digest_of(folder)
    if release.sha256 and have != release.sha256:
        raise WheelDigestError(
            f"the cache has ONNX Runtime {release.version} from a wheel with SHA-256 {have}, not {release.sha256}",
            hint=f"if that digest is right, remove the folder {_PACKAGE}/{release.version} from the cache",
        )
    return folder


def digest_of(folder: Path) -> str:
    """The SHA-256 of the wheel that a folder came from, in hexadecimal.

    Raises:
        ReleaseError: the folder does not say.
    """
    try:
        return str(json.loads((folder / _NOTE).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"{folder.name} in the cache does not say which wheel it came from",
            hint="remove that folder, and run again",
        ) from error


def _fetch(release: Release, fresh: Path) -> None:
    """Downloads, checks and unpacks a wheel into `packages`."""
    wheels, packages = fresh / "wheels", fresh / "packages"
    exactly = f"{_PACKAGE}=={release.version}"
    _pip(release, "download", "--only-binary=:all:", "--retries=1", "--timeout=20", f"--dest={wheels}", exactly)
    (wheel,) = wheels.iterdir()
    have = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if release.sha256 and have != release.sha256:
        raise WheelDigestError(
            f"the index gave {wheel.name} with SHA-256 {have}, not {release.sha256}",
            hint="a release has a wheel for each interpreter and processor; check that the digest is of this one",
        )
    _pip(release, "install", "--no-index", "--no-compile", f"--target={packages}", str(wheel))
    (packages / _NOTE).write_text(json.dumps({"wheel": wheel.name, "sha256": have}) + "\n", "utf-8")


def _pip(release: Release, *arguments: str) -> None:
    """Runs pip without dependencies.

    Raises:
        ReleaseError: it failed; of the kind that its words show.
    """
    command, *others = arguments
    try:
        done = subprocess.run(
            [*_PIP, command, "--quiet", "--no-deps", *others],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise IndexUnreachableError(
            f"ONNX Runtime {release.version} was not there after {_SECONDS} s", hint="try again"
        ) from error
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines()
    last = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "nothing")
    if any(words in done.stderr for words in _UNREACHED):
        raise IndexUnreachableError(
            f"ONNX Runtime {release.version} cannot be fetched: the package index gives no list of releases",
            hint="go online, or have pip find an index (PIP_INDEX_URL, PIP_FIND_LINKS); what was fetched once is kept",
        )
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        raise NoSuchReleaseError(
            f"the package index has no ONNX Runtime {release.version} for this interpreter and processor",
            hint="pip index versions onnxruntime lists those that it has",
        )
    raise ReleaseError(f"ONNX Runtime {release.version} cannot be fetched: {last}")
