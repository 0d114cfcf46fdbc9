// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment, EnvironmentClass, JobId, KernelId, RecordDigest} from "../types/Ids.sol";
import {IKernelRegistry} from "./IKernelRegistry.sol";
import {IMarketParameters} from "./IMarketParameters.sol";
import {IValidatorStaking} from "./IValidatorStaking.sol";
import {Attestation, JobFailure, JobProgress, JobStatus, JobTerms, Outcome, Result, Shown, Vote} from "../types/Job.sol";
import {Outcomes} from "../types/Outcomes.sol";
import {Seat} from "../types/Seat.sol";

/// @title Jobs: request, seed, committee, commit, reveal, settle, deliver.
/// @notice A job's output is what a strict majority of its whole committee reveals. No majority: the committee grows by
///         newly drawn members, up to a bound; then everyone is refunded. Every state leaves by a call that anyone can
///         make. All payouts are credits that their owner withdraws.
///
///         The chain keeps one word a job: its status, its deadline, and a hash of its terms and its progress. Whoever calls brings
///         these two along; both follow from the job's events (see the `registry` package). A contract learns a result by its
///         callback, or from anyone who brings it, by `verifyResult`.
///
///         There are three ways to commit and reveal, with the same result. *Together*, all members sign the list of their commitments,
///         open them to each other, and anyone settles with that: one transaction in all, which can also be the one that brings the
///         seed's proof and draws the committee. In a *batch*, a majority signs its
///         commitments and hands them, and later the openings, to whoever sends them on: two transactions. *Alone*, a member
///         sends its own, at any time: whoever is left out of a batch loses nothing but gas.
interface IJobMarket {
    struct JobRequest {
        KernelId kernel;
        RecordDigest input; // the input record
        EnvironmentClass environmentClass; // zero: validators of any class; a pinned kernel needs one that it is admitted for
        uint8 committeeSize; // odd, MINIMUM_COMMITTEE to MAXIMUM_COMMITTEE
        address consumer; // called back with the result, or zero
        uint32 callbackGas; // at most 1,000,000
        address refundTo; // credited with whatever is left over
    }

    event JobRequested(JobId indexed job, KernelId indexed kernel, address indexed requester, JobTerms terms);
    /// @dev `seats` are those of this round; earlier rounds keep theirs.
    event CommitteeDrawn(JobId indexed job, uint8 round, bytes32 seed, Seat[] seats, uint256 commitDeadline);
    event BatchCommitted(JobId indexed job, uint8 round, Commitment[] batch);
    /// @dev Without a majority, before the committee grows.
    event RoundCounted(JobId indexed job, uint8 round, Vote[] votes);
    event Committed(JobId indexed job, uint8 round, address indexed validator, Commitment commitment);
    event RevealStarted(JobId indexed job, uint8 round, uint256 revealDeadline);
    /// @dev By the member itself, or by the opening that the settlement was shown.
    event Revealed(JobId indexed job, uint8 round, address indexed validator, Attestation attestation);
    /// @dev By all members of the round at once.
    event RoundOpened(JobId indexed job, uint8 round, Attestation[] attestations);
    event JobSettled(JobId indexed job, Result result, Outcomes outcomes, uint256 votes, uint256 challengeDeadline);
    event JobFinalised(JobId indexed job);
    event ResultHeld(JobId indexed job, uint256 until);
    /// @dev Before JobFinalised.
    event JobOverturned(JobId indexed job, Result result, Outcomes outcomes);
    event JobFailed(JobId indexed job, JobFailure reason);
    event Delivered(JobId indexed job, address indexed consumer);
    event DeliveryFailed(JobId indexed job, address indexed consumer);
    event ValidatorFaulted(JobId indexed job, address indexed validator, Outcome fault, uint256 slashed);

