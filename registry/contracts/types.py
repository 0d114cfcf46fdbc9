"""The contracts' enumerations and structs, as frozen values. Names and order are those of contracts/interfaces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aivm.manifest import AggregationRule, DeterminismClass, HardwareKind, SeedPolicy
from aivm.settlement import Ballot, Outcome, Vote
from registry.contracts import manifest_fields as fields

#: "None" where an address is asked for.
ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"


class KernelStatus(IntEnum):
    """A kernel's life: registered, then approved or rejected; an approved one can be rejected by a challenge."""

    UNKNOWN = 0
    REGISTERED = 1
    APPROVED = 2
    REJECTED = 3


class RandomnessStatus(IntEnum):
    """A randomness request's life."""

    UNKNOWN = 0
    PENDING = 1
    STALLED = 2
    FULFILLED = 3
    EXPIRED = 4


class JobKind(IntEnum):
    """What the committee runs: one input, or the kernel's conformance cases."""

    INFERENCE = 0
    VALIDATION = 1


class JobStatus(IntEnum):
    """A job's life."""

    UNKNOWN = 0
    REQUESTED = 1
    COMMITTING = 2
    REVEALING = 3
    SETTLED = 4
    FINALISED = 5
    FAILED = 6


class JobFailure(IntEnum):
    """Why a job ended without a result."""

    NO_SEED = 0
    TOO_FEW_VALIDATORS = 1
    REFUSED = 2
    NO_MAJORITY = 3
    TOO_LATE_TO_GROW = 4
    TOO_FEW_LEFT = 5


class Showing(IntEnum):
    """What `settle` is shown for one seat."""

    NOTHING = 0
    OPENING = 1
    REVEALED = 2


class OperationState(IntEnum):
    """A proposal's life, in OpenZeppelin's TimelockController."""

    UNSET = 0
    WAITING = 1
    READY = 2
    DONE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A registered kernel. `registered_at` is a block number; 32 zero bytes mean none.

    `determinism` is the class in force, `classes` the number of environment classes that agreed on the certificate.
    """

    publisher: str
    status: KernelStatus
    deprecated: bool
    registered_at: int
    determinism: DeterminismClass
    classes: int
    manifest_id: bytes
    validation_job: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A validator's stake (wei), jobs it is blamed in, and profile. `thaws_at` is in seconds, `leaf` counts from 1.

    `moved_in` is the epoch in which it took its last place: there is one an epoch.
    """

    stake: int
    thawing: int
    thaws_at: int
    blamed: int
    leaf: int
    moved_in: int
    environment_class: bytes
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A VRF operator: x of its key, and whether y is odd; its bond and its uncollected fees in wei."""

    account: str
    active: bool
    active_from_block: int
    exit_at: int
    bond: int
    earned: int
    key_x: int
    key_odd: bool

    @property
    def public_key(self) -> bytes:
        """The key in SEC1 compressed form, 33 bytes."""
        return bytes([2 + self.key_odd]) + self.key_x.to_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomnessRequest:
    """A request for randomness. `deadline` is in seconds, `fee` in wei, `block_hash` zero until pinned.

    `status` is by the clock. Of a fulfilled request only the status is left, of an unknown one nothing.
    """

    status: RandomnessStatus
    block_number: int
    deadline: int
    attempt: int
    operator_count: int
    fee: int
    refund_to: str
    block_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParameters:
    """The JobMarket's parameters: amounts in wei, windows in seconds."""

    seat_fee: int
    delivery_fee_per_gas: int
    deviation_slash: int
    absence_slash: int
    open_window: int
    commit_window: int
    reveal_window: int
    challenge_window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What a requester asks for. `consumer` may be the zero address; `input` is a record digest.

    32 zero bytes as environment class: validators of any class.
    """

    kernel: bytes
    input: bytes
    environment_class: bytes
    committee_size: int
    consumer: str
    callback_gas: int
    refund_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTerms:
    """What a job needs to know of a kernel; `author_fee` in wei, `tolerance` in bits.

    `takes_class` is whether it takes jobs of the class that was asked about.
    """

    publisher: str
    status: KernelStatus
    determinism: DeterminismClass
    rule: AggregationRule
    tolerance: int
    author_fee: int
    takes_class: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBounds:
    """What no parameters of the market can exceed; in wei and seconds."""

    greatest_slash: int
    least_open_window: int
    least_commit_window: int
    longest_draw: int
    longest_life: int


#: Where the small numbers of a job's terms are in their word: lowest bit and width (contracts/types/JobRules.sol).
RULES = {
    "kind": (0, 8),
    "rule": (8, 8),
    "tolerance": (16, 16),
    "committee_size": (32, 8),
    "tree": (40, 8),
    "epoch": (48, 32),
    "callback_gas": (80, 32),
    "open_window": (112, 32),
    "commit_window": (144, 32),
    "reveal_window": (176, 32),
    "challenge_window": (208, 32),
}


def pack_rules(**numbers: int) -> int:
    """The word of these numbers, by the names in `RULES`; what is not given is zero."""
    return sum(int(number) << RULES[name][0] for name, number in numbers.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTerms:
    """What is fixed when a job is requested; amounts in wei, windows in seconds. `rules` is a word: see `RULES`."""

    rules: int
    author_fee: int
    seat_fee: int
    delivery_fee: int
    deviation_slash: int
    absence_slash: int
    consumer: str
    refund_to: str
    publisher: str
    kernel: bytes
    input: bytes
    randomness: bytes

    def _number(self, name: str) -> int:
        low, width = RULES[name]
        return self.rules >> low & ((1 << width) - 1)

    @property
    def kind(self) -> JobKind:
        """An inference, or an admission."""
        return JobKind(self._number("kind"))

    @property
    def rule(self) -> AggregationRule:
        """How answers become one."""
        return list(AggregationRule)[self._number("rule")]

    @property
    def tolerance(self) -> int:
        """Bits between sketches, under the Hamming rule."""
        return self._number("tolerance")

    @property
    def committee_size(self) -> int:
        """Seats of the first round."""
        return self._number("committee_size")

    @property
    def tree(self) -> int:
        """Whose validators are drawn."""
        return self._number("tree")

    @property
    def epoch(self) -> int:
        """Whose weights are drawn by."""
        return self._number("epoch")

    @property
    def callback_gas(self) -> int:
        """What the consumer gets."""
        return self._number("callback_gas")

    @property
    def open_window(self) -> int:
        """Seconds from the request to the draw."""
        return self._number("open_window")

    @property
    def commit_window(self) -> int:
        """Seconds."""
        return self._number("commit_window")

    @property
    def reveal_window(self) -> int:
        """Seconds."""
        return self._number("reveal_window")

    @property
    def challenge_window(self) -> int:
        """Seconds."""
        return self._number("challenge_window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a validator says it computed; 32 bytes each. A refusal has digest, answer and sketch zero."""

    digest: bytes
    answer: bytes
    sketch: bytes
    environment: bytes

    @property
    def is_refusal(self) -> bool:
        """Whether the validator refuses the job."""
        return not any(self.digest)


