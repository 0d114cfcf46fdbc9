"""`aivm diverge`: where two runs of one model part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import recordings
from registry.cli.options import as_json, emit, option, progress

if TYPE_CHECKING:
    from aivm.arithmetic.trace import Recording
    from registry.cli.recordings import Run


@click.command(name="diverge")
@click.argument("a")
@click.argument("b")
@option(
    "--model",
    envvar="AIVM_MODEL",
    type=click.Path(exists=True, path_type=Path),
    help="What engines run: an ONNX file, or a kernel's folder. Traces need none.",
)
@recordings.inputs
@as_json
def command(
    *,
    a: str,
    b: str,
    model: Path | None,
    input_file: Path | None,
    case: str | None,
    seed: bytes,
    as_json: bool,
) -> None:
    """Name the first operator in which two runs of a model differ, its first element, and what the operator read.

    A and B are each a trace (NAME.json, as `aivm trace` writes it; with NAME.safetensors beside it, elements can be
    compared), or an engine that runs --model here: `reproducible`, with the options isa and threads, or `onnxruntime`,
    with threads and level, such as onnxruntime:threads=4,level=all. Distances are in ulp, representable numbers.

    Exit code 1 if they differ. Engines run in this process, without a sandbox: run no model that you do not trust.
    """
    from aivm.arithmetic.diverge import diverge

    run = None
    if not (_is_trace(a) and _is_trace(b)):
        if model is None:
            name = b if _is_trace(a) else a
            raise click.UsageError(f"{name} is no trace (NAME.json), and for an engine there must be a --model.")
        run = recordings.open_run(model, input_file=input_file, case=case, seed=seed)
    with progress("comparing"):
        report = diverge(_open(a, run), _open(b, run))
    if as_json:
        emit(report.data())
    else:
        click.echo(report.text())
    if report.divergence is not None:
        raise click.exceptions.Exit(1)


def _is_trace(text: str) -> bool:
    return Path(text).suffix == ".json"


def _open(text: str, run: Run | None) -> Recording:
    from aivm.arithmetic import tracefile
    from aivm.arithmetic.trace import TraceError

    if run is not None and not _is_trace(text):
        return run.record(text)
    try:
        return tracefile.load(Path(text))
    except OSError as error:
        raise TraceError(f"{text} cannot be read: {error.strerror}") from error
