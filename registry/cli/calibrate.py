"""`aivm calibrate`: the tolerance of a kernel's output, with evidence."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli.options import as_json, emit, option, progress
from registry.cli.recordings import ENGINE_HELP
from registry.cli.suite import CACHE

if TYPE_CHECKING:
    from collections.abc import Callable

    from aivm.determinism.calibration import Samples
    from aivm.fingerprint.evidence import Calibration, Impostor
    from aivm.kernel import Kernel
    from aivm.kernel.aggregating import Reading

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
@option("--sketch", envvar="AIVM_SKETCH", help="How an image becomes bits.  [default: kernel.toml's, or phash-64/1]")
@option(
    "--output", envvar="AIVM_OUTPUT", help="The output that is the image.  [default: kernel.toml's, or the only one]"
)
@option(
    "--layout",
    envvar="AIVM_LAYOUT",
    type=click.Choice(["flat", "hw", "chw", "hwc"]),
    help="How it is read.  [default: kernel.toml's, or flat for simhash, else chw, or hw by rank]",
)
@option("--axis", "axes", envvar="AIVM_AXIS", multiple=True, help="Only environments of this axis; repeatable.")
@option("--without", envvar="AIVM_WITHOUT", multiple=True, help="Leave this axis out; repeatable.")
@option("--jobs", envvar="AIVM_JOBS", type=click.IntRange(1, 1024), help="Workers at a time. [default: processors]")
@option(
    "--cache",
    envvar="AIVM_CACHE",
    default=CACHE,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what was run already (calibration.sqlite).",
)
@option(
    "--engine",
    "engines",
    envvar="AIVM_ENGINES",
    multiple=True,
    help=f"Instead of the suite's environments: an engine in this process, at least two: {ENGINE_HELP}.",
)
@option(
    "--substitute",
    "substitutes",
    envvar="AIVM_SUBSTITUTES",
    multiple=True,
    metavar="NAME=FILE",
    help="A model that a cheat might run on the same seed. float16 weights are always tried, where that rounds them.",
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
    sketch: str | None,
    output: str | None,
    layout: str | None,
    substitutes: tuple[str, ...],
    images: int,
    vote_false_rejection: int,
    false_rejection: int,
    false_acceptance: int,
    colluding: int,
    confidence: int,
    as_json: bool,
    **where: Any,
) -> None:
    """Find the tolerance of a kernel's output, what it lets through, and the committee that follows.

    FOLDER has kernel.toml, model.onnx and cases. The environments of `aivm suite` that the manifest allows make the
    same images, and the tolerance is the smallest number of differing bits at which they accept each other. Outputs of
    other seeds and of other models on the same seed are held against it. The evidence is written to calibration.json
    in the folder; `aivm kernel pack` links it from the manifest, and with the rule hamming takes the tolerance from it.

    Run no model that you do not trust: masked and emulated processors, and engines, run without a sandbox.
    """
    from aivm import kernel as kernels
    from aivm import records, unixfs
    from aivm.determinism.calibration import Targets, calibrate, check_images
    from aivm.kernel import files

    targets = Targets(
        vote_false_rejection_ppm=vote_false_rejection,
        committee_false_rejection_ppm=false_rejection,
        committee_false_acceptance_ppm=false_acceptance,
        colluding_ppm=colluding,
        confidence_ppm=confidence,
    )
    check_images(images, targets)
    kernel = kernels.draft(folder)
    reading = _reading(kernel, sketch, output, layout)
    models = _substitutes(kernel, substitutes)
    samples = _sample(kernel, reading, models, images, **where)
    calibration = calibrate(
        samples,
        targets,
        model=kernel.manifest.model.cid,
        sketch=reading.sketch.name,
        output=reading.output,
        layout=reading.layout,
        substitutes={name: str(unixfs.import_bytes(data).cid) for name, data in models.items()},
    )
    data = records.encode(calibration)
    files.write_file(folder, files.CALIBRATION, data)
    if as_json:
        emit(json.loads(data))
    else:
        _show(calibration, folder)


def _reading(kernel: Kernel, sketch: str | None, output: str | None, layout: str | None) -> Reading:
    """What is asked for; what is not said, as kernel.toml has it."""
    from aivm.fingerprint import Layout
    from aivm.kernel.aggregating import reading_of
    from aivm.manifest import Hamming

    outputs, rule = kernel.manifest.outputs, kernel.manifest.aggregation
    if not isinstance(rule, Hamming):
        chosen = None if layout is None else Layout(layout)
        return reading_of(outputs, sketch=sketch or "phash-64/1", output=output, layout=chosen)
    for name, said, wanted in (
        ("sketch", sketch, rule.sketch),
        ("output", output, rule.output),
        ("layout", layout, rule.layout),
    ):
        if said not in (None, wanted):
            raise click.UsageError(f"--{name} {said}: kernel.toml says {wanted}.")
    return reading_of(outputs, sketch=rule.sketch, output=rule.output, layout=rule.layout)


def _substitutes(kernel: Kernel, named: tuple[str, ...]) -> dict[str, bytes]:
    from aivm.determinism.calibration import HALF_PRECISION, CalibrationError, half_precision

    models = _read(named)
    try:
        return {HALF_PRECISION: half_precision(kernel.model), **models}
    except CalibrationError:
        # A model without float32 constants, or beyond float16: then the named ones are all there are.
        if not models:
            raise
        return models


def _sample(
    kernel: Kernel,
    reading: Reading,
    models: dict[str, bytes],
    images: int,
    *,
    engines: tuple[str, ...],
    axes: tuple[str, ...],
    without: tuple[str, ...],
    jobs: int | None,
    cache: Path,
) -> Samples:
    from aivm import determinism
    from aivm.determinism.calibration import gather, images_of, sample

    with progress("making images") as say:
        if engines:

            def engine_says(done: int) -> None:
                if done % 50 == 0:
                    say(f"made {done} of {images} images")

            return sample(
                kernel, reading=reading, engines=engines, substitutes=models, images=images, on_image=engine_says
            )
        chosen = determinism.named(axes) if axes else tuple(axis for axis in determinism.AXES if axis.usual)
        left_out = determinism.named(without)
        subject, wishes = images_of(kernel, images), determinism.Wishes(cache=cache.expanduser().resolve())
        planned = determinism.plan(subject, wishes, [axis for axis in chosen if axis not in left_out])
        done = _Count(total=images * (len(planned.environments) + len(models)), say=say)
        with determinism.Journal(wishes.cache / "calibration.sqlite") as journal:
            gathered = gather(
                kernel, subject, planned, journal, reading=reading, substitutes=models, jobs=jobs, on_cells=done.add
            )
    for reason in (*map(str, planned.absences), *gathered.left_out):
        click.echo(f"not compared: {reason}", err=True)
    return gathered.samples


@dataclass(slots=True, kw_only=True)
class _Count:
    """Tells how many images are made; several threads add to it."""

    total: int
    say: Callable[[str], None]
    _done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if count > 1 or self._done % 50 == 0:
                self.say(f"made {self._done} of {self.total} images")


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
