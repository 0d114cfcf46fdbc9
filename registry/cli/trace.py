"""`aivm trace`: what one run of a model computed, operator by operator, for `aivm diverge`."""

from __future__ import annotations

from pathlib import Path

import click

from registry.cli import recordings
from registry.cli.options import as_json, option, progress, show_facts


@click.command(name="trace")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@recordings.inputs
@option("--engine", envvar="AIVM_ENGINE", default="reproducible", show_default=True, help=recordings.ENGINE_HELP)
@option(
    "--output",
    envvar="AIVM_OUTPUT",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The trace's file, NAME.json.",
)
@option(
    "--contents",
    envvar="AIVM_CONTENTS",
    is_flag=True,
    help="Write the tensors too, into NAME.safetensors: without them only the operator can be named, not the element.",
)
@option(
    "--bodies",
    envvar="AIVM_BODIES",
    is_flag=True,
    help="Go into the bodies of composite operators and of the model's functions too.",
)
@as_json
def command(
    *,
    model: Path,
    input_file: Path | None,
    case: str | None,
    seed: bytes,
    engine: str,
    output: Path,
    contents: bool,
    bodies: bool,
    as_json: bool,
) -> None:
    """Run MODEL (an ONNX file, or a kernel's folder) once, and write the digest of every operator's output.

    The file is what one machine sends to another, so that both can find where they part: `aivm diverge`. The model runs
    in this process, without a sandbox: trace no model that you do not trust.
    """
    from aivm.arithmetic import tracefile

    run = recordings.open_run(model, input_file=input_file, case=case, seed=seed)
    with progress("running"):
        recording = run.record(engine)
        if bodies:
            if recording.descend is None:
                raise click.UsageError(f"{engine} does not show what is within operators.")
            recording = recording.descend()
        tracefile.save(recording, output, contents=contents)
    facts = {
        "trace": str(output),
        "digest": recording.trace.digest().hex(),
        "engine": recording.label,
        "operators": len(recording.trace.entries),
        "note": recording.note or None,
    }
    show_facts(facts, as_json=as_json)
