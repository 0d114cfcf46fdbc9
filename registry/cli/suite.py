"""`aivm suite`: how deterministic a kernel is, by evidence."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli.minimise import minimal
from registry.cli.options import Hex32, as_json, emit, option, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from aivm.determinism import Axis, Certificate, Matrix, Wishes
    from aivm.determinism.subject import Subject

CACHE = "~/.cache/aivm"


@click.group(name="suite")
def command() -> None:
    """Run a kernel in every environment that this machine offers, and certify what comes out."""


def _shared(function: Callable[..., None]) -> Callable[..., None]:
    """What both commands are told."""
    for decorate in reversed(
        (
            click.argument("kernel", type=click.Path(exists=True, file_okay=False, path_type=Path)),
            option(
                "--engine",
                envvar="AIVM_ENGINE",
                type=click.Choice(["reproducible", "onnxruntime"]),
                help="Run the same model and cases on this engine instead of the manifest's.",
            ),
            option("--axis", "axes", envvar="AIVM_AXIS", multiple=True, help="Only this axis; repeatable."),
            option("--without", envvar="AIVM_WITHOUT", multiple=True, help="Leave this axis out; repeatable."),
            option(
                "--ort-version",
                "ort_versions",
                envvar="AIVM_ORT_VERSION",
                multiple=True,
                help="Another release of ONNX Runtime to compare, such as 1.30.0, or 1.30.0@sha256:… for one wheel; "
                "fetched from PyPI into --cache; repeatable.",
            ),
            option(
                "--emulated",
                envvar="AIVM_EMULATED",
                type=click.Path(exists=True, file_okay=False, path_type=Path),
                help="The folder that `scripts/emulated.sh setup` made, if it is not build/emulated.",
            ),
            option(
                "--confined",
                is_flag=True,
                envvar="AIVM_CONFINED",
                help="Only environments whose worker is confined, for a kernel that is not trusted.",
            ),
            option(
                "--cache",
                envvar="AIVM_CACHE",
                default=CACHE,
                show_default=True,
                type=click.Path(file_okay=False, path_type=Path),
                help="Folder of what is built or fetched once.",
            ),
        )
    ):
        function = decorate(function)
    return function


@command.command()
@_shared
@option("--cross", envvar="AIVM_CROSS", help="Axes whose values are combined with each other, such as isa,threads.")
@option("--jobs", envvar="AIVM_JOBS", type=click.IntRange(1, 1024), help="Workers at a time. [default: processors]")
@option(
    "--scheduler",
    envvar="AIVM_SCHEDULER",
    help="Run on all hosts of the Dask cluster with this scheduler, such as tcp://10.0.0.1:8786.",
)
@option(
    "--journal",
    "journal_file",
    envvar="AIVM_SUITE_JOURNAL",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What is remembered, so that a stopped suite goes on. [default: suite.sqlite in --cache]",
)
@option(
    "--out",
    envvar="AIVM_OUT",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the certificate, the environment records that it names, and the matrix as a page (matrix.html).",
)
@option(
    "--surprises",
    envvar="AIVM_SURPRISES",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="Cases to add that the publisher could not know: inputs drawn within the manifest's conventions.",
)
@option(
    "--surprise-seed", envvar="AIVM_SURPRISE_SEED", type=Hex32(), help="What they are drawn from.  [default: random]"
)
@as_json
def run(
    *,
    kernel: Path,
    cross: str | None,
    jobs: int | None,
    scheduler: str | None,
    journal_file: Path | None,
    out: Path | None,
    surprises: int,
    surprise_seed: bytes | None,
    as_json: bool,
    **shared: Any,
) -> None:
    """Run all conformance cases of KERNEL, a packed folder, in every environment, and show the matrix.

    Every environment is a process of its own, which differs from the reference in the value of one axis. What is in the
    journal from the same environment is not run again. Exit code 1 if the class is below the one that the manifest
    claims.

    Masked and emulated processors run without the sandbox: give --confined with a kernel that you do not trust.
    """
    from aivm import determinism
    from aivm.determinism import show
    from aivm.determinism.cluster import run_on_cluster
    from aivm.determinism.journal import Journal
    from aivm.determinism.page import render
    from aivm.determinism.surprise import with_surprises

    subject, wishes, axes = _open(kernel, **shared)
    if surprises:
        subject = with_surprises(subject, surprise_seed or secrets.token_bytes(32), surprises)
    crossed = tuple(filter(None, (cross or "").split(",")))
    with Journal(journal_file or wishes.cache / "suite.sqlite") as journal:
        with _progress() as bar:
            if scheduler is None:
                planned = determinism.plan(subject, wishes, axes, crossed=crossed)
                bar.expect(len(planned.environments) * len(subject.cases))
                matrix = determinism.run(subject, planned, journal, jobs=jobs, on_cells=bar.advance)
                absences = planned.absences
                divergences = determinism.find(subject, matrix, journal, on_each=bar.trace)
            else:
                matrix, absences, divergences = run_on_cluster(
                    subject,
                    journal,
                    scheduler=scheduler,
                    wishes=wishes,
                    axes=[axis.name for axis in axes],
                    crossed=crossed,
                    on_cells=bar.advance,
                    on_plan=bar.expect,
                    on_each=bar.trace,
                )
        certificate = determinism.Certificate.of(subject, matrix, divergences, absences)
        if out is not None:
            _write(out, certificate, matrix)
            text = render(subject, matrix, divergences, absences, journal.output)
            (out / "matrix.html").write_text(text, encoding="utf-8")
    if as_json:
        emit({**show.data(subject, matrix, divergences, absences), "certificate": certificate.digest().hex()})
    else:
        click.echo(show.text(subject, matrix, divergences, absences))
        click.echo(f"certificate: {certificate.digest().hex()}")
    if _falls_short(subject, certificate) or matrix.conforms() is False:
        raise click.exceptions.Exit(1)


@command.command()
@_shared
@option("--environment", envvar="AIVM_ENVIRONMENT", required=True, help="Its name in the matrix, such as cpu=avx2.")
@option("--case", envvar="AIVM_CASE", help="The case that differs there.  [default: the first]")
@minimal
def minimise(*, kernel: Path, environment: str, case: str | None, out: Path, **shared: Any) -> None:
    """Reduce the difference between an environment and the reference to the smallest model and input that show it.

    Workers are not confined: run no kernel that you do not trust.
    """
    from aivm import determinism
    from aivm.determinism.minimise import differing, save
    from aivm.determinism.minimise import minimise as reduce
    from aivm.determinism.minimise.places import EnvironmentRunner

    subject, wishes, axes = _open(kernel, **shared)
    name = case or next(iter(subject.cases))
    if name not in subject.cases:
        raise click.UsageError(f"The kernel has no case {name!r}; it has {', '.join(subject.cases)}.")
    axis = [each for each in axes if each.name == environment.partition("=")[0]]
    planned = {each.name: each for each in determinism.plan(subject, wishes, axis).environments}
    if environment not in planned:
        raise click.UsageError(f"This machine offers no {environment!r}; see aivm suite axes.")
    with (
        EnvironmentRunner(subject, planned["reference"].setting) as reference,
        EnvironmentRunner(subject, planned[environment].setting) as other,
        progress("minimising"),
    ):
        found = reduce(subject.model, subject.cases[name], differing(reference, other), [reference, other])
    setting = planned[environment].setting
    what = {**setting.variables, **setting.runtime, **({"threads": setting.threads} if setting.threads else {})}
    said = ", ".join(f"{key}={value}" for key, value in sorted(what.items())) or setting.launcher.program[0]
    save(found, out, a="reference", b=environment, command=f"engine {subject.engine}; in {environment}: {said}")
    click.echo((out / "README.md").read_text(encoding="utf-8").rstrip())
    click.echo(f"\n{found.tries} comparisons; written to {out}")


@command.command()
@_shared
@as_json
def axes(*, kernel: Path, as_json: bool, **shared: Any) -> None:
    """List the axes, the values that this machine offers for KERNEL, and why it has no others."""
    from aivm.determinism import Absence

    subject, wishes, taken = _open(kernel, **shared)
    rows: list[dict[str, Any]] = []
    for axis in taken:
        found = list(axis.explore(subject, wishes))
        absent = [item for item in found if isinstance(item, Absence)]
        values = [item.value for item in found if not isinstance(item, Absence)]
        rows.append({"axis": axis.name, "what": axis.summary, "values": values, "absent": [str(a) for a in absent]})
    if as_json:
        emit(rows)
        return
    for row in rows:
        click.echo(f"{row['axis']:13} {row['what']}: {', '.join(row['values']) or '-'}")
        for reason in row["absent"]:
            click.echo(f"{'':13} not here: {reason}")


def _open(
    kernel: Path,
    *,
    engine: str | None,
    axes: tuple[str, ...],
    without: tuple[str, ...],
    ort_versions: tuple[str, ...],
    emulated: Path | None,
    confined: bool,
    cache: Path,
) -> tuple[Subject, Wishes, tuple[Axis, ...]]:
    """The kernel as a subject, what is wished for, and the axes."""
    from aivm import determinism
    from aivm import kernel as kernels

    left_out = determinism.named(without)
    chosen = determinism.named(axes) if axes else tuple(axis for axis in determinism.AXES if axis.usual)
    wishes = determinism.Wishes(
        cache=cache.expanduser().resolve(),
        ort_versions=ort_versions,
        emulated=emulated and emulated.resolve(),
        confined=confined,
    )
    subject = determinism.of_kernel(kernels.load(kernel), engine=engine)
    return subject, wishes, tuple(axis for axis in chosen if axis not in left_out)


@dataclass(frozen=True, slots=True)
class _Bar:
    """A progress bar: how many cells there are, how many more are done, what is traced."""

    progress: Progress
    task: TaskID

    def expect(self, total: int) -> None:
        self.progress.update(self.task, total=total)

    def advance(self, count: int) -> None:
        self.progress.advance(self.task, count)

    def trace(self, name: str) -> None:
        self.progress.update(self.task, description=f"tracing {name}")


@contextmanager
def _progress() -> Iterator[_Bar]:
    """A bar on stderr; silence when that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield _Bar(bar, bar.add_task("cases", total=None))


def _write(out: Path, certificate: Certificate, matrix: Matrix) -> None:
    """The record, and beside it the environment records that it names by their digests."""
    environments = out / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    (out / "certificate.json").write_bytes(certificate.record())
    for tried in matrix.alive:
        assert tried.environment is not None
        (environments / f"{tried.environment.digest().hex()}.json").write_bytes(tried.environment.record())


def _falls_short(subject: Subject, certificate: Certificate) -> bool:
    """Whether the class is below the claimed one; they are declared from the weakest to the strongest.

    `tolerant` is not for digests to show, and stands on its calibration.
    """
    from aivm.manifest import DeterminismClass

    assert subject.manifest is not None
    if subject.manifest.determinism is DeterminismClass.TOLERANT:
        return False
    order = list(DeterminismClass)
    return order.index(certificate.determinism) < order.index(subject.manifest.determinism)
