"""`aivm job`: request inferences and read their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.amounts import ether
from registry.cli.options import (
    Hex32,
    as_json,
    dry_run,
    emit,
    find_kernel,
    key_file,
    network,
    option,
    progress,
    show_facts,
)
from registry.cli.tensors import dtypes_of, read_inputs

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from aivm.determinism import Certificate
    from registry.admissions import Testimony
    from registry.jobs import Job, Seat
    from registry.network import Network

JOB = click.argument("job", type=Hex32())
environment_class = option(
    "--environment-class",
    envvar="AIVM_ENVIRONMENT_CLASS",
    type=Hex32(),
    help="Only validators of this class, which a pinned kernel needs. Default: any.",
)


@click.group(name="job")
def command() -> None:
    """Request inferences and read their results."""


@command.command()
@click.argument("kernel")
@option(
    "--input",
    "input_file",
    envvar="AIVM_INPUT",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Input tensors: .safetensors, .npz or .json.",
)
@option(
    "--committee",
    envvar="AIVM_COMMITTEE",
    type=click.Choice(["3", "5", "7"]),
    default="3",
    show_default=True,
    help="How many validators have to run it.",
)
@environment_class
@key_file
@network()
@dry_run
@as_json
def request(
    *,
    kernel: str,
    input_file: Path,
    committee: str,
    environment_class: bytes | None,
    account: LocalAccount,
    network: Network,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish the inputs and pay for one inference by KERNEL (`handle/name@version`, or an id)."""
    from registry import requester

    kernel_id = find_kernel(network, kernel)
    inputs = read_inputs(input_file, dtypes_of(requester.manifest_of(network, kernel_id)))
    call, value = requester.prepare(
        network,
        account.address,
        kernel=kernel_id,
        inputs=inputs,
        committee_size=int(committee),
        environment_class=environment_class or requester.ANY_CLASS,
    )
    if dry_run:
        emit(network.chain.dry_run(call, sender=account, value=value))
        return
    with progress("requesting"):
        receipt = network.chain.transact(call, sender=account, value=value)
    job = receipt.event("JobRequested")["job"]
    if as_json:
        emit({"job": job, "escrow_wei": value, "transaction": receipt.transaction, "gas": receipt.gas_used})
        return
    click.echo(
        f"job  0x{job.hex()}\npaid {ether(value)}, of which what is not used comes back\n"
        f"Follow it: aivm job watch 0x{job.hex()}"
    )


@command.command()
@JOB
@network()
@as_json
def show(*, job: bytes, network: Network, as_json: bool) -> None:
    """Show how far a job is, and who says what."""
    from registry.jobs import job_of

    state = job_of(network.market, job)
    result = state.result
    facts = {
        "job": job,
        "status": state.status.name.lower(),
        "kind": state.kind.name.lower(),
        "kernel": state.kernel,
        "input": state.input,
        "requester": state.requester,
        "round": state.round,
        "seed": state.seed if any(state.seed) else None,
        "digest": result.digest if any(result.digest) else None,
        "answer": result.answer if any(result.digest) else None,
        **_rule(state),
        "failure": None if state.failure is None else state.failure.name.lower(),
        "delivered": state.delivered,
    }
    seats = _seats(state)
    if as_json:
        emit({**facts, "committee": seats})
        return
    show_facts(facts, as_json=False)
    for seat in seats:
        away = "" if seat.get("distance") is None else f", {seat['distance']} bits from the result"
        due = "" if seat["outcome"] is None else f", {seat['outcome']}"
        click.echo(f"  {seat['validator']}  round {seat['round']}  {seat['state']}{away}{due}")


def _rule(job: Job) -> dict[str, object]:
    """Of a job whose answers have to be near to each other: how near, and to which sketch."""
    from aivm.manifest import AggregationRule

    if job.terms.rule is not AggregationRule.HAMMING:
        return {}
    sketch = job.result.sketch if any(job.result.digest) else None
    return {"tolerance_bits": job.terms.tolerance, "sketch": sketch}


