"""Folders of links that stand for installed packages, with some of their files replaced.

A masked or an emulated process needs another native library inside of a package whose Python files are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: The sources of the core, which nobody imports.
_SOURCES = ("aivm", "arithmetic", "core")


def build(cache: Path, packages: Iterable[Path], replaced: Mapping[str, Path]) -> Path:
    """A folder with a link to every file of the packages, but for those that are replaced.

    It is made once for what it holds, and put in its place whole, so that several processes may ask for it at once.

    Args:
        cache: the folder in which it is kept.
        packages: folders of packages.
        replaced: files by their path in it, such as `aivm/arithmetic/_core.so`.

    Returns:
        Its path.
    """
    links = {str(inside): source for package in packages for inside, source in _files(package)}
    links |= {name: source.resolve() for name, source in replaced.items()}
    name = hashlib.sha256("\n".join(f"{at}\t{to}" for at, to in sorted(links.items())).encode()).hexdigest()[:32]
    folder = cache / "overlays" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    for at, to in links.items():
        (fresh / at).parent.mkdir(parents=True, exist_ok=True)
        (fresh / at).symlink_to(to)
    with contextlib.suppress(OSError):  # somebody else was quicker
        fresh.rename(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _files(package: Path) -> Iterator[tuple[Path, Path]]:
    for source in sorted(package.rglob("*")):
        inside = source.relative_to(package.parent)
        if not source.is_dir() and "__pycache__" not in inside.parts and inside.parts[:3] != _SOURCES:
            yield inside, source.resolve()
