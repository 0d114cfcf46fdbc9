"""Deploying the contracts, and the record of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import msgspec
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from registry.contracts import JobMarket, KernelRegistry, ValidatorStaking, VrfCoordinator
from registry.contracts.artifacts import artifact
from registry.contracts.contract import creation
from registry.contracts.types import MarketParameters
from registry.errors import DeploymentError, WrongChainError

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from registry.chain import Chain

ETHER = 10**18
GWEI = 10**9
DEVELOPMENT_MARKET = MarketParameters(
    seat_fee=ETHER // 1000,
    delivery_fee_per_gas=2 * GWEI,
    deviation_slash=ETHER // 10,
    absence_slash=ETHER // 100,
    open_window=120,
    commit_window=60,
    reveal_window=60,
    challenge_window=10,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VrfParameters:
    """The VrfCoordinator's: amounts in wei, times in seconds, the activation delay in blocks."""

    fee: int = ETHER // 10_000
    minimum_bond: int = ETHER // 10
    slash: int = ETHER // 100
    answer_window: int = 20
    activation_delay: int = 1
    exit_delay: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class StakingParameters:
    """The ValidatorStaking's: in wei and seconds."""

    minimum_stake: int = ETHER
    thaw_period: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a deployment is made with. The defaults are for a development chain: short windows, small fees.

    Attributes:
        treasury: is credited what is slashed; None for the deployer.
        vrf: of the VrfCoordinator.
        staking: of the ValidatorStaking; its thaw period must exceed the longest job.
        market: of the JobMarket; its open window must exceed the longest wait for randomness.
    """

    treasury: str | None = None
    vrf: VrfParameters = field(default_factory=VrfParameters)
    staking: StakingParameters = field(default_factory=StakingParameters)
    market: MarketParameters = DEVELOPMENT_MARKET

    def amounts(self) -> dict[str, str]:
        """Every parameter by its path, numbers in decimal: the form of records, which hold no large integers."""
        flat: dict[str, str] = {}
        for name in ("vrf", "staking", "market"):
            part = getattr(self, name)
            flat |= {f"{name}.{entry.name}": str(getattr(part, entry.name)) for entry in dataclasses.fields(part)}
        return flat


class Deployment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="aivm/deployment"):
    """Where the contracts of one deployment are.

    Attributes:
        version: of this record's form.
        chain_id: the chain's id.
        block: number of the first contract's block: no event of the deployment is older.
        vrf_coordinator: address.
        validator_staking: address.
        kernel_registry: address.
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
            record = msgspec.json.decode(path.read_bytes(), type=cls)
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
    """Deploys the four contracts and checks what came of it. The deployer must send nothing else meanwhile.

    Args:
        chain: where.
        deployer: signs and pays.
        parameters: by default, those for a development chain.

    Raises:
        ContractError: when a contract refuses its parameters, by name.
        DeploymentError: when a contract is not where it should be.
    """
    chosen = parameters or Parameters()
    vrf, staking = chosen.vrf, chosen.staking
    treasury = to_checksum_address(chosen.treasury or deployer.address)
    nonce = chain.nonce(deployer.address)
    names = (VrfCoordinator.NAME, ValidatorStaking.NAME, KernelRegistry.NAME, JobMarket.NAME)
    address = {name: creation_address(deployer.address, nonce + step) for step, name in enumerate(names)}
    market = address[JobMarket.NAME]
    arguments: dict[str, tuple[Any, ...]] = {
        VrfCoordinator.NAME: (
            treasury,
            vrf.fee,
            vrf.minimum_bond,
            vrf.slash,
            vrf.answer_window,
            vrf.activation_delay,
            vrf.exit_delay,
        ),
        # Both have to know the market, which comes last because it asks them.
        ValidatorStaking.NAME: (market, treasury, staking.minimum_stake, staking.thaw_period),
        KernelRegistry.NAME: (market,),
        JobMarket.NAME: (*(address[name] for name in names[:3]), chosen.market),
    }
    blocks, transactions = [], {}
    for name in names:
        receipt = chain.transact(creation(artifact(name), *arguments[name]), sender=deployer)
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
        job_market=market,
        treasury=treasury,
        parameters=chosen.amounts(),
        transactions=transactions,
        code={name: _hash(chain.code(address[name])) for name in names},
    )
    deployment.check(chain)
    return deployment


def creation_address(sender: str, nonce: int) -> str:
    """The address of what an account creates with its nonce-th transaction: from keccak256(rlp([sender, nonce]))."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    if nonce >= 0x80:
        number = bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(sender.removeprefix("0x")) + (number or b"\x80")
    return to_checksum_address(keccak(bytes([0xC0 + len(body)]) + body)[12:])


def _hash(code: bytes) -> str:
    return "0x" + hashlib.sha256(code).hexdigest()
