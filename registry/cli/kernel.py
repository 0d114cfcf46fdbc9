"""`aivm kernel`: write, check, run and publish kernels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aivm.cid import Cid
from registry.cli.options import (
    F,
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
    from collections.abc import Callable

    from eth_account.signers.local import LocalAccount

    from aivm.manifest import Manifest
    from registry.contracts.contract import Call
    from registry.network import Network

FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


def committee(default: str, about: str) -> Callable[[F], F]:
    """`--committee` and `--environment-class`, of the validators that run a kernel's cases.

    Args:
        default: seats.
        about: what its seats are for, for the help.
    """
    seats = option(
        "--committee",
        envvar="AIVM_COMMITTEE",
        type=click.Choice(["3", "5", "7"]),
        default=default,
        show_default=True,
        help=about,
    )
    environment_class = option(
        "--environment-class",
        envvar="AIVM_ENVIRONMENT_CLASS",
        type=Hex32(),
        help="Of the committee, which a pinned kernel needs. Default: two classes at least.",
    )
    return lambda function: seats(environment_class(function))


@click.group(name="kernel")
def command() -> None:
    """Write, check, run and publish kernels.

    A kernel is a folder: `kernel.toml` (what you say about it), `model.onnx`, and `cases/*.safetensors` (inputs that
    every validator will run). `pack` adds `manifest.json`, which names everything by its content.
    """


@command.command()
@FOLDER
@option("--name", envvar="AIVM_NAME", required=True, help="Lower-case letters, digits and hyphens.")
def init(*, folder: Path, name: str) -> None:
    """Start a kernel folder with a commented kernel.toml."""
    from aivm import kernel as kernels

    kernels.init(folder, name=name)
    click.echo(
        f"{folder}/kernel.toml is yours to fill in. Put model.onnx and cases/ beside it, then:\n"
        f"  aivm kernel pack {folder}"
    )


@command.command()
@FOLDER
@as_json
def pack(*, folder: Path, as_json: bool) -> None:
    """Lint the model, run its cases, and write manifest.json."""
    from aivm import kernel as kernels

    with progress("running the conformance cases"):
        kernel = kernels.pack(folder)
    _show_packed(kernel.manifest, as_json=as_json)
    if kernel.calibration is not None and any(each.committee is None for each in kernel.calibration.impostors):
        names = ", ".join(each.name for each in kernel.calibration.impostors if each.committee is None)
        click.echo(f"no committee tells these from the kernel: {names}", err=True)


@command.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@option(
    "--engine",
    envvar="AIVM_ENGINE",
    type=click.Choice(["reproducible", "onnxruntime"]),
    help="The engine that is to run an ONNX file.  [default: reproducible]",
)
@as_json
def lint(*, path: Path, engine: str | None, as_json: bool) -> None:
    """Check an ONNX file, or a kernel folder with its manifest.

    What the kernel's engine cannot run is found too; of a folder without a manifest, kernel.toml says which engine.

    Exit code 1 if anything was found.
    """
    from aivm.kernel import author
    from aivm.lint import lint as run_lint
    from aivm.manifest import Manifest

    model, manifest = path, None
    if path.is_dir():
        model, record = path / "model.onnx", path / "manifest.json"
        if not model.exists():
            raise click.UsageError(f"{path} holds no model.onnx")
        manifest = Manifest.from_record(record.read_bytes()) if record.exists() else None
        if engine is not None:
            raise click.UsageError("--engine is for an ONNX file; a kernel's own files say its engine.")
        if manifest is None and (path / author.FILE).exists():
            engine = author.read_author(path).runtime.name
    report = run_lint(model, manifest, directory=model.parent, engine=engine or "reproducible")
    if as_json:
        emit([{"rule": f.rule, "where": f.where, "message": f.message, "remedy": f.remedy} for f in report.findings])
    for finding in report.findings if not as_json else ():
        click.echo(f"{finding.rule}: {finding.where}: {finding.message}\n  {finding.remedy}")
    if report.findings:
        raise click.exceptions.Exit(1)
    if not as_json:
        click.echo(f"{path}: nothing found")


@command.command()
@FOLDER
@option(
    "--input",
    "input_file",
    envvar="AIVM_INPUT",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Input tensors: .safetensors, .npz or .json. Without it the conformance cases are run.",
)
@option("--seed", envvar="AIVM_SEED", type=Hex32(), default="00" * 32, help="For kernels with verifiable seeds.")
@option("--threads", envvar="AIVM_THREADS", type=click.IntRange(1), help="Where the manifest leaves it open.")
@as_json
def run(*, folder: Path, input_file: Path | None, seed: bytes, threads: int | None, as_json: bool) -> None:
    """Run a packed kernel on this machine, in the sandbox, exactly as a validator would."""
    from aivm import kernel as kernels
    from aivm import records
    from aivm.execution import execute, validate

    kernel = kernels.load(folder)
    if input_file is None:
        with progress("running the conformance cases"):
            validation = validate(kernel, threads=threads)
        if as_json:
            emit(json.loads(records.encode(validation.record)))
        else:
            for case in validation.record.cases:
                verdict = "as promised" if case.actual == case.expected else f"promised {case.expected}"
                verdict += ", and too near to it to say that it is broken" if case.name in validation.undecided else ""
                away = f", {validation.distances[case.name]} bits away" if case.name in validation.distances else ""
                click.echo(f"{case.name}: {case.actual} {verdict}{away}")
        if not validation.record.conforms:
            raise click.exceptions.Exit(1)
        return
    inputs = read_inputs(input_file, dtypes_of(kernel.manifest))
    with progress("running"):
        execution = execute(kernel, inputs, seed=seed, threads=threads)
    if as_json:
        emit(
            {
                "digest": str(execution.digest),
                "answer": execution.answer,
                **({"sketch": execution.sketch} if any(execution.sketch) else {}),
                "outputs": {name: array.tolist() for name, array in execution.outputs.items()},
                "environment": str(execution.environment.digest()),
                "seconds": execution.seconds,
            }
        )
        return
    click.echo(f"digest  {execution.digest}\nanswer  0x{execution.answer.hex()}")
    if any(execution.sketch):
        click.echo(f"sketch  0x{execution.sketch.hex()}")
    for name, array in execution.outputs.items():
        click.echo(f"{name} {array.dtype} {list(array.shape)}\n{array}")


@command.command()
@FOLDER
@key_file
@network()
@option("--handle", envvar="AIVM_HANDLE", required=True, help="Your publisher handle; claimed if you have none yet.")
@committee("3", "Seats of the admission committee.")
@option(
    "--no-admission",
    envvar="AIVM_NO_ADMISSION",
    is_flag=True,
    help="Register only; ask for admission later by publishing again.",
)
@dry_run
@as_json
def publish(
    *,
    folder: Path,
    account: LocalAccount,
    network: Network,
    handle: str,
    committee: str,
    environment_class: bytes | None,
    no_admission: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Store a packed kernel's blocks, register it, and pay for its admission.

    Can be repeated: what is done already is not done again.
    """
    from aivm import kernel as kernels
    from registry import publisher
    from registry.contracts.kernel_registry import ALL_CLASSES
    from registry.contracts.types import KernelStatus

    kernel = kernels.load(folder)
    size = None if no_admission else int(committee)
    of = environment_class or ALL_CLASSES
    if dry_run:
        emit(publisher.plan(network, account, kernel, handle=handle, committee_size=size, environment_class=of))
        return
    with progress("publishing") as say:
        done = publisher.publish(
            network, account, kernel, handle=handle, committee_size=size, environment_class=of, on_step=say
        )
    name = f"{handle}/{kernel.manifest.name}@{kernel.manifest.version}"
    result = {
        "kernel": done.kernel,
        "name": name,
        "status": done.status.name.lower(),
        "admission_job": done.job,
        "transactions": {step: receipt.transaction for step, receipt in done.receipts.items()},
        "gas": {step: receipt.gas_used for step, receipt in done.receipts.items()},
    }
    if as_json:
        emit(result)
        return
    click.echo(f"kernel  0x{done.kernel.hex()}  {name}\nstatus  {done.status.name.lower()}")
    if done.job is not None:
        click.echo(f"admission job  0x{done.job.hex()}\nFollow it: aivm job watch 0x{done.job.hex()}")
    if done.status is KernelStatus.REGISTERED:
        click.echo("Validators fetch the blocks from you: keep `aivm content serve` running over this store.", err=True)