    error JobMarket_InvalidParameters();
    error JobMarket_InvalidCommitteeSize(uint256 have);
    error JobMarket_InvalidRefundAddress();
    error JobMarket_UnknownClass(EnvironmentClass environmentClass);
    error JobMarket_CallbackGasTooHigh(uint256 have, uint256 limit);
    error JobMarket_FeeTooLow(uint256 have, uint256 want);
    error JobMarket_ClassNeeded(KernelId kernel);
    error JobMarket_KernelNotApproved(KernelId kernel);
    error JobMarket_NotRegistry(address caller);
    error JobMarket_NotAppeals(address caller);
    error JobMarket_UnknownJob(JobId job);
    error JobMarket_WrongState(JobId job, bytes32 have);
    error JobMarket_WrongStatus(JobId job, JobStatus have, JobStatus want);
    error JobMarket_SeedPending(JobId job);
    error JobMarket_TooLate(JobId job, uint256 deadline);
    error JobMarket_TooEarly(JobId job, uint256 notBefore);
    error JobMarket_NotThisRound(JobId job, address validator);
    error JobMarket_AlreadyCommitted(JobId job, address validator);
    error JobMarket_AlreadyRevealed(JobId job, address validator);
    error JobMarket_NotCommitted(JobId job, address validator);
    error JobMarket_EmptyCommitment(JobId job);
    error JobMarket_WrongSignature(JobId job, address validator);
    error JobMarket_WrongBatch(JobId job, uint256 have, uint256 want);
    error JobMarket_WrongOpening(JobId job, address validator, Commitment have, Commitment want);
    error JobMarket_WrongReveal(JobId job, address validator);
    error JobMarket_NotShown(JobId job, address validator);
    error JobMarket_RefusalNotEmpty(JobId job);
    error JobMarket_NoConsumer(JobId job);
    error JobMarket_AlreadyDelivered(JobId job);
    error JobMarket_GasTooLow(uint256 have, uint256 want);

    /// @notice Escrows the value for one inference by an approved kernel (at least `quote`; the excess is credited back).
    function request(JobRequest calldata job) external payable returns (JobId);

    /// @notice Escrows the value for a kernel's admission. Only the KernelRegistry, which is also the consumer.
    /// @param environmentClass whose validators are drawn; zero for a committee of two classes at least
    function requestValidation(
        KernelId kernel,
        RecordDigest manifestRecord,
        EnvironmentClass environmentClass,
        uint8 committeeSize,
        address refundTo
    ) external payable returns (JobId);

    /// @notice Fulfils the job's randomness and draws the committee. Fails the job, with a refund, when there are fewer
    ///         validators than seats. Anyone may call.
    function open(JobId job, JobTerms calldata terms, bytes calldata proof) external;

    /// @notice `open` and `settleTogether` in one: for members who have learnt the seed from whoever proves it, and the committee that
    ///         follows, and have done their round before the proof is on the chain. The result is the same as of the two one after the
    ///         other. Whoever opens the job meanwhile leaves the second of them to do, with the same signatures. Anyone may call.
    function openTogether(JobId job, JobTerms calldata terms, bytes calldata proof, Shown[] calldata shown, bytes calldata signatures) external;

    /// @notice Brings the commitments of at least a strict majority of this round's seats, once a round, signed by their members.
    ///         Anyone may call. If then every seat has committed, the reveals start at once.
    /// @param batch one commitment for each seat of this round; zero for a seat that is left out
    /// @param signatures for each one that is not, in their order: 64 bytes (ERC-2098) over `commitDigest`
    function commitBatch(JobId job, bytes32 termsHash, JobProgress calldata progress, Commitment[] calldata batch, bytes calldata signatures) external;

    /// @notice The caller's own commitment for this round. The last one starts the reveals at once.
    function commit(JobId job, bytes32 termsHash, JobProgress calldata progress, Commitment commitment) external;

    /// @notice Opens the caller's commitment, after everyone has committed or the commit window has passed. Whoever has
    ///         committed in a batch need not, if its opening is shown to `settle`.
    function reveal(JobId job, bytes32 termsHash, JobProgress calldata progress, Attestation calldata attestation, bytes32 salt) external;

    /// @notice Counts, once every commitment is shown open or the reveal window has passed: settles the job, or grows its
    ///         committee, or fails it. Anyone may call. What a member has revealed by itself must be shown.
    /// @param shown for each seat of this round
    function settle(JobId job, JobTerms calldata terms, JobProgress calldata progress, Shown[] calldata shown) external;

