"""`aivm validator`: stake, check the machine, and validate."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.amounts import ether
from registry.cli.options import (
    Assignment,
    Listen,
    Url,
    Wei,
    as_json,
    dry_run,
    emit,
    key_file,
    network,
    option,
    progress,
    show_facts,
    vrf_key,
)
from registry.errors import RegistryError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from registry.network import Network
    from registry.validator import Step

STATE = option(
    "--state",
    envvar="AIVM_STATE",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the journal. Keep it beside the key, and never copy it to a second running validator.",
)

VARIABLES = option(
    "--worker-variable",
    "variables",
    envvar="AIVM_WORKER_VARIABLE",
    multiple=True,
    type=Assignment(),
    help="NAME=VALUE in the environment of the sandboxed worker; repeatable. AIVM_ISA holds its engine to an "
    "instruction set, which is another environment class: give it to stake, check and run alike.",
)


@click.group(name="validator")
def command() -> None:
    """Stake, check the machine, and validate."""


@command.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@option(
    "--password-file",
    envvar="AIVM_PASSWORD_FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Encrypts the new keystore; keep it safe, it cannot be recovered.",
)
@as_json
def init(*, folder: Path, password_file: Path, as_json: bool) -> None:
    """Make a validator's folder: a new keystore and a VRF key, never overwriting one."""
    from registry.accounts import create_key

    account = create_key(folder / "validator.json", password_file=password_file)
    create_key(folder / "vrf.json", password_file=password_file)
    show_facts(
        {
            "address": account.address,
            "key_file": str(folder / "validator.json"),
            "vrf_key_file": str(folder / "vrf.json"),
        },
        as_json=as_json,
    )
    click.echo("Next: send the address its stake and some ether for gas, then `aivm validator stake`.", err=True)


