// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAppeals} from "./interfaces/IAppeals.sol";
import {IInferenceConsumer} from "./interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "./interfaces/IJobMarket.sol";
import {IKernelRegistry} from "./interfaces/IKernelRegistry.sol";
import {IMarketParameters} from "./interfaces/IMarketParameters.sol";
import {IValidatorStaking} from "./interfaces/IValidatorStaking.sol";
import {IVrfCoordinator} from "./interfaces/IVrfCoordinator.sol";
import {CommitteeSize} from "./libraries/CommitteeSize.sol";
import {Credits} from "./libraries/Credits.sol";
import {ExactGasCall} from "./libraries/ExactGasCall.sol";
import {Progress} from "./libraries/Progress.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Tally} from "./libraries/Tally.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RandomnessId, RecordDigest} from "./types/Ids.sol";
import {Attestation, Ballot, JobFailure, JobKind, JobProgress, JobStatus, JobTerms, Outcome, Result, Showing, Shown, Vote} from "./types/Job.sol";
import {JobRulesLib} from "./types/JobRules.sol";
import {JobSlot} from "./types/JobSlot.sol";
import {AggregationRule} from "./types/Manifest.sol";
import {allPaid} from "./types/Outcomes.sol";
import {Seat} from "./types/Seat.sol";

