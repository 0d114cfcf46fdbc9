"""Finding anvil, or fetching the pinned one from npm."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from registry.errors import AnvilNotFoundError

VERSION = "1.7.1"
ENVIRONMENT_VARIABLE = "AIVM_ANVIL"
#: Seconds for a download of about 20 MB.
INSTALL_TIMEOUT = 300
HINT = (
    f"Install Node.js with npm and try again, or set {ENVIRONMENT_VARIABLE} to an anvil {VERSION} (from Foundry), "
    f"or run `npm ci` in a checkout."
)


def package_name(system: str = sys.platform, machine: str | None = None) -> str:
    """The npm package that holds the binary for a platform.

    Raises:
        AnvilNotFoundError: when there is none.
    """
    cpu = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        (machine or platform.machine()).lower()
    )
    if system not in {"linux", "darwin"} or cpu is None:
        raise AnvilNotFoundError(
            f"there is no anvil on npm for {system} on {machine or platform.machine()}",
            hint=f"Build Foundry {VERSION} and set {ENVIRONMENT_VARIABLE} to its anvil.",
        )
    return f"@foundry-rs/anvil-{system}-{cpu}"


def cache_folder() -> Path:
    """Where fetched tools are kept: `$AIVM_CACHE`, or `aivm` in the user's cache folder."""
    if chosen := os.environ.get("AIVM_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aivm"


def find_anvil(*, install: bool = True) -> Path:
    """The anvil to run: `$AIVM_ANVIL`, one on PATH of the pinned version, a checkout's, the cached one, or npm's.

    Args:
        install: whether npm may be asked to fetch it.

    Raises:
        AnvilNotFoundError: saying what was looked for and what to do.
    """
    if chosen := os.environ.get(ENVIRONMENT_VARIABLE):
        if os.access(chosen, os.X_OK) and Path(chosen).is_file():
            return Path(chosen)
        raise AnvilNotFoundError(f"{ENVIRONMENT_VARIABLE} is {chosen}, which is no program", hint=HINT)
    if (on_path := shutil.which("anvil")) and _is_pinned(Path(on_path)):
        return Path(on_path)
    package = package_name()
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        candidate = folder / "node_modules" / package / "bin" / "anvil"
        if candidate.is_file() and _is_pinned(candidate):
            return candidate
    cached = cache_folder() / f"anvil-{VERSION}" / "anvil"
    if cached.is_file():
        return cached
    if not install:
        raise AnvilNotFoundError(f"anvil {VERSION} is not on PATH, in node_modules or in {cached.parent}", hint=HINT)
    return _fetch(package, cached)


def _is_pinned(program: Path) -> bool:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return VERSION in said


def _fetch(package: str, target: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise AnvilNotFoundError(
            f"anvil {VERSION} is not here, and npm, which could fetch it, is not either", hint=HINT
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [
            npm,
            "install",
            "--prefix",
            folder,
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        try:
            done = subprocess.run(
                [*command, f"{package}@{VERSION}"], capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise AnvilNotFoundError(f"npm did not fetch {package} within {INSTALL_TIMEOUT} s", hint=HINT) from error
        fetched = Path(folder) / "node_modules" / package / "bin" / "anvil"
        if done.returncode != 0 or not fetched.is_file():
            raise AnvilNotFoundError(
                f"npm could not fetch {package}@{VERSION}: {done.stderr.strip()[-500:]}", hint=HINT
            )
        fetched.chmod(0o755)
        fetched.replace(target)  # whole or not at all, also when two processes fetch at the same time
    return target
