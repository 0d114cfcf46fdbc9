"""What a deployment is made with."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.amounts import AmountError, parse
from registry.contracts.types import MarketParameters
from registry.errors import DeploymentError

if TYPE_CHECKING:
    from pathlib import Path

ETHER = 10**18
GWEI = 10**9
DAY = 86_400
#: What a file of parameters can have: addresses, and tables.
ACCOUNTS = ("treasury", "proposer")
TABLES = ("vrf", "staking", "market", "bounds", "timelock")
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
    """The VrfCoordinator's: amounts in wei, times in seconds, activation delay and confirmations in blocks.

    An operator has `answer_window` from the request on, so it must be longer than `confirmations` blocks take.
    """

    fee: int = ETHER // 10_000
    minimum_bond: int = ETHER // 10
    slash: int = ETHER // 100
    answer_window: int = 20
    activation_delay: int = 1
    exit_delay: int = 3600
    confirmations: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StakingParameters:
    """The ValidatorStaking's: in wei and seconds. An epoch must cover a job's time to its last draw."""

    minimum_stake: int = ETHER
    thaw_period: int = 5 * DAY
    epoch_length: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelockParameters:
    """The Timelock's, in seconds. A minute is enough to see a change coming where there is no money; days where is."""

    delay: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundParameters:
    """What nobody can make the market's parameters exceed later; in wei and seconds."""

    greatest_slash: int = ETHER
    least_open_window: int = 64
    least_commit_window: int = 20
    longest_draw: int = 600
    longest_life: int = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a deployment is made with. The defaults are for a development chain: short windows, small fees.

    Attributes:
        treasury: is credited what is slashed; None for the deployer.
        vrf: of the VrfCoordinator.
        staking: of the ValidatorStaking; its thaw period must exceed the longest job and an appeal from it.
        market: of the JobMarket, at first; its open window must exceed the longest wait for randomness.
        bounds: of the market's parameters, for good.
        timelock: of the Timelock, which owns the market's parameters from the first block on.
        proposer: proposes to the Timelock what it changes, and cancels; None for the deployer.
    """

    treasury: str | None = None
    vrf: VrfParameters = field(default_factory=VrfParameters)
    staking: StakingParameters = field(default_factory=StakingParameters)
    market: MarketParameters = DEVELOPMENT_MARKET
    bounds: BoundParameters = field(default_factory=BoundParameters)
    timelock: TimelockParameters = field(default_factory=TimelockParameters)
    proposer: str | None = None

    def amounts(self) -> dict[str, str]:
        """Every parameter by its path, numbers in decimal: the form of records, which hold no large integers."""
        flat: dict[str, str] = {}
        for name in TABLES:
            part = getattr(self, name)
            flat |= {f"{name}.{entry.name}": str(getattr(part, entry.name)) for entry in dataclasses.fields(part)}
        return flat


def read_parameters(path: Path) -> Parameters:
    """Reads a TOML file of parameters; what it does not name stays as it is for a development chain.

    Its tables are `[vrf]`, `[staking]`, `[market]`, `[bounds]` and `[timelock]`, with the members of the classes above;
    `treasury` and `proposer` stand before them. Numbers are integers, or texts such as "0.5ether": TOML's integers are
    too short for much wei.

    Raises:
        DeploymentError: naming the file and the member.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path} is not TOML: {error}") from error
    chosen: dict[str, Any] = {}
    defaults = Parameters()
    for name, value in given.items():
        if name in ACCOUNTS:
            if not isinstance(value, str) or re.fullmatch("0x[0-9a-fA-F]{40}", value) is None:
                raise DeploymentError(f"{path}: {name} is not an address")
            chosen[name] = value
        elif name in TABLES and isinstance(value, dict):
            part = getattr(defaults, name)
            known = {entry.name for entry in dataclasses.fields(part)}
            chosen[name] = dataclasses.replace(
                part, **{key: _number(path, f"{name}.{key}", known, entry) for key, entry in value.items()}
            )
        else:
            raise DeploymentError(
                f"{path}: there is no {name}",
                hint=f"There are {', '.join([*ACCOUNTS, *(f'[{table}]' for table in TABLES)])}.",
            )
    return Parameters(**chosen)


def _number(path: Path, where: str, known: set[str], value: object) -> int:
    member = where.partition(".")[2]
    if member not in known:
        raise DeploymentError(f"{path}: there is no {where}", hint=f"There are {', '.join(sorted(known))}.")
    if isinstance(value, str):
        try:
            return parse(value)
        except AmountError as error:
            raise DeploymentError(f"{path}: {where}: {error.message}", hint=error.hint) from error
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise DeploymentError(f"{path}: {where} is not a whole number", hint="Amounts are in wei, times in seconds.")
