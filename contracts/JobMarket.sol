// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInferenceConsumer} from "./interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "./interfaces/IJobMarket.sol";
import {IKernelRegistry} from "./interfaces/IKernelRegistry.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {IVrfCoordinator} from "./interfaces/IVrfCoordinator.sol";
import {CommitteeSize} from "./libraries/CommitteeSize.sol";
import {Credits} from "./libraries/Credits.sol";
import {ExactGasCall} from "./libraries/ExactGasCall.sol";
import {Tally} from "./libraries/Tally.sol";
import {Commitment, JobId, KernelId, RandomnessId, RecordDigest} from "./types/Ids.sol";

/// @title Jobs: request, seed, committee, commit, reveal, settle, deliver.
/// @dev No owner, no upgrade, nothing to turn off. A deadline's second belongs to the phase that it ends: what is due
///      "by" it is taken at `deadline` and refused after, what follows is refused at `deadline` and taken after.
///      The invariants are in docs/invariants.md.
contract JobMarket is IJobMarket, Credits, ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @dev A member's seat; exists if `enteredAs` is not zero.
    struct SeatState {
        uint8 enteredAs; // 1 + the round in which the member was drawn
        bool committed;
        bool revealed;
        Commitment commitment;
        Attestation attestation;
    }

    struct JobState {
        Job job;
        address publisher; // paid the author fee
        uint96 authorFee; // as it was at the request
        address[] members; // in the order of their seats, all rounds; at most CommitteeSize.LARGEST
        mapping(address member => SeatState) seats;
    }

    bytes32 public constant COMMITMENT_DOMAIN = keccak256("aivm/commitment/1");
    uint256 public constant MINIMUM_COMMITTEE = CommitteeSize.MINIMUM;
    uint256 public constant MAXIMUM_COMMITTEE = CommitteeSize.MAXIMUM;
    uint256 public constant LARGEST_COMMITTEE = CommitteeSize.LARGEST;
    /// @dev So that a delivery with all its overhead is far from a transaction's own limit of 16,777,216 (EIP-7825).
    uint32 public constant MAXIMUM_CALLBACK_GAS = 1_000_000;
    /// @dev What `KernelRegistry.onInference` gets.
    uint32 public constant VALIDATION_CALLBACK_GAS = 150_000;
    /// @dev Seconds. No parameter can hold a validator's stake or a requester's money for longer than a few of these.
    uint256 public constant MAXIMUM_WINDOW = 30 days;

    IVrfCoordinator public immutable vrf;
    IValidatorStaking public immutable staking;
    IKernelRegistry public immutable registry;

    uint96 private immutable _seatFee;
    uint64 private immutable _deliveryFeePerGas;
    uint96 private immutable _deviationSlash;
    uint96 private immutable _absenceSlash;
    uint32 private immutable _openWindow;
    uint32 private immutable _commitWindow;
    uint32 private immutable _revealWindow;
    uint32 private immutable _challengeWindow;

    mapping(JobId job => JobState) private _jobs;
    mapping(address requester => uint256) private _nonces;

    /// @dev The staking and the registry are deployed before, with this contract's address computed ahead.
    constructor(IVrfCoordinator vrf_, IValidatorStaking staking_, IKernelRegistry registry_, Parameters memory p) {
        bool known = staking_.market() == address(this) && registry_.market() == address(this);
        bool bounded = _isWindow(p.openWindow) && _isWindow(p.commitWindow) && _isWindow(p.revealWindow) && _isWindow(p.challengeWindow);
        // A seed that comes as late as it may can still be used.
        bool openable = p.openWindow > vrf_.maximumLatency();
        // From the request to the end of the longest job: nobody who may still be drawn can have taken the stake away.
        uint256 longest = 3 * uint256(p.openWindow) + 3 * (uint256(p.commitWindow) + p.revealWindow) + p.challengeWindow;
        bool staked = staking_.thawPeriod() > longest;
        // Whoever weighs something can pay for one fault in full.
        bool slashable = p.absenceSlash <= p.deviationSlash && p.deviationSlash <= staking_.minimumStake();
        if (!known || !bounded || !openable || !staked || !slashable) revert JobMarket_InvalidParameters();

        (vrf, staking, registry) = (vrf_, staking_, registry_);
        _seatFee = p.seatFee;
        _deliveryFeePerGas = p.deliveryFeePerGas;
        _deviationSlash = p.deviationSlash;
        _absenceSlash = p.absenceSlash;
        _openWindow = p.openWindow;
        _commitWindow = p.commitWindow;
        _revealWindow = p.revealWindow;
        _challengeWindow = p.challengeWindow;
    }

    /* REQUEST */

    /// @inheritdoc IJobMarket
    function request(JobRequest calldata wanted) external payable nonReentrant returns (JobId) {
        (address publisher, uint96 authorFee) = _termsOf(wanted.kernel);
        return _request(Kind.Inference, wanted, publisher, authorFee);
    }

    /// @inheritdoc IJobMarket
    function requestValidation(KernelId kernel, RecordDigest manifestRecord, uint8 committeeSize, address refundTo)
        external
        payable
        nonReentrant
        returns (JobId)
    {
        if (msg.sender != address(registry)) revert JobMarket_NotRegistry(msg.sender);
        JobRequest memory wanted = JobRequest({
            kernel: kernel,
            input: manifestRecord,
            committeeSize: committeeSize,
            consumer: address(registry),
            callbackGas: VALIDATION_CALLBACK_GAS,
            refundTo: refundTo
        });
        return _request(Kind.Validation, wanted, address(0), 0);
    }

    function _request(Kind kind, JobRequest memory wanted, address publisher, uint96 authorFee) private returns (JobId id) {
        // A credit of the market to itself could never be withdrawn.
        if (wanted.refundTo == address(0) || wanted.refundTo == address(this)) revert JobMarket_InvalidRefundAddress();
        uint256 vrfFee = vrf.fee();
        uint256 escrow = _escrowOf(authorFee, wanted.committeeSize, wanted.callbackGas);
        if (msg.value < vrfFee + escrow) revert JobMarket_FeeTooLow(msg.value, vrfFee + escrow);

        id = JobId.wrap(keccak256(abi.encode(block.chainid, address(this), msg.sender, _nonces[msg.sender]++)));
        RandomnessId randomness = vrf.request{value: vrfFee}(wanted.refundTo);

        JobState storage state = _jobs[id];
        Job storage job = state.job;
        job.kind = kind;
        job.status = Status.Requested;
        job.committeeSize = wanted.committeeSize;
        job.requestBlock = block.number.toUint48();
        job.deadline = (block.timestamp + _openWindow).toUint48();
        job.callbackGas = wanted.callbackGas;
        job.requester = msg.sender;
        job.consumer = wanted.consumer;
        job.refundTo = wanted.refundTo;
        job.escrow = escrow.toUint96();
        job.kernel = wanted.kernel;
        job.input = wanted.input;
        job.randomness = randomness;
        (state.publisher, state.authorFee) = (publisher, authorFee);
        emit JobRequested(id, wanted.kernel, msg.sender, kind, wanted.input, randomness);
        _credit(wanted.refundTo, msg.value - vrfFee - escrow);
    }

    /* COMMITTEE */

    /// @inheritdoc IJobMarket
    function open(JobId id, bytes calldata proof) external nonReentrant {
        JobState storage state = _stateIn(id, Status.Requested);
        Job storage job = state.job;
        if (block.timestamp > job.deadline) revert JobMarket_TooLate(id, job.deadline);
        bytes32 seed = _seedOf(id, job.randomness, proof);
        job.seed = seed;
        address[] memory drawn = staking.draw(seed, job.committeeSize, new address[](0), job.requestBlock - 1);
        if (drawn.length < job.committeeSize) _fail(id, state, "fewer validators than seats");
        else _seatMembers(id, state, drawn);
    }

    /// @dev Somebody else may have fulfilled it a moment ago: then the proof is not looked at, so nobody can make this fail.
    function _seedOf(JobId id, RandomnessId randomness, bytes calldata proof) private returns (bytes32) {
        (IVrfCoordinator.Status status, bytes32 output) = vrf.outputOf(randomness);
        if (status == IVrfCoordinator.Status.Fulfilled) return output;
        if (proof.length == 0) revert JobMarket_SeedPending(id);
        return vrf.fulfil(randomness, proof);
    }

    function _seatMembers(JobId id, JobState storage state, address[] memory drawn) private {
        Job storage job = state.job;
        uint8 round = job.round;
        for (uint256 i = 0; i < drawn.length; ++i) {
            state.members.push(drawn[i]);
            state.seats[drawn[i]].enteredAs = round + 1;
        }
        job.status = Status.Committing;
        job.deadline = (block.timestamp + _commitWindow).toUint48();
        staking.lock(drawn);
        emit CommitteeDrawn(id, round, job.seed, drawn, job.deadline);
    }

    /// @inheritdoc IJobMarket
    function expire(JobId id) external nonReentrant {
        JobState storage state = _stateIn(id, Status.Requested);
        if (block.timestamp <= state.job.deadline) {
            // A seed that can never come need not be waited for.
            (IVrfCoordinator.Status status,) = vrf.outputOf(state.job.randomness);
            if (status != IVrfCoordinator.Status.Expired) revert JobMarket_TooEarly(id, uint256(state.job.deadline) + 1);
        }
        _fail(id, state, "no committee in time");
    }

    /* COMMIT AND REVEAL */

    /// @inheritdoc IJobMarket
    function commit(JobId id, Commitment commitment) external nonReentrant {
        if (Commitment.unwrap(commitment) == 0) revert JobMarket_EmptyCommitment(id);
        JobState storage state = _stateIn(id, Status.Committing);
        Job storage job = state.job;
        SeatState storage seat = _seatInRound(id, state, msg.sender);
        if (seat.committed) revert JobMarket_AlreadyCommitted(id, msg.sender);
        seat.committed = true;
        seat.commitment = commitment;
        uint8 committed = ++job.committed;
        emit Committed(id, job.round, msg.sender, commitment);
        if (committed == state.members.length - CommitteeSize.beforeRound(job.committeeSize, job.round)) {
            _startReveals(id, job, block.timestamp);
        }
    }

    /// @inheritdoc IJobMarket
    function reveal(JobId id, Attestation calldata attestation, bytes32 salt) external nonReentrant {
        JobState storage state = _stateIn(id, Status.Revealing);
        Job storage job = state.job;
        SeatState storage seat = _seatInRound(id, state, msg.sender);
        if (!seat.committed) revert JobMarket_NotCommitted(id, msg.sender);
        if (seat.revealed) revert JobMarket_AlreadyRevealed(id, msg.sender);
        if (block.timestamp > job.deadline) revert JobMarket_TooLate(id, job.deadline);
        if (_isRefusal(attestation.digest) && attestation.answer | attestation.sketch != 0) revert JobMarket_RefusalNotEmpty(id);
        // The only rule that kernels can have today is Exact, which compares digests.
        if (attestation.sketch != 0) revert JobMarket_SketchNotAllowed(id);
        Commitment have = commitmentOf(id, job.round, msg.sender, attestation, salt);
        Commitment want = seat.commitment;
        if (Commitment.unwrap(have) != Commitment.unwrap(want)) revert JobMarket_WrongOpening(id, msg.sender, have, want);
        seat.revealed = true;
        seat.attestation = attestation;
        ++job.revealed;
        emit Revealed(id, job.round, msg.sender, attestation);
    }

    function _startReveals(JobId id, Job storage job, uint256 from) private {
        job.status = Status.Revealing;
        job.deadline = (from + _revealWindow).toUint48();
        emit RevealStarted(id, job.round, job.deadline);
    }

    /* SETTLE */

    /// @inheritdoc IJobMarket
    function settle(JobId id) external nonReentrant {
        JobState storage state = _stateIn(id, Status.Revealing);
        Job storage job = state.job;
        if (job.revealed < job.committed && block.timestamp <= job.deadline) {
            revert JobMarket_TooEarly(id, uint256(job.deadline) + 1);
        }
        (Tally.Vote memory winner, uint256 votes) = _count(state);
        if (votes == 0) return _grow(id, state);
        if (_isRefusal(winner.digest)) return _fail(id, state, "refused");
        job.status = Status.Settled;
        job.deadline = (block.timestamp + _challengeWindow).toUint48();
        job.digest = winner.digest;
        job.answer = winner.answer;
        emit JobSettled(id, winner.digest, winner.answer, votes, state.members.length);
    }

    function _count(JobState storage state) private view returns (Tally.Vote memory, uint256) {
        uint256 seats = state.members.length;
        Tally.Vote[] memory votes = new Tally.Vote[](seats);
        uint256 cast = 0;
        for (uint256 i = 0; i < seats; ++i) {
            SeatState storage seat = state.seats[state.members[i]];
            if (seat.revealed) votes[cast++] = Tally.Vote(seat.attestation.digest, seat.attestation.answer);
        }
        return Tally.majority(votes, cast, seats);
    }

    /// @dev New members come from the same seed and the same weights, so nobody can gain a seat by what was revealed. A
    ///      draw long after the request could find validators that have left; so it must follow within the open window.
    function _grow(JobId id, JobState storage state) private {
        Job storage job = state.job;
        address[] memory members = state.members;
        uint256 wanted = CommitteeSize.grown(members.length) - members.length;
        if (job.round == CommitteeSize.LAST_ROUND || wanted == 0) return _fail(id, state, "no majority");
        if (block.timestamp > uint256(job.deadline) + _openWindow) return _fail(id, state, "no majority, and too late to grow");
        address[] memory drawn = staking.draw(job.seed, wanted, members, job.requestBlock - 1);
        // One more cannot help: without a majority at most half of an odd committee agree, and then at most half of the next.
        if (drawn.length < 2) return _fail(id, state, "no majority, and too few left to draw");
        ++job.round;
        (job.committed, job.revealed) = (0, 0);
        _seatMembers(id, state, drawn);
    }

    /* PAY */

    /// @inheritdoc IJobMarket
    function finalise(JobId id) external nonReentrant {
        JobState storage state = _stateIn(id, Status.Settled);
        Job storage job = state.job;
        if (block.timestamp <= job.deadline) revert JobMarket_TooEarly(id, uint256(job.deadline) + 1);
        job.status = Status.Finalised;
        job.deadline = 0;
        emit JobFinalised(id);
        // Whoever delivers first can have this at any time, so it is never stuck.
        uint256 kept = job.consumer == address(0) || job.deliveryPaid ? 0 : _deliveryFeeOf(job.callbackGas);
        uint256 spent = _closeSeats(id, state) + state.authorFee;
        uint256 left = job.escrow - kept - spent;
        job.escrow = kept.toUint96();
        _credit(state.publisher, state.authorFee);
        _credit(job.refundTo, left);
    }

    function _fail(JobId id, JobState storage state, string memory reason) private {
        Job storage job = state.job;
        job.status = Status.Failed;
        job.deadline = 0;
        uint256 left = job.escrow;
        job.escrow = 0;
        emit JobFailed(id, reason);
        _closeSeats(id, state);
        _credit(job.refundTo, left);
    }

    /// @dev Pays or slashes every member, whichever it is due, and lets its stake go. Without a result only what is a
    ///      fact is a fault: a seat that did not commit, or did not reveal.
    /// @return paid seat fees
    function _closeSeats(JobId id, JobState storage state) private returns (uint256 paid) {
        address[] memory members = state.members;
        if (members.length == 0) return 0;
        Job storage job = state.job;
        bool settled = job.status == Status.Finalised;
        Tally.Vote memory result = Tally.Vote(job.digest, job.answer);
        for (uint256 i = 0; i < members.length; ++i) {
            SeatState storage seat = state.seats[members[i]];
            if (!seat.committed) {
                _slash(id, members[i], Fault.Absent, _absenceSlash);
            } else if (!seat.revealed) {
                _slash(id, members[i], Fault.Withheld, _deviationSlash);
            } else if (settled) {
                if (Tally.same(Tally.Vote(seat.attestation.digest, seat.attestation.answer), result)) {
                    paid += _seatFee;
                    _credit(members[i], _seatFee);
                    emit ValidatorPaid(id, members[i], _seatFee);
                } else if (_isRefusal(seat.attestation.digest)) {
                    _slash(id, members[i], Fault.Refused, _absenceSlash);
                } else {
                    _slash(id, members[i], Fault.Deviated, _deviationSlash);
                }
            }
        }
        staking.unlock(members);
    }

    function _slash(JobId id, address member, Fault fault, uint96 amount) private {
        emit ValidatorFaulted(id, member, fault, staking.slash(member, amount));
    }

    /* DELIVER */

    /// @inheritdoc IJobMarket
    function deliver(JobId id) external nonReentrant returns (bool success) {
        Job storage job = _jobs[id].job;
        if (job.status != Status.Settled && job.status != Status.Finalised) _stateIn(id, Status.Settled); // reverts
        address consumer = job.consumer;
        if (consumer == address(0)) revert JobMarket_NoConsumer(id);
        if (job.delivered) revert JobMarket_AlreadyDelivered(id);
        if (!job.deliveryPaid) {
            uint256 fee = _deliveryFeeOf(job.callbackGas);
            job.deliveryPaid = true;
            job.escrow -= fee.toUint96();
            _credit(msg.sender, fee);
        }
        job.delivered = true; // before the call, so that a consumer that reads the job sees what will be
        success =
            ExactGasCall.tryCall(consumer, job.callbackGas, abi.encodeCall(IInferenceConsumer.onInference, (id, job.digest, job.answer)));
        if (success) {
            emit Delivered(id, consumer);
        } else {
            job.delivered = false;
            emit DeliveryFailed(id, consumer);
        }
    }

    /* VIEWS */

    /// @inheritdoc IJobMarket
    function quote(KernelId kernel, uint8 committeeSize, uint32 callbackGas) external view returns (uint256) {
        (, uint96 authorFee) = _termsOf(kernel);
        return vrf.fee() + _escrowOf(authorFee, committeeSize, callbackGas);
    }

    /// @inheritdoc IJobMarket
    function quoteValidation(uint8 committeeSize) external view returns (uint256) {
        return vrf.fee() + _escrowOf(0, committeeSize, VALIDATION_CALLBACK_GAS);
    }

    /// @inheritdoc IJobMarket
    function statusOf(JobId id) external view returns (Status) {
        return _statusOf(_jobs[id].job);
    }

    /// @inheritdoc IJobMarket
    function jobOf(JobId id) external view returns (Job memory) {
        return _jobs[id].job;
    }

    /// @inheritdoc IJobMarket
    function committeeOf(JobId id) external view returns (address[] memory) {
        return _jobs[id].members;
    }

    /// @inheritdoc IJobMarket
    function seatOf(JobId id, address member) external view returns (Seat memory) {
        SeatState storage seat = _jobs[id].seats[member];
        if (seat.enteredAs == 0) revert JobMarket_NotSeated(id, member);
        return Seat({
            round: seat.enteredAs - 1,
            committed: seat.committed,
            revealed: seat.revealed,
            commitment: seat.commitment,
            attestation: seat.attestation
        });
    }

    /// @inheritdoc IJobMarket
    function commitmentOf(JobId id, uint8 round, address member, Attestation calldata attestation, bytes32 salt)
        public
        view
        returns (Commitment)
    {
        // An attestation is four static words, so it encodes as its members in order.
        return Commitment.wrap(keccak256(abi.encode(COMMITMENT_DOMAIN, block.chainid, address(this), id, round, member, attestation, salt)));
    }

    /// @inheritdoc IJobMarket
    function parameters() external view returns (Parameters memory) {
        return Parameters({
            seatFee: _seatFee,
            deliveryFeePerGas: _deliveryFeePerGas,
            deviationSlash: _deviationSlash,
            absenceSlash: _absenceSlash,
            openWindow: _openWindow,
            commitWindow: _commitWindow,
            revealWindow: _revealWindow,
            challengeWindow: _challengeWindow
        });
    }

    /* SHARED */

    /// @dev The job if its status by the clock is `want`. Time alone turns Committing into Revealing, and this writes it down.
    function _stateIn(JobId id, Status want) private returns (JobState storage state) {
        state = _jobs[id];
        Job storage job = state.job;
        Status have = _statusOf(job);
        if (have == Status.Unknown) revert JobMarket_UnknownJob(id);
        if (have != want) {
            if (want == Status.Committing && job.status == want) revert JobMarket_TooLate(id, job.deadline);
            revert JobMarket_WrongStatus(id, have, want);
        }
        if (have != job.status) _startReveals(id, job, job.deadline);
    }

    function _statusOf(Job storage job) private view returns (Status) {
        Status status = job.status;
        return status == Status.Committing && block.timestamp > job.deadline ? Status.Revealing : status;
    }

    function _seatInRound(JobId id, JobState storage state, address member) private view returns (SeatState storage seat) {
        seat = state.seats[member];
        uint8 enteredAs = seat.enteredAs;
        if (enteredAs == 0) revert JobMarket_NotSeated(id, member);
        uint8 round = state.job.round;
        if (enteredAs != round + 1) revert JobMarket_NotThisRound(id, member, enteredAs - 1, round);
    }

    function _termsOf(KernelId kernel) private view returns (address publisher, uint96 authorFee) {
        IKernelRegistry.Status status;
        (publisher, status, authorFee) = registry.termsOf(kernel);
        if (status != IKernelRegistry.Status.Approved) revert JobMarket_KernelNotApproved(kernel);
    }

    /// @dev Everything but the VRF fee, which the coordinator holds.
    function _escrowOf(uint96 authorFee, uint8 committeeSize, uint32 callbackGas) private view returns (uint256) {
        if (!CommitteeSize.isValid(committeeSize)) revert JobMarket_InvalidCommitteeSize(committeeSize);
        if (callbackGas > MAXIMUM_CALLBACK_GAS) revert JobMarket_CallbackGasTooHigh(callbackGas, MAXIMUM_CALLBACK_GAS);
        return authorFee + uint256(_seatFee) * CommitteeSize.largest(committeeSize) + _deliveryFeeOf(callbackGas);
    }

    function _deliveryFeeOf(uint32 callbackGas) private view returns (uint256) {
        return uint256(_deliveryFeePerGas) * callbackGas;
    }

    /// @dev No record hashes to zero, so a refusal is never taken for an output.
    function _isRefusal(RecordDigest digest) private pure returns (bool) {
        return RecordDigest.unwrap(digest) == 0;
    }

    function _isWindow(uint256 window) private pure returns (bool) {
        return window >= 1 && window <= MAXIMUM_WINDOW;
    }
}