@command.command()
@click.argument("kernel")
@click.argument("label")
@key_file
@network()
@dry_run
def alias(*, kernel: str, label: str, account: LocalAccount, network: Network, dry_run: bool) -> None:
    """Point `handle/name@LABEL` (such as `latest` or `stable`) at one of your kernels of that name."""
    _send(network, network.registry.set_alias(label, find_kernel(network, kernel)), account, dry_run=dry_run)


@command.command()
@click.argument("kernel")
@click.argument("reason")
@key_file
@network()
@dry_run
def deprecate(*, kernel: str, reason: str, account: LocalAccount, network: Network, dry_run: bool) -> None:
    """Mark one of your kernels as deprecated, for ever, with a REASON for its users. It can still be requested."""
    _send(network, network.registry.deprecate(find_kernel(network, kernel), reason), account, dry_run=dry_run)


@command.command()
@click.argument("kernel")
@committee("7", "Seats. In a challenge, four votes count.")
@key_file
@network()
@dry_run
def examine(
    *,
    kernel: str,
    committee: str,
    environment_class: bytes | None,
    account: LocalAccount,
    network: Network,
    dry_run: bool,
) -> None:
    """Pay for a committee that runs an approved KERNEL's cases again, or admits a pinned one for one more class."""
    from registry.contracts.kernel_registry import ALL_CLASSES

    size = int(committee)
    call = network.registry.request_validation(
        find_kernel(network, kernel), committee_size=size, environment_class=environment_class or ALL_CLASSES
    )
    value = network.market.quote_validation(committee_size=size)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account, value=value))
        return
    receipt = network.chain.transact(call, sender=account, value=value)
    click.echo(f"job  0x{receipt.event('ValidationRequested')['job'].hex()}")


