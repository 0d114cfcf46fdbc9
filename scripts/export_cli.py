"""Writes docs/cli.md: the help text of every command, as the commands give it.

python scripts/export_cli.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
HEAD = """# The command line

Written by `python scripts/export_cli.py`; a test keeps it current. Results go to stdout, logs and progress to stderr.
Exit codes: 0 done, 1 failed, 2 wrong usage.
"""


def render() -> str:
    """The whole page."""
    return HEAD + "".join(_sections(main, click.Context(main, info_name="aivm", **main.context_settings)))


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _sections(child, click.Context(child, info_name=name, parent=context, max_content_width=110))


if __name__ == "__main__":
    os.environ["COLUMNS"] = "110"  # not the terminal's
    TARGET.write_text(render(), encoding="utf-8")