    /// @notice Settles within the commit window, in one transaction for the whole round, when every member has signed the list of all
    ///         commitments and has then opened its own, off chain. If an opening is held back, the list is written down and the reveals
    ///         start: it stands above what a member has committed to alone, or signed besides. So nobody can be told another's
    ///         opening before its own commitment is fixed, and change it then. Anyone may call.
    /// @param shown for each seat of this round, its opening; for one that is held back, nothing but its commitment in place of the salt
    /// @param signatures of each member over `roundDigest`: 64 bytes (ERC-2098) each
    function settleTogether(JobId job, JobTerms calldata terms, JobProgress calldata progress, Shown[] calldata shown, bytes calldata signatures)
        external;

    /// @notice Pays the majority and the publisher, slashes deviators, refunds the rest, after the challenge window. Anyone may
    ///         call, and is credited a share of what is slashed.
    function finalise(JobId job, JobTerms calldata terms, JobProgress calldata progress) external;

    /// @notice Moves the end of a settled job's challenge window. Only the Appeals, for one that is appealed, and when that is over.
    function hold(JobId job, uint256 until) external;

    /// @notice Ends a settled job with another result, as a larger committee found it. Under the Exact rule those who agreed on the first
    ///         one have deviated; whom they outvoted is neither paid nor slashed. If the consumer took the first result, it can be
    ///         called again, with this one. Only the Appeals.
    /// @param reporter is credited the share of what is slashed
    function overturn(JobId job, JobTerms calldata terms, JobProgress calldata progress, Result calldata result, address reporter) external;

    /// @notice Fails a job that got no committee in time, with a refund. Anyone may call.
    function expire(JobId job, JobTerms calldata terms) external;

    /// @notice Calls the consumer with a settled result and exactly the gas that was asked for. Anyone may call, and call
    ///         again after a failure; the first call is paid.
    /// @return success whether the consumer took it
    function deliver(JobId job, JobTerms calldata terms, JobProgress calldata progress) external returns (bool success);

    /// @notice What `request` costs: randomness, author, seats of the largest committee, delivery; in wei.
    function quote(KernelId kernel, uint8 committeeSize, uint32 callbackGas) external view returns (uint256);

    function quoteValidation(uint8 committeeSize) external view returns (uint256);

    /// @notice The status by the clock: Committing turns into Revealing when its window has passed.
    function statusOf(JobId job) external view returns (JobStatus);

    /// @notice When the stored status ends, in seconds.
    function deadlineOf(JobId job) external view returns (uint256);

    /// @return paid whether the first delivery was made
    /// @return delivered whether the consumer took the result
    function deliveryOf(JobId job) external view returns (bool paid, bool delivered);

    /// @notice Whether these are the job's terms and progress.
    function isState(JobId job, bytes32 termsHash, JobProgress calldata progress) external view returns (bool);

    /// @notice The result of a settled or finalised job; reverts if this is not its state.
    /// @return result what the committee agreed on
    /// @return isFinal whether the challenge window is over
    function verifyResult(JobId job, bytes32 termsHash, JobProgress calldata progress) external view returns (Result memory result, bool isFinal);

    /// @notice What stands behind a seat that acted alone: zero, its commitment, or the hash of what it revealed.
    function ballotOf(JobId job, uint256 seat) external view returns (bytes32);

    /// @notice The commitment to an attestation.
    /// @dev keccak256(abi.encode(COMMITMENT_DOMAIN, chainid, market, job, round, validator, digest, answer, sketch,
    ///      environment, salt)); COMMITMENT_DOMAIN = keccak256("aivm/commitment/1").
    function commitmentOf(JobId job, uint8 round, address validator, Attestation calldata attestation, bytes32 salt) external view returns (Commitment);

    /// @notice What a member signs for a batch: EIP-712, `Commit(bytes32 job,uint8 round,bytes32 seed,bytes32 commitment)`. The seed is the
    ///         job's: after a reorganisation that gives it another one, and with it another committee, the signature is of no use.
    function commitDigest(JobId job, uint8 round, bytes32 seed, Commitment commitment) external view returns (bytes32);

    /// @notice What every member signs for a round without a commitment on chain: EIP-712,
    ///         `Round(bytes32 job,uint8 round,bytes32 seed,bytes32[] commitments)`. Whoever signs one list signs no other that differs in what it has, and
    ///         opens only when it has the signatures of all.
    function roundDigest(JobId job, uint8 round, bytes32 seed, Commitment[] calldata commitments) external view returns (bytes32);

    function parameters() external view returns (IMarketParameters);

    function registry() external view returns (IKernelRegistry);

    function staking() external view returns (IValidatorStaking);
}
