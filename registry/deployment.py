"""Deploying the contracts, and the record of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Self

import msgspec
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from aivm import typed
from registry.contracts import (
    Appeals,
    JobMarket,
    KernelRegistry,
    MarketParameters,
    Timelock,
    ValidatorStaking,
    VrfCoordinator,
)
from registry.contracts.artifacts import artifact
from registry.contracts.contract import creation
from registry.errors import DeploymentError, WrongChainError
from registry.parameters import ETHER, Parameters, read_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from registry.chain import Chain
    from registry.contracts.artifacts import Artifact
    from registry.contracts.contract import Call

__all__ = ["ETHER", "Deployment", "Parameters", "creation_address", "deploy", "plan", "read_parameters"]

#: In the order in which they are created.
NAMES = (
    VrfCoordinator.NAME,
    ValidatorStaking.NAME,
    KernelRegistry.NAME,
    Timelock.NAME,
    MarketParameters.NAME,
    Appeals.NAME,
    JobMarket.NAME,
)


class Deployment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="aivm/deployment"):
    """Where the contracts of one deployment are.

    Attributes:
        version: of this record's form.
        chain_id: the chain's id.
        block: number of the first contract's block: no event of the deployment is older.
        vrf_coordinator: address.
        validator_staking: address.
        kernel_registry: address.
        timelock: address; owns the market's parameters.
        market_parameters: address.
        appeals: address.
        job_market: address.
        treasury: address that is credited what is slashed.
        parameters: `Parameters.amounts`.
        transactions: hash of the transaction that created each contract, by the contract's name.
        code: SHA-256 of each contract's code on chain, by the contract's name.
    """

    version: int = 1
    chain_id: int
    block: int
    vrf_coordinator: str
    validator_staking: str
    kernel_registry: str
    timelock: str
    market_parameters: str
    appeals: str
    job_market: str
    treasury: str
    parameters: dict[str, str]
    transactions: dict[str, str]
    code: dict[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        """Each contract's address, by the contract's name."""
        return {
            VrfCoordinator.NAME: self.vrf_coordinator,
            ValidatorStaking.NAME: self.validator_staking,
            KernelRegistry.NAME: self.kernel_registry,
            Timelock.NAME: self.timelock,
            MarketParameters.NAME: self.market_parameters,
            Appeals.NAME: self.appeals,
            JobMarket.NAME: self.job_market,
        }

    def save(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".tmp")
        fresh.write_text(json.dumps(msgspec.to_builtins(self), indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path, chain: Chain) -> Self:
        """Reads a record and checks that the chain holds these contracts.

        Raises:
            DeploymentError: when the file is not a deployment record, or the chain holds something else.
            WrongChainError: when it is of another chain.
        """
        try:
            record = typed.decode_json(path.read_bytes(), cls)
        except OSError as error:
            raise DeploymentError(
                f"{path} cannot be read: {error.strerror}", hint="`aivm chain deploy` writes it."
            ) from error
        except msgspec.DecodeError as error:
            raise DeploymentError(f"{path} is not a deployment record: {error}") from error
        if record.version != 1:
            raise DeploymentError(f"{path} has version {record.version}, this release reads 1", hint="Upgrade aivm.")
        record.check(chain)
        return record

    def check(self, chain: Chain) -> None:
        """Checks that the chain holds these contracts.

        Raises:
            DeploymentError: naming the contract that is missing or different.
            WrongChainError: when the chain is another one.
        """
        if chain.chain_id != self.chain_id:
            raise WrongChainError(
                f"the deployment is on chain {self.chain_id}, the endpoint serves chain {chain.chain_id}",
                hint="Use the endpoint or the deployment file of the same chain.",
            )
        for name, address in self.addresses.items():
            code = chain.code(address)
            if not code:
                raise DeploymentError(
                    f"there is no {name} at {address}", hint="Was the chain started anew? Then deploy again."
                )
            if _hash(code) != self.code.get(name):
                raise DeploymentError(f"the contract at {address} is not the {name} that was deployed there")


def deploy(chain: Chain, deployer: LocalAccount, parameters: Parameters | None = None) -> Deployment:
    """Deploys the contracts and checks what came of it. The deployer must send nothing else meanwhile.

    Args:
        chain: where.
        deployer: signs and pays.
        parameters: by default, those for a development chain.

    Raises:
        ContractError: when a contract refuses its parameters, by name.
        DeploymentError: when a contract is not where it should be.
    """
    chosen = parameters or Parameters()
    treasury = to_checksum_address(chosen.treasury or deployer.address)
    address = _addresses(chain, deployer.address)
    blocks, transactions = [], {}
    for name, call in _creations(address, deployer.address, chosen).items():
        receipt = chain.transact(call, sender=deployer, gas=_gas(artifact(name)))
        if receipt.contract != address[name]:
            raise DeploymentError(
                f"{name} was created at {receipt.contract} and not at {address[name]}",
                hint="The deployer sent another transaction meanwhile. Deploy again with an account of its own.",
            )
        blocks.append(receipt.block)
        transactions[name] = receipt.transaction
    deployment = Deployment(
        chain_id=chain.chain_id,
        block=blocks[0],
        vrf_coordinator=address[VrfCoordinator.NAME],
        validator_staking=address[ValidatorStaking.NAME],
        kernel_registry=address[KernelRegistry.NAME],
        timelock=address[Timelock.NAME],
        market_parameters=address[MarketParameters.NAME],
        appeals=address[Appeals.NAME],
        job_market=address[JobMarket.NAME],
        treasury=treasury,
        parameters=chosen.amounts(),
        transactions=transactions,
        code={name: _hash(chain.code(address[name])) for name in NAMES},
    )
    deployment.check(chain)
    return deployment


def plan(chain: Chain, deployer: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
    """The exact transactions that `deploy` would sign now, in order, without sending any.

    Args:
        chain: where.
        deployer: the address that would sign and pay.
        parameters: by default, those for a development chain.
    """
    chosen = parameters or Parameters()
    creations = _creations(_addresses(chain, deployer), deployer, chosen)
    return [
        chain.dry_run(call, sender=deployer, gas=_gas(artifact(name)), ahead=step)
        for step, (name, call) in enumerate(creations.items())
    ]


def _addresses(chain: Chain, deployer: str) -> dict[str, str]:
    nonce = chain.nonce(deployer)
    return {name: creation_address(deployer, nonce + step) for step, name in enumerate(NAMES)}


def _creations(address: dict[str, str], deployer: str, chosen: Parameters) -> dict[str, Call]:
    """The calls that create the contracts, in order."""
    vrf, staking, market = chosen.vrf, chosen.staking, address[JobMarket.NAME]
    treasury, proposer = (to_checksum_address(who or deployer) for who in (chosen.treasury, chosen.proposer))
    arguments: dict[str, tuple[Any, ...]] = {
        VrfCoordinator.NAME: (
            treasury,
            vrf.fee,
            vrf.minimum_bond,
            vrf.slash,
            vrf.answer_window,
            vrf.activation_delay,
            vrf.exit_delay,
            vrf.confirmations,
        ),
        # These two, and the appeals, have to know the market, which comes last because it asks them.
        ValidatorStaking.NAME: (market, treasury, staking.minimum_stake, staking.thaw_period, staking.epoch_length),
        KernelRegistry.NAME: (market,),
        Timelock.NAME: (chosen.timelock.delay, proposer),
        # From its first block on nobody else is the owner, so nothing ever changes without the delay.
        MarketParameters.NAME: (address[Timelock.NAME], chosen.bounds, chosen.market),
        Appeals.NAME: (market, address[ValidatorStaking.NAME]),
        JobMarket.NAME: tuple(
            address[contract.NAME]
            for contract in (VrfCoordinator, ValidatorStaking, KernelRegistry, MarketParameters, Appeals)
        ),
    }
    return {name: creation(artifact(name), *arguments[name]) for name in NAMES}


def _gas(code: Artifact) -> int:
    """Enough for a creation: a market cannot be estimated before the contracts that it asks are there.

    Intrinsic gas (EIP-2028, EIP-3860), 200 for each byte of code, and a million for what the constructor does.
    """
    return 53_000 + 18 * len(code.bytecode) + 200 * len(code.deployed_bytecode) + 1_000_000


def creation_address(sender: str, nonce: int) -> str:
    """The address of what an account creates with its nonce-th transaction: from keccak256(rlp([sender, nonce]))."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    if nonce >= 0x80:
        number = bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(sender.removeprefix("0x")) + (number or b"\x80")
    return to_checksum_address(keccak(bytes([0xC0 + len(body)]) + body)[12:])


def _hash(code: bytes) -> str:
    return "0x" + hashlib.sha256(code).hexdigest()
