// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment, JobId, KernelId, RandomnessId, RecordDigest} from "../types/Ids.sol";

/// @title Jobs: request, seed, committee, commit, reveal, settle, deliver.
/// @notice A job's output is what a strict majority of its whole committee reveals. No majority: the committee grows by
///         newly drawn members, up to a bound; then everyone is refunded. Every state leaves by a call that anyone can
///         make. Results are readable before any callback, and a callback changes nothing but its own flag. All payouts
///         are credits that their owner withdraws.
interface IJobMarket {
    enum Kind {
        Inference, // run the kernel on one input
        Validation // run the kernel's conformance cases: admission
    }

    enum Status {
        Unknown,
        Requested, // waits for its seed
        Committing, // the members of this round commit
        Revealing, // the members of this round open their commitments
        Settled, // the result is readable; deviators are slashed after the challenge window
        Finalised, // paid, slashed, unlocked
        Failed // refunded: no seed, no committee or no majority
    }

    struct Parameters {
        uint96 seatFee; // wei to each member of the majority
        uint64 deliveryFeePerGas; // wei per unit of callback gas, to whoever delivers first
        uint96 deviationSlash; // wei, for an answer outside the majority and for a commitment left unopened; at most the minimum stake
        uint96 absenceSlash; // wei, for a seat that never committed; at most deviationSlash
        uint32 openWindow; // seconds from the request to the latest draw
        uint32 commitWindow; // seconds
        uint32 revealWindow; // seconds
        uint32 challengeWindow; // seconds
    }

    struct JobRequest {
        KernelId kernel;
        RecordDigest input; // the input record; for a validation, the manifest record
        uint8 committeeSize; // odd, MINIMUM_COMMITTEE to MAXIMUM_COMMITTEE
        address consumer; // called back with the result, or zero
        uint32 callbackGas; // at most MAXIMUM_CALLBACK_GAS
        address refundTo; // credited with whatever is left over
    }

    struct Job {
        Kind kind;
        Status status; // as stored; see `statusOf` for the status by the clock
        uint8 round; // 0 for the first
        uint8 committeeSize; // as requested
        uint8 committed; // members of this round that have committed
        uint8 revealed; // members of this round that have revealed
        bool delivered; // the consumer took the result
        bool deliveryPaid; // the delivery fee is spent
        uint48 requestBlock; // committees are weighted by the stake at the end of this block less one
        uint48 deadline; // of the current status, in seconds
        uint32 callbackGas;
        address requester;
        address consumer;
        address refundTo;
        uint96 escrow; // wei held for this job
        KernelId kernel;
        RecordDigest input;
        RandomnessId randomness;
        bytes32 seed; // the VRF output, once drawn
        RecordDigest digest; // the result, once settled
        bytes32 answer; // the result's on-chain word, once settled
    }

    /// @notice What a validator says it computed, or that it refuses the job.
    /// @dev A refusal is an attestation whose digest, answer and sketch are zero: the input cannot be fetched, or breaks the
    ///      kernel's input conventions, or this machine does not satisfy the manifest. Without it a requester could have
    ///      honest members slashed for their absence, by asking for something that cannot be computed. A refusal is a vote
    ///      like any other: when a strict majority of all seats refuses, `settle` fails the job with reason "refused", the requester is
    ///      refunded, nobody is paid, and only absent and withholding members are slashed. When the majority agrees on an
    ///      output instead, a refusal is the fault `Refused`, which costs `absenceSlash`.
    struct Attestation {
        RecordDigest digest; // of the output record, zero for a refusal
        bytes32 answer; // the output's on-chain word
        bytes32 sketch; // zero under the Exact rule
        RecordDigest environment; // of the environment record it ran in
    }

    struct Seat {
        uint8 round; // in which the member was drawn
        bool committed;
        bool revealed;
        Commitment commitment;
        Attestation attestation; // once revealed
    }

    event JobRequested(JobId indexed job, KernelId indexed kernel, address indexed requester, Kind kind, RecordDigest input, RandomnessId randomness);
    event CommitteeDrawn(JobId indexed job, uint8 round, bytes32 seed, address[] members, uint256 commitDeadline);
    event Committed(JobId indexed job, uint8 round, address indexed validator, Commitment commitment);
    event RevealStarted(JobId indexed job, uint8 round, uint256 revealDeadline);
    event Revealed(JobId indexed job, uint8 round, address indexed validator, Attestation attestation);
    event JobSettled(JobId indexed job, RecordDigest digest, bytes32 answer, uint256 votes, uint256 committee);
    event JobFinalised(JobId indexed job);
    event JobFailed(JobId indexed job, string reason);
    event Delivered(JobId indexed job, address indexed consumer);
    event DeliveryFailed(JobId indexed job, address indexed consumer);
    event ValidatorPaid(JobId indexed job, address indexed validator, uint256 amount);
    event ValidatorFaulted(JobId indexed job, address indexed validator, Fault fault, uint256 slashed);

