"""`aivm calibrate`: the tolerance of a kernel's output, with evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli.options import as_json, emit, option, progress
from registry.cli.recordings import ENGINE_HELP

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.fingerprint.evidence import Calibration, Impostor

_MILLION = 1_000_000


class Share(click.ParamType[int]):
    """A share such as 0.01 or 1%, as parts per million."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parts per million."""
        from decimal import Decimal, InvalidOperation

        if isinstance(value, int):
            return value
        text = str(value)
        try:
            parts = Decimal(text.removesuffix("%")) * (_MILLION // 100 if text.endswith("%") else _MILLION)
        except InvalidOperation:
            self.fail(f"{text!r} is no share, such as 0.01 or 1%", param, ctx)
        if not parts.is_finite() or not 0 <= parts <= _MILLION or parts != int(parts):
            self.fail(f"{text} is not between 0 and 1 in millionths", param, ctx)
        return int(parts)


def share(name: str, *, default: str, help_: str) -> Callable[[Any], Any]:
    """An option that takes a share, and has a default."""
    variable = "AIVM_" + name.removeprefix("--").upper().replace("-", "_")
    return option(name, envvar=variable, type=Share(), default=default, show_default=True, help=help_)


@click.command(name="calibrate")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@option("--sketch", envvar="AIVM_SKETCH", default="phash-64/1", show_default=True, help="How an image becomes bits.")
@option("--output", envvar="AIVM_OUTPUT", help="The output that is the image.  [default: the only one]")
@option(
    "--engine",
    "engines",
    envvar="AIVM_ENGINES",
    multiple=True,
    help=f"An honest environment, at least two, three for a correlation: {ENGINE_HELP}.  [default: reproducible, "
    "onnxruntime, onnxruntime:level=none]",
)
@option(
    "--substitute",
    "substitutes",
    envvar="AIVM_SUBSTITUTES",
    multiple=True,
    metavar="NAME=FILE",
    help="A model that a cheat might run on the same seed. float16 weights are always tried.",
)
@option("--images", envvar="AIVM_IMAGES", type=click.IntRange(2, 100_000), default=600, show_default=True)
@share("--vote-false-rejection", default="1%", help_="The tolerance is the smallest that rejects no more honest votes.")
@share("--false-rejection", default="1%", help_="How often a committee may reject an honest output.")
@share("--false-acceptance", default="1%", help_="How often a committee may accept a false one.")
@share("--colluding", default="0", help_="The share of members that vote for false outputs and against honest ones.")
@option("--confidence", envvar="AIVM_CONFIDENCE", type=Share(), default="95%", show_default=True)
@as_json
def command(
    *,
    folder: Path,
    sketch: str,
    output: str | None,
    engines: tuple[str, ...],
    substitutes: tuple[str, ...],
    images: int,
    vote_false_rejection: int,
    false_rejection: int,
    false_acceptance: int,
    colluding: int,
    confidence: int,
    as_json: bool,
) -> None:
    """Find the tolerance of a seeded kernel's output, what it lets through, and the committee that follows.

    Honest engines run the kernel on many seeds; the tolerance is the smallest number of differing bits at which they
    accept each other. Outputs of other seeds and of other models on the same seed are held against it. The evidence is
    written to calibration.json in the kernel's folder; `aivm kernel pack` links it from the manifest.

    Engines run in this process, without a sandbox: run no model that you do not trust.
    """
    from aivm import kernel as kernels
    from aivm import records, unixfs
    from aivm.determinism.calibration import Targets, calibrate, half_precision, sample
    from aivm.determinism.calibration.campaign import HALF_PRECISION
    from aivm.fingerprint import sketches
    from aivm.kernel import files

    kernel = kernels.load(folder)
    names = [spec.name for spec in kernel.manifest.outputs]
    if output is None and len(names) > 1:
        raise click.UsageError(f"The kernel has several outputs; name one with --output: {', '.join(names)}.")
    models = {HALF_PRECISION: half_precision(kernel.model), **_read(substitutes)}
    chosen = engines or ("reproducible", "onnxruntime", "onnxruntime:level=none")
    with progress("making images") as say:
        samples = sample(
            kernel,
            sketch=sketches.named(sketch),
            output=output or names[0],
            engines=chosen,
            substitutes=models,
            images=images,
            on_image=lambda done: say(f"made {done} of {images} images") if done % 50 == 0 else None,
        )
    calibration = calibrate(
        samples,
        Targets(
            vote_false_rejection_ppm=vote_false_rejection,
            committee_false_rejection_ppm=false_rejection,
            committee_false_acceptance_ppm=false_acceptance,
            colluding_ppm=colluding,
            confidence_ppm=confidence,
        ),
        model=kernel.manifest.model.cid,
        sketch=sketch,
        output=output or names[0],
        substitutes={name: str(unixfs.import_bytes(data).cid) for name, data in models.items()},
    )
    data = records.encode(calibration)
    files.write_file(folder, files.CALIBRATION, data)
    if as_json:
        emit(json.loads(data))
    else:
        _show(calibration, folder)


def _read(substitutes: tuple[str, ...]) -> dict[str, bytes]:
    models = {}
    for text in substitutes:
        name, _, path = text.partition("=")
        if not name or not path:
            raise click.UsageError(f"--substitute {text}: want NAME=FILE.")
        if name in models:
            raise click.UsageError(f"--substitute {name} is given twice.")
        try:
            models[name] = Path(path).read_bytes()
        except OSError as error:
            raise click.UsageError(f"--substitute {name}: {path} cannot be read: {error.strerror}.") from error
    return models


def _show(calibration: Calibration, folder: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    honest = calibration.honest
    correlation = "unknown" if honest.correlation_ppm is None else f"{honest.correlation_ppm / _MILLION:.2f}"
    click.echo(
        f"tolerance    {calibration.tolerance} of {len(honest.histogram) - 1} bits ({calibration.sketch} of "
        f"{calibration.output!r}, {calibration.images} images, {len(calibration.environments)} environments)\n"
        f"honest       {honest.rejected} of {honest.pairs} pairs rejected, at most {_percent(honest.rejection_ppm)}; "
        f"correlation of votes {correlation}, at most {honest.correlation_upper_ppm / _MILLION:.2f}"
    )
    table = Table(box=box.SIMPLE)
    for heading in ("impostor", "accepted", "at most", "correlation", "committee"):
        table.add_column(heading, justify="left" if heading == "impostor" else "right")
    for each in calibration.impostors:
        table.add_row(*_row(each))
    Console().print(table)
    click.echo(f"{folder}/calibration.json is the evidence; link it: aivm kernel pack {folder}")


def _row(each: Impostor) -> tuple[str, ...]:
    committee = "none" if each.committee is None else str(each.committee.size)
    return (
        each.name,
        f"{each.accepted} of {each.pairs}",
        _percent(each.acceptance_ppm),
        f"{each.correlation_upper_ppm / _MILLION:.2f}",
        committee,
    )


def _percent(millionths: int) -> str:
    return f"{millionths / 10_000:.3g} %"
