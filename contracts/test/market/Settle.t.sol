// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {House} from "../integration/House.sol";

contract SettleTest is House {
    function setUp() public {
        _build(16);
    }

    function _assertFailed(JobId id) private view {
        assertStatus(id, IJobMarket.Status.Failed);
        assertEq(_escrowOf(id), 0, "escrow");
        address[] memory members = market.committeeOf(id);
        for (uint256 i = 0; i < members.length; ++i) {
            assertEq(_locksOf(members[i]), 0, "locks");
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
        uint256 deadline = market.jobOf(id).deadline;
        bytes memory early = abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, id, deadline + 1);
        vm.expectRevert(early);
        market.settle(id);
        vm.warp(deadline);
        vm.expectRevert(early);
        market.settle(id);
        vm.warp(deadline + 1);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Settled);
    }

    function test_TheCountStartsAtOnceWhenEveryoneHasRevealed() public {
        JobId id = _opened(3);
        _play(id, _right());
        vm.expectEmit(address(market));
        emit IJobMarket.JobSettled(id, OUTPUT, LABEL, 3, 3);
        market.settle(id);
        IJobMarket.Job memory job = market.jobOf(id);
        assertEq(uint256(job.status), uint256(IJobMarket.Status.Settled), "status");
        assertEq(job.deadline, vm.getBlockTimestamp() + 1 hours, "challenge window");
        assertEq(RecordDigest.unwrap(job.digest), RecordDigest.unwrap(OUTPUT), "digest");
        assertEq(job.answer, LABEL, "answer");
    }

    function test_ThereIsNothingToCountBeforeTheReveals() public {
        JobId id = _request(3);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Requested, IJobMarket.Status.Revealing)
        );
        market.settle(id);
        _open(id);
        vm.warp(market.jobOf(id).deadline);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Committing, IJobMarket.Status.Revealing)
        );
        market.settle(id);
    }

    function test_AJobSettlesOnce() public {
        JobId id = _settled(3, address(0), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Settled, IJobMarket.Status.Revealing)
        );
        market.settle(id);
    }

    /* WHAT */

    function test_TwoOfThreeIsAMajority() public {
        JobId id = _opened(3);
        IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
        (said[0], said[1], said[2]) = (_wrong(), _right(), _right());
        _playEach(id, said);
        vm.expectEmit(address(market));
        emit IJobMarket.JobSettled(id, OUTPUT, LABEL, 2, 3);
        market.settle(id);
    }

    function test_OnesDigestWithAnothersAnswerIsNoMajority() public {
        JobId id = _opened(3);
        IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
        (said[0], said[1], said[2]) = (_right(), _says(OUTPUT, 0), _says(OUTPUT, bytes32(uint256(1))));
        _playEach(id, said);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Committing);
        assertEq(market.jobOf(id).round, 1, "round");
    }

    function test_TheEnvironmentIsNotVotedOn() public {
        JobId id = _opened(3);
        IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) {
            said[i] = _right();
            said[i].environment = RecordDigest.wrap(keccak256(abi.encode(i)));
        }
        _playEach(id, said);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Settled);
    }

    /// @dev Whatever the members of one round say, a result has more than half of the seats.
    function testFuzz_AResultHasAStrictMajority(uint256 random) public {
        JobId id = _opened(7);
        address[] memory members = _members(id);
        uint256[3] memory votes; // right, wrong, refused
        for (uint256 i = 0; i < 7; ++i) {
            uint256 kind = (random >> (8 * i)) % 8;
            if (kind == 7) continue; // absent
            IJobMarket.Attestation memory said = kind < 4 ? _right() : kind == 4 ? _wrong() : _refusal();
            _commit(id, members[i], said);
            if (kind < 6) ++votes[kind < 4 ? 0 : kind == 4 ? 1 : 2]; // 6 refuses, but does not open it
        }
        if (market.statusOf(id) == IJobMarket.Status.Committing) _afterDeadline(id);
        for (uint256 i = 0; i < 7; ++i) {
            uint256 kind = (random >> (8 * i)) % 8;
            if (kind < 6) _reveal(id, members[i], kind < 4 ? _right() : kind == 4 ? _wrong() : _refusal());
        }
        if (market.jobOf(id).revealed < market.jobOf(id).committed) {
            // By the clock the deadline may not be written down yet.
            vm.warp(vm.getBlockTimestamp() + 15 minutes);
        }
        market.settle(id);
        IJobMarket.Job memory job = market.jobOf(id);
        if (votes[0] > 3) {
            assertEq(uint256(job.status), uint256(IJobMarket.Status.Settled), "right");
            assertEq(RecordDigest.unwrap(job.digest), RecordDigest.unwrap(OUTPUT), "digest");
        } else if (votes[1] > 3) {
            assertEq(uint256(job.status), uint256(IJobMarket.Status.Settled), "wrong");
            assertEq(RecordDigest.unwrap(job.digest), RecordDigest.unwrap(OTHER), "digest");
        } else if (votes[2] > 3) {
            _assertFailed(id);
        } else {
            assertEq(uint256(job.status), uint256(IJobMarket.Status.Committing), "no majority grows");
            assertEq(market.committeeOf(id).length, 15, "seats");
        }
    }

    /* NOBODY THERE */

    function test_WithoutAnyCommitmentTheCommitteeGrowsRightAfterTheWindow() public {
        JobId id = _opened(3);
        _afterDeadline(id);
        market.settle(id); // no reveal window to sit out: there is nothing to reveal
        assertStatus(id, IJobMarket.Status.Committing);
        assertEq(market.committeeOf(id).length, 7, "seats");
    }

    function test_ARefusedJobFailsAndCostsNobodyAStake() public {
        JobId id = _request(3);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _open(id);
        address[] memory members = market.committeeOf(id);
        uint256[3] memory before;
        for (uint256 i = 0; i < 3; ++i) {
            before[i] = market.creditOf(members[i]);
        }
        IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
        (said[0], said[1], said[2]) = (_refusal(), _wrong(), _refusal());
        _playEach(id, said);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, "refused");
        market.settle(id);
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
        uint48 requestBlock = market.jobOf(id).requestBlock;
        address rich = _addValidator(900 ether); // in the request's own block: too late already
        _open(id);
        address[] memory first = market.committeeOf(id);
        _playEach(id, _disagreement(3));
        market.settle(id);

        IJobMarket.Job memory job = market.jobOf(id);
        address[] memory want = staking.draw(job.seed, 4, first, requestBlock - 1);
        assertEq(_members(id), want, "new members");
        assertEq(market.committeeOf(id).length, 7, "seats");
        assertEq(job.round, 1, "round");
        assertEq(uint256(job.committed) + job.revealed, 0, "a fresh round");
        assertEq(job.deadline, vm.getBlockTimestamp() + 10 minutes, "deadline");
        for (uint256 i = 0; i < 4; ++i) {
            assertTrue(want[i] != rich, "drawn by late stake");
            assertEq(_locksOf(want[i]), 1, "locked");
        }
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_locksOf(first[i]), 1, "the first stay locked");
        }
    }

    function test_EarlierMembersDoNotVoteAgain() public {
        JobId id = _opened(3);
        address[] memory first = market.committeeOf(id);
        _playEach(id, _disagreement(3));
        market.settle(id);
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, first[0], 0, 1);
        vm.expectRevert(reason);
        vm.prank(first[0]);
        market.commit(id, Commitment.wrap("another try"));
        _afterDeadline(id);
        vm.expectRevert(reason);
        vm.prank(first[0]);
        market.reveal(id, _right(), 0);
    }

    function test_AWithheldVoteOfAnEarlierRoundStaysWithheld() public {
        JobId id = _opened(3);
        address[] memory first = market.committeeOf(id);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(id, first[i], _right());
        }
        _afterDeadline(id); // nobody reveals
        market.settle(id);
        _play(id, _right());
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, first[0], 0, 1));
        vm.prank(first[0]);
        market.reveal(id, _right(), _salt(id, first[0]));
        market.settle(id);
        _finalise(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(first[i]), STAKE - 1 ether, "withheld");
        }
    }

    function test_TheVotesOfAllRoundsCount() public {
        JobId id = _opened(3);
        IJobMarket.Attestation[] memory said = _disagreement(3);
        said[1] = _right();
        _playEach(id, said);
        market.settle(id);
        said = _disagreement(4);
        (said[0], said[1], said[2]) = (_right(), _right(), _right());
        _playEach(id, said);
        vm.expectEmit(address(market));
        emit IJobMarket.JobSettled(id, OUTPUT, LABEL, 4, 7); // one of the first round, three of the second
        market.settle(id);
    }

    function test_TwoGrowthsAndThenItFails() public {
        JobId id = _request(3);
        uint256 escrow = _escrowOf(id);
        uint256 credit = market.creditOf(requester);
        _open(id);
        uint256[3] memory seats = [uint256(3), 7, 15];
        for (uint256 round = 0; round < 3; ++round) {
            assertEq(market.committeeOf(id).length, seats[round], "seats");
            _playEach(id, _disagreement(_members(id).length));
            if (round == 2) {
                vm.expectEmit(address(market));
                emit IJobMarket.JobFailed(id, "no majority");
            }
            market.settle(id);
        }
        _assertFailed(id);
        assertEq(market.creditOf(requester) - credit, escrow, "refund");
        assertEq(staking.creditOf(treasury), 0, "to disagree is no fault without a majority");
    }

    function test_FifteenSeatsDoNotGrow() public {
        JobId id = _opened(7);
        for (uint256 round = 0; round < 2; ++round) {
            _playEach(id, _disagreement(_members(id).length));
            market.settle(id);
        }
        _assertFailed(id);
        assertEq(market.committeeOf(id).length, 15, "seats");
    }

    function test_AFailureSlashesAbsenceAndWithholding() public {
        JobId id = _opened(7);
        address[] memory first = _members(id);
        _commit(id, first[0], _right()); // and withholds
        _commit(id, first[1], _right());
        _afterDeadline(id);
        _reveal(id, first[1], _right());
        _afterDeadline(id);
        market.settle(id);
        address[] memory second = _members(id);
        _afterDeadline(id); // nobody comes
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, first[0], IJobMarket.Fault.Withheld, 1 ether);
        market.settle(id);
        _assertFailed(id);
        assertEq(_stakeOf(first[0]), STAKE - 1 ether, "withheld");
        assertEq(_stakeOf(first[1]), STAKE, "did all that was asked");
        assertEq(_stakeOf(first[2]), STAKE - 0.25 ether, "absent");
        assertEq(_stakeOf(second[0]), STAKE - 0.25 ether, "absent in the second round");
        assertEq(staking.creditOf(treasury), 1 ether + 13 * 0.25 ether, "treasury");
    }

    function test_ACommitteeGrowsOnlyInTime() public {
        JobId id = _opened(3);
        _playEach(id, _disagreement(3));
        vm.warp(uint256(market.jobOf(id).deadline) + 4 hours);
        uint256 state = vm.snapshotState();
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Committing);
        vm.revertToState(state);
        skipTime(1);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, "no majority, and too late to grow");
        market.settle(id);
        _assertFailed(id);
    }

    function test_AMajorityCountsHoweverLate() public {
        JobId id = _opened(3);
        _play(id, _right());
        skipTime(365 days);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Settled);
    }
}