    enum Fault {
        Absent, // never committed
        Withheld, // committed and did not reveal
        Deviated, // revealed something else than the majority
        Refused // revealed a refusal where the majority agreed on an output; costs as much as absence
    }

    error JobMarket_InvalidParameters();
    error JobMarket_InvalidCommitteeSize(uint256 have);
    error JobMarket_InvalidRefundAddress();
    error JobMarket_CallbackGasTooHigh(uint256 have, uint256 limit);
    error JobMarket_FeeTooLow(uint256 have, uint256 want);
    error JobMarket_KernelNotApproved(KernelId kernel);
    error JobMarket_NotRegistry(address caller);
    error JobMarket_UnknownJob(JobId job);
    error JobMarket_WrongStatus(JobId job, Status have, Status want);
    error JobMarket_SeedPending(JobId job);
    error JobMarket_TooLate(JobId job, uint256 deadline);
    error JobMarket_TooEarly(JobId job, uint256 notBefore);
    error JobMarket_NotSeated(JobId job, address validator);
    error JobMarket_NotThisRound(JobId job, address validator, uint8 seatRound, uint8 round);
    error JobMarket_AlreadyCommitted(JobId job, address validator);
    error JobMarket_AlreadyRevealed(JobId job, address validator);
    error JobMarket_NotCommitted(JobId job, address validator);
    error JobMarket_EmptyCommitment(JobId job);
    error JobMarket_WrongOpening(JobId job, address validator, Commitment have, Commitment want);
    error JobMarket_RefusalNotEmpty(JobId job);
    error JobMarket_SketchNotAllowed(JobId job);
    error JobMarket_NoConsumer(JobId job);
    error JobMarket_AlreadyDelivered(JobId job);
    error JobMarket_GasTooLow(uint256 have, uint256 want);

    /// @notice Escrows the value for one inference by an approved kernel (at least `quote`; the excess is credited back).
    function request(JobRequest calldata job) external payable returns (JobId);

    /// @notice Escrows the value for a kernel's admission. Only the KernelRegistry, which is also the consumer.
    function requestValidation(KernelId kernel, RecordDigest manifestRecord, uint8 committeeSize, address refundTo) external payable returns (JobId);

    /// @notice Draws the committee, fulfilling the job's randomness with `proof` first if that has not been done.
    ///         Fails the job, with a refund, when there are fewer validators than seats. Anyone may call.
    function open(JobId job, bytes calldata proof) external;

    /// @notice A member's commitment for this round; see `commitmentOf`. The last one starts the reveals at once.
    function commit(JobId job, Commitment commitment) external;

    /// @notice Opens the caller's commitment, after everyone has committed or the commit window has passed.
    function reveal(JobId job, Attestation calldata attestation, bytes32 salt) external;

    /// @notice Counts, once everyone who committed has revealed or the reveal window has passed: settles the job,
    ///         or grows its committee, or fails it. Anyone may call.
    function settle(JobId job) external;

    /// @notice Pays the majority and the publisher, slashes deviators, refunds the rest, after the challenge window. Anyone may call.
    function finalise(JobId job) external;

    /// @notice Fails a job that got no committee in time, with a refund. Anyone may call.
    function expire(JobId job) external;

    /// @notice Calls the consumer with a settled result and exactly the gas that was asked for. Anyone may call, and call
    ///         again after a failure; the first call is paid.
    /// @return success whether the consumer took it
    function deliver(JobId job) external returns (bool success);

    /// @notice What `request` costs: randomness, author, seats of the largest committee, delivery; in wei.
    function quote(KernelId kernel, uint8 committeeSize, uint32 callbackGas) external view returns (uint256);

    function quoteValidation(uint8 committeeSize) external view returns (uint256);

    /// @notice The status by the clock: Committing turns into Revealing when its window has passed.
    function statusOf(JobId job) external view returns (Status);

    function jobOf(JobId job) external view returns (Job memory);

    function committeeOf(JobId job) external view returns (address[] memory);

    /// @notice A member's seat; reverts with NotSeated for anybody else.
    function seatOf(JobId job, address validator) external view returns (Seat memory);

    /// @notice The commitment to an attestation.
    /// @dev keccak256(abi.encode(COMMITMENT_DOMAIN, chainid, market, job, round, validator, digest, answer, sketch,
    ///      environment, salt)); COMMITMENT_DOMAIN = keccak256("aivm/commitment/1").
    function commitmentOf(JobId job, uint8 round, address validator, Attestation calldata attestation, bytes32 salt) external view returns (Commitment);

    function parameters() external view returns (Parameters memory);
}
