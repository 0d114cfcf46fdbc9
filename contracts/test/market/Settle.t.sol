// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobFailure, JobProgress, JobStatus, Outcome, Result} from "../../types/Job.sol";
import {Seat} from "../../types/Seat.sol";
import {House} from "../integration/House.sol";

abstract contract SettleBase is House {
    /// @dev Settles on the right result, with that many seats behind it.
    function _settlesWith(JobId id, uint256 votes) internal {
        Result memory want = Result(OUTPUT, LABEL, 0);
        uint256 seats = _committee(id).length;
        _settle(id);
        assertStatus(id, JobStatus.Settled);
        JobProgress memory progress = _progressIn(id);
        assertEq(keccak256(abi.encode(progress.result)), keccak256(abi.encode(want)), "result");
        assertEq(uint256(progress.outcomes.outcomeOf(seats)), uint256(Outcome.Unpaid), "one outcome a seat");
        uint256 paid = 0;
        for (uint256 i = 0; i < seats; ++i) {
            if (progress.outcomes.outcomeOf(i) == Outcome.Paid) ++paid;
        }
        assertEq(paid, votes, "votes");
    }
}

contract SettleTest is SettleBase {
    function setUp() public {
        _build(16);
    }

    function _assertFailed(JobId id) private {
        assertStatus(id, JobStatus.Failed);
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertEq(_blamesOf(members[i]), 0, "nobody is blamed any more");
        }
    }

    /* WHEN */

    function test_TheCountWaitsForWhoCanStillReveal() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(id, members[i], _right());
        }
        _reveal(id, members[0], _right());
        _reveal(id, members[1], _right());
        uint256 deadline = market.deadlineOf(id);
        bytes memory early = abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, id, deadline + 1);
        vm.expectRevert(early);
        _settle(id);
        vm.warp(deadline);
        vm.expectRevert(early);
        _settle(id);
        vm.warp(deadline + 1);
        _settle(id);
        assertStatus(id, JobStatus.Settled);
    }

    function test_TheCountStartsAtOnceWhenEveryoneHasRevealed() public {
        JobId id = _opened(3);
        _play(id, _right());
        _settlesWith(id, 3);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 1 hours, "challenge window");
    }

    function test_ThereIsNothingToCountBeforeTheReveals() public {
        JobId id = _request(3);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Requested, JobStatus.Revealing)
        );
        _settle(id);
        _open(id);
        vm.warp(market.deadlineOf(id));
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Committing, JobStatus.Revealing)
        );
        _settle(id);
    }

    function test_AJobSettlesOnce() public {
        JobId id = _settled(3, address(0), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Settled, JobStatus.Revealing)
        );
        _settle(id);
    }

    /* WHAT */

    function test_TwoOfThreeIsAMajority() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_wrong(), _right(), _right());
        _playEach(id, said);
        _settlesWith(id, 2);
    }

    function test_OnesDigestWithAnothersAnswerIsNoMajority() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_right(), _says(OUTPUT, 0), _says(OUTPUT, bytes32(uint256(1))));
        _playEach(id, said);
        _settle(id);
        assertStatus(id, JobStatus.Committing);
        assertEq(_progressIn(id).round, 1, "round");
    }

    function test_TheEnvironmentIsNotVotedOn() public {
        JobId id = _opened(3);
        Attestation[] memory said = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) {
            said[i] = _right();
            said[i].environment = RecordDigest.wrap(keccak256(abi.encode(i)));
        }
        _playEach(id, said);
        _settle(id);
        assertStatus(id, JobStatus.Settled);
    }

    /// @dev Whatever the members of one round say, a result has more than half of the seats.
    function testFuzz_AResultHasAStrictMajority(uint256 random) public {
        JobId id = _opened(7);
        address[] memory members = _members(id);
        uint256[3] memory votes; // right, wrong, refused
        for (uint256 i = 0; i < 7; ++i) {
            uint256 kind = (random >> (8 * i)) % 8;
            if (kind == 7) continue; // absent
            Attestation memory said = kind < 4 ? _right() : kind == 4 ? _wrong() : _refusal();
            _commit(id, members[i], said);
            if (kind < 6) ++votes[kind < 4 ? 0 : kind == 4 ? 1 : 2]; // 6 refuses, but does not open it
        }
        if (market.statusOf(id) == JobStatus.Committing) _afterDeadline(id);
        for (uint256 i = 0; i < 7; ++i) {
            uint256 kind = (random >> (8 * i)) % 8;
            if (kind < 6) _reveal(id, members[i], kind < 4 ? _right() : kind == 4 ? _wrong() : _refusal());
        }
        // By the clock the deadline may not be written down yet.
        vm.warp(vm.getBlockTimestamp() + 15 minutes);
        _settle(id);
        JobStatus status = market.statusOf(id);
        JobProgress memory job = _progressIn(id);
        if (votes[0] > 3) {
            assertEq(uint256(status), uint256(JobStatus.Settled), "right");
            assertEq(RecordDigest.unwrap(job.result.digest), RecordDigest.unwrap(OUTPUT), "digest");
        } else if (votes[1] > 3) {
            assertEq(uint256(status), uint256(JobStatus.Settled), "wrong");
            assertEq(RecordDigest.unwrap(job.result.digest), RecordDigest.unwrap(OTHER), "digest");
        } else if (votes[2] > 3) {
            _assertFailed(id);
        } else {
            assertEq(uint256(status), uint256(JobStatus.Committing), "no majority grows");
            assertEq(_committee(id).length, 15, "seats");
        }
    }

    /* NOBODY THERE */

    function test_WithoutAnyCommitmentTheCommitteeGrowsRightAfterTheWindow() public {
        JobId id = _opened(3);
        _afterDeadline(id);
        _settle(id); // no reveal window to sit out: there is nothing to reveal
        assertStatus(id, JobStatus.Committing);
        assertEq(_committee(id).length, 7, "seats");
    }

    function test_ARefusedJobFailsAndCostsNobodyAStake() public {
        JobId id = _request(3);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _open(id);
        address[] memory members = _committee(id);
        uint256[3] memory before;
        for (uint256 i = 0; i < 3; ++i) {
            before[i] = market.creditOf(members[i]);
        }
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_refusal(), _wrong(), _refusal());
        _playEach(id, said);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.Refused);
        _settle(id);
        _assertFailed(id);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        assertEq(staking.creditOf(treasury), 0, "slashed");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(members[i]), STAKE, "stake");
            assertEq(market.creditOf(members[i]), before[i], "nobody is paid");
        }
    }

    /* GROWTH */

    function test_ACommitteeGrowsByTheSameSeed() public {
        JobId id = _request(3);
        address rich = _addValidator(900 ether); // in the request's own block: too late already
        _open(id);
        Seat[] memory first = _progressIn(id).seats;
        _playEach(id, _disagreement(3));
        _settle(id);

        JobProgress memory job = _progressIn(id);
        Seat[] memory want = staking.draw(job.seed, 4, first, staking.ALL_TREES(), _termsIn(id).rules.epoch());
        assertEq(job.seats.length, 7, "seats");
        assertEq(job.round, 1, "round");
        assertEq(job.votes.length, 3, "the votes so far");
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 10 minutes, "deadline");
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(Seat.unwrap(job.seats[3 + i]), Seat.unwrap(want[i]), "new members");
            assertTrue(want[i].memberOf() != rich, "drawn by late stake");
        }
    }

    function test_EarlierMembersDoNotVoteAgain() public {
        JobId id = _opened(3);
        address[] memory first = _committee(id);
        _playEach(id, _disagreement(3));
        _settle(id);
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, first[0]);
        vm.expectRevert(reason);
        _commit(id, first[0], Commitment.wrap("another try"));
        _afterDeadline(id);
        vm.expectRevert(reason);
        _reveal(id, first[0], _right(), 0);
    }

    function test_AWithheldVoteOfAnEarlierRoundStaysWithheld() public {
        JobId id = _opened(3);
        address[] memory first = _committee(id);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(id, first[i], _right());
        }
        _afterDeadline(id); // nobody reveals
        _settle(id);
        _play(id, _right());
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, first[0]));
        _reveal(id, first[0], _right(), _salt(id, first[0]));
        _settle(id);
        _finalise(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(first[i]), STAKE - 1 ether, "withheld");
        }
    }

    function test_TheVotesOfAllRoundsCount() public {
        JobId id = _opened(3);
        Attestation[] memory said = _disagreement(3);
        said[1] = _right();
        _playEach(id, said);
        _settle(id);
        said = _disagreement(4);
        (said[0], said[1], said[2]) = (_right(), _right(), _right());
        _playEach(id, said);
        _settlesWith(id, 4);
    }

    function test_TwoGrowthsAndThenItFails() public {
        JobId id = _request(3);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _open(id);
        uint256[3] memory seats = [uint256(3), 7, 15];
        for (uint256 round = 0; round < 3; ++round) {
            assertEq(_committee(id).length, seats[round], "seats");
            _playEach(id, _disagreement(_members(id).length));
            if (round == 2) {
                vm.expectEmit(address(market));
                emit IJobMarket.JobFailed(id, JobFailure.NoMajority);
            }
            _settle(id);
        }
        _assertFailed(id);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        assertEq(staking.creditOf(treasury), 0, "to disagree is no fault without a majority");
    }

    function test_FifteenSeatsDoNotGrow() public {
        JobId id = _opened(7);
        for (uint256 round = 0; round < 2; ++round) {
            _playEach(id, _disagreement(_members(id).length));
            _settle(id);
        }
        _assertFailed(id);
        assertEq(_committee(id).length, 15, "seats");
    }

    function test_AFailureSlashesAbsenceAndWithholding() public {
        JobId id = _opened(7);
        address[] memory first = _members(id);
        _commit(id, first[0], _right()); // and withholds
        _commit(id, first[1], _right());
        _afterDeadline(id);
        _reveal(id, first[1], _right());
        _afterDeadline(id);
        _settle(id);
        address[] memory second = _members(id);
        _afterDeadline(id); // nobody comes
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, first[0], Outcome.Withheld, 1 ether);
        _settle(id);
        _assertFailed(id);
        assertEq(_stakeOf(first[0]), STAKE - 1 ether, "withheld");
        assertEq(_stakeOf(first[1]), STAKE, "did all that was asked");
        assertEq(_stakeOf(first[2]), STAKE - 0.25 ether, "absent");
        assertEq(_stakeOf(second[0]), STAKE - 0.25 ether, "absent in the second round");
        assertEq(staking.creditOf(treasury) + staking.creditOf(anyone), 1 ether + 13 * 0.25 ether, "treasury and reporter");
    }

    function test_ACommitteeGrowsOnlyInTime() public {
        JobId id = _opened(3);
        _playEach(id, _disagreement(3));
        vm.warp(uint256(market.deadlineOf(id)) + 4 hours);
        _settle(id);
        assertStatus(id, JobStatus.Committing);
    }

    function test_ACommitteeGrowsNotASecondLater() public {
        JobId id = _opened(3);
        _playEach(id, _disagreement(3));
        vm.warp(market.deadlineOf(id) + 4 hours + 1);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooLateToGrow);
        _settle(id);
        _assertFailed(id);
    }

    function test_AMajorityCountsHoweverLate() public {
        JobId id = _opened(3);
        _play(id, _right());
        skipTime(365 days);
        _settle(id);
        assertStatus(id, JobStatus.Settled);
    }
}

