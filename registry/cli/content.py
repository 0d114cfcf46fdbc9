"""`aivm content`: serve, add and fetch content-addressed files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli.options import Listen, option
from registry.cli.options import content as content_options

if TYPE_CHECKING:
    from registry.content import ContentStore


@click.group(name="content")
def command() -> None:
    """Serve, add and fetch content-addressed files.

    The store is a folder of blocks. `serve` speaks the trustless gateway protocol: any IPFS client can fetch from it,
    and check what it gets.
    """


@command.command()
@option(
    "--listen",
    envvar="AIVM_LISTEN",
    type=Listen(),
    default="127.0.0.1:8080",
    show_default=True,
    help="Port 0 chooses one.",
)
@content_options
def serve(*, listen: tuple[str, int], content: ContentStore) -> None:
    """Serve the local blocks until interrupted. The URL is printed on stdout once it can be used."""
    from registry.content import gateway
    from registry.validator.daemon import stop_on_signals

    with stop_on_signals() as stop, gateway.serve(content.local, *listen) as url:
        click.echo(url)
        sys.stdout.flush()
        stop.wait()


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@content_options
def add(*, file: Path, content: ContentStore) -> None:
    """Put a file into the local store and print its CID (profile unixfs-v1-2025)."""
    with file.open("rb") as stream:
        click.echo(str(content.add_file(stream).cid))


@command.command()
@click.argument("cid")
@option(
    "--output",
    envvar="AIVM_OUTPUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here instead of stdout.",
)
@option(
    "--limit", envvar="AIVM_LIMIT", type=click.IntRange(0), default=2**30, show_default=True, help="Most bytes to take."
)
@content_options
def get(*, cid: str, output: Path | None, limit: int, content: ContentStore) -> None:
    """Fetch a file by its CID, checking every block, and write its bytes."""
    from aivm.cid import Cid

    chunks = content.read_file(Cid.parse(cid), limit=limit)
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    partial = output.with_name(output.name + ".part")
    with partial.open("wb") as stream:
        stream.writelines(chunks)
    partial.replace(output)
