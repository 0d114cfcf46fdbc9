"""The packages that the optional parts of this one need."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys


def install_command(extra: str) -> str:
    """The command that installs what an extra brings into the environment that asks for it.

    It names the packages: `aivm` itself is not on PyPI, where another project has that name.
    """
    marker = f'extra == "{extra}"'
    requirements = (each.replace("'", '"').split(";") for each in importlib.metadata.requires("aivm") or ())
    packages = [name.strip() for name, *condition in requirements if marker in "".join(condition)]
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])
