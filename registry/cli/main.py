"""The root of the command tree, its errors and its logging."""

from __future__ import annotations

import importlib
import logging
from typing import Any

import click

import aivm
from aivm.errors import AivmError

#: Loaded when asked for, so that `aivm kernel lint` does not wait for a chain client.
COMMANDS = {
    "calibrate": "Find the tolerance of a kernel that is not bitwise, and what it lets through.",
    "chain": "Start a local chain, deploy the contracts.",
    "content": "Serve, add and fetch content-addressed files.",
    "demo": "Run the whole main job on an embedded chain.",
    "diverge": "Name the first operator and element in which two runs of a model differ.",
    "job": "Request inferences and read their results.",
    "kernel": "Write, check, run and publish kernels.",
    "minimise": "Reduce a difference between two engines to the smallest model and input that show it.",
    "suite": "Run a kernel in every environment of this machine, and certify it.",
    "trace": "Write down the digest of every operator's output in one run of a model.",
    "validator": "Stake, check the machine, and validate.",
}


class Failure(click.ClickException):
    """An error of ours, shown as its diagnostics."""

    def __init__(self, error: AivmError) -> None:
        super().__init__(error.diagnostics())

    def show(self, file: Any = None) -> None:
        """Writes the diagnostics to stderr, without a usage line: the usage was right."""
        del file
        click.echo(self.message, err=True)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and whose errors are for people."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in alphabetical order."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports `registry.cli.NAME` and takes its `command`."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"registry.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help text, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; our errors become one message, everything else a traceback."""
        try:
            return super().invoke(ctx)
        except AivmError as error:
            if ctx.params.get("traceback"):
                raise
            raise Failure(error) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(aivm.__version__, prog_name="aivm")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    envvar="AIVM_LOG_LEVEL",
    show_envvar=True,
    help="What is logged to stderr.",
)
@click.option("--traceback", is_flag=True, envvar="AIVM_TRACEBACK", show_envvar=True, help="Show where an error arose.")
def main(*, log_level: str, traceback: bool) -> None:
    """Run ONNX models so that their output can be believed.

    A publisher registers a model as a kernel on an EVM chain; staked validators, drawn by a verifiable random function,
    run it; a requester gets the output that a majority of them computed, bit for bit.
    """
    del traceback  # read from the context where errors are shown
    # Never wrapped: people search a log for ids, and copy them out of it.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("aivm", "registry"):  # ours only: a library's debug log is not for our users
        logging.getLogger(name).setLevel(log_level.upper())
