"""`aivm minimise`: the smallest model and input on which two engines still differ."""

from __future__ import annotations

from pathlib import Path

import click

from registry.cli import recordings
from registry.cli.options import as_json, emit, option, progress

#: Where a smallest model goes.
minimal = option(
    "--out",
    envvar="AIVM_OUT",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write model.onnx, inputs.safetensors and README.md to.",
)


@click.command(name="minimise")
@click.argument("a")
@click.argument("b")
@option(
    "--model",
    envvar="AIVM_MODEL",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="An ONNX file, or a kernel's folder.",
)
@recordings.inputs
@minimal
@option(
    "--most",
    envvar="AIVM_MOST",
    type=click.IntRange(1),
    default=3000,
    show_default=True,
    help="Comparisons; what is left when they are used up still shows the difference.",
)
@as_json
def command(
    *,
    a: str,
    b: str,
    model: Path,
    input_file: Path | None,
    case: str | None,
    seed: bytes,
    out: Path,
    most: int,
    as_json: bool,
) -> None:
    """Reduce a difference between engines A and B to the smallest model and input that still show it.

    A and B are engines as `aivm diverge` takes them, such as reproducible or onnxruntime:level=none. Operators are
    taken away as long as both still differ, then extents shrink and numbers become simple. What is left is an ONNX
    file that runs alone.

    Engines run in this process, without a sandbox: run no model that you do not trust.
    """
    from aivm.determinism.minimise import differing, engine_runner, minimise, save

    run = recordings.open_run(model, input_file=input_file, case=case, seed=seed)
    runners = [engine_runner(a), engine_runner(b)]
    with progress("minimising"):
        found = minimise(run.model, run.inputs, differing(*runners), runners, most=most)
    save(found, out, a=a, b=b)
    if as_json:
        emit(
            {
                "operators": list(found.operators),
                "nodes": list(found.nodes),
                "elements": list(found.elements),
                "tries": found.tries,
                "folder": str(out),
            }
        )
        return
    click.echo((out / "README.md").read_text(encoding="utf-8").rstrip())
    click.echo(f"\n{found.tries} comparisons; written to {out}")
