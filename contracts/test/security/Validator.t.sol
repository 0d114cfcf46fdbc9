// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {House} from "../integration/House.sol";

/// @title What a validator can try. What works is said in docs/security.md.
contract ValidatorAttacksTest is House {
    function setUp() public {
        _build(20);
    }

    /// @dev Works, and is bounded by who is drawn: a committee cannot earn by refusing, but it can withhold a result.
    function test_ARefusingMajorityStopsAJobAndPaysNothing() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
        (said[0], said[1], said[2]) = (_refusal(), _refusal(), _right());
        uint256 credit = market.creditOf(members[2]);
        _playEach(id, said);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Failed);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(members[i]), STAKE, "nobody is slashed");
        }
        assertEq(market.creditOf(members[2]), credit, "nobody is paid");
    }

    /// @dev Works: who joins later has seen the votes so far. It earns if they were right, and pays if they were wrong.
    function test_ALazyNewMemberCanSideWithTheFirstVotes() public {
        JobId id = _opened(3);
        IJobMarket.Attestation[] memory said = _disagreement(3);
        _playEach(id, said);
        market.settle(id);
        address[] memory late = _members(id);
        uint256 credit = market.creditOf(late[0]);
        _play(id, said[0]); // seen, not computed
        market.settle(id);
        _finalise(id);
        assertEq(market.creditOf(late[0]) - credit, market.parameters().seatFee, "paid for copying");
    }

    /// @dev Fails: neither a commitment nor an opening of another round, job or member is anybody's.
    function test_ACommitmentTakenFromAnotherJobCannotBeOpened() public {
        JobId first = _opened(7);
        JobId second = _opened(7);
        address thief = _members(second)[0];
        address victim = _members(first)[0];
        _commit(first, victim, _right());
        IJobMarket.Seat memory seat = market.seatOf(first, victim);
        vm.prank(thief);
        market.commit(second, seat.commitment);
        _afterDeadline(second); // the commit window
        bytes32 salt = _salt(first, victim);
        vm.prank(thief);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        market.reveal(second, _right(), salt);
    }

    /// @dev A validator that always sits in some job gets no part of its stake back, but all of it: what has no weight is
    ///      drawn no more, and the jobs it sits in end.
    function test_ABusyValidatorLeavesByThawingEverything() public {
        JobId id = _opened(7);
        address busy = _members(id)[0];
        vm.prank(busy);
        staking.thaw(uint128(STAKE));
        skipTime(THAW_PERIOD);
        vm.prank(busy);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Locked.selector, busy, 1));
        staking.release();
        nextBlock();
        for (uint256 i = 0; i < 10; ++i) {
            address[] memory members = _members(_opened(7));
            for (uint256 k = 0; k < members.length; ++k) {
                assertNotEq(members[k], busy, "drawn");
            }
        }
        market.settle(id); // nobody spoke, and it is too late to grow
        assertStatus(id, IJobMarket.Status.Failed);
        uint256 left = _stakeOf(busy);
        vm.prank(busy);
        staking.release();
        assertEq(staking.creditOf(busy), left, "out");
    }
}

/// @title One stake, many seats.
contract ThinStakeTest is House {
    function setUp() public {
        _build(3);
    }

    /// @dev The least that the constructor of the market accepts: one fault in full.
    function _stakePerValidator() internal pure override returns (uint256) {
        return 1 ether;
    }

    /// @dev Works: a stake answers for all its seats together, so what can be gained in all jobs of a commit window has to be compared
    ///      with one stake.
    function test_AStakeIsLostOnceHoweverManyJobsItBetrays() public {
        uint256 jobs = 5;
        JobId[] memory ids = new JobId[](jobs);
        for (uint256 i = 0; i < jobs; ++i) {
            ids[i] = _request(3);
        }
        for (uint256 i = 0; i < jobs; ++i) {
            _open(ids[i]);
        }
        address traitor = validators[0];
        for (uint256 i = 0; i < jobs; ++i) {
            address[] memory members = _members(ids[i]);
            IJobMarket.Attestation[] memory said = new IJobMarket.Attestation[](3);
            for (uint256 k = 0; k < 3; ++k) {
                said[k] = members[k] == traitor ? _wrong() : _right();
            }
            _playEach(ids[i], said);
            market.settle(ids[i]);
        }
        for (uint256 i = 0; i < jobs; ++i) {
            _finalise(ids[i]);
        }
        assertEq(_stakeOf(traitor), 0, "all of it");
        assertEq(staking.creditOf(treasury), 1 ether, "once, for five betrayals");
    }
}

/// @title The longest job there can be: nobody gets away before the draw that could seat it.
contract LongestJobTest is House {
    function setUp() public {
        _build(16);
    }

    /// @dev An hour less than the thaw period, all taken together.
    function _parameters() internal pure override returns (IJobMarket.Parameters memory p) {
        p = super._parameters();
        (p.openWindow, p.commitWindow, p.revealWindow, p.challengeWindow) = (2 days, 4 hours, 3 hours, 2 hours);
    }

    /// @dev Fails: everyone starts to leave in the block of the request, everything takes as long as it may, and the last draw
    ///      still finds every stake where it was.
    function test_WhoeverLeavesInTheRequestsBlockIsStillThereAtTheLastDraw() public {
        JobId id = _request(3);
        for (uint256 i = 0; i < validators.length; ++i) {
            vm.prank(validators[i]);
            staking.thaw(uint128(STAKE));
        }
        vm.roll(vm.getBlockNumber() + 1);
        bytes memory proof = _proofFor(id);
        vm.warp(market.jobOf(id).deadline);
        market.open(id, proof);
        IJobMarket.Parameters memory p = market.parameters();
        for (uint256 round = 0; round < 2; ++round) {
            // Nobody commits, and the count comes in the last second that lets the committee grow.
            vm.warp(uint256(market.jobOf(id).deadline) + p.revealWindow + p.openWindow);
            market.settle(id);
            address[] memory fresh = _members(id);
            for (uint256 i = 0; i < fresh.length; ++i) {
                assertEq(_stakeOf(fresh[i]), STAKE, "the stake that drew it");
                vm.prank(fresh[i]);
                vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Locked.selector, fresh[i], 1));
                staking.release();
            }
        }
        assertEq(market.committeeOf(id).length, 15, "all three rounds");
        _afterDeadline(id);
        market.settle(id);
        assertStatus(id, IJobMarket.Status.Failed);
        address[] memory all = market.committeeOf(id);
        for (uint256 i = 0; i < all.length; ++i) {
            assertEq(_stakeOf(all[i]), STAKE - p.absenceSlash, "each pays for its absence");
        }
    }
}
