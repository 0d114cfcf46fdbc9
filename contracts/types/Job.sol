// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment, KernelId, RandomnessId, RecordDigest} from "./Ids.sol";
import {JobRules} from "./JobRules.sol";
import {Outcomes} from "./Outcomes.sol";
import {Seat} from "./Seat.sol";

enum JobKind {
    Inference, // run the kernel on one input
    Validation // run the kernel's conformance cases: admission
}

enum JobStatus {
    Unknown,
    Requested, // waits for its seed
    Committing, // the members of this round commit
    Revealing, // the members of this round open their commitments
    Settled, // the result stands; deviators are slashed after the challenge window
    Finalised, // paid, slashed
    Failed // refunded: no seed, no committee or no majority
}

/// @notice Why a job ended without a result.
enum JobFailure {
    NoSeed, // in time
    TooFewValidators, // with weight, for the committee
    Refused, // by a strict majority
    NoMajority, // of the largest committee
    TooLateToGrow, // nobody counted the round within the open window
    TooFewLeft // to make a majority by growing
}

/// @notice What is fixed when a job is requested. Every parameter that can change later is here as it was then, so that nobody
///         can change the rules of a running job.
struct JobTerms {
    JobRules rules;
    uint256 authorFee; // wei, and so are the others
    uint256 seatFee;
    uint256 deliveryFee;
    uint256 deviationSlash;
    uint256 absenceSlash;
    address consumer; // called back with the result, or zero
    address refundTo; // credited with whatever is left over
    address publisher; // paid the author fee
    KernelId kernel;
    RecordDigest input; // the input record; for a validation, the manifest record
    RandomnessId randomness;
}

/// @notice What a validator says it computed, or that it refuses the job.
/// @dev A refusal is an attestation whose digest, answer and sketch are zero: the input cannot be fetched, or breaks the
///      kernel's input conventions, or this machine does not satisfy the manifest. Without it a requester could have
///      honest members slashed for their absence, by asking for something that cannot be computed. A refusal is a vote
///      like any other: when a strict majority of all seats refuses, the job fails with reason "refused", the requester is
///      refunded, nobody is paid, and only absent and withholding members are slashed. When the majority agrees on an
///      output instead, a refusal is the fault `Refused`, which costs `absenceSlash`.
struct Attestation {
    RecordDigest digest; // of the output record, zero for a refusal
    bytes32 answer; // the output's on-chain word
    bytes32 sketch; // ignored under the Exact rule
    RecordDigest environment; // of the environment record it ran in
}

/// @notice What one seat said, once its round is counted.
enum Ballot {
    Absent, // never committed
    Withheld, // committed and did not reveal
    Refused, // revealed that it cannot compute
    Cast
}

struct Vote {
    Ballot ballot;
    RecordDigest digest;
    bytes32 answer;
    bytes32 sketch;
}

/// @notice What becomes of a seat when its job is over.
enum Outcome {
    Unpaid, // nothing is owed and nothing is taken: a job without a result, a tolerant answer too far away
    Paid,
    Absent,
    Withheld,
    Refused,
    Deviated
}

struct Result {
    RecordDigest digest;
    bytes32 answer;
    bytes32 sketch;
}

/// @notice How far a job has come. With the hash of its terms it is what the chain keeps the hash of.
struct JobProgress {
    bytes32 seed; // the VRF output, once drawn
    uint8 round; // 0 for the first
    uint8 firstSeat; // of this round
    uint32 revealWindow; // as in the terms, so that a reveal needs not bring them
    Seat[] seats; // of all rounds
    Commitment[] batch; // empty, or one for each seat of this round: zero if it was left out
    Vote[] votes; // of the rounds before this one
    Outcomes outcomes; // of all seats, once settled
    Result result; // once settled
}

/// @notice What is shown for one seat of the round that is counted.
enum Showing {
    Nothing,
    Opening, // attestation and salt of its commitment
    Revealed // the attestation that it revealed by itself
}

struct Shown {
    Showing showing;
    Attestation attestation;
    bytes32 salt;
}