@command.command()
@click.argument("amount", type=Wei())
@option(
    "--endpoint",
    envvar="AIVM_ENDPOINT",
    type=Url(),
    help="Base URL under which others reach this validator's gateway. Default: the one announced before.",
)
@VARIABLES
@key_file
@network()
@dry_run
@as_json
def stake(
    *,
    amount: int,
    endpoint: str | None,
    variables: tuple[tuple[str, str], ...],
    account: LocalAccount,
    network: Network,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add AMOUNT (such as 1ether) to the stake, and announce the environment class and endpoint."""
    from registry.validator.machine import machine_class

    if endpoint is None:
        endpoint = network.staking.validator(account.address).endpoint
    if not endpoint:
        click.echo("No --endpoint: nobody can fetch this validator's outputs until one is announced.", err=True)
    call = network.staking.stake(machine_class(dict(variables).get("AIVM_ISA", "")), endpoint)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account, value=amount))
        return
    with progress("staking"):
        receipt = network.chain.transact(call, sender=account, value=amount)
    show_facts(
        {
            "validator": account.address,
            "stake_wei": network.staking.validator(account.address).stake,
            "transaction": receipt.transaction,
        },
        as_json=as_json,
    )


@command.command()
@option("--bond", envvar="AIVM_BOND", type=Wei(), help="Default: the least that the coordinator takes.")
@vrf_key
@key_file
@network()
@dry_run
def operate(*, bond: int | None, vrf_key: bytes | None, account: LocalAccount, network: Network, dry_run: bool) -> None:
    """Register as a VRF operator, with a bond: answers randomness requests for a fee."""
    from registry.validator.operator import registration

    if vrf_key is None:
        raise click.UsageError("Missing option '--vrf-key-file'.")
    call = registration(network, account.address, vrf_key)
    value = network.vrf.minimum_bond() if bond is None else bond
    if dry_run:
        emit(network.chain.dry_run(call, sender=account, value=value))
        return
    receipt = network.chain.transact(call, sender=account, value=value)
    click.echo(f"operator {receipt.event('OperatorRegistered')['operator_index']}, bond {ether(value)}")


@command.command()
@click.argument("amount", type=Wei(), required=False)
@key_file
@network()
@dry_run
def leave(*, amount: int | None, account: LocalAccount, network: Network, dry_run: bool) -> None:
    """Start to take stake out (all of it without AMOUNT), or finish once it has thawed.

    Run it a second time after the thaw period; then `aivm job withdraw` sends the ether.
    """
    state = network.staking.validator(account.address)
    if amount is None and not state.stake:
        raise RegistryError(
            f"{account.address} has no stake to take out", hint="`aivm job withdraw` collects what was released."
        )
    if state.thawing and amount is None:
        call = network.staking.release()
    else:
        call = network.staking.thaw(state.stake - state.thawing if amount is None else amount)
    if dry_run:
        emit(network.chain.dry_run(call, sender=account))
        return
    network.chain.transact(call, sender=account)
    state = network.staking.validator(account.address)
    if state.thawing:
        click.echo(f"{ether(state.thawing)} thawing until {state.thaws_at} (chain time, seconds)")
    else:
        click.echo(f"released; {ether(network.staking.credit_of(account.address))} to withdraw")


@command.command()
@STATE
@vrf_key
@VARIABLES
@key_file
@network()
@as_json
def check(
    *,
    state: Path,
    vrf_key: bytes | None,
    variables: tuple[tuple[str, str], ...],
    account: LocalAccount,
    network: Network,
    as_json: bool,
) -> None:
    """Check everything that validating needs, and say what to do about what is missing. Exit code 1 if anything is."""
    from registry.validator.checks import run_checks

    with progress("checking"):
        isa = dict(variables).get("AIVM_ISA", "")
        checks = run_checks(network, account, state=state, vrf_key=vrf_key, isa=isa)
    if as_json:
        emit([{"check": c.name, "passed": c.passed, "found": c.found, "remedy": c.remedy} for c in checks])
    for each in checks if not as_json else ():
        click.echo(f"{'ok  ' if each.passed else 'FAIL'}  {each.name}: {each.found}")
        if not each.passed:
            click.echo(f"      {each.remedy}")
    if not all(each.passed for each in checks):
        raise click.exceptions.Exit(1)


@command.command()
@STATE
@vrf_key
@option(
    "--threads", envvar="AIVM_THREADS", type=click.IntRange(1), help="For the engine, where a manifest leaves it open."
)
@option(
    "--graph-optimization",
    envvar="AIVM_GRAPH_OPTIMIZATION",
    type=click.Choice(["none", "basic", "extended", "all"]),
    help="Of ONNX Runtime, where a tolerant kernel leaves it open.  [default: all]",
)
@option(
    "--environments",
    envvar="AIVM_ENVIRONMENTS",
    type=click.IntRange(0, 16),
    default=2,
    show_default=True,
    help="Beside this machine's own, to run a kernel's cases in when it asks for admission.",
)
@option("--interval", envvar="AIVM_INTERVAL", type=float, default=1.0, show_default=True, help="Seconds between looks.")
@option(
    "--confirmations",
    envvar="AIVM_CONFIRMATIONS",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Blocks on top of a block before it is acted upon.",
)
@option(
    "--patience",
    envvar="AIVM_PATIENCE",
    type=float,
    default=5.0,
    show_default=True,
    help="Seconds before taking over a step that another member should take.",
)
@option(
    "--grace",
    envvar="AIVM_GRACE",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds in which members do a job's first round before it is opened, at most half of the operator's time.",
)
@option(
    "--listen",
    envvar="AIVM_LISTEN",
    type=Listen(),
    help="Serve the block store as a gateway there, and exchange commitments with fellow members.",
)
@VARIABLES
@key_file
@network()
def run(
    *,
    state: Path,
    vrf_key: bytes | None,
    threads: int | None,
    graph_optimization: str | None,
    environments: int,
    interval: float,
    confirmations: int,
    patience: float,
    grace: float,
    listen: tuple[str, int] | None,
    variables: tuple[tuple[str, str], ...],
    account: LocalAccount,
    network: Network,
) -> None:
    """Validate until interrupted; the duty under way is finished first. Each step is one line on stdout."""
    from concurrent.futures import ThreadPoolExecutor

    from aivm.manifest import GraphOptimization
    from registry.content import gateway
    from registry.relay import Board, Relay
    from registry.relay.relay import HttpPeers
    from registry.relay.service import routes
    from registry.validator import Computation, Journal, Validator, daemon

    def show(step: Step) -> None:
        click.echo(f"{step.duty}  0x{step.job.hex()}  {step.transaction}  {step.gas_used} gas")
        sys.stdout.flush()

    with ExitStack() as stack:
        journal = stack.enter_context(Journal.of(network, account.address, state))
        relay = None
        if listen is not None:
            board = Board(chain_id=network.chain.chain_id, market=network.market.address)
            url = stack.enter_context(gateway.serve(network.content.local, *listen, more=routes(board)))
            click.echo(f"serving blocks, and taking commitments of fellow members, at {url}", err=True)
            peers = stack.enter_context(HttpPeers(public_only=not network.chain.is_development))
            relay = Relay(board, peers)
        stop = stack.enter_context(daemon.stop_on_signals())
        computation = Computation(
            network=network,
            threads=threads,
            optimization=None if graph_optimization is None else GraphOptimization(graph_optimization),
            variables=dict(variables),
            environments=environments,
        )
        stack.callback(computation.close)
        executor = ThreadPoolExecutor(1, thread_name_prefix="aivm-computation")
        stack.callback(executor.shutdown, cancel_futures=True)
        validator = Validator(
            network=network,
            account=account,
            journal=journal,
            computation=computation,
            vrf_key=vrf_key,
            confirmations=confirmations,
            patience=patience,
            grace=grace,
            executor=executor,
            relay=relay,
        )
        if not network.content.remotes:
            click.echo("No --gateway: a kernel or input that is not in this store cannot be fetched.", err=True)
        click.echo(f"validating as {account.address}", err=True)
        daemon.run(validator, stop, interval=interval, on_step=show)