/// @dev With five validators a committee of three can grow by two, and then never again.
contract SmallHouseTest is SettleBase {
    function setUp() public {
        _build(5);
    }

    function _grown() private returns (JobId id) {
        id = _opened(3);
        Attestation[] memory said = _disagreement(3);
        said[0] = _right();
        _playEach(id, said);
        _settle(id);
        assertEq(_committee(id).length, 5, "seats");
    }

    function test_ACommitteeGrowsByAsManyAsThereAre() public {
        JobId id = _grown();
        _commit(id, _members(id)[0], _right());
        assertStatus(id, JobStatus.Committing);
        _commit(id, _members(id)[1], _right()); // the last of this round, so the reveals start
        assertStatus(id, JobStatus.Revealing);
        _reveal(id, _members(id)[0], _right());
        _reveal(id, _members(id)[1], _right());
        _settlesWith(id, 3);
    }

    function test_ItFailsWhenNobodyIsLeft() public {
        JobId id = _grown();
        _playEach(id, _disagreement(2));
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooFewLeft);
        _settle(id);
        assertStatus(id, JobStatus.Failed);
    }

    function test_ASingleNewMemberCannotMakeAMajority() public {
        vm.prank(validators[0]);
        staking.thaw(uint128(STAKE));
        _nextEpoch();
        JobId id = _opened(3); // of four
        _playEach(id, _disagreement(3));
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooFewLeft);
        _settle(id);
        assertStatus(id, JobStatus.Failed);
    }

    function test_AMemberSlashedToNothingCanStillBeDrawn() public {
        // Everyone loses everything in other jobs between this job's request and its draw.
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = _proofFor(id);
        for (uint256 i = 0; i < validators.length; ++i) {
            vm.prank(address(market));
            staking.slash(validators[i], uint128(STAKE), anyone);
        }
        _open(id, proof);
        address[] memory members = _members(id);
        assertEq(members.length, 3, "drawn by the weights of the request");
        uint256 before = market.creditOf(members[0]);
        _commit(id, members[0], _right());
        _commit(id, members[1], _right());
        _afterDeadline(id);
        _reveal(id, members[0], _right());
        _reveal(id, members[1], _right());
        _settle(id);
        _finalise(id);
        assertEq(market.creditOf(members[0]) - before, 0.01 ether, "paid for the work");
        assertEq(_stakeOf(members[2]), 0, "nothing left to slash");
    }
}
