"""`aivm chain`: start a local chain, deploy the contracts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli.options import as_json, dry_run, emit, key_file, network, option, progress

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from registry.network import Network

DEPLOYMENT = option(
    "--deployment",
    envvar="AIVM_DEPLOYMENT",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the deployment file.",
)


@click.group(name="chain")
def command() -> None:
    """Start a local chain, deploy the contracts."""


@command.command()
@key_file
@option(
    "--rpc",
    "urls",
    envvar="AIVM_RPC",
    multiple=True,
    default=("http://127.0.0.1:8545",),
    show_default=True,
    help="JSON-RPC endpoint; repeatable.",
)
@option(
    "--parameters",
    envvar="AIVM_PARAMETERS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of fees, windows and slashes; by default those of a development chain.",
)
@DEPLOYMENT
@dry_run
@as_json
def deploy(
    *,
    account: LocalAccount,
    urls: tuple[str, ...],
    parameters: Path | None,
    deployment: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Deploy the contracts and write down where they are."""
    from registry import deployment as deployments
    from registry.chain import Chain

    chosen = deployments.read_parameters(parameters) if parameters else deployments.Parameters()
    chain = Chain.connect(urls)
    if dry_run:
        emit(deployments.plan(chain, account.address, chosen))
        return
    if deployment.exists():
        raise click.UsageError(f"{deployment} is there already; name another file, or remove it.")
    with progress("deploying"):
        made = deployments.deploy(chain, account, chosen)
    made.save(deployment)
    if as_json:
        emit({"chain_id": made.chain_id, "addresses": made.addresses, "transactions": made.transactions})
        return
    for name, address in made.addresses.items():
        click.echo(f"{name:17}  {address}")


@command.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@option(
    "--port", envvar="AIVM_PORT", type=click.IntRange(0, 65535), default=8545, show_default=True, help="0 chooses one."
)
@option(
    "--validators",
    envvar="AIVM_VALIDATORS",
    type=click.IntRange(0, 64),
    default=5,
    show_default=True,
    help="How many funded validator keys to make.",
)
def devnet(*, folder: Path, port: int, validators: int) -> None:
    """Run a local chain in the foreground, with the contracts deployed, keys funded, and its state kept in FOLDER.

    Started again with the same FOLDER it goes on where it was. Prints one line of JSON when it is ready.
    """
    from registry.devnet import open_devnet
    from registry.validator.daemon import stop_on_signals

    with stop_on_signals() as stop, open_devnet(folder, port=port, validators=validators) as ready:
        click.echo(ready)
        sys.stdout.flush()
        stop.wait()


@command.command(name="next-epoch")
@network()
def next_epoch(*, network: Network) -> None:
    """Put a development chain's clock forward to the next epoch, in which stake that is new weighs something."""
    staking = network.staking
    length = staking.epoch_length()
    network.chain.advance_time(length - network.chain.now() % length)
    click.echo(f"epoch {staking.current_epoch()}")