#: What a refusal attests, and what stands where nothing is shown.
NOTHING = Attestation(digest=bytes(32), answer=bytes(32), sketch=bytes(32), environment=bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a committee agreed on; all zero before."""

    digest: bytes
    answer: bytes
    sketch: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job has come. `seats` are words: the member in bits 0-159, its leaf above.

    `outcomes` is a word: see `outcomes_of`.
    """

    seed: bytes
    round: int
    first_seat: int
    reveal_window: int
    seats: tuple[int, ...]
    batch: tuple[bytes, ...]
    votes: tuple[Vote, ...]
    outcomes: int
    result: Result


def outcomes_of(word: int, seats: int) -> tuple[Outcome, ...]:
    """What becomes of each seat: four bits of the word each (contracts/types/Outcomes.sol)."""
    return tuple(Outcome(word >> 4 * seat & 0xF) for seat in range(seats))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What `settle` is shown for one seat of the round."""

    showing: Showing
    attestation: Attestation = NOTHING
    salt: bytes = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A job as it ended, for a challenge."""

    job: bytes
    terms: JobTerms
    progress: JobProgress


#: What each Solidity type is in Python, by the `internalType` of the ABI. Types that are not here stay plain values.
SOLIDITY_TYPES: dict[str, type[Any]] = {
    "enum IKernelRegistry.Status": KernelStatus,
    "enum IVrfCoordinator.Status": RandomnessStatus,
    "enum JobStatus": JobStatus,
    "enum JobFailure": JobFailure,
    "enum Ballot": Ballot,
    "enum Outcome": Outcome,
    "enum Showing": Showing,
    "enum TimelockController.OperationState": OperationState,
    "enum SeedPolicy": SeedPolicy,
    "enum AggregationRule": AggregationRule,
    "enum HardwareKind": HardwareKind,
    "enum DeterminismClass": DeterminismClass,
    "struct IKernelRegistry.Kernel": Kernel,
    "struct IKernelRegistry.Terms": KernelTerms,
    "struct IKernelRegistry.Evidence": Evidence,
    "struct IValidatorStaking.Validator": Validator,
    "struct IVrfCoordinator.Operator": Operator,
    "struct IVrfCoordinator.Request": RandomnessRequest,
    "struct IMarketParameters.Parameters": MarketParameters,
    "struct IMarketParameters.Bounds": MarketBounds,
    "struct IJobMarket.JobRequest": JobRequest,
    "struct JobTerms": JobTerms,
    "struct JobProgress": JobProgress,
    "struct Attestation": Attestation,
    "struct Vote": Vote,
    "struct Result": Result,
    "struct Shown": Shown,
    "struct Manifest": fields.ManifestFields,
    "struct Build": fields.BuildFields,
    "struct Runtime": fields.RuntimeFields,
    "struct Hardware": fields.HardwareFields,
    "struct Numerics": fields.NumericsFields,
    "struct Seeds": fields.SeedsFields,
    "struct Aggregation": fields.AggregationFields,
    "struct Limits": fields.LimitsFields,
}
