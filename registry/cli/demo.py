"""`aivm demo`: the whole main job on an embedded chain."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click

from registry.amounts import ether
from registry.cli.options import as_json, emit, option, progress

KERNEL = Path(__file__).resolve().parents[2] / "kernels" / "digits"


@click.command(name="demo")
@option(
    "--kernel",
    envvar="AIVM_DEMO_KERNEL",
    default=KERNEL,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the digits kernel; by default, the one of the source tree.",
)
@option(
    "--keep",
    envvar="AIVM_DEMO_KEEP",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep blocks and journals in this new folder.",
)
@as_json
def command(*, kernel: Path, keep: Path | None, as_json: bool) -> None:
    """Publish, admit, request and settle a kernel, with one validator that cheats.

    An embedded chain, a block store on disk, five validators, a dApp contract. Nothing leaves this machine.
    """
    from registry import demo

    if keep is not None:
        keep.mkdir(parents=True)
    folder = nullcontext(str(keep)) if keep is not None else tempfile.TemporaryDirectory(prefix="aivm-demo-")
    with folder as path, progress("starting") as say:
        report = demo.run(Path(path), kernel, say)
    if as_json:
        emit(report)
    else:
        _show(report)


def _show(report: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)

    def table(title: str, *columns: str) -> Table:
        console.print(f"[bold]{title}[/]")
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            made.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
        return made

    kernel, job, cheat = report["kernel"], report["job"], report["cheat"]
    console.print(f"[bold]kernel[/]  {kernel['name']}  [green]{kernel['status']}[/]")
    console.print(f"  id   {kernel['id']}\n  cid  {kernel['cid']}")
    tried = kernel["tried"]
    count, found = sum(len(each["environments"]) for each in tried), {each["determinism"] for each in tried}
    console.print(
        f"  {' '.join(found)} in {count} environments of {len(tried)} validators, {kernel['classes']} classes\n"
    )

    steps = table("Who did what", "step", ">gas", "who")
    for step, entries in groupby(report["log"], key=itemgetter("step")):
        taken = list(entries)
        gas = f"{max(entry['gas'] for entry in taken):,}"
        steps.add_row(step.replace("_", " "), gas, _names([entry["who"] for entry in taken]))
    console.print(steps)

    for title, each in (("An inference", job), ("The same dApp, with a cheat on the committee", cheat["job"])):
        votes = table(
            f"{title}: the contract was told {each['label']}, the image shows {each['expected_label']}",
            "committee",
            ">answer",
            "output digest",
            "environment",
        )
        for seat in each["committee"]:
            agrees = seat["digest"] == each["output_digest"]
            colour = "green" if agrees else "red"
            votes.add_row(
                seat["name"],
                str(seat["answer"]),
                f"[{colour}]{seat['digest'][:18]}…[/]",
                seat["environment"][:18] + "…",
            )
        console.print(votes)
        taken = [f"{entry['step'].replace('_', ' ')} {entry['gas']:,}" for entry in each["transactions"]]
        console.print(f"{len(taken)} transactions: {', '.join(taken)} gas\n")
    console.print(
        f"[bold]cheat[/]   {cheat['name']} {cheat['fault']}, was outvoted, and lost "
        f"{ether(cheat['slashed_wei'])} of its stake\n"
    )

    wealth = table("Balances: wallet, stake, bond and credit, in ether", "who", ">before", ">after", ">change")
    for name, both in report["balances"].items():
        before, after = both["before_wei"], both["after_wei"]
        wealth.add_row(name, f"{before / 1e18:.6f}", f"{after / 1e18:.6f}", f"{(after - before) / 1e18:+.6f}")
    console.print(wealth)
    console.print(f"done in {report['seconds']:.1f} s; `aivm demo --json` gives the same as data")


def _names(who: list[str]) -> str:
    """`validator 3, validator 4` is `validators 3, 4`."""
    if len(who) == 1:
        return who[0]
    return "validators " + ", ".join(name.removeprefix("validator ") for name in who)
