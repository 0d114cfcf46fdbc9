"""Who takes part in the demo, with what keys, stakes and machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from aivm.arithmetic import _core
from registry.accounts import Account
from registry.deployment import ETHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_account.signers.local import LocalAccount


FUNDS = 100 * ETHER


def account(role: str) -> LocalAccount:
    """A development account that anybody can derive: for chains that end with the demo, never for money."""
    made: LocalAccount = Account.from_key(keccak(text=f"aivm demo {role}"))
    return made


def vrf_key(role: str) -> bytes:
    """A development VRF key, likewise."""
    return keccak(text=f"aivm demo vrf {role}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A validator's part: how much it stakes, and what is different about its worker's environment."""

    name: str
    stake: int
    threads: int
    variables: Mapping[str, str]


#: This machine's instruction sets for the engine's kernels, the best first; the last one is on every machine.
_ISAS = _core.isas()

#: Every setting changes what a library does or could do; the record of the environment names it, the digests must not.
VALIDATORS = (
    Part(name="validator 1", stake=1 * ETHER, threads=1, variables={}),
    Part(name="validator 2", stake=2 * ETHER, threads=2, variables={"AIVM_ISA": _ISAS[-1]}),
    Part(name="validator 3", stake=3 * ETHER, threads=1, variables={"AIVM_ISA": _ISAS[len(_ISAS) // 2], "TZ": "UTC0"}),
    Part(name="validator 4", stake=2 * ETHER, threads=1, variables={"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}),
    Part(name="validator 5", stake=1 * ETHER, threads=2, variables={"TZ": "Asia/Kolkata", "LC_ALL": "C"}),
)