def _seats(job: Job) -> list[dict[str, object]]:
    """What each member said, how far that is from the result where distance counts, and what it is due."""
    from aivm.manifest import AggregationRule
    from aivm.settlement import distance
    from registry.contracts.types import outcomes_of

    settled, tolerant = any(job.result.digest), job.terms.rule is AggregationRule.HAMMING
    due = outcomes_of(job.progress.outcomes, len(job.seats)) if settled else [None] * len(job.seats)
    rows = []
    for seat, outcome in zip(job.seats, due, strict=True):
        row, said = _seat(seat), seat.attestation
        row["outcome"] = None if outcome is None else outcome.name.lower()
        if tolerant:
            sketch = None if said is None or said.is_refusal else said.sketch
            row["sketch"] = sketch
            row["distance"] = distance(sketch, job.result.sketch) if sketch is not None and settled else None
        rows.append(row)
    return rows


def _seat(seat: Seat) -> dict[str, object]:
    said = seat.attestation
    if said is not None:
        text = "refused" if said.is_refusal else f"revealed 0x{said.digest.hex()}"
    else:
        text = "silent" if seat.commitment is None else "committed"
    return {
        "validator": seat.member,
        "round": seat.round,
        "state": text,
        "environment": None if said is None else said.environment,
    }


@command.command()
@JOB
@option("--timeout", envvar="AIVM_TIMEOUT", type=float, default=600.0, show_default=True, help="Seconds.")
@network()
@as_json
def watch(*, job: bytes, timeout: float, network: Network, as_json: bool) -> None:
    """Wait until a job has a result; exit code 1 if it fails or does not come in time."""
    from registry import requester

    with progress("waiting") as say:

        def changed(state: Job) -> None:
            text = f"{state.status.name.lower()}, round {state.round}"
            say(text)
            click.echo(text, err=True)

        state = requester.wait(network, job, timeout=timeout, on_change=changed)
    facts = {"job": job, "digest": state.result.digest, "answer": state.result.answer, **_rule(state)}
    show_facts(facts, as_json=as_json)


@command.command()
@JOB
@option(
    "--output",
    envvar="AIVM_OUTPUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the tensors to this file.",
)
@network()
@as_json
def result(*, job: bytes, output: Path | None, network: Network, as_json: bool) -> None:
    """Fetch a settled job's output and verify it, down to the bytes, against the chain.

    Of a kernel's admission, it shows what the committee found in each case, and in what environments each member tried.
    """
    from aivm import tensors
    from registry import requester
    from registry.contracts.types import JobKind
    from registry.jobs import job_of

    if job_of(network.market, job).kind is JobKind.VALIDATION:
        _show_verdict(network, job, as_json=as_json)
        return
    with progress("fetching"):
        found = requester.fetch(network, job)
    if output is not None:
        output.write_bytes(tensors.encode(found.outputs))
    if as_json:
        emit(
            {
                "job": job,
                "digest": bytes(found.digest),
                "answer": found.answer,
                **({"sketch": found.sketch} if any(found.sketch) else {}),
                "outputs": {name: array.tolist() for name, array in found.outputs.items()},
                "verified": True,
            }
        )
        return
    click.echo(f"digest  {found.digest}  verified\nanswer  0x{found.answer.hex()}")
    if any(found.sketch):
        click.echo(f"sketch  0x{found.sketch.hex()}  verified")
    for name, array in found.outputs.items():
        click.echo(f"{name} {array.dtype} {list(array.shape)}\n{array}")


def _show_verdict(network: Network, job: bytes, *, as_json: bool) -> None:
    from aivm import records
    from registry import admissions

    with progress("fetching"):
        record, said = admissions.verdict(network, job), admissions.testimonies(network, job)
    if as_json:
        tried = [
            {"validator": each.member, "certificate": _record(each.certificate), "fault": each.fault or None}
            for each in said
        ]
        emit({**json.loads(records.encode(record)), "certificates": tried})
        return
    verdict = "conforms" if record.conforms else "does not conform" + (f": {record.refused}" if record.refused else "")
    click.echo(f"manifest {record.manifest} {verdict}")
    for case in record.cases:
        promise = "as promised" if case.actual == case.expected else f"promised {case.expected}"
        click.echo(f"{case.name}: {case.actual} {promise}")
    for each in said:
        click.echo(f"{each.member} {_tried(each)}")


