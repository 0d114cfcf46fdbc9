// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {Commitment, JobId} from "../../types/Ids.sol";
import {Attestation, JobStatus} from "../../types/Job.sol";
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
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_refusal(), _refusal(), _right());
        uint256 credit = market.creditOf(members[2]);
        _playEach(id, said);
        _settle(id);
        assertStatus(id, JobStatus.Failed);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(members[i]), STAKE, "nobody is slashed");
        }
        assertEq(market.creditOf(members[2]), credit, "nobody is paid");
    }

    /// @dev Works: who joins later has seen the votes so far. It earns if they were right, and pays if they were wrong.
    function test_ALazyNewMemberCanSideWithTheFirstVotes() public {
        JobId id = _opened(3);
        Attestation[] memory said = _disagreement(3);
        _playEach(id, said);
        _settle(id);
        address[] memory late = _members(id);
        uint256 credit = market.creditOf(late[0]);
        _play(id, said[0]); // seen, not computed
        _settle(id);
        _finalise(id);
        assertEq(market.creditOf(late[0]) - credit, 0.01 ether, "paid for copying");
    }

    /// @dev Fails: neither a commitment nor an opening of another round, job or member is anybody's.
    function test_ACommitmentTakenFromAnotherJobCannotBeOpened() public {
        JobId first = _opened(7);
        JobId second = _opened(7);
        address thief = _members(second)[0];
        address victim = _members(first)[0];
        Commitment taken = _commitment(first, 0, victim, _right());
        _commit(first, victim, taken);
        _commit(second, thief, taken);
        _afterDeadline(second); // the commit window
        bytes32 salt = _salt(first, victim);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _reveal(second, thief, _right(), salt);
    }

    /// @dev Works, and costs what silence costs a committee: nobody who is only drawn is held, so what thaws in time leaves while
    ///      its owner's job is forgotten. Somebody who finalises within the grace has it all: see `test_StakeAtFault…`.
    function test_AValidatorLeavesByThawingEverything() public {
        JobId id = _opened(7);
        address busy = _members(id)[0];
        vm.prank(busy);
        staking.thaw(uint128(STAKE));
        // The longest that any job of this epoch may take ends before the stake can leave.
        vm.warp(vm.getBlockTimestamp() + THAW_PERIOD - 1);
        vm.expectPartialRevert(IValidatorStaking.ValidatorStaking_NotThawed.selector);
        vm.prank(busy);
        staking.release();
        _settle(id); // nobody spoke, and it is too late to grow
        assertStatus(id, JobStatus.Failed);
        assertEq(_stakeOf(busy), STAKE - 0.25 ether, "slashed like the others");
        skipTime(1);
        vm.prank(busy);
        staking.release();
        assertEq(staking.creditOf(busy), STAKE - 0.25 ether, "out");
        for (uint256 i = 0; i < 10; ++i) {
            address[] memory members = _members(_opened(7));
            for (uint256 k = 0; k < members.length; ++k) {
                assertNotEq(members[k], busy, "drawn");
            }
        }
    }

    /// @dev Fails: a member that signs a commitment for the batch and sends another by itself has only one of them.
    function test_ADoubleCommitmentIsOneCommitment() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        (Commitment[] memory batch, bytes memory signatures) = _batchOf(id, _unanimous(3, _right()), 7);
        _commit(id, members[0], _wrong());
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyCommitted.selector, id, members[0]));
        _commitBatch(id, batch, signatures);
        // It holds up nobody: the batch goes without it.
        (batch, signatures) = _batchOf(id, _unanimous(3, _right()), 6);
        _commitBatch(id, batch, signatures);
        assertStatus(id, JobStatus.Revealing);
        bytes32 salt = _salt(id, members[0]);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _reveal(id, members[0], _right(), salt);
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
            Attestation[] memory said = new Attestation[](3);
            for (uint256 k = 0; k < 3; ++k) {
                said[k] = members[k] == traitor ? _wrong() : _right();
            }
            _playEach(ids[i], said);
            _settle(ids[i]);
        }
        assertEq(_blamesOf(traitor), jobs, "held by each");
        for (uint256 i = 0; i < jobs; ++i) {
            _finalise(ids[i]);
        }
        assertEq(_blamesOf(traitor), 0, "and let go by each");
        assertEq(_stakeOf(traitor), 0, "all of it");
        assertEq(staking.creditOf(treasury) + staking.creditOf(anyone), 1 ether, "once, for five betrayals");
    }
}

/// @title The longest job there can be: nobody gets away before the draw that could seat it.
contract LongestJobTest is House {
    function setUp() public {
        _build(16);
    }

    /// @dev All that the bounds allow: the last draw comes an epoch after the request.
    function _parameters() internal pure override returns (IMarketParameters.Parameters memory p) {
        p = super._parameters();
        (p.openWindow, p.commitWindow, p.revealWindow, p.challengeWindow) = (4 hours, 4 hours, 2 hours, 18 hours);
    }

    /// @dev Fails: everyone starts to leave in the block of the request, everything takes as long as it may, and the last draw
    ///      and the last count still find every stake where it was.
    function test_WhoeverLeavesInTheRequestsBlockIsStillThereAtTheLastDraw() public {
        JobId id = _request(3);
        for (uint256 i = 0; i < validators.length; ++i) {
            vm.prank(validators[i]);
            staking.thaw(uint128(STAKE));
        }
        vm.roll(vm.getBlockNumber() + 1);
        bytes memory proof = _proofFor(id);
        vm.warp(market.deadlineOf(id));
        _open(id, proof);
        IMarketParameters.Parameters memory p = parameters.current();
        for (uint256 round = 0; round < 2; ++round) {
            // Nobody commits, and the count comes in the last second that lets the committee grow.
            vm.warp(uint256(market.deadlineOf(id)) + p.revealWindow + p.openWindow);
            _settle(id);
            address[] memory fresh = _members(id);
            for (uint256 i = 0; i < fresh.length; ++i) {
                assertEq(_stakeOf(fresh[i]), STAKE, "the stake that drew it");
            }
        }
        assertEq(_committee(id).length, 15, "all three rounds");
        vm.warp(market.deadlineOf(id) + p.revealWindow + 1 days); // and the whole grace besides
        address first = _committee(id)[0];
        vm.expectPartialRevert(IValidatorStaking.ValidatorStaking_NotThawed.selector);
        vm.prank(first);
        staking.release();
        _settle(id);
        assertStatus(id, JobStatus.Failed);
        address[] memory all = _committee(id);
        for (uint256 i = 0; i < all.length; ++i) {
            assertEq(_stakeOf(all[i]), STAKE - p.absenceSlash, "each pays for its absence");
        }
    }
}
