// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RandomnessId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobKind, JobProgress, JobStatus, JobTerms, Outcome, Showing, Shown} from "../../types/Job.sol";
import {Aggregation, AggregationRule, Manifest} from "../../types/Manifest.sol";
import {GasBurner, ReturnBomb, SELF_DESTRUCTOR, Taker, Unwilling} from "../fixtures/HostileConsumers.sol";
import {Seat} from "../../types/Seat.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {House} from "./House.sol";

/// @title Everything that anyone may do to the contracts, in any order; nothing here reverts.
/// @dev Keeps its own books, by the rules of docs/protocol.md and not by what the market says it paid.
abstract contract MarketHandler is House {
    uint256 internal constant MAXIMUM_JOBS = 32;
    uint16 private constant TOLERANCE = 3;

    JobId[] internal jobs;
    address internal knower; // of answers: who appeals
    address[] internal people; // everyone who can be owed something
    address[] private _consumers;
    KernelId private _tolerant;
    uint256 private _admissions;

    uint256 internal forced; // wei pushed into the market without a job
    mapping(address account => uint256) internal owed; // by the market, ever
    mapping(address account => uint256) internal withdrawn; // from the market, ever
    mapping(JobId => uint256) internal held; // by the market for a job
    mapping(JobId => bytes32) internal outputs; // of seeds that somebody else than the market asked for
    mapping(JobId => mapping(address member => Attestation)) internal said;
    mapping(JobId => mapping(address member => bool)) internal inBatch;
    mapping(JobId => mapping(address member => bool)) internal inList; // that all of the round have signed
    mapping(JobId => mapping(address member => bool)) internal committedAlone;
    mapping(JobId => mapping(address member => bool)) internal revealedAlone;
    mapping(JobId => mapping(address member => bool)) internal counted; // its opening or its reveal was shown
    mapping(JobId => mapping(uint256 round => uint256)) private _committed;
    mapping(JobId => mapping(uint256 round => uint256)) private _revealed;
    mapping(JobId => uint256) internal ends; // times that a job was finalised or failed
    mapping(JobId => uint256) internal firstDeliveries;
    mapping(JobId => uint256) internal requestedAt;
    mapping(JobId => mapping(address member => uint256)) internal weighed; // wei of its stake, in the draw
    mapping(address validator => Slash[]) private _slashes;
    mapping(bytes32 action => uint256) internal done;
    uint256 internal steps;
    mapping(JobId => uint256 step) internal changedIn; // of its last event

    struct Slash {
        uint256 time;
        uint256 amount;
    }

    /// @dev The events of each action are read before the next.
    modifier booked() {
        ++steps;
        vm.recordLogs();
        _;
        _termsHashIn(JobId.wrap(0));
    }

    function _begin() internal {
        _build(9);
        Manifest memory manifest = _manifest("embedder", 0.05 ether);
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "sign of each dimension", TOLERANCE);
        _tolerant = _register(manifest);
        _approve(_tolerant);
        knower = makeAddr("knower");
        people = [treasury, publisher, requester, anyone, oracle, knower];
        for (uint256 i = 0; i < validators.length; ++i) {
            people.push(validators[i]);
        }
        address destructor = makeAddr("self-destructor");
        vm.etch(destructor, SELF_DESTRUCTOR);
        _consumers = [
            address(0),
            address(new Taker()),
            address(new Unwilling()),
            address(new GasBurner()),
            address(new ReturnBomb()),
            makeAddr("no code"),
            destructor
        ];
        // What the admissions have paid.
        for (uint256 i = 0; i < people.length; ++i) {
            owed[people[i]] = market.creditOf(people[i]);
        }
        _termsHashIn(JobId.wrap(0));
    }

    /// @dev Long windows, since every wait for one job is a wait for all.
    function _parameters() internal pure override returns (IMarketParameters.Parameters memory p) {
        p = super._parameters();
        (p.commitWindow, p.revealWindow, p.challengeWindow) = (3 hours, 3 hours, 10 minutes);
    }

    /// @dev A proof like any other, and cheap to make: multiplying by a short scalar takes few steps.
    function _oracleKey() internal pure override returns (uint256) {
        return 0xc0de;
    }

    function _proofFor(JobId id) internal override returns (bytes memory) {
        (, bytes32 alpha) = vrf.challengeOf(_termsIn(id).randomness);
        return EcvrfProver.witnessedWithNonce(_oracleKey(), abi.encodePacked(alpha), 1);
    }

    /* WHAT REQUESTERS DO */

    function ask(uint256 random, uint256 excess) external booked {
        if (jobs.length < MAXIMUM_JOBS) _askNow(random, excess);
    }

    function _askNow(uint256 random, uint256 excess) internal {
        uint32 callbackGas = random % 2 == 0 ? 100_000 : uint32((random >> 32) % 100_001);
        IJobMarket.JobRequest memory wanted = _wanted(uint8(3 + 2 * ((random >> 16) % 3)), _consumers[(random >> 64) % _consumers.length], callbackGas);
        if (random >> 255 == 1) wanted.kernel = _tolerant;
        excess = bound(excess, 0, 1 ether);
        uint256 price = market.quote(wanted.kernel, wanted.committeeSize, callbackGas);
        vm.deal(requester, price + excess);
        vm.prank(requester);
        JobId id = market.request{value: price + excess}(wanted);
        _noteRequest(id, price);
        owed[requester] += excess;
        ++done["ask"];
    }

    function admit(uint256 random) external booked {
        if (jobs.length == MAXIMUM_JOBS || staking.classesAt(staking.currentEpoch()) < registry.LEAST_CLASSES()) return;
        KernelId fresh = _register(string.concat("kernel-", vm.toString(_admissions++)), uint96(random % 1 ether));
        vm.deal(publisher, 100 ether);
        uint8 size = uint8(3 + 2 * ((random >> 100) % 3));
        uint256 price = market.quoteValidation(size);
        _noteRequest(_requestValidation(fresh, size), price);
        ++done["admit"];
    }

    function _noteRequest(JobId id, uint256 price) internal {
        jobs.push(id);
        held[id] = price - vrf.fee();
        requestedAt[id] = vm.getBlockTimestamp();
        changedIn[id] = steps;
    }

    function _onEvent(JobId id) internal override {
        changedIn[id] = steps;
    }

    function _onDraw(JobId id, JobTerms memory terms, Seat[] memory drawn) internal override {
        for (uint256 i = 0; i < drawn.length; ++i) {
            uint256 units = staking.weightAt(drawn[i].leafOf(), terms.rules.epoch());
            weighed[id][drawn[i].memberOf()] = units * staking.minimumStake() / staking.UNITS();
        }
    }

    /* WHAT THE OWNER DOES */

    /// @dev Jobs that run already are none of its business.
    function govern(uint256 random) external booked {
        IMarketParameters.Parameters memory p = _parameters();
        p.seatFee = uint96(random % 1 ether);
        p.deliveryFeePerGas = uint64((random >> 64) % 100 gwei);
        p.deviationSlash = uint96((random >> 128) % (1 ether + 1));
        p.absenceSlash = p.deviationSlash / uint96(1 + (random >> 192) % 4);
        p.commitWindow -= uint32((random >> 200) % 2 hours);
        p.challengeWindow += uint32((random >> 216) % 1 hours);
        vm.prank(owner);
        parameters.set(p);
        ++done["govern"];
    }

    /* WHAT OPERATORS AND ANYBODY DO */

    function open(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Requested);
        if (!found) return _advance(random);
        _openNow(id);
    }

    function _openNow(JobId id) internal {
        nextBlock();
        if (!_seedCanCome(id) || vm.getBlockTimestamp() > market.deadlineOf(id)) return _expireNow(id);
        _open(id, _isFulfilled(id) ? abi.encode(outputs[id]) : _proofFor(id));
        if (market.statusOf(id) == JobStatus.Failed) _noteFailure(id);
        ++done["open"];
    }

    /// @dev As `open` and `together` in one.
    function openTogether(uint256 random, uint256 kinds) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Requested);
        if (!found) return _advance(random);
        _openTogetherNow(id, random, kinds);
    }

    function _openTogetherNow(JobId id, uint256 random, uint256 kinds) internal {
        nextBlock();
        if (_isFulfilled(id) || !_seedCanCome(id) || vm.getBlockTimestamp() > market.deadlineOf(id)) return _openNow(id);
        bytes memory proof = _proofFor(id);
        JobProgress memory progress = _foreseen(id, proof);
        if (progress.seats.length < _termsIn(id).rules.committeeSize()) return _openNow(id);
        Attestation[] memory all = _opinions(_members(progress), kinds, random % 2 == 0);
        _roundNow(id, progress, proof, all, random % 8 < 2 ? random >> 64 : type(uint256).max);
        ++done["openTogether"];
    }

    function fulfil(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Requested);
        if (!found) return _advance(random);
        nextBlock();
        if (_isFulfilled(id) || !_seedCanCome(id)) return;
        outputs[id] = vrf.fulfil(_termsIn(id).randomness, _proofFor(id));
        ++done["fulfil"];
    }

    /// @dev The operator stays silent until its request expires.
    function silence(uint256 random) external booked {
        if (random % 2 != 0 || vrf.operator(0).bond < 6 ether) return; // less would end its requests, and with them the history
        (bool found, JobId id) = _pick(random, JobStatus.Requested);
        if (!found || _isFulfilled(id) || !_seedCanCome(id)) return;
        nextBlock();
        RandomnessId seed = _termsIn(id).randomness;
        _until(vrf.requestOf(seed).deadline);
        vrf.reassign(seed);
        _expireNow(id);
        ++done["silence"];
    }

    function pass(uint256 time, uint256 blocks) external booked {
        skipBlocks(bound(blocks, 1, 4));
        skipTime(bound(time, 0, 5 minutes));
    }

    function force(uint256 amount) external booked {
        amount = bound(amount, 0, 1 ether);
        vm.deal(address(market), address(market).balance + amount);
        forced += amount;
    }

    /* WHAT MEMBERS DO */

    function commit(uint256 random, uint256 kind) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Committing);
        if (!found) return _advance(random);
        address[] memory members = _members(id);
        _commitOnce(id, members[(random >> 64) % members.length], kind);
    }

    function commitAll(uint256 random, uint256 kinds) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Committing);
        if (!found) return _advance(random);
        _commitAllNow(id, kinds);
    }

    function _commitAllNow(JobId id, uint256 kinds) internal {
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _commitOnce(id, members[i], kinds >> (8 * i));
        }
    }

    /// @dev Of all that are free, or of some.
    function commitTogether(uint256 random, uint256 kinds) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Committing);
        if (!found || _progressIn(id).batch.length != 0) return _advance(random);
        _batchNow(id, random, kinds);
    }

    function _batchNow(JobId id, uint256 random, uint256 kinds) internal {
        address[] memory members = _members(id);
        Attestation[] memory all = new Attestation[](members.length);
        uint256 included = random % 3 == 0 ? random >> 64 : type(uint256).max;
        uint256 count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            all[i] = _opinion(kinds >> (8 * i), members[i]);
            if (committedAlone[id][members[i]]) included &= ~(uint256(1) << i);
            count += (included >> i) & 1;
        }
        if (2 * count <= members.length) return;
        (Commitment[] memory batch, bytes memory signatures) = _batchOf(id, all, included);
        _commitBatch(id, batch, signatures);
        for (uint256 i = 0; i < members.length; ++i) {
            if ((included >> i) & 1 == 0) continue;
            (said[id][members[i]], inBatch[id][members[i]]) = (all[i], true);
        }
        _committed[id][_progressIn(id).round] += count;
        ++done["batch"];
    }

    /// @dev All sign the list, also who has committed to something else before; some may hold their openings back.
    function together(uint256 random, uint256 kinds) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Committing);
        if (!found) return _advance(random);
        Attestation[] memory all = _opinions(_members(id), kinds, random % 2 == 0);
        _togetherNow(id, all, random % 8 < 2 ? random >> 64 : type(uint256).max);
    }

    /// @param alike whether all say the same, right or wrong
    function _opinions(address[] memory members, uint256 kinds, bool alike) internal pure returns (Attestation[] memory all) {
        all = new Attestation[](members.length);
        uint256 one = [uint256(0), 0, 12, 12, 13][(kinds >> 8) % 5] | (kinds & 0xf0);
        for (uint256 i = 0; i < members.length; ++i) {
            all[i] = _opinion(alike ? one : kinds >> (8 * i), members[i]);
        }
    }

    /// @param opened bit i: whether the round's member i opens what it commits to
    function _togetherNow(JobId id, Attestation[] memory all, uint256 opened) internal {
        _roundNow(id, _progressIn(id), "", all, opened);
    }

    /// @param proof of the seed, if the committee is still to be drawn
    function _roundNow(JobId id, JobProgress memory progress, bytes memory proof, Attestation[] memory all, uint256 opened) private {
        address[] memory members = _members(progress);
        uint8 round = progress.round;
        bool complete = (type(uint256).max << members.length) | opened == type(uint256).max;
        (Shown[] memory shown, bytes memory signatures) = _together(id, progress, all, opened);
        uint256[] memory stakes = _stakesOf(_accounts(progress));
        _noteList(id, members, all, complete);
        _committed[id][round] = members.length;
        if (proof.length != 0) _openTogether(id, proof, shown, signatures);
        else _settleTogether(id, shown, signatures);
        if (complete) _noteCount(id, round, stakes);
        else require(market.statusOf(id) == JobStatus.Revealing, "a list without all openings starts the reveals");
        ++done[complete ? bytes32("together") : bytes32("list")];
    }

    function _noteList(JobId id, address[] memory members, Attestation[] memory all, bool complete) private {
        for (uint256 i = 0; i < members.length; ++i) {
            address member = members[i];
            said[id][member] = all[i];
            counted[id][member] = complete;
            inBatch[id][member] = inList[id][member] = true;
        }
    }

    function reveal(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Revealing);
        if (!found) return _advance(random);
        address[] memory members = _members(id);
        _revealOnce(id, members[(random >> 64) % members.length]);
    }

    function revealAll(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Revealing);
        if (!found) return _advance(random);
        _revealAllNow(id);
    }

    function _revealAllNow(JobId id) internal {
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _revealOnce(id, members[i]);
        }
    }

    function _hasCommitted(JobId id, address member) internal view returns (bool) {
        return inBatch[id][member] || committedAlone[id][member];
    }

    function _commitOnce(JobId id, address member, uint256 kind) private {
        if (_hasCommitted(id, member) || market.statusOf(id) != JobStatus.Committing) return;
        said[id][member] = _opinion(kind, member);
        _commit(id, member, said[id][member]);
        committedAlone[id][member] = true;
        ++_committed[id][_progressIn(id).round];
        ++done["commit"];
    }

    function _revealOnce(JobId id, address member) private {
        if (!_hasCommitted(id, member) || revealedAlone[id][member] || vm.getBlockTimestamp() > _revealDeadline(id)) return;
        _reveal(id, member, said[id][member]);
        revealedAlone[id][member] = true;
        ++_revealed[id][_progressIn(id).round];
        ++done["reveal"];
    }

    function _opinion(uint256 kind, address member) private pure returns (Attestation memory opinion) {
        kind %= 256;
        uint256 mood = kind % 16;
        if (mood < 9) opinion = _says(OUTPUT, bytes32(uint256(1))); // also what approves a kernel
        else if (mood < 13) opinion = _says(OTHER, LABEL);
        else if (mood < 15) return _refusal();
        else opinion = _says(RecordDigest.wrap(keccak256(abi.encode(member))), LABEL);
        opinion.sketch = bytes32(kind >> 4); // four bits, of which three are tolerated
    }

    /* EXITS */

    function settle(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Revealing);
        if (!found) return _advance(random);
        uint256 withheld = random % 4 == 0 ? random >> 64 : 0;
        (Shown[] memory shown, bool complete) = _showing(id, withheld);
        if (!complete) _until(_revealDeadline(id)); // to wait lets the windows of other jobs pass, too
        _settleNow(id, shown);
    }

    /// @dev With what there is when the time is over.
    function _settleByForce(JobId id) internal {
        _until(_revealDeadline(id));
        (Shown[] memory shown,) = _showing(id, 0);
        _settleNow(id, shown);
    }

    /// @param withheld bit i: the opening of the round's member i is not to be had, unless it has revealed it alone
    function _showing(JobId id, uint256 withheld) private returns (Shown[] memory shown, bool complete) {
        address[] memory members = _members(id);
        shown = new Shown[](members.length);
        complete = true;
        for (uint256 i = 0; i < members.length; ++i) {
            Attestation memory what = said[id][members[i]];
            if (revealedAlone[id][members[i]]) shown[i] = Shown(Showing.Revealed, what, 0);
            else if (!_hasCommitted(id, members[i])) continue;
            else if ((withheld >> i) & 1 == 1) complete = false;
            else shown[i] = Shown(Showing.Opening, what, _salt(id, members[i]));
        }
    }

    function _settleNow(JobId id, Shown[] memory shown) internal {
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            counted[id][members[i]] = shown[i].showing != Showing.Nothing;
        }
        uint256[] memory stakes = _stakesOf(_committee(id));
        uint8 round = _progressIn(id).round;
        _settle(id, shown);
        _noteCount(id, round, stakes);
    }

    /// @param stakes of the committee, before the round was counted
    function _noteCount(JobId id, uint8 round, uint256[] memory stakes) private {
        JobStatus status = market.statusOf(id);
        (bool exists, Attestation memory winner) = _majority(id, round);
        bool refused = exists && RecordDigest.unwrap(winner.digest) == 0;
        require((exists && !refused) == (status == JobStatus.Settled), "it settles when there is a majority, and only then");
        if (refused) require(status == JobStatus.Failed, "a refusal fails");
        if (status == JobStatus.Failed) {
            _noteFailure(id);
            _assertSlashes(id, stakes, winner, false);
            ++done["fail to settle"];
        }
        if (status == JobStatus.Committing) ++done["grow"];
        if (status == JobStatus.Settled) {
            require(RecordDigest.unwrap(_progressIn(id).result.digest) == RecordDigest.unwrap(winner.digest), "the result");
            ++done[_termsIn(id).rules.rule() == AggregationRule.Hamming ? bytes32("settle by distance") : bytes32("settle")];
        }
    }

    /// @dev What more than half of the seats up to and including this round say, written out plainly.
    function _majority(JobId id, uint8 round) private returns (bool exists, Attestation memory winner) {
        JobProgress memory progress = _progressIn(id);
        // After a growth the new members have no say in what was counted.
        uint256 seats = progress.round == round ? progress.seats.length : progress.firstSeat;
        uint256 most = 0;
        for (uint256 i = 0; i < seats; ++i) {
            address member = progress.seats[i].memberOf();
            if (!counted[id][member]) continue;
            uint256 behind = _behind(id, progress.seats, seats, said[id][member]);
            if (behind > most) (most, winner) = (behind, said[id][member]);
        }
        exists = 2 * most > seats;
    }

    function _behind(JobId id, Seat[] memory all, uint256 seats, Attestation memory one) private returns (uint256 behind) {
        for (uint256 j = 0; j < seats; ++j) {
            address other = all[j].memberOf();
            if (counted[id][other] && _agree(id, said[id][other], one)) ++behind;
        }
    }

    function _agree(JobId id, Attestation memory a, Attestation memory b) internal returns (bool) {
        bool refusal = RecordDigest.unwrap(a.digest) == 0;
        if (refusal || RecordDigest.unwrap(b.digest) == 0) return refusal && RecordDigest.unwrap(b.digest) == 0;
        if (a.answer != b.answer) return false;
        if (_termsIn(id).rules.rule() == AggregationRule.Exact) return RecordDigest.unwrap(a.digest) == RecordDigest.unwrap(b.digest);
        uint256 differing = uint256(a.sketch ^ b.sketch);
        uint256 bits = 0;
        for (; differing != 0; differing &= differing - 1) {
            ++bits;
        }
        return bits <= TOLERANCE;
    }

    /// @dev What a seat is due by the rules. Without a result nothing but a fact is a fault.
    function _due(JobId id, address member, Attestation memory winner, bool result) internal returns (Outcome) {
        if (!_hasCommitted(id, member)) return Outcome.Absent;
        if (!counted[id][member]) return Outcome.Withheld;
        if (!result) return Outcome.Unpaid;
        Attestation memory own = said[id][member];
        bool refused = RecordDigest.unwrap(own.digest) == 0;
        if (!refused && _agree(id, own, winner)) return Outcome.Paid;
        // An admission asks whether classes differ, so only one's own can prove one wrong.
        if (_termsIn(id).rules.kind() == JobKind.Validation && !_isOutvotedByItsOwn(id, member, winner)) return Outcome.Unpaid;
        if (refused) return Outcome.Refused;
        return _termsIn(id).rules.rule() == AggregationRule.Hamming ? Outcome.Unpaid : Outcome.Deviated;
    }

    /// @dev Whether another seat of the member's class agrees with the result.
    function _isOutvotedByItsOwn(JobId id, address member, Attestation memory winner) private returns (bool) {
        Seat[] memory all = _progressIn(id).seats;
        uint256 own = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i].memberOf() == member) own = all[i].leafOf() / 32768;
        }
        for (uint256 i = 0; i < all.length; ++i) {
            address other = all[i].memberOf();
            if (all[i].leafOf() / 32768 == own && counted[id][other] && _agree(id, said[id][other], winner)) return true;
        }
        return false;
    }

    function _stakesOf(address[] memory accounts) internal view returns (uint256[] memory stakes) {
        stakes = new uint256[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            stakes[i] = _stakeOf(accounts[i]);
        }
    }

    /// @dev No stake escapes a slash, and none is slashed for nothing.
    function _assertSlashes(JobId id, uint256[] memory before, Attestation memory winner, bool result) private {
        JobTerms memory terms = _termsIn(id);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _assertSlash(terms, members[i], before[i], _due(id, members[i], winner, result));
        }
    }

    function _assertSlash(JobTerms memory terms, address member, uint256 before, Outcome due) internal {
        uint256 price = due == Outcome.Deviated || due == Outcome.Withheld
            ? terms.deviationSlash
            : due == Outcome.Absent || due == Outcome.Refused ? terms.absenceSlash : 0;
        uint256 taken = before < price ? before : price;
        require(_stakeOf(member) == before - taken, "a stake after the slash");
        if (taken == 0) return;
        _slashes[member].push(Slash(vm.getBlockTimestamp(), taken));
        ++done["slash"];
    }

    function _slashedSince(address member, uint256 time) internal view returns (uint256 total) {
        Slash[] storage all = _slashes[member];
        for (uint256 i = all.length; i > 0 && all[i - 1].time >= time; --i) {
            total += all[i - 1].amount;
        }
    }

    /// @dev Seconds after its request in which the last of a job that nobody delays is decided, by itself or by an appeal.
    function _longestDecision() internal view returns (uint256) {
        return 2 * uint256(parameters.bounds().longestLife) + appeals.TIME_TO_RESOLVE() + market.GRACE();
    }

    function finalise(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Settled);
        if (!found) return _advance(random);
        // Seldom: what is appealed waits for days, and to wait lets the windows of other jobs pass.
        if (market.deadlineOf(id) > vm.getBlockTimestamp() + 1 days && random % 8 != 0) return;
        _until(market.deadlineOf(id));
        _finaliseOnce(id);
    }

    function _finaliseOnce(JobId id) internal {
        JobTerms memory terms = _termsIn(id);
        address[] memory members = _committee(id);
        uint256[] memory stakes = _stakesOf(members);
        Attestation memory winner = _winner(id);
        uint256 left = held[id];
        for (uint256 i = 0; i < members.length; ++i) {
            if (_due(id, members[i], winner, true) != Outcome.Paid) continue;
            owed[members[i]] += terms.seatFee;
            left -= terms.seatFee;
        }
        _noteEnd(id, terms, left);
        _finaliseNow(id);
        _assertSlashes(id, stakes, winner, true);
        ++done["finalise"];
    }

    /// @param left of what the job holds, when the seats are paid
    function _noteEnd(JobId id, JobTerms memory terms, uint256 left) internal {
        owed[publisher] += terms.authorFee;
        left -= terms.authorFee;
        (bool paid,) = market.deliveryOf(id);
        held[id] = terms.consumer != address(0) && !paid ? terms.deliveryFee : 0;
        owed[terms.refundTo] += left - held[id];
        ++ends[id];
    }

    /// @dev The result, as an attestation.
    function _winner(JobId id) internal returns (Attestation memory) {
        JobProgress memory progress = _progressIn(id);
        return Attestation(progress.result.digest, progress.result.answer, progress.result.sketch, ENVIRONMENT);
    }

    function deliver(uint256 random) external booked {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            JobStatus status = market.statusOf(id);
            if (status != JobStatus.Settled && status != JobStatus.Finalised) continue;
            (, bool delivered) = market.deliveryOf(id);
            if (_termsIn(id).consumer != address(0) && !delivered) return _deliverNow(id);
        }
        _advance(random);
    }

    function _deliverNow(JobId id) internal {
        JobTerms memory terms = _termsIn(id);
        (bool wasPaid, bool wasDelivered) = market.deliveryOf(id);
        if (terms.consumer == address(0) || wasDelivered) return;
        bool destructs = terms.consumer.code.length == SELF_DESTRUCTOR.length;
        uint256 gift = uint256(keccak256(abi.encode(id))) % 1 ether;
        if (destructs) vm.deal(terms.consumer, gift);
        (JobStatus status, uint256 deadline) = (market.statusOf(id), market.deadlineOf(id));
        bool success = _deliver(id);
        if (destructs && success) forced += gift; // with too little gas it does not get that far
        (bool paid, bool delivered) = market.deliveryOf(id);
        require(delivered == success && paid, "flags");
        require(market.statusOf(id) == status && market.deadlineOf(id) == deadline, "a callback changed something");
        if (!wasPaid) {
            owed[anyone] += terms.deliveryFee;
            held[id] -= terms.deliveryFee;
            ++firstDeliveries[id];
        }
        ++done[success ? bytes32("deliver") : bytes32("fail to deliver")];
    }

    function withdraw(uint256 random) external booked {
        _withdraw(people[random % people.length]);
    }

    function _expireNow(JobId id) internal {
        if (vm.getBlockTimestamp() <= market.deadlineOf(id) && _seedCanCome(id)) _until(market.deadlineOf(id));
        RandomnessId seed = _termsIn(id).randomness;
        if (!_seedCanCome(id) && vrf.requestOf(seed).status == IVrfCoordinator.Status.Stalled) vrf.reassign(seed);
        _expire(id);
        _noteFailure(id);
        ++done["expire"];
    }

    function _noteFailure(JobId id) private {
        owed[_termsIn(id).refundTo] += held[id];
        held[id] = 0;
        ++ends[id];
        ++done["fail"];
    }

    function _withdraw(address account) internal {
        uint256 credit = market.creditOf(account);
        if (credit == 0) return;
        uint256 before = account.balance;
        vm.prank(account);
        market.withdraw();
        require(account.balance - before == credit, "withdraw");
        withdrawn[account] += credit;
        ++done["withdraw"];
    }

    /* WHAT STAKERS DO */

    function stake(uint256 random, uint256 amount) external booked {
        address validator = validators[random % validators.length];
        amount = bound(amount, 1 ether, 5 ether);
        EnvironmentClass class_ = random % 3 == 0 ? ARM : X86;
        IValidatorStaking.Validator memory now_ = staking.validator(validator);
        // A place once an epoch.
        bool same = now_.leaf != 0 && EnvironmentClass.unwrap(class_) == EnvironmentClass.unwrap(now_.environmentClass);
        if (!same && now_.movedIn == staking.currentEpoch()) return;
        vm.deal(validator, validator.balance + amount);
        vm.prank(validator);
        staking.stake{value: amount}(class_, "");
    }

    function thaw(uint256 random, uint256 amount) external booked {
        _thawNow(validators[random % validators.length], amount);
    }

    function _thawNow(address validator, uint256 amount) private {
        uint128 working = staking.validator(validator).stake - staking.validator(validator).thawing;
        if (working == 0) return;
        vm.prank(validator);
        staking.thaw(uint128(bound(amount, 1, working)));
    }

    function release(uint256 random) external booked {
        (bool found, address validator) = _thawing(random);
        if (!found) _thawNow(validator, random);
        // Seldom, since it lets a week pass; and of a validator that has left, nothing thaws.
        if (random % 2 != 0 || _blamesOf(validator) != 0 || staking.validator(validator).thawing == 0) return;
        _until(staking.validator(validator).thawsAt);
        vm.prank(validator);
        staking.release();
        vm.prank(validator);
        staking.withdraw();
        ++done["release"];
    }

    /// @dev The first from a random place on of whose stake some thaws, or any.
    function _thawing(uint256 random) private view returns (bool found, address validator) {
        for (uint256 i = 0; i < validators.length; ++i) {
            validator = validators[((random >> 128) + i) % validators.length];
            if (staking.validator(validator).thawing != 0) return (true, validator);
        }
    }

    /* WHAT NOBODY CAN DO */

    /// @dev A call that the job's status or the clock forbids fails, whoever makes it; and so does any with another state than the job's.
    function misbehave(uint256 random) external booked {
        if (jobs.length == 0) return _advance(random);
        JobId id = jobs[random % jobs.length];
        JobTerms memory terms = _termsIn(id);
        (bool legal, bytes memory call) = _call(id, terms, (random >> 64) % 6);
        if (!legal) _mustFail(call, "misbehave");
        terms.seatFee += 1;
        (, call) = _call(id, terms, (random >> 64) % 6);
        _mustFail(call, "forge");
    }

    function _mustFail(bytes memory call, bytes32 what) private {
        (bool success,) = address(market).call(call);
        require(!success, "a forbidden call went through");
        ++done[what];
    }

    /// @dev One of the calls that anyone may try, and whether it is now allowed.
    function _call(JobId id, JobTerms memory terms, uint256 choice) private returns (bool legal, bytes memory call) {
        JobStatus status = market.statusOf(id);
        JobProgress memory progress = _progressIn(id);
        if (choice == 0) {
            return (status == JobStatus.Requested, abi.encodeCall(IJobMarket.open, (id, terms, "")));
        } else if (choice == 1) {
            (Shown[] memory shown, bool complete) = _showing(id, type(uint256).max);
            legal = status == JobStatus.Revealing && (complete || vm.getBlockTimestamp() > _revealDeadline(id));
            return (legal, abi.encodeCall(IJobMarket.settle, (id, terms, progress, shown)));
        } else if (choice == 2) {
            legal = status == JobStatus.Settled && vm.getBlockTimestamp() > market.deadlineOf(id);
            return (legal, abi.encodeCall(IJobMarket.finalise, (id, terms, progress)));
        } else if (choice == 3) {
            return (status == JobStatus.Requested, abi.encodeCall(IJobMarket.expire, (id, terms)));
        } else if (choice == 4) {
            (, bool delivered) = market.deliveryOf(id);
            legal = (status == JobStatus.Settled || status == JobStatus.Finalised) && terms.consumer != address(0) && !delivered;
            return (legal, abi.encodeCall(IJobMarket.deliver, (id, terms, progress)));
        }
        return (false, abi.encodeCall(IJobMarket.requestValidation, (kernel, INPUT, ANY, 3, anyone))); // never
    }

    /// @dev A seat speaks once, in its own round.
    function speakTwice(uint256 random) external booked {
        if (jobs.length == 0) return _advance(random);
        JobId id = jobs[random % jobs.length];
        address[] memory all = _committee(id);
        for (uint256 i = 0; i < all.length; ++i) {
            _speakAgain(id, all[i]);
        }
    }

    function _speakAgain(JobId id, address member) private {
        bytes32 terms = _termsHashIn(id);
        JobProgress memory progress = _progressIn(id);
        if (_hasCommitted(id, member)) {
            vm.prank(member);
            (bool success,) = address(market).call(abi.encodeCall(IJobMarket.commit, (id, terms, progress, Commitment.wrap("again"))));
            require(!success, "a second commitment");
            ++done["commit twice"];
        }
        if (revealedAlone[id][member]) {
            bytes memory call = abi.encodeCall(IJobMarket.reveal, (id, terms, progress, said[id][member], _salt(id, member)));
            vm.prank(member);
            (bool success,) = address(market).call(call);
            require(!success, "a second reveal");
            ++done["reveal twice"];
        }
    }

    /// @dev Whoever counts shows what there is: no reveal can be hidden, none changed and none made up.
    function lie(uint256 random) external booked {
        (bool found, JobId id) = _pick(random, JobStatus.Revealing);
        if (!found) return _advance(random);
        _lieNow(id, random);
    }

    function _lieNow(JobId id, uint256 random) internal {
        (Shown[] memory shown,) = _showing(id, 0);
        uint256 i = (random >> 64) % shown.length;
        if (shown[i].showing == Showing.Nothing) shown[i] = Shown(Showing(1 + (random >> 96) % 2), _right(), 0); // made up
        else if (shown[i].showing == Showing.Revealed && random % 2 == 0) shown[i].showing = Showing.Nothing; // hidden
        else shown[i].attestation.answer = ~shown[i].attestation.answer; // changed
        (bool success,) = address(market).call(abi.encodeCall(IJobMarket.settle, (id, _termsIn(id), _progressIn(id), shown)));
        require(!success, "a lie was counted");
        ++done["lie"];
    }

    /* THE END */

    /// @dev From whatever is, waiting and calling what anyone may call brings every job to its end.
    function _endJobs() internal {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[i];
            // A job has at most three rounds, each of two phases, and four calls besides.
            for (uint256 step = 0; step < 10; ++step) {
                JobStatus status = market.statusOf(id);
                if (status == JobStatus.Finalised || status == JobStatus.Failed) break;
                if (status == JobStatus.Requested) {
                    _expireNow(id);
                } else if (status == JobStatus.Committing) {
                    _until(market.deadlineOf(id));
                } else if (status == JobStatus.Revealing) {
                    _until(_revealDeadline(id));
                    (Shown[] memory shown,) = _showing(id, type(uint256).max);
                    _settleNow(id, shown);
                } else {
                    _until(market.deadlineOf(id));
                    _finaliseOnce(id);
                }
            }
            JobStatus last = market.statusOf(id);
            require(last == JobStatus.Finalised || last == JobStatus.Failed, "a job does not end");
            (bool paid,) = market.deliveryOf(id);
            if (last == JobStatus.Finalised && !paid) _deliverNow(id);
        }
    }

    /* INSIDE */

    /// @dev Who finds nothing of its kind to do moves some job on, so that histories get far.
    function _advance(uint256 random) internal virtual;

    /// @dev The first job from a random place on that has this status by the clock.
    function _pick(uint256 random, JobStatus status) private view returns (bool, JobId) {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            if (market.statusOf(id) == status) return (true, id);
        }
        return (false, JobId.wrap(0));
    }

    function _isFulfilled(JobId id) private returns (bool) {
        return vrf.statusOf(_termsIn(id).randomness) == IVrfCoordinator.Status.Fulfilled;
    }

    /// @dev Whether the request is answered, or its operator can still answer it.
    function _seedCanCome(JobId id) private returns (bool) {
        IVrfCoordinator.Request memory asked = vrf.requestOf(_termsIn(id).randomness);
        if (asked.status == IVrfCoordinator.Status.Fulfilled) return true;
        if (asked.status == IVrfCoordinator.Status.Expired) return false;
        return asked.blockHash != 0 || vm.getBlockNumber() <= uint256(asked.blockNumber) + 256;
    }

    /// @dev By the clock the reveals may have begun without anybody having written it down.
    function _revealDeadline(JobId id) private returns (uint256) {
        JobProgress memory progress = _progressIn(id);
        bool written = _revealed[id][progress.round] != 0 || _committed[id][progress.round] == progress.seats.length - progress.firstSeat;
        return market.deadlineOf(id) + (written ? 0 : progress.revealWindow);
    }

    /// @dev To the first second after a deadline, if it is not past.
    function _until(uint256 deadline) internal {
        if (vm.getBlockTimestamp() <= deadline) vm.warp(deadline + 1);
        vm.roll(vm.getBlockNumber() + 1);
    }
}