def _record(certificate: Certificate | None) -> dict[str, object] | None:
    return None if certificate is None else json.loads(certificate.record())


def _tried(testimony: Testimony) -> str:
    """One line for a member's certificate, and one for each environment that parts from its own."""
    certificate = testimony.certificate
    if certificate is None:
        return f"shows no environments: {testimony.fault}"
    count = len(certificate.environments)
    text = f"tried {count} environments of {certificate.environment_classes} classes: {certificate.determinism}"
    for parted in certificate.divergences:
        text += f"\n  other bits of {parted.case} in {parted.environment}"
    return text


@command.command()
@JOB
@network()
@as_json
def check(*, job: bytes, network: Network, as_json: bool) -> None:
    """Compute a settled job here and compare; exit code 1 if its result is another.

    A job that is checked this way is a canary: until then nobody can tell it from the others.
    """
    from registry import appeals

    with progress("computing"):
        found = appeals.check(network, job)
    away = {} if found.distance is None else {"distance_bits": found.distance}
    facts = {"job": job, "result": found.job.result.digest, "here": found.here.digest, **away, "agrees": found.agrees}
    show_facts(facts, as_json=as_json)
    if not found.agrees:
        raise click.exceptions.Exit(1)


@command.command()
@JOB
@environment_class
@key_file
@network()
@dry_run
@as_json
def appeal(
    *,
    job: bytes,
    environment_class: bytes | None,
    account: LocalAccount,
    network: Network,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take a wrong result to a committee of seven, with a bond that is lost if it agrees."""
    from registry import appeals, requester
    from registry.jobs import job_of

    state = job_of(network.market, job)
    call, value = appeals.prepare(network, state, environment_class=environment_class or requester.ANY_CLASS)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account, value=value))
        return
    with progress("appealing"):
        receipt = network.chain.transact(call, sender=account, value=value)
    rerun, bond = receipt.event("Appealed")["rerun"], receipt.event("Appealed")["bond"]
    if as_json:
        emit({"job": job, "rerun": rerun, "paid_wei": value, "bond_wei": bond, "transaction": receipt.transaction})
        return
    click.echo(
        f"rerun  0x{rerun.hex()}\npaid   {ether(value)}, of which {ether(bond)} are the bond\n"
        f"When it is final: aivm job resolve 0x{job.hex()}"
    )


@command.command()
@JOB
@key_file
@network()
@dry_run
@as_json
def resolve(*, job: bytes, account: LocalAccount, network: Network, dry_run: bool, as_json: bool) -> None:
    """End an appeal by what the other committee found."""
    from registry import appeals

    call = appeals.conclude(network, job)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account))
        return
    with progress("resolving"):
        receipt = network.chain.transact(call, sender=account)
    ends = ("AppealUpheld", "AppealRejected", "AppealAbandoned")
    outcome = next(log.event for log in receipt.events if log.event in ends)
    show_facts({"job": job, "outcome": outcome.removeprefix("Appeal").lower()}, as_json=as_json)


@command.command()
@key_file
@network()
@dry_run
@as_json
def withdraw(*, account: LocalAccount, network: Network, dry_run: bool, as_json: bool) -> None:
    """Collect what the contracts owe the account: refunds, fees, released stake."""
    from registry.credits import collect, owed

    debts = owed(network, account.address)
    if dry_run:
        emit([network.chain.dry_run(contract.withdraw(), sender=account) for contract, _ in debts])
        return
    paid = collect(network, account, debts)
    if as_json:
        emit(paid)
        return
    for name, amount in paid.items():
        click.echo(f"{name}  {ether(amount)}")
    if not paid:
        click.echo("nothing is owed")
