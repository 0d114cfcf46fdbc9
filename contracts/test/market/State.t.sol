// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId} from "../../types/Ids.sol";
import {Outcomes} from "../../types/Outcomes.sol";
import {Attestation, JobProgress, JobStatus, JobTerms, Outcome, Shown, Vote} from "../../types/Job.sol";
import {Seat} from "../../types/Seat.sol";
import {Taker} from "../fixtures/HostileConsumers.sol";
import {House} from "../integration/House.sol";

/// @title The chain keeps a hash of a job, and takes nothing else for its state.
contract StateTest is House {
    bytes[] private _seen; // every state that a job has had, encoded

    function setUp() public {
        _build(16);
    }

    function _wrongState() private {
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
    }

    /// @dev Every call that can be made with a job's state fails with this one.
    function _nobodyTakes(JobId id, JobTerms memory terms, JobProgress memory progress) private {
        bytes32 hash = keccak256(abi.encode(terms));
        JobStatus status = market.statusOf(id);
        address member = status == JobStatus.Requested ? anyone : _members(id)[0];
        assertFalse(market.isState(id, hash, progress), "taken for the state");
        uint256 seats = progress.seats.length - progress.firstSeat;
        if (status == JobStatus.Requested) {
            _wrongState();
            market.open(id, terms, "");
            vm.warp(market.deadlineOf(id) + 1);
            _wrongState();
            market.expire(id, terms);
        } else if (status == JobStatus.Committing) {
            _wrongState();
            vm.prank(member);
            market.commit(id, hash, progress, Commitment.wrap("a commitment"));
            _wrongState();
            market.commitBatch(id, hash, progress, new Commitment[](seats), "");
        } else if (status == JobStatus.Revealing) {
            _wrongState();
            vm.prank(member);
            market.reveal(id, hash, progress, _right(), 0);
            _wrongState();
            market.settle(id, terms, progress, new Shown[](seats));
        } else {
            _wrongState();
            market.verifyResult(id, hash, progress);
            _wrongState();
            market.deliver(id, terms, progress);
            if (status == JobStatus.Finalised) return;
            uint256 time = vm.getBlockTimestamp();
            vm.warp(market.deadlineOf(id) + 1);
            _wrongState();
            market.finalise(id, terms, progress);
            vm.warp(time);
        }
    }

    /// @dev The state is what the events say, and nothing that it was before.
    function _assertNew(JobId id) private {
        bytes32 terms = _termsHashIn(id);
        bytes memory now_ = abi.encode(_progressIn(id));
        assertTrue(market.isState(id, terms, _progressIn(id)), "the state by the events");
        for (uint256 i = 0; i < _seen.length; ++i) {
            _nobodyTakes(id, _termsIn(id), abi.decode(_seen[i], (JobProgress)));
        }
        _seen.push(now_);
    }

    /// @dev The market reads a state as it lies in the calldata: what a decoder would have refused has another hash.
    function testFuzz_ASmallNumberWithMoreBitsIsAnotherState(uint256 member, uint256 bit) public {
        JobId id = _opened(3);
        bytes memory call = abi.encodeCall(IJobMarket.isState, (id, _termsHashIn(id), _progressIn(id)));
        assertTrue(_answer(call), "as it is");
        member = bound(member, 1, 3); // round, first seat, reveal window
        bit = bound(bit, 0, 255);
        call[100 + 32 * member + 31 - bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        assertFalse(_answer(call), "with a bit more or less");
    }

    function _answer(bytes memory call) private view returns (bool) {
        (bool success, bytes memory data) = address(market).staticcall(call);
        assertTrue(success, "answered");
        return abi.decode(data, (bool));
    }

    function test_AStateOfThePastIsOfNoUse() public {
        JobId id = _request(7, address(new Taker()), 100_000);
        _assertNew(id);
        _open(id);
        _assertNew(id);
        _commitBatch(id, _disagreement(7));
        _assertNew(id);
        _settleBatch(id, _disagreement(7)); // grows
        _assertNew(id);
        _commitBatch(id, _unanimous(8, _right()));
        _assertNew(id);
        _settleBatch(id, _unanimous(8, _right()));
        assertStatus(id, JobStatus.Settled);
        _assertNew(id);
        assertEq(_seen.length, 6, "states");
        _finalise(id);
        for (uint256 i = 0; i < 5; ++i) {
            _nobodyTakes(id, _termsIn(id), abi.decode(_seen[i], (JobProgress)));
        }
        _deliver(id);
        assertTrue(market.isState(id, _termsHashIn(id), abi.decode(_seen[5], (JobProgress))), "to the end");
    }

    /// @dev Members that act alone do not change the state: nobody's transaction is in the way of another's.
    function test_WhoActsAloneDoesNotChangeTheState() public {
        JobId id = _opened(3);
        bytes32 terms = _termsHashIn(id);
        JobProgress memory progress = _progressIn(id);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(id, members[i], _right());
            assertTrue(market.isState(id, terms, progress), "after a commitment");
        }
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(id, members[i], _right());
            assertTrue(market.isState(id, terms, progress), "after a reveal");
        }
    }

    /// @dev One bit of one word of the terms, in every status.
    function testFuzz_OtherTermsAreRefused(uint256 word) public {
        JobId id = _request(3, address(new Taker()), 100_000);
        _withOtherTerms(id, word);
        id = _request(3, address(new Taker()), 100_000); // the clock has run out for the first
        _open(id);
        _withOtherTerms(id, word);
        _play(id, _right());
        _withOtherTerms(id, word);
        _settle(id);
        _withOtherTerms(id, word);
        _finalise(id);
        _withOtherTerms(id, word);
    }

    function _withOtherTerms(JobId id, uint256 word) private {
        bytes memory encoded = abi.encode(_termsIn(id));
        word %= encoded.length / 32;
        encoded[32 * word + 31] ^= bytes1(uint8(1));
        _nobodyTakes(id, abi.decode(encoded, (JobTerms)), _progressIn(id));
    }

    function testFuzz_AnotherProgressIsRefused(uint256 choice) public {
        JobId id = _opened(7);
        _withAnotherProgress(id, choice);
        _commitBatch(id, _disagreement(7));
        _withAnotherProgress(id, choice);
        _settleBatch(id, _disagreement(7));
        _withAnotherProgress(id, choice);
        _commitBatch(id, _unanimous(8, _right()));
        _withAnotherProgress(id, choice);
        _settleBatch(id, _unanimous(8, _right()));
        _withAnotherProgress(id, choice);
        _finalise(id);
        _withAnotherProgress(id, choice);
    }

    function _withAnotherProgress(JobId id, uint256 choice) private {
        JobProgress memory p = _progressIn(id);
        choice %= 13;
        if (choice == 0) p.seed ^= bytes32(uint256(1));
        if (choice == 1) p.round ^= 1;
        if (choice == 2) p.firstSeat ^= 1;
        if (choice == 3) p.revealWindow += 1 days;
        if (choice == 4) p.seats[0] = Seat.wrap(Seat.unwrap(p.seats[0]) ^ 1);
        if (choice == 5) (p.seats[0], p.seats[1]) = (p.seats[1], p.seats[0]);
        if (choice == 6) p.seats[2] = Seat.wrap(Seat.unwrap(p.seats[2]) ^ (1 << 160));
        if (choice == 7) p.batch = p.batch.length == 0 ? new Commitment[](1) : new Commitment[](0);
        if (choice == 8) p.votes = p.votes.length == 0 ? new Vote[](1) : new Vote[](0);
        if (choice == 9) p.outcomes = Outcomes.wrap(Outcomes.unwrap(p.outcomes) ^ 1);
        if (choice == 10) p.result.answer ^= bytes32(uint256(1));
        if (choice == 11) p.result.sketch ^= bytes32(uint256(1));
        if (choice == 12) p.seats = new Seat[](p.seats.length + 1);
        _nobodyTakes(id, _termsIn(id), p);
    }

    function test_AnotherJobsStateIsRefused() public {
        JobId one = _request(3);
        JobId other = _request(3);
        _nobodyTakes(one, _termsIn(other), _progressIn(other));
        one = _request(3);
        other = _request(3);
        _open(one);
        _open(other, _proofFor(other));
        _nobodyTakes(one, _termsIn(other), _progressIn(other));
        _nobodyTakes(one, _termsIn(one), _progressIn(other));
        _nobodyTakes(one, _termsIn(other), _progressIn(one));
        Attestation[] memory said = _unanimous(3, _right());
        _commitBatch(one, said);
        _commitBatch(other, said);
        _nobodyTakes(one, _termsIn(one), _progressIn(other));
        _settleBatch(one, said);
        _settleBatch(other, said);
        _nobodyTakes(one, _termsIn(other), _progressIn(one));
        _nobodyTakes(one, _termsIn(one), _progressIn(other));
    }
}
