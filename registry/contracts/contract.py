"""What the contract classes share: calls as values, reads at a block."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from eth_utils.address import to_checksum_address

from registry.contracts.artifacts import Artifact, artifact
from registry.contracts.reverts import show
from registry.errors import ArtifactError

if TYPE_CHECKING:
    from registry.chain import Chain
    from registry.contracts.abi import Entry, Function

#: A block number, or one of the tags `latest`, `pending`, `safe`, `finalized`.
Block = int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that has not been made: read it, simulate it, send it, or show it.

    Attributes:
        to: the contract, or None to create one.
        data: selector and encoded arguments.
        contract: the contract's name.
        entry: the function, or the constructor.
        arguments: what is passed, in order.
    """

    to: str | None
    data: bytes
    contract: str
    entry: Entry
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        pairs = zip(self.entry.inputs, self.arguments, strict=True)
        listed = ", ".join(f"{part.name}={show(value)}" for part, value in pairs)
        return f"{self.contract}.{self.entry.name}({listed})"


def creation(code: Artifact, *arguments: Any) -> Call:
    """The call that creates a contract.

    Raises:
        ArtifactError: when the artifact has no bytecode (an interface), or the arguments do not fit.
    """
    if not code.bytecode:
        raise ArtifactError(f"{code.name} has no bytecode", hint="Run `make artifacts`.")
    entry = code.interface.constructor
    data = code.bytecode + entry.encode_inputs(arguments)
    return Call(to=None, data=data, contract=code.name, entry=entry, arguments=arguments)


class Contract:
    """A contract at an address.

    Args:
        chain: where it lives.
        address: its address.
    """

    NAME: ClassVar[str]

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = to_checksum_address(address)
        self.artifact = artifact(self.NAME)
        self.block: Block = "latest"
        chain.know(self)

    def __repr__(self) -> str:
        return f"{self.NAME}({self.address})"

    def at(self, block: Block) -> Self:
        """The same contract, read as of the end of this block."""
        pinned = copy.copy(self)
        pinned.block = block
        return pinned

    @property
    def now(self) -> Block:
        """The block for reads that depend on the time: `pending`, whose time is the present, unless pinned."""
        return "pending" if self.block == "latest" else self.block

    def function(self, name: str) -> Function:
        """A function by its Solidity name.

        Raises:
            ArtifactError: when the contract has none of that name.
        """
        try:
            return self.artifact.interface.functions[name]
        except KeyError as error:
            raise ArtifactError(f"{self.NAME} has no function {name}", hint="Run `make artifacts`.") from error

    def prepare(self, name: str, *arguments: Any) -> Call:
        """The call of a function by its Solidity name."""
        entry = self.function(name)
        data = entry.selector + entry.encode_inputs(arguments)
        return Call(to=self.address, data=data, contract=self.NAME, entry=entry, arguments=arguments)

    def read(self, name: str, *arguments: Any, block: Block | None = None) -> Any:
        """What a function returns, typed.

        Raises:
            ContractError: when it reverts.
            NoContractError: when there is no contract at the address.
        """
        return self.chain.call(self.prepare(name, *arguments), block=self.block if block is None else block)