/// @title Jobs: request, seed, committee, commit, reveal, settle, deliver. See IJobMarket.
/// @dev A deadline's second belongs to the phase that it ends: what is due "by" it is taken at `deadline` and refused
///      after, what follows is refused at `deadline` and taken after. The invariants are in docs/invariants.md.
contract JobMarket is IJobMarket, Credits, TypedData, ReentrancyGuardTransient {
    bytes32 private constant COMMITMENT_DOMAIN = keccak256("aivm/commitment/1");
    bytes32 private constant COMMIT_TYPEHASH = keccak256("Commit(bytes32 job,uint8 round,bytes32 seed,bytes32 commitment)");
    bytes32 private constant ROUND_TYPEHASH = keccak256("Round(bytes32 job,uint8 round,bytes32 seed,bytes32[] commitments)");
    /// @dev So that a delivery with all its overhead is far from a transaction's own limit of 16,777,216 (EIP-7825).
    uint32 private constant MAXIMUM_CALLBACK_GAS = 1_000_000;
    /// @dev What `KernelRegistry.onValidation` gets.
    uint32 public constant VALIDATION_CALLBACK_GAS = 150_000;
    /// @notice Seconds that a job's last steps may be late before a stake at fault could leave.
    uint256 public constant GRACE = 1 days;
    /// @dev As `ValidatorStaking.ALL_TREES` and `ValidatorStaking.SPREAD`.
    uint8 private constant ALL_TREES = type(uint8).max;
    uint8 private constant SPREAD = ALL_TREES - 1;

    /// @dev Bytes of a `JobTerms`, 12 words.
    uint256 private constant TERMS_SIZE = 384;
    /// @dev Marks the ballot of a member that has revealed by itself. Commitments lose this one bit in storage.
    uint256 private constant REVEALED = 1 << 255;

    IVrfCoordinator public immutable vrf;
    IValidatorStaking public immutable staking;
    IKernelRegistry public immutable registry;
    IMarketParameters public immutable parameters;
    IAppeals public immutable appeals;
    uint256 private immutable _epochLength;
    uint256 private immutable _vrfFee; // it never changes

    mapping(JobId job => JobSlot) private _slots;
    mapping(JobId job => mapping(uint256 seat => bytes32)) private _ballots;

    /// @dev Staking, registry and appeals are deployed before, with this contract's address computed ahead.
    constructor(
        IVrfCoordinator vrf_,
        IValidatorStaking staking_,
        IKernelRegistry registry_,
        IMarketParameters parameters_,
        IAppeals appeals_
    ) TypedData("AIVM JobMarket", "1") {
        bool known = staking_.market() == address(this) && registry_.market() == address(this) && address(appeals_.market()) == address(this);
        IMarketParameters.Bounds memory bounds = parameters_.bounds();
        // A seed that comes as late as it may can still be used.
        bool openable = bounds.leastOpenWindow > vrf_.maximumLatency();
        // The last draw comes before the weights of the request's epoch are forgotten.
        _epochLength = staking_.epochLength();
        bool remembered = bounds.longestDraw <= _epochLength;
        // From the beginning of that epoch to the end of the longest job and of an appeal from it: whoever was drawn still has the
        // stake that drew it.
        uint256 longest = 2 * uint256(bounds.longestLife) + appeals_.TIME_TO_RESOLVE();
        bool staked = staking_.thawPeriod() > _epochLength + longest + GRACE;
        // Whoever weighs something can pay for one fault in full.
        bool slashable = bounds.greatestSlash <= staking_.minimumStake();
        if (!known || !openable || !remembered || !staked || !slashable) revert JobMarket_InvalidParameters();
        (vrf, staking, registry, parameters, appeals) = (vrf_, staking_, registry_, parameters_, appeals_);
        _vrfFee = vrf_.fee();
    }

    /* REQUEST */

    /// @inheritdoc IJobMarket
    function request(JobRequest calldata wanted) external payable nonReentrant returns (JobId) {
        JobTerms memory terms;
        terms.rules = JobRulesLib.asked(JobKind.Inference, _treeOf(wanted.environmentClass, ALL_TREES), wanted.committeeSize, wanted.callbackGas);
        // Only one class of machines gives one output of a pinned kernel.
        if (!_ask(terms, wanted.kernel, wanted.environmentClass)) revert JobMarket_ClassNeeded(wanted.kernel);
        terms.input = wanted.input;
        terms.consumer = wanted.consumer;
        terms.refundTo = wanted.refundTo;
        return _request(terms);
    }

    /// @inheritdoc IJobMarket
    function requestValidation(
        KernelId kernel,
        RecordDigest manifestRecord,
        EnvironmentClass environmentClass,
        uint8 committeeSize,
        address refundTo
    ) external payable nonReentrant returns (JobId) {
        if (msg.sender != address(registry)) revert JobMarket_NotRegistry(msg.sender);
        JobTerms memory terms;
        terms.rules = JobRulesLib.asked(JobKind.Validation, _treeOf(environmentClass, SPREAD), committeeSize, VALIDATION_CALLBACK_GAS);
        terms.kernel = kernel;
        terms.input = manifestRecord;
        terms.consumer = address(registry);
        terms.refundTo = refundTo;
        return _request(terms);
    }

    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-benign
    function _request(JobTerms memory terms) private returns (JobId id) {
        // A credit of the market to itself could never be withdrawn.
        if (terms.refundTo == address(0) || terms.refundTo == address(this)) revert JobMarket_InvalidRefundAddress();
        // A pause takes no new jobs, and takes from no job that runs the right to be appealed.
        IMarketParameters.Parameters memory p = msg.sender == address(appeals) ? parameters.current() : parameters.forNewJob();
        _price(terms, p);
        uint256 price = _vrfFee + _escrowOf(terms.authorFee, terms.seatFee, terms.deliveryFee);
        if (msg.value < price) revert JobMarket_FeeTooLow(msg.value, price);

        terms.randomness = vrf.request{value: _vrfFee}(terms.refundTo);
        (terms.deviationSlash, terms.absenceSlash) = (p.deviationSlash, p.absenceSlash);
        uint32 epoch = uint32(block.timestamp / _epochLength); // as `staking.currentEpoch`
        terms.rules = terms.rules.within(epoch, p.openWindow, p.commitWindow, p.revealWindow, p.challengeWindow);

        // The coordinator never gives an id twice.
        id = JobId.wrap(keccak256(abi.encode(block.chainid, address(this), terms.randomness)));
        JobProgress memory progress;
        _store(id, JobSlot.wrap(0).withStatus(JobStatus.Requested, block.timestamp + p.openWindow), _hashOfMemory(terms), progress);
        emit JobRequested(id, terms.kernel, msg.sender, terms);
        _credit(terms.refundTo, msg.value - price);
    }

    /* COMMITTEE */

    /// @inheritdoc IJobMarket
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-no-eth
    function open(JobId id, JobTerms calldata terms, bytes calldata proof) external nonReentrant {
        (JobSlot slot, JobProgress memory progress) = _open(id, terms, proof);
        if (progress.seats.length != 0) _store(id, slot, _hashOf(terms), progress);
    }

    /// @inheritdoc IJobMarket
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-no-eth
    function openTogether(JobId id, JobTerms calldata terms, bytes calldata proof, Shown[] calldata shown, bytes calldata signatures)
        external
        nonReentrant
    {
        (JobSlot slot, JobProgress memory progress) = _open(id, terms, proof);
        if (progress.seats.length != 0) _settleTogether(id, slot, terms, progress, shown, signatures);
    }

    /// @dev Draws the first committee, for the caller to store; without one the job has failed, and nobody has a seat.
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-no-eth
    function _open(JobId id, JobTerms calldata terms, bytes calldata proof) private returns (JobSlot slot, JobProgress memory progress) {
        slot = _slotIn(id, terms, progress, JobStatus.Requested);
        if (block.timestamp > slot.deadlineOf()) revert JobMarket_TooLate(id, slot.deadlineOf());
        progress.revealWindow = terms.rules.revealWindow();
        progress.seed = _seedOf(id, terms.randomness, proof);
        Seat[] memory drawn = staking.draw(progress.seed, terms.rules.committeeSize(), progress.seats, terms.rules.tree(), terms.rules.epoch());
        if (drawn.length < terms.rules.committeeSize()) _fail(id, slot, terms, progress, JobFailure.TooFewValidators);
        else slot = _seat(id, slot, terms, progress, drawn);
    }

    /// @dev Somebody else may have fulfilled it a moment ago: the same proof still does, so nobody can make this fail; or the output alone.
    function _seedOf(JobId id, RandomnessId randomness, bytes calldata proof) private returns (bytes32 output) {
        if (proof.length > 32) return vrf.fulfil(randomness, proof);
        output = bytes32(proof);
        if (!vrf.isOutput(randomness, output)) revert JobMarket_SeedPending(id);
    }

    /// @dev Begins a round with new members, for the caller to store.
    function _seat(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory progress, Seat[] memory drawn) private returns (JobSlot) {
        uint256 before = progress.seats.length;
        progress.seats = before == 0 ? drawn : _joined(progress.seats, drawn);
        progress.firstSeat = uint8(before);
        progress.batch = new Commitment[](0);
        uint256 deadline = block.timestamp + terms.rules.commitWindow();
        emit CommitteeDrawn(id, progress.round, progress.seed, drawn, deadline);
        return slot.withStatus(JobStatus.Committing, deadline).withCommitted(0);
    }

    function _joined(Seat[] memory first, Seat[] memory second) private pure returns (Seat[] memory seats) {
        seats = new Seat[](first.length + second.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            seats[i] = i < first.length ? first[i] : second[i - first.length];
        }
    }

    /// @inheritdoc IJobMarket
    function expire(JobId id, JobTerms calldata terms) external nonReentrant {
        JobProgress memory progress;
        JobSlot slot = _slotIn(id, terms, progress, JobStatus.Requested);
        if (block.timestamp <= slot.deadlineOf()) {
            // A seed that can never come need not be waited for.
            if (vrf.statusOf(terms.randomness) != IVrfCoordinator.Status.Expired) revert JobMarket_TooEarly(id, slot.deadlineOf() + 1);
        }
        _fail(id, slot, terms, progress, JobFailure.NoSeed);
    }

    /* COMMIT AND REVEAL */

    /// @inheritdoc IJobMarket
    function commitBatch(JobId id, bytes32 termsHash, JobProgress calldata progress, Commitment[] memory batch, bytes calldata signatures)
        external
        nonReentrant
    {
        JobProgress memory next = Progress.load(progress);
        JobSlot slot = _slotIn(id, termsHash, next, JobStatus.Committing);
        uint256 seats = next.seats.length - next.firstSeat;
        _checkLength(id, batch.length, next.batch.length == 0 ? seats : 0);
        uint256 signed = 0;
        for (uint256 i = 0; i < seats; ++i) {
            if (Commitment.unwrap(batch[i]) == 0) continue;
            address member = next.seats[next.firstSeat + i].memberOf();
            if (_ballots[id][next.firstSeat + i] != 0) revert JobMarket_AlreadyCommitted(id, member);
            bytes32 digest = commitDigest(id, next.round, next.seed, batch[i]);
            if (!Signatures.isBy(member, digest, signatures, signed++)) revert JobMarket_WrongSignature(id, member);
        }
        // Fewer could keep a batch of many out, at the price of one transaction.
        if (2 * signed <= seats) revert JobMarket_WrongBatch(id, signed, seats);
        _checkLength(id, signatures.length, Signatures.SIZE * signed);
        _storeBatch(id, slot, termsHash, next, batch, slot.committedOf() + signed);
    }

    function _storeBatch(JobId id, JobSlot slot, bytes32 termsHash, JobProgress memory next, Commitment[] memory batch, uint256 committed)
        private
    {
        next.batch = batch;
        emit BatchCommitted(id, next.round, batch);
        _store(id, _committed(id, slot, next, committed), termsHash, next);
    }

    /// @dev That every member of the round has signed this list of their commitments.
    function _checkRound(JobId id, JobProgress memory progress, Commitment[] memory commitments, bytes calldata signatures) private view {
        uint256 seats = progress.seats.length - progress.firstSeat;
        _checkLength(id, signatures.length, Signatures.SIZE * seats);
        bytes32 digest = roundDigest(id, progress.round, progress.seed, commitments);
        uint256 signed = Signatures.countBy(progress.seats, progress.firstSeat, digest, signatures);
        if (signed != seats) revert JobMarket_WrongSignature(id, progress.seats[progress.firstSeat + signed].memberOf());
    }

    function _checkLength(JobId id, uint256 have, uint256 want) private pure {
        if (have != want) revert JobMarket_WrongBatch(id, have, want);
    }

    /// @inheritdoc IJobMarket
    function commit(JobId id, bytes32 termsHash, JobProgress calldata progress, Commitment commitment) external nonReentrant {
        // With nothing left of it in storage, the same member could commit again, and end the phase alone.
        if (_asBallot(commitment) == 0) revert JobMarket_EmptyCommitment(id);
        JobProgress memory now_ = Progress.load(progress);
        JobSlot slot = _slotIn(id, termsHash, now_, JobStatus.Committing);
        uint256 seat = _seatOf(id, now_, msg.sender);
        if (_ballots[id][seat] != 0 || _isInBatch(now_, seat)) revert JobMarket_AlreadyCommitted(id, msg.sender);
        _ballots[id][seat] = _asBallot(commitment);
        emit Committed(id, now_.round, msg.sender, commitment);
        _slots[id] = _committed(id, slot, now_, slot.committedOf() + 1);
    }

    /// @dev The slot when that many have committed: when all have, the reveals start.
    function _committed(JobId id, JobSlot slot, JobProgress memory progress, uint256 committed) private returns (JobSlot) {
        if (committed < progress.seats.length - progress.firstSeat) return slot.withCommitted(committed);
        return _startReveals(id, slot.withCommitted(committed), progress, block.timestamp);
    }

    function _startReveals(JobId id, JobSlot slot, JobProgress memory progress, uint256 from) private returns (JobSlot) {
        uint256 deadline = from + progress.revealWindow;
        emit RevealStarted(id, progress.round, deadline);
        return slot.withStatus(JobStatus.Revealing, deadline);
    }

    /// @inheritdoc IJobMarket
    function reveal(JobId id, bytes32 termsHash, JobProgress calldata progress, Attestation calldata attestation, bytes32 salt)
        external
        nonReentrant
    {
        JobProgress memory now_ = Progress.load(progress);
        JobSlot slot = _slotIn(id, termsHash, now_, JobStatus.Revealing);
        if (block.timestamp > slot.deadlineOf()) revert JobMarket_TooLate(id, slot.deadlineOf());
        uint256 seat = _seatOf(id, now_, msg.sender);
        bytes32 ballot = _ballots[id][seat];
        if (uint256(ballot) & REVEALED != 0) revert JobMarket_AlreadyRevealed(id, msg.sender);
        _checkOpening(id, now_, seat, ballot, attestation, salt);
        _ballots[id][seat] = _asRevealed(attestation);
        emit Revealed(id, now_.round, msg.sender, attestation);
    }

    /// @dev That an attestation and a salt open the commitment of a seat, in the batch or alone.
    function _checkOpening(JobId id, JobProgress memory progress, uint256 seat, bytes32 ballot, Attestation calldata attestation, bytes32 salt)
        private
        view
    {
        address member = progress.seats[seat].memberOf();
        Commitment have = commitmentOf(id, progress.round, member, attestation, salt);
        if (_isInBatch(progress, seat)) {
            Commitment want = progress.batch[seat - progress.firstSeat];
            if (Commitment.unwrap(have) != Commitment.unwrap(want)) revert JobMarket_WrongOpening(id, member, have, want);
        } else {
            if (ballot == 0) revert JobMarket_NotCommitted(id, member);
            if (_asBallot(have) != ballot) revert JobMarket_WrongOpening(id, member, have, Commitment.wrap(ballot));
        }
        if (_isRefusal(attestation.digest) && attestation.answer | attestation.sketch != 0) revert JobMarket_RefusalNotEmpty(id);
    }

    /* SETTLE */

    /// @inheritdoc IJobMarket
    function settle(JobId id, JobTerms calldata terms, JobProgress calldata progress, Shown[] calldata shown) external nonReentrant {
        JobProgress memory next = Progress.load(progress);
        JobSlot slot = _slotIn(id, terms, next, JobStatus.Revealing);
        next.votes = _votes(id, next, shown, terms.rules.rule(), slot.deadlineOf());
        _count(id, slot, terms, next);
    }

    /// @inheritdoc IJobMarket
    function settleTogether(JobId id, JobTerms calldata terms, JobProgress calldata progress, Shown[] calldata shown, bytes calldata signatures)
        external
        nonReentrant
    {
        JobProgress memory next = Progress.load(progress);
        JobSlot slot = _slotIn(id, terms, next, JobStatus.Committing);
        _settleTogether(id, slot, terms, next, shown, signatures);
    }

    function _settleTogether(
        JobId id,
        JobSlot slot,
        JobTerms calldata terms,
        JobProgress memory next,
        Shown[] calldata shown,
        bytes calldata signatures
    ) private {
        (Commitment[] memory commitments, bool complete) = _listOf(id, next, shown);
        _checkRound(id, next, commitments, signatures);
        if (!complete) return _storeBatch(id, slot, _hashOf(terms), next, commitments, commitments.length);
        _emitOpened(id, next.round, shown);
        if (next.firstSeat == 0 && _areSame(shown)) return _agree(id, slot, terms, next, shown[0].attestation);
        next.votes = _opened(id, next, shown, terms.rules.rule());
        _count(id, slot, terms, next);
    }

    /// @dev What `_count` comes to when all say the same in the first round, which is mostly so.
    function _agree(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory next, Attestation calldata said) private {
        Vote memory won = _cast(id, said, terms.rules.rule());
        if (won.ballot == Ballot.Refused) return _fail(id, slot, terms, next, JobFailure.Refused);
        uint256 seats = next.seats.length;
        next.outcomes = allPaid(seats);
        _settled(id, slot, terms, next, won, seats);
    }

    /// @dev Whether all openings are of the same digest, answer and sketch. An opening is six words: its kind, the four of its attestation, its salt.
    function _areSame(Shown[] calldata shown) private pure returns (bool same) {
        assembly ("memory-safe") {
            let first := add(shown.offset, 0x20)
            let difference := 0
            for { let i := mul(0xc0, sub(shown.length, 1)) } i { i := sub(i, 0xc0) } {
                let said := add(first, i)
                difference := or(difference, xor(calldataload(said), calldataload(first)))
                difference := or(difference, xor(calldataload(add(said, 0x20)), calldataload(add(first, 0x20))))
                difference := or(difference, xor(calldataload(add(said, 0x40)), calldataload(add(first, 0x40))))
            }
            same := iszero(difference)
        }
    }

    /// @dev As `emit RoundOpened` with the attestations of all openings, which have no list of their own yet.
    function _emitOpened(JobId id, uint8 round, Shown[] calldata shown) private {
        bytes32 topic = RoundOpened.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, and(round, 0xff))
            mstore(add(free, 0x20), 0x40)
            mstore(add(free, 0x40), shown.length)
            let place := add(free, 0x60)
            let end := add(place, shl(7, shown.length))
            for { let said := add(shown.offset, 0x20) } lt(place, end) { said := add(said, 0xc0) } {
                calldatacopy(place, said, 0x80)
                place := add(place, 0x80)
            }
            log2(free, sub(end, free), topic, id)
        }
    }

    /// @dev The commitments of the round, made of what is shown: what is held back stands there as it was committed to.
    function _listOf(JobId id, JobProgress memory progress, Shown[] calldata shown)
        private
        view
        returns (Commitment[] memory commitments, bool complete)
    {
        uint256 seats = progress.seats.length - progress.firstSeat;
        _checkLength(id, shown.length, seats);
        commitments = new Commitment[](seats);
        complete = true;
        uint256 text = _commitmentText(id, progress.round);
        unchecked {
            for (uint256 i = 0; i < seats; ++i) {
                Shown calldata one = shown[i];
                if (one.showing != Showing.Opening) (complete, commitments[i]) = (false, Commitment.wrap(one.salt));
                else commitments[i] = _commitmentOf(text, progress.seats[progress.firstSeat + i].memberOf(), one.attestation, one.salt);
            }
        }
    }

    /// @dev The votes of all rounds, when this one's are all opened at once.
    function _opened(JobId id, JobProgress memory progress, Shown[] calldata shown, AggregationRule rule)
        private
        pure
        returns (Vote[] memory votes)
    {
        uint256 first = progress.firstSeat;
        votes = new Vote[](progress.seats.length);
        for (uint256 seat = 0; seat < votes.length; ++seat) {
            votes[seat] = seat < first ? progress.votes[seat] : _cast(id, shown[seat - first].attestation, rule);
        }
    }

    /// @dev Settles by the votes of all seats, or grows the committee, or fails.
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-benign
    function _count(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory next) private {
        (uint256 winner, uint256 count) = Tally.elect(next.votes, terms.rules.rule(), terms.rules.tolerance());
        if (winner == Tally.NOBODY) return _grow(id, slot, terms, next);
        Vote memory won = next.votes[winner];
        if (won.ballot == Ballot.Refused) return _fail(id, slot, terms, next, JobFailure.Refused);

        next.outcomes = Tally.outcomesOf(next.votes, won, terms.rules.rule(), terms.rules.tolerance());
        if (terms.rules.isValidation()) next.outcomes = next.outcomes.pardoned(next.seats);
        _settled(id, slot, terms, next, won, count);
    }

    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-benign
    function _settled(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory next, Vote memory won, uint256 count) private {
        next.result = Result(won.digest, won.answer, won.sketch);
        (next.batch, next.votes) = (new Commitment[](0), new Vote[](0));
        address[] memory faulty = _faulty(next);
        if (faulty.length != 0) staking.blame(faulty);
        uint256 deadline = block.timestamp + terms.rules.challengeWindow();
        _store(id, slot.withStatus(JobStatus.Settled, deadline), _hashOf(terms), next);
        emit JobSettled(id, next.result, next.outcomes, count, deadline);
    }

    /// @dev The votes of all rounds, this one's taken from what is shown. Before the deadline nothing may be missing.
    function _votes(JobId id, JobProgress memory progress, Shown[] calldata shown, AggregationRule rule, uint256 deadline)
        private
        returns (Vote[] memory votes)
    {
        uint256 seats = progress.seats.length;
        uint256 first = progress.firstSeat;
        _checkLength(id, shown.length, seats - first);
        votes = new Vote[](seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (seat < first) {
                votes[seat] = progress.votes[seat];
                continue;
            }
            votes[seat] = _vote(id, progress, seat, shown[seat - first], rule);
            if (votes[seat].ballot == Ballot.Withheld && block.timestamp <= deadline) revert JobMarket_TooEarly(id, deadline + 1);
        }
    }

    function _vote(JobId id, JobProgress memory progress, uint256 seat, Shown calldata shown, AggregationRule rule)
        private
        returns (Vote memory)
    {
        Attestation calldata attestation = shown.attestation;
        if (shown.showing == Showing.Nothing) {
            bytes32 ballot = _ballots[id][seat];
            if (uint256(ballot) & REVEALED != 0) revert JobMarket_NotShown(id, progress.seats[seat].memberOf());
            return Vote(ballot == 0 && !_isInBatch(progress, seat) ? Ballot.Absent : Ballot.Withheld, RecordDigest.wrap(0), 0, 0);
        }
        if (shown.showing == Showing.Revealed) {
            if (_ballots[id][seat] != _asRevealed(attestation)) revert JobMarket_WrongReveal(id, progress.seats[seat].memberOf());
        } else {
            _checkOpening(id, progress, seat, _isInBatch(progress, seat) ? bytes32(0) : _ballots[id][seat], attestation, shown.salt);
            emit Revealed(id, progress.round, progress.seats[seat].memberOf(), attestation);
        }
        return _cast(id, attestation, rule);
    }

    /// @dev What an attestation says. Under the exact rule nobody asked for a sketch.
    function _cast(JobId id, Attestation calldata said, AggregationRule rule) private pure returns (Vote memory) {
        bytes32 sketch = rule == AggregationRule.Exact ? bytes32(0) : said.sketch;
        if (!_isRefusal(said.digest)) return Vote(Ballot.Cast, said.digest, said.answer, sketch);
        if (said.answer | said.sketch != 0) revert JobMarket_RefusalNotEmpty(id);
        return Vote(Ballot.Refused, said.digest, 0, 0);
    }

    /// @dev New members come from the same seed and the same weights, so nobody can gain a seat by what was revealed. A
    ///      draw long after the request could ask for weights that are forgotten; so it must follow within the open window.
    function _grow(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory progress) private {
        uint256 seats = progress.seats.length;
        uint256 wanted = CommitteeSize.grown(seats) - seats;
        if (progress.round == CommitteeSize.LAST_ROUND || wanted == 0) return _fail(id, slot, terms, progress, JobFailure.NoMajority);
        if (block.timestamp > slot.deadlineOf() + terms.rules.openWindow()) {
            return _fail(id, slot, terms, progress, JobFailure.TooLateToGrow);
        }
        Seat[] memory drawn = staking.draw(progress.seed, wanted, progress.seats, terms.rules.tree(), terms.rules.epoch());
        // One more cannot help: without a majority at most half of an odd committee agree, and then at most half of the next.
        if (drawn.length < 2) return _fail(id, slot, terms, progress, JobFailure.TooFewLeft);
        emit RoundCounted(id, progress.round, progress.votes);
        ++progress.round;
        slot = _seat(id, slot, terms, progress, drawn);
        _store(id, slot, _hashOf(terms), progress);
    }

    /* PAY */

    /// @inheritdoc IJobMarket
    function finalise(JobId id, JobTerms calldata terms, JobProgress calldata progress) external nonReentrant {
        JobProgress memory done = Progress.load(progress);
        JobSlot slot = _slotIn(id, terms, done, JobStatus.Settled);
        if (block.timestamp <= slot.deadlineOf()) revert JobMarket_TooEarly(id, slot.deadlineOf() + 1);
        _slots[id] = slot.withStatus(JobStatus.Finalised, 0);
        _payOut(id, slot, terms, done, _faulty(done), msg.sender);
    }

    /// @dev Ends a settled job: `blamed` are those that its settlement found at fault.
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-no-eth
    function _payOut(
        JobId id,
        JobSlot slot,
        JobTerms calldata terms,
        JobProgress memory done,
        address[] memory blamed,
        address reporter
    ) private {
        emit JobFinalised(id);
        // Whoever delivers first can have this at any time, so it is never stuck.
        uint256 kept = terms.consumer == address(0) || slot.isPaid() ? 0 : terms.deliveryFee;
        uint256 spent = slot.isPaid() ? terms.deliveryFee : 0;
        spent += _paySeats(id, terms, done, reporter) + terms.authorFee;
        _credit(terms.publisher, terms.authorFee);
        _credit(terms.refundTo, _escrowOf(terms.authorFee, terms.seatFee, terms.deliveryFee) - kept - spent);
        if (blamed.length != 0) staking.absolve(blamed);
    }

    /// @dev Ends a job without a result. Only what is a fact is a fault then: a seat that did not commit, or did not reveal.
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-no-eth
    function _fail(JobId id, JobSlot slot, JobTerms calldata terms, JobProgress memory progress, JobFailure reason) private {
        _slots[id] = slot.withStatus(JobStatus.Failed, 0);
        emit JobFailed(id, reason);
        for (uint256 i = 0; i < progress.votes.length; ++i) {
            if (progress.votes[i].ballot == Ballot.Absent) progress.outcomes = progress.outcomes.with(i, Outcome.Absent);
            if (progress.votes[i].ballot == Ballot.Withheld) progress.outcomes = progress.outcomes.with(i, Outcome.Withheld);
        }
        _paySeats(id, terms, progress, msg.sender);
        _credit(terms.refundTo, _escrowOf(terms.authorFee, terms.seatFee, terms.deliveryFee));
    }

    /// @dev Pays or slashes every member, whichever it is due.
    /// @return paid seat fees
    // Staking and coordinator are ours and call nobody back; every way in is `nonReentrant`, or `onlyAppeals`.
    // slither-disable-next-line reentrancy-benign
    function _paySeats(JobId id, JobTerms calldata terms, JobProgress memory progress, address reporter) private returns (uint256 paid) {
        address[] memory majority = new address[](progress.seats.length);
        uint256 count = 0;
        unchecked {
            for (uint256 i = 0; i < progress.seats.length; ++i) {
                address member = progress.seats[i].memberOf();
                Outcome outcome = progress.outcomes.outcomeOf(i);
                if (outcome == Outcome.Paid) majority[count++] = member;
                else if (outcome != Outcome.Unpaid) _slashSeat(id, terms, member, outcome, reporter);
            }
        }
        _shorten(majority, count);
        _creditEach(majority, terms.seatFee);
        return count * terms.seatFee;
    }

    // At most fifteen calls, of a contract of ours that refuses none of them and calls nobody back.
    // slither-disable-next-line calls-loop
    function _slashSeat(JobId id, JobTerms calldata terms, address member, Outcome outcome, address reporter) private {
        bool proven = outcome == Outcome.Deviated || outcome == Outcome.Withheld;
        uint256 slashed = staking.slash(member, uint128(proven ? terms.deviationSlash : terms.absenceSlash), reporter);
        emit ValidatorFaulted(id, member, outcome, slashed);
    }

    function _shorten(address[] memory list, uint256 count) private pure {
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }

    /// @dev Members that will be slashed when the job is final.
    function _faulty(JobProgress memory progress) private pure returns (address[] memory faulty) {
        uint256 count = 0;
        if (!progress.outcomes.hasFaults()) return faulty;
        faulty = new address[](progress.seats.length);
        for (uint256 i = 0; i < progress.seats.length; ++i) {
            if (progress.outcomes.outcomeOf(i) > Outcome.Paid) faulty[count++] = progress.seats[i].memberOf();
        }
        _shorten(faulty, count);
    }

    /* APPEALS */

    modifier onlyAppeals() {
        if (msg.sender != address(appeals)) revert JobMarket_NotAppeals(msg.sender);
        _;
    }

    /// @inheritdoc IJobMarket
    function hold(JobId id, uint256 until) external onlyAppeals {
        // That it is settled, the appeal has seen.
        _slots[id] = _slots[id].withStatus(JobStatus.Settled, until);
        emit ResultHeld(id, until);
    }

    /// @inheritdoc IJobMarket
    function overturn(JobId id, JobTerms calldata terms, JobProgress calldata progress, Result memory result, address reporter)
        external
        nonReentrant
        onlyAppeals
    {
        JobProgress memory next = Progress.load(progress);
        JobSlot slot = _slotIn(id, terms, next, JobStatus.Settled);
        address[] memory blamed = _faulty(next);
        next.result = result;
        next.outcomes = next.outcomes.overturned(next.seats.length, terms.rules.rule());
        // The consumer may have acted on the first result; it can be told the other, by whoever pays for that.
        slot = slot.withStatus(JobStatus.Finalised, 0).withDelivery(slot.isPaid(), false);
        _store(id, slot, _hashOf(terms), next);
        emit JobOverturned(id, result, next.outcomes);
        _payOut(id, slot, terms, next, blamed, reporter);
    }

    /* DELIVER */

    /// @inheritdoc IJobMarket
    function deliver(JobId id, JobTerms calldata terms, JobProgress calldata progress) external nonReentrant returns (bool success) {
        JobProgress memory done = Progress.load(progress);
        JobSlot slot = _slots[id];
        JobStatus status = slot.statusOf();
        _slotIn(id, terms, done, status == JobStatus.Finalised ? status : JobStatus.Settled);
        address consumer = terms.consumer;
        if (consumer == address(0)) revert JobMarket_NoConsumer(id);
        if (slot.isDelivered()) revert JobMarket_AlreadyDelivered(id);
        if (!slot.isPaid()) _credit(msg.sender, terms.deliveryFee);
        // Before the call, so that a consumer that asks sees what will be.
        _slots[id] = slot.withDelivery(true, true);
        success = ExactGasCall.tryCall(consumer, terms.rules.callbackGas(), _callOf(id, terms, done));
        if (success) {
            emit Delivered(id, consumer);
        } else {
            _slots[id] = slot.withDelivery(true, false);
            emit DeliveryFailed(id, consumer);
        }
    }

    /// @dev The registry is told who agrees, too.
    function _callOf(JobId id, JobTerms calldata terms, JobProgress memory progress) private pure returns (bytes memory message) {
        Result memory result = progress.result;
        bytes4 selector = IInferenceConsumer.onInference.selector;
        uint256 agreeing = 0;
        if (terms.rules.isValidation()) {
            selector = IKernelRegistry.onValidation.selector;
            agreeing = progress.outcomes.paidByTree(progress.seats);
        }
        message = abi.encodeWithSelector(selector, id, result.digest, result.answer, agreeing);
        // A consumer gets its three words alone: to encode them apart takes bytes that this contract has not.
        assembly ("memory-safe") {
            mstore(message, sub(0x84, shl(5, iszero(agreeing))))
        }
    }

    /* VIEWS */

    /// @inheritdoc IJobMarket
    function quote(KernelId kernel, uint8 committeeSize, uint32 callbackGas) external view returns (uint256) {
        JobTerms memory terms;
        _ask(terms, kernel, EnvironmentClass.wrap(0));
        return _quote(terms, committeeSize, callbackGas);
    }

    /// @inheritdoc IJobMarket
    function quoteValidation(uint8 committeeSize) external view returns (uint256) {
        JobTerms memory terms;
        return _quote(terms, committeeSize, VALIDATION_CALLBACK_GAS);
    }

    function _quote(JobTerms memory terms, uint8 committeeSize, uint32 callbackGas) private view returns (uint256) {
        terms.rules = JobRulesLib.asked(JobKind.Inference, 0, committeeSize, callbackGas);
        _price(terms, parameters.current());
        return _vrfFee + _escrowOf(terms.authorFee, terms.seatFee, terms.deliveryFee);
    }

    /// @inheritdoc IJobMarket
    function statusOf(JobId id) external view returns (JobStatus) {
        return _statusOf(_slots[id]);
    }

    /// @inheritdoc IJobMarket
    function deadlineOf(JobId id) external view returns (uint256) {
        return _slots[id].deadlineOf();
    }

    /// @inheritdoc IJobMarket
    function deliveryOf(JobId id) external view returns (bool paid, bool delivered) {
        return (_slots[id].isPaid(), _slots[id].isDelivered());
    }

    /// @inheritdoc IJobMarket
    function isState(JobId id, bytes32 termsHash, JobProgress calldata progress) external view returns (bool) {
        JobSlot slot = _slots[id];
        return slot.statusOf() != JobStatus.Unknown && slot.holds(Progress.hashOf(termsHash, Progress.load(progress)));
    }

    /// @inheritdoc IJobMarket
    function verifyResult(JobId id, bytes32 termsHash, JobProgress calldata progress) external view returns (Result memory result, bool isFinal) {
        JobSlot slot = _slots[id];
        JobStatus status = slot.statusOf();
        isFinal = status == JobStatus.Finalised;
        if (!isFinal && status != JobStatus.Settled) revert JobMarket_WrongStatus(id, status, JobStatus.Settled);
        JobProgress memory done = Progress.load(progress);
        _check(id, slot, termsHash, done);
        result = done.result;
    }

    /// @inheritdoc IJobMarket
    function ballotOf(JobId id, uint256 seat) external view returns (bytes32) {
        return _ballots[id][seat];
    }

    /// @inheritdoc IJobMarket
    function commitmentOf(JobId id, uint8 round, address member, Attestation calldata attestation, bytes32 salt)
        public
        view
        returns (Commitment commitment)
    {
        return _commitmentOf(_commitmentText(id, round), member, attestation, salt);
    }

    /// @dev What all commitments of a round begin with, in free memory, with room for the rest.
    function _commitmentText(JobId id, uint8 round) private view returns (uint256 text) {
        bytes32 domain = COMMITMENT_DOMAIN;
        assembly ("memory-safe") {
            text := mload(0x40)
            mstore(0x40, add(text, 0x160))
            mstore(text, domain)
            mstore(add(text, 0x20), chainid())
            mstore(add(text, 0x40), address())
            mstore(add(text, 0x60), id)
            mstore(add(text, 0x80), and(round, 0xff))
        }
    }

    /// @dev As `abi.encode` writes it, at a third of its price; an attestation is four static words, its members in order.
    function _commitmentOf(uint256 text, address member, Attestation calldata attestation, bytes32 salt) private pure returns (Commitment commitment) {
        assembly ("memory-safe") {
            mstore(add(text, 0xa0), shr(96, shl(96, member)))
            calldatacopy(add(text, 0xc0), attestation, 0x80)
            mstore(add(text, 0x140), salt)
            commitment := keccak256(text, 0x160)
        }
    }

    /// @inheritdoc IJobMarket
    function commitDigest(JobId id, uint8 round, bytes32 seed, Commitment commitment) public view returns (bytes32) {
        return _digestOf(keccak256(abi.encode(COMMIT_TYPEHASH, id, round, seed, commitment)));
    }

    /// @inheritdoc IJobMarket
    function roundDigest(JobId id, uint8 round, bytes32 seed, Commitment[] memory commitments) public view returns (bytes32) {
        bytes32 list; // a list of words has its elements in a row behind its length
        assembly ("memory-safe") {
            list := keccak256(add(commitments, 0x20), shl(5, mload(commitments)))
        }
        return _digestOf(keccak256(abi.encode(ROUND_TYPEHASH, id, round, seed, list)));
    }

    /* SHARED */

    function _slotIn(JobId id, JobTerms calldata terms, JobProgress memory progress, JobStatus want) private returns (JobSlot) {
        return _slotIn(id, _hashOf(terms), progress, want);
    }

    /// @dev The job's slot, if this is its state and its status by the clock is `want`. Time alone turns Committing into
    ///      Revealing; the slot then says so, and it is for the caller to store it.
    function _slotIn(JobId id, bytes32 termsHash, JobProgress memory progress, JobStatus want) private returns (JobSlot slot) {
        slot = _slots[id];
        JobStatus have = _statusOf(slot);
        if (have == JobStatus.Unknown) revert JobMarket_UnknownJob(id);
        if (have != want) {
            if (want == JobStatus.Committing && slot.statusOf() == want) revert JobMarket_TooLate(id, slot.deadlineOf());
            revert JobMarket_WrongStatus(id, have, want);
        }
        _check(id, slot, termsHash, progress);
        if (have != slot.statusOf()) {
            slot = _startReveals(id, slot, progress, slot.deadlineOf());
            _slots[id] = slot;
        }
    }

    function _check(JobId id, JobSlot slot, bytes32 termsHash, JobProgress memory progress) private pure {
        bytes32 have = Progress.hashOf(termsHash, progress);
        if (!slot.holds(have)) revert JobMarket_WrongState(id, have);
    }

    function _store(JobId id, JobSlot slot, bytes32 termsHash, JobProgress memory progress) private {
        _slots[id] = slot.withHash(Progress.hashOf(termsHash, progress));
    }

    /// @dev As `abi.encode` writes them: memory has the words in the same order.
    function _hashOfMemory(JobTerms memory terms) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(terms, TERMS_SIZE)
        }
    }

    /// @dev As `abi.encode` writes them: they are static, and what is not clean has another hash.
    function _hashOf(JobTerms calldata terms) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, terms, TERMS_SIZE)
            hash := keccak256(free, TERMS_SIZE)
        }
    }

    function _statusOf(JobSlot slot) private view returns (JobStatus) {
        JobStatus status = slot.statusOf();
        return status == JobStatus.Committing && block.timestamp > slot.deadlineOf() ? JobStatus.Revealing : status;
    }

    /// @dev The seat of a member of this round.
    function _seatOf(JobId id, JobProgress memory progress, address member) private pure returns (uint256) {
        for (uint256 i = progress.firstSeat; i < progress.seats.length; ++i) {
            if (progress.seats[i].memberOf() == member) return i;
        }
        revert JobMarket_NotThisRound(id, member);
    }

    function _isInBatch(JobProgress memory progress, uint256 seat) private pure returns (bool) {
        return progress.batch.length != 0 && Commitment.unwrap(progress.batch[seat - progress.firstSeat]) != 0;
    }

    function _asBallot(Commitment commitment) private pure returns (bytes32) {
        return bytes32(uint256(Commitment.unwrap(commitment)) & ~REVEALED);
    }

    function _asRevealed(Attestation calldata attestation) private pure returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode(attestation))) | REVEALED);
    }

    function _treeOf(EnvironmentClass environmentClass, uint8 any) private view returns (uint8) {
        if (EnvironmentClass.unwrap(environmentClass) == 0) return any;
        (uint256 tree, bool own) = staking.treeOf(environmentClass);
        if (!own) revert JobMarket_UnknownClass(environmentClass);
        return uint8(tree);
    }

    /// @dev An approved kernel, and what follows from it.
    /// @return whether it takes jobs of that class
    function _ask(JobTerms memory terms, KernelId kernel, EnvironmentClass environmentClass) private view returns (bool) {
        IKernelRegistry.Terms memory own = registry.termsOf(kernel, environmentClass);
        if (own.status != IKernelRegistry.Status.Approved) revert JobMarket_KernelNotApproved(kernel);
        (terms.kernel, terms.publisher, terms.authorFee) = (kernel, own.publisher, own.authorFee);
        terms.rules = terms.rules.by(own.rule, own.tolerance);
        return own.takesClass;
    }

    /// @dev What a job of this size and with this callback is charged.
    function _price(JobTerms memory terms, IMarketParameters.Parameters memory p) private pure {
        uint256 size = terms.rules.committeeSize();
        if (!CommitteeSize.isValid(size)) revert JobMarket_InvalidCommitteeSize(size);
        uint256 callbackGas = terms.rules.callbackGas();
        if (callbackGas > MAXIMUM_CALLBACK_GAS) revert JobMarket_CallbackGasTooHigh(callbackGas, MAXIMUM_CALLBACK_GAS);
        terms.seatFee = p.seatFee;
        terms.deliveryFee = p.deliveryFeePerGas * callbackGas;
    }

    /// @dev What a job holds at first: everything but the VRF fee, which the coordinator holds. Every committee can grow to the largest.
    function _escrowOf(uint256 authorFee, uint256 seatFee, uint256 deliveryFee) private pure returns (uint256) {
        return authorFee + seatFee * CommitteeSize.LARGEST + deliveryFee;
    }

    /// @dev No record hashes to zero, so a refusal is never taken for an output.
    function _isRefusal(RecordDigest digest) private pure returns (bool) {
        return RecordDigest.unwrap(digest) == 0;
    }
}
