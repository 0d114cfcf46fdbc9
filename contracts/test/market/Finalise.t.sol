// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredits} from "../../interfaces/ICredits.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {JobId} from "../../types/Ids.sol";
import {Taker} from "../fixtures/HostileConsumers.sol";
import {Attestation, JobStatus, Outcome} from "../../types/Job.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {House} from "../integration/House.sol";

contract FinaliseTest is House {
    struct Balances {
        uint256 requester;
        uint256 publisher;
        uint256[] members;
    }

    function setUp() public {
        _build(8);
    }

    function _credits(address[] memory members) private view returns (Balances memory b) {
        b.requester = market.creditOf(requester);
        b.publisher = market.creditOf(publisher);
        b.members = new uint256[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            b.members[i] = market.creditOf(members[i]);
        }
    }

    function test_ItWaitsForTheChallengeWindow() public {
        JobId id = _settled(3, address(0), 0);
        uint256 deadline = market.deadlineOf(id);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, id, deadline + 1));
        _finaliseNow(id);
        vm.warp(deadline + 1);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFinalised(id);
        _finaliseNow(id);
        assertStatus(id, JobStatus.Finalised);
    }

    function test_AJobIsPaidOnce() public {
        JobId id = _settled(3, address(0), 0);
        _finalise(id);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Finalised, JobStatus.Settled)
        );
        _finaliseNow(id);
    }

    function test_AFailedJobIsNotFinalised() public {
        JobId id = _request(3);
        _afterDeadline(id);
        _expire(id);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Failed, JobStatus.Settled)
        );
        _finaliseNow(id);
    }

    function test_EveryoneGetsTheirsToTheWei() public {
        JobId id = _settled(3, address(0), 0);
        address[] memory members = _committee(id);
        Balances memory before = _credits(members);
        uint256 escrow = _escrowOf(id);
        _finalise(id);
        Balances memory now_ = _credits(members);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(now_.members[i] - before.members[i], 0.01 ether, "seat fee");
            assertEq(_blamesOf(members[i]), 0, "blames");
            assertEq(_stakeOf(members[i]), STAKE, "stake");
        }
        assertEq(now_.publisher - before.publisher, 0.05 ether, "author fee");
        assertEq(now_.requester - before.requester, escrow - 3 * 0.01 ether - 0.05 ether, "the twelve empty seats go back");
    }

    function test_EachFaultHasItsPrice() public {
        JobId id = _opened(7);
        address[] memory members = _members(id);
        Balances memory before = _credits(members);
        uint256 escrow = _escrowOf(id);
        for (uint256 i = 0; i < 4; ++i) {
            _commit(id, members[i], _right());
        }
        _commit(id, members[4], _wrong());
        _commit(id, members[5], _refusal());
        _afterDeadline(id); // the last one is absent
        for (uint256 i = 0; i < 4; ++i) {
            _reveal(id, members[i], _right());
        }
        _reveal(id, members[4], _wrong());
        _reveal(id, members[5], _refusal());
        _settle(id);
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(_stakeOf(members[i]), STAKE, "nobody is slashed before the challenge window has passed");
        }
        _afterDeadline(id);
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, members[4], Outcome.Deviated, 1 ether);
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, members[5], Outcome.Refused, 0.25 ether);
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, members[6], Outcome.Absent, 0.25 ether);
        _finaliseNow(id);
        Balances memory now_ = _credits(members);
        uint256[3] memory cost = [uint256(1 ether), 0.25 ether, 0.25 ether];
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(now_.members[i] - before.members[i], i < 4 ? 0.01 ether : 0, "seat fee");
            assertEq(_stakeOf(members[i]), i < 4 ? STAKE : STAKE - cost[i - 4], "stake");
            assertEq(_blamesOf(members[i]), 0, "blames");
        }
        assertEq(staking.creditOf(treasury), 1.5 ether * 95 / 100, "treasury");
        assertEq(staking.creditOf(anyone), 1.5 ether * 5 / 100, "whoever finalised it");
        assertEq(now_.requester - before.requester, escrow - 4 * 0.01 ether - 0.05 ether, "refund");
    }

    function test_ADeviatorWithLittleLeftLosesThat() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_right(), _wrong(), _right());
        _playEach(id, said);
        _settle(id);
        vm.prank(address(market));
        staking.slash(members[1], uint128(STAKE - 1), anyone);
        _afterDeadline(id);
        vm.expectEmit(address(market));
        emit IJobMarket.ValidatorFaulted(id, members[1], Outcome.Deviated, 1);
        _finaliseNow(id);
        assertEq(_stakeOf(members[1]), 0, "stake");
    }

    function test_TheDeliveryFeeWaitsForWhoeverDelivers() public {
        JobId id = _settled(3, address(new Taker()), 100_000);
        uint256 fee = 100_000 * 2 gwei;
        uint256 earned = market.creditOf(anyone);
        uint256 before = market.creditOf(requester);
        uint256 escrow = _escrowOf(id);
        _finalise(id);
        assertEq(market.creditOf(requester) - before, escrow - fee - 3 * 0.01 ether - 0.05 ether, "refund");
        _deliver(id);
        assertEq(market.creditOf(anyone) - earned, fee, "to the deliverer");
    }

    function test_ADeliveryBeforeItIsPaidTheSame() public {
        JobId id = _settled(3, address(new Taker()), 100_000);
        uint256 fee = 100_000 * 2 gwei;
        uint256 earned = market.creditOf(anyone);
        uint256 before = market.creditOf(requester);
        uint256 escrow = _escrowOf(id);
        _deliver(id);
        assertEq(market.creditOf(anyone) - earned, fee, "paid at once");
        _finalise(id);
        assertEq(market.creditOf(requester) - before, escrow - fee - 3 * 0.01 ether - 0.05 ether, "refund");
    }

    function test_CallbackGasWithoutAConsumerIsRefunded() public {
        JobId id = _settled(3, address(0), 100_000);
        uint256 before = market.creditOf(requester);
        uint256 escrow = _escrowOf(id);
        _finalise(id);
        assertEq(market.creditOf(requester) - before, escrow - 3 * 0.01 ether - 0.05 ether, "refund");
    }

    function test_StakeAtFaultStaysUntilTheJobIsFinal() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(members[i]);
            staking.thaw(uint128(STAKE));
        }
        Attestation[] memory said = new Attestation[](3);
        (said[0], said[1], said[2]) = (_right(), _wrong(), _right());
        _playEach(id, said);
        _settle(id);
        assertEq(_blamesOf(members[0]), 0, "the honest are not held");
        assertEq(_blamesOf(members[1]), 1, "the others are");
        skipTime(30 days);
        vm.prank(members[0]);
        staking.release();
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Blamed.selector, members[1], 1));
        vm.prank(members[1]);
        staking.release();
        _finaliseNow(id);
        vm.prank(members[1]);
        staking.release();
        assertEq(staking.creditOf(members[1]), STAKE - 1 ether, "released, less the slash");
    }

    function test_CreditsAreCollected() public {
        JobId id = _settled(3, address(0), 0);
        _finalise(id);
        uint256 owed = market.creditOf(requester);
        uint256 before = requester.balance;
        vm.prank(requester);
        market.withdraw();
        assertEq(requester.balance - before, owed, "paid");
        vm.expectRevert(abi.encodeWithSelector(ICredits.Credits_NothingToWithdraw.selector, requester));
        vm.prank(requester);
        market.withdraw();
    }

    /// @dev A contract that cannot take money as the refund address hurts nobody but itself.
    function test_ARefundThatCannotBeTakenBlocksNothing() public {
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.refundTo = address(new Taker());
        uint256 price = market.quote(kernel, 3, 0);
        vm.prank(requester);
        JobId id = market.request{value: price}(wanted);
        _open(id);
        _play(id, _right());
        _settle(id);
        _finalise(id);
        assertStatus(id, JobStatus.Finalised);
        assertGt(market.creditOf(wanted.refundTo), 0, "waits for ever");
    }
}