/// @dev With five validators a committee of three can grow by two, and then never again.
contract SmallHouseTest is House {
    function setUp() public {
        _build(5);
    }

    function _grown() private returns (JobId id) {
        id = _opened(3);
        IJobMarket.Attestation[] memory said = _disagreement(3);
        said[0] = _right();
        _playEach(id, said);
        market.settle(id);
        assertEq(market.committeeOf(id).length, 5, "seats");
    }

    function test_ACommitteeGrowsByAsManyAsThereAre() public {
        JobId id = _grown();
        _commit(id, _members(id)[0], _right());
        assertStatus(id, IJobMarket.Status.Committing);
        _commit(id, _members(id)[1], _right()); // the last of this round, so the reveals start
        assertStatus(id, IJobMarket.Status.Revealing);
        _reveal(id, _members(id)[0], _right());
        _reveal(id, _members(id)[1], _right());
        vm.expectEmit(address(market));
        emit IJobMarket.JobSettled(id, OUTPUT, LABEL, 3, 5);
        market.settle(id);
    }

    function test_ItFailsWhenNobodyIsLeft() public {
        JobId id = _grown();
        _playEach(id, _disagreement(2));
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, "no majority, and too few left to draw");
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Failed);
    }

    function test_ASingleNewMemberCannotMakeAMajority() public {
        vm.prank(validators[0]);
        staking.thaw(uint128(STAKE));
        nextBlock();
        JobId id = _opened(3); // of four
        _playEach(id, _disagreement(3));
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, "no majority, and too few left to draw");
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Failed);
    }

    function test_AMemberSlashedToNothingCanStillBeDrawn() public {
        // Everyone loses everything in other jobs between this job's request and its draw.
        JobId id = _request(3);
        nextBlock();
        bytes memory proof = _proofFor(id);
        for (uint256 i = 0; i < validators.length; ++i) {
            vm.prank(address(market));
            staking.slash(validators[i], uint128(STAKE));
        }
        market.open(id, proof);
        address[] memory members = _members(id);
        assertEq(members.length, 3, "drawn by the weights of the request");
        uint256 before = market.creditOf(members[0]);
        _commit(id, members[0], _right());
        _commit(id, members[1], _right());
        _afterDeadline(id);
        _reveal(id, members[0], _right());
        _reveal(id, members[1], _right());
        market.settle(id);
        _finalise(id);
        assertEq(market.creditOf(members[0]) - before, 0.01 ether, "paid for the work");
        assertEq(_stakeOf(members[2]), 0, "nothing left to slash");
    }
}
