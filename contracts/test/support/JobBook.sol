// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobTerms, Outcome, Result, Showing, Shown, Vote} from "../../types/Job.sol";
import {Outcomes} from "../../types/Outcomes.sol";
import {Seat} from "../../types/Seat.sol";
import {TestBase} from "./TestBase.sol";
import {Vm} from "./Vm.sol";

/// @title What anybody can know of the jobs: their terms and their progress, rebuilt from the market's events alone.
/// @dev `_follow` reads the events since the last time. Kept encoded: storage cannot take arrays of structs from memory.
abstract contract JobBook is TestBase {
    mapping(JobId => bytes) private _terms;
    mapping(JobId => bytes) private _progress;
    mapping(JobId => mapping(address member => bytes)) private _revealed;
    mapping(JobId => address) internal requesterOf;

    function _termsIn(JobId id) internal returns (JobTerms memory terms) {
        _follow();
        return abi.decode(_terms[id], (JobTerms));
    }

    function _progressIn(JobId id) internal returns (JobProgress memory progress) {
        _follow();
        return abi.decode(_progress[id], (JobProgress));
    }

    function _termsHashIn(JobId id) internal returns (bytes32) {
        _follow();
        return keccak256(_terms[id]);
    }

    /// @dev What settles a job whose members have all acted alone.
    function _revealedIn(JobId id) internal returns (Shown[] memory shown) {
        JobProgress memory progress = _progressIn(id);
        shown = new Shown[](progress.seats.length - progress.firstSeat);
        for (uint256 i = 0; i < shown.length; ++i) {
            bytes memory said = _revealed[id][progress.seats[progress.firstSeat + i].memberOf()];
            if (said.length != 0) shown[i] = Shown(Showing.Revealed, abi.decode(said, (Attestation)), 0);
        }
    }

    function _follow() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.recordLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            // What a test expects, it emits itself; that is no event of the market.
            if (logs[i].emitter != address(this) && logs[i].topics.length > 1) _read(logs[i]);
        }
    }

    function _read(Vm.Log memory log) private {
        (bytes32 topic, JobId id, bytes memory data) = (log.topics[0], JobId.wrap(log.topics[1]), log.data);
        JobProgress memory progress;
        if (topic == IJobMarket.JobRequested.selector) {
            _terms[id] = abi.encode(abi.decode(data, (JobTerms)));
            requesterOf[id] = address(uint160(uint256(log.topics[3])));
            _progress[id] = abi.encode(progress);
            return;
        }
        if (_progress[id].length == 0) return;
        _onEvent(id);
        progress = abi.decode(_progress[id], (JobProgress));
        if (topic == IJobMarket.CommitteeDrawn.selector) _drawn(id, progress, data);
        if (topic == IJobMarket.BatchCommitted.selector) (, progress.batch) = abi.decode(data, (uint8, Commitment[]));
        if (topic == IJobMarket.RoundCounted.selector) (, progress.votes) = abi.decode(data, (uint8, Vote[]));
        if (topic == IJobMarket.Revealed.selector) {
            (, Attestation memory said) = abi.decode(data, (uint8, Attestation));
            _revealed[id][address(uint160(uint256(log.topics[2])))] = abi.encode(said);
        }
        if (topic == IJobMarket.RoundOpened.selector) {
            (, Attestation[] memory opened) = abi.decode(data, (uint8, Attestation[]));
            for (uint256 i = 0; i < opened.length; ++i) {
                _revealed[id][progress.seats[progress.firstSeat + i].memberOf()] = abi.encode(opened[i]);
            }
        }
        if (topic == IJobMarket.JobSettled.selector) {
            (progress.result, progress.outcomes,,) = abi.decode(data, (Result, Outcomes, uint256, uint256));
            (progress.batch, progress.votes) = (new Commitment[](0), new Vote[](0));
        }
        if (topic == IJobMarket.JobOverturned.selector) {
            (progress.result, progress.outcomes) = abi.decode(data, (Result, Outcomes));
        }
        _progress[id] = abi.encode(progress);
    }

    /// @dev For tests that keep books of their own.
    function _onEvent(JobId id) internal virtual {}

    function _onDraw(JobId id, JobTerms memory terms, Seat[] memory drawn) internal virtual {}

    function _drawn(JobId id, JobProgress memory progress, bytes memory data) private {
        Seat[] memory drawn;
        (progress.round, progress.seed, drawn,) = abi.decode(data, (uint8, bytes32, Seat[], uint256));
        uint256 before = progress.seats.length;
        Seat[] memory seats = new Seat[](before + drawn.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            seats[i] = i < before ? progress.seats[i] : drawn[i - before];
        }
        (progress.seats, progress.firstSeat, progress.batch) = (seats, uint8(before), new Commitment[](0));
        JobTerms memory terms = abi.decode(_terms[id], (JobTerms));
        progress.revealWindow = terms.rules.revealWindow();
        _onDraw(id, terms, drawn);
    }
}
