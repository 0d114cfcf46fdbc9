"""What all tests share: how far hypothesis looks, and an embedded chain with the contracts, undone after each test."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The examples of tests/aivm and the definitions of tests/arithmetic are used beyond them.
sys.path += [str(Path(__file__).parent / room) for room in ("aivm", "aivm/execution", "arithmetic")]

# A busy machine is slow and proves nothing about the code: no deadlines.
settings.register_profile("house", deadline=None)
settings.register_profile("prove", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def key_of(name: str) -> bytes:
    """A secret key that is the same in every run."""
    return hashlib.sha256(f"test account {name}".encode()).digest()


@pytest.fixture(scope="session")
def shared_chain() -> Iterator[Any]:
    """An embedded chain for the whole session. Tests that write use `chain`, which undoes what they did."""
    from registry.chain import Chain  # noqa: PLC0415 - most tests need no chain

    with Chain.managed() as chain:
        yield chain


@pytest.fixture(scope="session")
def account(shared_chain: Any) -> Callable[[str], Any]:
    """Gives the account of a name, with at least ten ether."""
    from eth_account import Account  # noqa: PLC0415

    def make(name: str) -> Any:
        made = Account.from_key(key_of(name))
        if shared_chain.balance(made.address) < 10 * 10**18:
            shared_chain.rpc.call("anvil_setBalance", made.address, hex(100 * 10**18))
        return made

    return make


@pytest.fixture(scope="session")
def deployment(shared_chain: Any, account: Callable[[str], Any]) -> Any:
    """The contracts, deployed on the session's chain with the parameters of a development chain."""
    from registry.deployment import deploy  # noqa: PLC0415

    return deploy(shared_chain, account("deployer"))


@pytest.fixture
def chain(shared_chain: Any, deployment: Any) -> Iterator[Any]:
    """The session's chain with the contracts on it; what the test does to it is undone."""
    del deployment  # made before the anchor, so that it stays
    with shared_chain.anchor():
        yield shared_chain


@pytest.fixture(scope="session")
def tolerant_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel whose bits depend on the machine, calibrated and packed; copy it before changing it."""
    from support import tolerant  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("tolerant") / "kernel"
    tolerant.build(folder)
    return folder
