// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppeals} from "../../interfaces/IAppeals.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {EnvironmentClass, JobId, RecordDigest} from "../../types/Ids.sol";
import {JobKind, JobProgress, JobStatus, JobTerms, Outcome, Result} from "../../types/Job.sol";
import {AggregationRule} from "../../types/Manifest.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @title And everything that anyone may do about appeals, in any order with the rest; nothing here reverts.
/// @dev Its books of bonds follow the rules of `IAppeals`.
abstract contract AppealsHandler is MarketHandler {

    JobId[] internal appealed;
    mapping(JobId => uint256) internal bonds; // of appeals that are not over
    mapping(JobId => bool) internal over;
    mapping(JobId => bool) internal overturned;
    mapping(address account => uint256) internal owedBond; // ever
    mapping(address account => uint256) internal withdrawnBond; // ever

    function appeal(uint256 random, uint256 excess) external booked {
        if (jobs.length == MAXIMUM_JOBS) return;
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            if (_isAppealable(id)) return _appealNow(id, bound(excess, 0, 1 ether));
        }
        _advance(random);
    }

    function _isAppealable(JobId id) private returns (bool) {
        if (market.statusOf(id) != JobStatus.Settled || vm.getBlockTimestamp() > market.deadlineOf(id)) return false;
        (address appellant,,) = appeals.appealOf(id);
        bool inference = _termsIn(id).rules.kind() == JobKind.Inference;
        return inference && appellant == address(0) && _progressIn(id).seats.length < appeals.SEATS();
    }

    function _appealNow(JobId id, uint256 excess) private {
        JobTerms memory terms = _termsIn(id);
        JobProgress memory progress = _progressIn(id);
        uint256 price = appeals.quote(terms);
        vm.deal(knower, price + excess);
        vm.prank(knower);
        JobId rerun = appeals.appeal{value: price + excess}(id, terms, progress, ANY);
        _noteRequest(rerun, price - terms.deviationSlash);
        owed[knower] += excess;
        bonds[id] = terms.deviationSlash;
        appealed.push(id);
        uint256 longest = parameters.bounds().longestLife + appeals.TIME_TO_RESOLVE();
        require(market.deadlineOf(id) == vm.getBlockTimestamp() + longest, "a job that is appealed waits, for a bounded time");
        ++done["appeal"];
    }

    /// @dev The other committee hears it, quickly.
    function rehear(uint256 random, uint256 kinds) external booked {
        (bool found, JobId id) = _pickOpen(random);
        if (!found) return _advance(random);
        _rehearNow(id, random, kinds);
    }

    function _rehearNow(JobId id, uint256 random, uint256 kinds) private {
        (, JobId rerun,) = appeals.appealOf(id);
        if (random % 4 < 2) kinds = RecordDigest.unwrap(_winner(id).digest) == RecordDigest.unwrap(OUTPUT) ? 2 << 8 : 0; // another opinion
        if (market.statusOf(rerun) == JobStatus.Requested) _openNow(rerun);
        while (market.statusOf(rerun) == JobStatus.Committing) {
            _togetherNow(rerun, _opinions(_members(rerun), kinds, random % 8 != 0), type(uint256).max);
            kinds >>= 8;
        }
        if (market.statusOf(rerun) != JobStatus.Settled) return;
        _until(market.deadlineOf(rerun));
        _finaliseOnce(rerun);
    }

    function resolve(uint256 random) external booked {
        (bool found, JobId id) = _pickOpen(random);
        if (!found) return _advance(random);
        _resolveNow(id);
    }

    function _pickOpen(uint256 random) private view returns (bool, JobId) {
        for (uint256 i = 0; i < appealed.length; ++i) {
            JobId id = appealed[((random >> 128) + i) % appealed.length];
            if (!over[id]) return (true, id);
        }
        return (false, JobId.wrap(0));
    }

    /// @dev If the other committee has come to an end.
    function _resolveNow(JobId id) private {
        (, JobId rerun,) = appeals.appealOf(id);
        JobStatus ended = market.statusOf(rerun);
        if (ended != JobStatus.Finalised && ended != JobStatus.Failed) return;
        bool late = market.statusOf(id) == JobStatus.Finalised;
        bytes32 before = keccak256(abi.encode(_progressIn(id)));
        bool same = ended == JobStatus.Finalised && _agree(id, _winner(rerun), _winner(id));
        owedBond[same ? treasury : knower] += bonds[id];
        (bonds[id], over[id]) = (0, true);
        if (ended == JobStatus.Finalised && !same && !late) return _overturnNow(id, rerun);

        _end(id, rerun, ended);
        require(keccak256(abi.encode(_progressIn(id))) == before, "the result stands");
        if (!late) {
            require(market.statusOf(id) == JobStatus.Settled, "settled");
            require(market.deadlineOf(id) == vm.getBlockTimestamp(), "it waits no longer");
        }
        ++done[ended == JobStatus.Failed ? bytes32("abandon") : same ? bytes32("reject") : bytes32("resolve too late")];
    }

    function _end(JobId id, JobId rerun, JobStatus ended) private {
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        if (ended == JobStatus.Failed) {
            vm.prank(anyone);
            return appeals.abandon(id, terms, progress);
        }
        (JobTerms memory otherTerms, JobProgress memory otherProgress) = (_termsIn(rerun), _progressIn(rerun));
        vm.prank(anyone);
        appeals.resolve(id, terms, progress, otherTerms, otherProgress);
    }

    /// @dev Who was paid for the first result is due what a deviation costs; facts stay facts; nobody else is due anything.
    function _overturnNow(JobId id, JobId rerun) private {
        JobTerms memory terms = _termsIn(id);
        JobProgress memory first = _progressIn(id);
        address[] memory members = _committee(id);
        uint256[] memory stakes = _stakesOf(members);
        _noteEnd(id, terms, held[id]);
        _end(id, rerun, JobStatus.Finalised);
        overturned[id] = true;
        require(market.statusOf(id) == JobStatus.Finalised, "an appeal that is upheld ends the job");
        JobProgress memory last = _progressIn(id);
        for (uint256 i = 0; i < members.length; ++i) {
            Outcome was = first.outcomes.outcomeOf(i);
            Outcome due = Outcome.Unpaid;
            if (was == Outcome.Absent || was == Outcome.Withheld) due = was;
            else if (was == Outcome.Paid && terms.rules.rule() == AggregationRule.Exact) due = Outcome.Deviated;
            require(last.outcomes.outcomeOf(i) == due, "an outcome that was overturned");
            _assertSlash(terms, members[i], stakes[i], due);
        }
        ++done["uphold"];
    }

    /// @dev The next step of a job, whatever it is.
    function press(uint256 random) external booked {
        _advance(random);
    }

    function _advance(uint256 random) internal override {
        (bool waits, JobId disputed) = _pickOpen(random);
        if (waits && random % 2 == 0) return _pressOn(disputed, random >> 1);
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            JobStatus status = market.statusOf(id);
            if (status == JobStatus.Failed || (status == JobStatus.Finalised && !_isOpen(id))) continue;
            if (status == JobStatus.Requested) return _openSomehow(id, random);
            if (status == JobStatus.Committing) return _commitSomehow(id, random);
            if (status == JobStatus.Revealing) return _revealSomehow(id, random);
            return _pressOn(id, random);
        }
        if (jobs.length < MAXIMUM_JOBS) _askNow(random, 0);
    }

    function _openSomehow(JobId id, uint256 random) private {
        if (random % 4 != 0) _openNow(id);
        else _openTogetherNow(id, random >> 2, uint256(keccak256(abi.encode(random))));
    }

    function _commitSomehow(JobId id, uint256 random) private {
        uint256 kinds = uint256(keccak256(abi.encode(random)));
        if (random % 4 == 0) return _commitAllNow(id, kinds);
        if (random % 4 == 1 && _progressIn(id).batch.length == 0) return _batchNow(id, random, kinds);
        _togetherNow(id, _opinions(_members(id), kinds, (random >> 3) % 2 == 0), random % 4 == 2 ? kinds : type(uint256).max);
    }

    function _revealSomehow(JobId id, uint256 random) private {
        if (random % 4 == 0) _revealAllNow(id);
        else if (random % 4 == 1) _lieNow(id, random);
        else _settleByForce(id);
    }

    /// @dev A job with a result: it is appealed, heard, resolved, or left to end.
    function _pressOn(JobId id, uint256 random) private {
        (bool paid,) = market.deliveryOf(id);
        if (!paid && random % 4 == 1 && _termsIn(id).consumer != address(0)) return _deliverNow(id);
        if (!_isOpen(id)) {
            if (_isAppealable(id) && jobs.length < MAXIMUM_JOBS && random % 4 != 0) return _appealNow(id, 0);
            _until(market.deadlineOf(id));
            return _finaliseOnce(id);
        }
        (, JobId rerun,) = appeals.appealOf(id);
        JobStatus judged = market.statusOf(rerun);
        if (judged != JobStatus.Finalised && judged != JobStatus.Failed) {
            return _rehearNow(id, random, uint256(keccak256(abi.encode(random))));
        }
        if (market.statusOf(id) == JobStatus.Finalised || random % 8 > 2) return _resolveNow(id);
        _until(market.deadlineOf(id)); // nobody resolves it in time
        _finaliseOnce(id);
    }

    function _isOpen(JobId id) private view returns (bool isOpen) {
        (,, isOpen) = appeals.appealOf(id);
    }

    /// @dev Nobody but the appeals touches a result, and no appeal is made or ended twice.
    function meddle(uint256 random) external booked {
        if (jobs.length == 0) return _advance(random);
        JobId id = jobs[random % jobs.length];
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        Result memory result = progress.result;
        _mustFail(address(market), abi.encodeCall(IJobMarket.hold, (id, random)));
        _mustFail(address(market), abi.encodeCall(IJobMarket.overturn, (id, terms, progress, result, anyone)));
        (address appellant,, bool isOpen) = appeals.appealOf(id);
        if (appellant != address(0)) _mustFail(address(appeals), abi.encodeCall(IAppeals.appeal, (id, terms, progress, ANY)));
        if (!isOpen) {
            _mustFail(address(appeals), abi.encodeCall(IAppeals.abandon, (id, terms, progress)));
            _mustFail(address(appeals), abi.encodeCall(IAppeals.resolve, (id, terms, progress, terms, progress)));
        }
        ++done["meddle"];
    }

    function _mustFail(address where, bytes memory call) private {
        vm.deal(anyone, 100 ether);
        vm.prank(anyone);
        (bool success,) = where.call{value: where == address(appeals) && bytes4(call) == IAppeals.appeal.selector ? 100 ether : 0}(call);
        require(!success, "meddled");
    }

    /// @dev From whatever is, waiting and calling what anyone may call brings every job and every appeal to its end.
    function _endEverything() internal {
        _endJobs();
        for (uint256 i = 0; i < appealed.length; ++i) {
            if (!over[appealed[i]]) _resolveNow(appealed[i]);
        }
        for (uint256 i = 0; i < people.length; ++i) {
            _withdraw(people[i]);
            _withdrawBond(people[i]);
        }
    }

    function _withdrawBond(address account) private {
        uint256 credit = appeals.creditOf(account);
        if (credit == 0) return;
        vm.prank(account);
        withdrawnBond[account] += appeals.withdraw();
    }
}
