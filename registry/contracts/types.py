"""The contracts' enumerations and structs, as frozen values. Names and order are those of contracts/interfaces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aivm.manifest import AggregationRule, DeterminismClass, HardwareKind, SeedPolicy
from registry.contracts import manifest_fields as fields

#: "None" where an address is asked for.
ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"


class KernelStatus(IntEnum):
    """A kernel's life: registered, then approved or rejected for ever."""

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


class Fault(IntEnum):
    """What a seated validator did wrong."""

    ABSENT = 0
    WITHHELD = 1
    DEVIATED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A registered kernel. `registered_at` is a block number; 32 zero bytes mean none."""

    publisher: str
    status: KernelStatus
    deprecated: bool
    registered_at: int
    manifest_id: bytes
    validation_job: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A validator's stake (wei), its locks, and its profile. `thaws_at` is in seconds, `leaf` counts from 1."""

    stake: int
    thawing: int
    thaws_at: int
    locks: int
    leaf: int
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

    `status` is by the clock. Of a fulfilled request only status and output are left, of an unknown one nothing.
    """

    status: RandomnessStatus
    block_number: int
    deadline: int
    attempt: int
    operator_count: int
    fee: int
    refund_to: str
    block_hash: bytes
    output: bytes


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
    """What a requester asks for. `consumer` may be the zero address; `input` is a record digest."""

    kernel: bytes
    input: bytes
    committee_size: int
    consumer: str
    callback_gas: int
    refund_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as stored; `deadline` is in seconds, `escrow` in wei."""

    kind: JobKind
    status: JobStatus
    round: int
    committee_size: int
    committed: int
    revealed: int
    delivered: bool
    delivery_paid: bool
    request_block: int
    deadline: int
    callback_gas: int
    requester: str
    consumer: str
    refund_to: str
    escrow: int
    kernel: bytes
    input: bytes
    randomness: bytes
    seed: bytes
    digest: bytes
    answer: bytes


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A member's place in a committee; the attestation is all zero until it is revealed."""

    round: int
    committed: bool
    revealed: bool
    commitment: bytes
    attestation: Attestation


#: What each Solidity type is in Python, by the `internalType` of the ABI. Types that are not here stay plain values.
SOLIDITY_TYPES: dict[str, type[Any]] = {
    "enum IKernelRegistry.Status": KernelStatus,
    "enum IVrfCoordinator.Status": RandomnessStatus,
    "enum IJobMarket.Kind": JobKind,
    "enum IJobMarket.Status": JobStatus,
    "enum IJobMarket.Fault": Fault,
    "enum SeedPolicy": SeedPolicy,
    "enum AggregationRule": AggregationRule,
    "enum HardwareKind": HardwareKind,
    "enum DeterminismClass": DeterminismClass,
    "struct IKernelRegistry.Kernel": Kernel,
    "struct IValidatorStaking.Validator": Validator,
    "struct IVrfCoordinator.Operator": Operator,
    "struct IVrfCoordinator.Request": RandomnessRequest,
    "struct IJobMarket.Parameters": MarketParameters,
    "struct IJobMarket.JobRequest": JobRequest,
    "struct IJobMarket.Job": Job,
    "struct IJobMarket.Attestation": Attestation,
    "struct IJobMarket.Seat": Seat,
    "struct Manifest": fields.ManifestFields,
    "struct Build": fields.BuildFields,
    "struct Runtime": fields.RuntimeFields,
    "struct Hardware": fields.HardwareFields,
    "struct Numerics": fields.NumericsFields,
    "struct Seeds": fields.SeedsFields,
    "struct Aggregation": fields.AggregationFields,
    "struct Limits": fields.LimitsFields,
}