@command.command()
@click.argument("kernel")
@click.argument("one", type=Hex32())
@click.argument("other", type=Hex32())
@key_file
@network()
@dry_run
def challenge(*, kernel: str, one: bytes, other: bytes, account: LocalAccount, network: Network, dry_run: bool) -> None:
    """Take KERNEL down by two final jobs, ONE and OTHER, whose results should be one and differ.

    A bitwise kernel becomes pinned. A class that is behind both results is barred from it.

    Two inferences with the same input, or two examinations; four votes behind each, so committees of 7 are wanted.
    """
    from registry import challenges

    call = challenges.prepare(network, find_kernel(network, kernel), one, other)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account))
        return
    receipt = network.chain.transact(call, sender=account)
    for event in receipt.events:  # one or both
        if event.event == "KernelDemoted":
            click.echo("demoted to pinned")
        elif event.event == "ClassBarred":
            click.echo(f"barred from the class 0x{event['environment_class'].hex()}")


def _send(network: Network, call: Call, account: LocalAccount, *, dry_run: bool) -> None:
    if dry_run:
        emit(network.chain.dry_run(call, sender=account))
        return
    receipt = network.chain.transact(call, sender=account)
    click.echo(f"{receipt.transaction}  {receipt.gas_used} gas")


@command.command()
@click.argument("kernel", required=False)
@option("--schema", envvar="AIVM_SCHEMA", is_flag=True, help="Print the JSON Schema of manifests and stop.")
@network(required=False)
@as_json
def show(*, kernel: str | None, schema: bool, network: Network | None, as_json: bool) -> None:
    """Show a kernel: a folder, or (with --deployment) a registered one by `handle/name@version` or by its id."""
    if schema:
        from aivm.manifest import json_schema

        emit(json_schema())
        return
    if kernel is None:
        raise click.UsageError("Missing argument 'KERNEL'.")
    if Path(kernel).is_dir():
        from aivm import kernel as kernels

        _show_packed(kernels.load(Path(kernel)).manifest, as_json=as_json)
        return
    if network is None:
        raise click.UsageError(f"{kernel} is no folder; to look it up on a chain, give --deployment.")
    _show_registered(network, find_kernel(network, kernel), as_json=as_json)


def _aggregation(manifest: Manifest) -> str:
    from aivm.manifest import Hamming

    rule = manifest.aggregation
    if not isinstance(rule, Hamming):
        return "exact"
    return f"hamming: at most {rule.tolerance} bits of {rule.sketch} of {rule.output!r}, read as {rule.layout}"


def _show_packed(manifest: Manifest, *, as_json: bool) -> None:
    from registry.ids import manifest_id

    facts = {
        "name": f"{manifest.name}@{manifest.version}",
        "manifest_id": manifest_id(manifest),
        "record": str(manifest.digest()),
        "record_cid": str(Cid.raw(bytes(manifest.digest()))),
        "cid": manifest.model.cid,
        "size": manifest.model.size,
        "engine": f"{manifest.runtime.name} {manifest.runtime.version}",
        "determinism": manifest.determinism.value,
        "aggregation": _aggregation(manifest),
        "inputs": {spec.name: f"{spec.dtype.value} {list(spec.shape)}" for spec in manifest.inputs},
        "outputs": {spec.name: f"{spec.dtype.value} {list(spec.shape)}" for spec in manifest.outputs},
        "cases": len(manifest.cases),
    }
    show_facts(facts, as_json=as_json)


def _show_registered(network: Network, kernel: bytes, *, as_json: bool) -> None:

    state, fields = network.registry.kernel_of(kernel), network.registry.manifest_of(kernel)
    facts = {
        "id": kernel,
        "name": f"{network.registry.handle_of(state.publisher)}/{fields.name}@{fields.version}",
        "publisher": state.publisher,
        "status": state.status.name.lower(),
        "deprecated": state.deprecated,
        "manifest_id": state.manifest_id,
        "record": fields.record,
        "cid": str(Cid.parse(fields.model_cid)),
        "engine": f"{fields.runtime.name} {fields.runtime.version}",
        "determinism": fields.determinism.value,
        "aggregation": fields.aggregation.rule.value,
        **(
            {"sketch": fields.aggregation.sketch, "tolerance_bits": fields.aggregation.tolerance}
            if fields.aggregation.sketch
            else {}
        ),
        "author_fee_wei": fields.author_fee,
        "validation_job": state.validation_job if any(state.validation_job) else None,
        "certificate": state.certificate if any(state.certificate) else None,
        "certificate_classes": state.classes,
    }
    show_facts(facts, as_json=as_json)
