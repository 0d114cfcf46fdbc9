"""A local chain for several processes: contracts deployed, keys funded, everything in one folder."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry.accounts import create_key, load_account
from registry.chain import Chain
from registry.deployment import ETHER, Deployment, deploy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

FUNDS = 1000 * ETHER


@contextmanager
def open_devnet(folder: Path, *, port: int, validators: int) -> Iterator[str]:
    """Starts a chain, or goes on with the one whose state is in the folder.

    The folder gets `deployment.json`, `keys/{deployer,publisher,requester,validator-N}.key` and `keys/vrf-N.key`: bare
    keys, funded with ether that exists only here.

    Args:
        folder: made if missing.
        port: of the JSON-RPC endpoint; 0 chooses one.
        validators: how many validators get keys.

    Yields:
        One line of JSON: `rpc`, `chain_id`, `deployment`, `keys`.
    """
    keys = folder / "keys"
    deployment = folder / "deployment.json"
    with Chain.managed(folder / "state", port=port) as chain:
        people = ["deployer", "publisher", "requester", *(f"validator-{number + 1}" for number in range(validators))]
        accounts = {name: _key(keys / f"{name}.key") for name in people}
        for number in range(validators):
            _key(keys / f"vrf-{number + 1}.key")
        for account in accounts.values():
            if chain.balance(account.address) == 0:
                chain.fund(account.address, FUNDS)
        if deployment.exists():
            Deployment.load(deployment, chain)
        else:
            deploy(chain, accounts["deployer"]).save(deployment)
        assert chain.node is not None
        yield json.dumps(
            {"rpc": chain.node.url, "chain_id": chain.chain_id, "deployment": str(deployment), "keys": str(keys)}
        )


def _key(path: Path) -> LocalAccount:
    return load_account(path) if path.exists() else create_key(path)
