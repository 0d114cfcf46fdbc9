"""The build backend: scikit-build-core, on machines without a C++ compiler too.

Where there is neither g++ 12 nor clang 14 nor anything newer, the PyPI package `ziglang`, which is a Clang with all
that belongs to it, becomes a build requirement and the compiler (cmake/Zig.cmake). `CXX`, if it is set, is what is
used, whatever it is; cmake/FloatRules.cmake then says whether it will do.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import toolchain
from scikit_build_core import build as backend
from scikit_build_core.build import build_sdist, get_requires_for_build_sdist

if TYPE_CHECKING:
    Settings = dict[str, list[str] | str] | None

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]


def get_requires_for_build_wheel(settings: Settings = None) -> list[str]:
    """What a build needs besides what pyproject.toml names."""
    return [*backend.get_requires_for_build_wheel(settings), *toolchain.requirements()]


def get_requires_for_build_editable(settings: Settings = None) -> list[str]:
    """What an editable build needs besides what pyproject.toml names."""
    return [*backend.get_requires_for_build_editable(settings), *toolchain.requirements()]


def build_wheel(wheel_directory: str, settings: Settings = None, metadata_directory: str | None = None) -> str:
    """A wheel."""
    os.environ.update(toolchain.variables())
    return backend.build_wheel(wheel_directory, settings, metadata_directory)


def build_editable(wheel_directory: str, settings: Settings = None, metadata_directory: str | None = None) -> str:
    """A wheel that leads to this directory."""
    os.environ.update(toolchain.variables())
    return backend.build_editable(wheel_directory, settings, metadata_directory)
