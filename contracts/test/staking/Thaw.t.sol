// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {ICredits} from "../../interfaces/ICredits.sol";
import {GreedyValidator, RefusingValidator} from "./HostileValidators.sol";
import {StakingBase} from "./StakingBase.sol";

contract ThawTest is StakingBase {
    address private account;

    function setUp() public override {
        super.setUp();
        account = newValidator("validator", 5 * MINIMUM);
        nextEpoch();
    }

    function test_ThawingStopsWeighingAndIsStillThere() public {
        uint48 thawsAt = uint48(vm.getBlockTimestamp()) + THAW_PERIOD;
        vm.expectEmit(address(staking));
        emit IValidatorStaking.Thawing(account, 2 * MINIMUM, thawsAt);
        thawAs(account, 2 * MINIMUM);
        assertEq(of_(account).stake, 5 * MINIMUM, "stake");
        assertEq(of_(account).thawing, 2 * MINIMUM, "thawing");
        assertEq(of_(account).thawsAt, thawsAt, "clock");
        assertEq(weightOf(account), units(5 * MINIMUM), "this epoch's weight stands");
        nextEpoch();
        assertEq(weightOf(account), units(3 * MINIMUM), "weight");
    }

    function test_WhatIsLeftBelowTheMinimumWeighsNothing() public {
        thawAs(account, 4 * MINIMUM + 1);
        assertEq(of_(account).leaf, 0, "no leaf");
        assertEq(totalWeight(), units(5 * MINIMUM), "this epoch's weight stands");
        assertEq(staking.holderOf(0), account, "so does its name");
        nextEpoch();
        assertEq(totalWeight(), 0, "total");
    }

    function test_ThawingMoreThanWorksIsRefused() public {
        thawAs(account, 2 * MINIMUM);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotEnough.selector, account, 3 * MINIMUM, 3 * MINIMUM + 1)
        );
        thawAs(account, 3 * MINIMUM + 1);
    }

    function test_ThawingNothingIsRefused() public {
        vm.expectRevert(IValidatorStaking.ValidatorStaking_ZeroAmount.selector);
        thawAs(account, 0);
    }

    function test_AStrangerHasNothingToThawCancelOrRelease() public {
        address stranger = makeAddr("stranger");
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotEnough.selector, stranger, 0, 1));
        staking.thaw(1);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NothingThawing.selector, stranger));
        staking.cancelThaw();
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NothingThawing.selector, stranger));
        staking.release();
        vm.stopPrank();
    }

    function test_ThawingMoreRestartsTheClockOfAllOfIt() public {
        thawAs(account, MINIMUM);
        skipTime(THAW_PERIOD - 1);
        thawAs(account, 1);
        skipTime(1);
        vm.prank(account);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotThawed.selector, account, vm.getBlockTimestamp() - 1 + THAW_PERIOD)
        );
        staking.release();
    }

    function test_CancellingPutsItBackToWork() public {
        thawAs(account, 5 * MINIMUM);
        nextEpoch();
        vm.expectEmit(address(staking));
        emit IValidatorStaking.ThawCancelled(account, 5 * MINIMUM);
        vm.prank(account);
        staking.cancelThaw();
        assertEq(of_(account).thawing, 0, "thawing");
        assertEq(of_(account).thawsAt, 0, "clock");
        assertEq(of_(account).leaf, 2, "its leaf still rests");
        assertEq(totalWeight(), 0, "while it thawed");
        nextEpoch();
        assertEq(weightOf(account), units(5 * MINIMUM), "weight");
    }

    function test_NothingLeavesASecondTooEarly() public {
        thawAs(account, MINIMUM);
        uint256 thawsAt = of_(account).thawsAt;
        vm.warp(thawsAt - 1);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotThawed.selector, account, thawsAt));
        staking.release();
        vm.warp(thawsAt);
        vm.prank(account);
        staking.release();
        assertEq(staking.creditOf(account), MINIMUM, "credit");
    }

    function testFuzz_WhatThawsLeavesAndTheRestStays(uint128 amount) public {
        amount = uint128(bound(amount, 1, 5 * MINIMUM));
        thawAs(account, amount);
        skipTime(THAW_PERIOD);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.StakeReleased(account, amount, 5 * MINIMUM - amount);
        vm.startPrank(account);
        staking.release();
        assertEq(staking.withdraw(), amount, "withdrawn");
        vm.stopPrank();
        assertEq(account.balance, amount, "received");
        assertEq(address(staking).balance, 5 * MINIMUM - amount, "what stays");
        assertEq(of_(account).stake, 5 * MINIMUM - amount, "stake");
        assertEq(of_(account).thawing, 0, "thawing");
        assertEq(of_(account).thawsAt, 0, "clock");
    }

    function test_WhoeverTookEverythingOutIsForgottenAndMayComeBack() public {
        thawAs(account, 5 * MINIMUM);
        skipTime(THAW_PERIOD);
        vm.prank(account);
        staking.release();
        assertEq(of_(account).endpoint, "", "profile");
        stakeAs(account, MINIMUM);
        nextEpoch();
        assertEq(weightOf(account), 16, "weight");
    }

    function test_WhoeverIsBlamedCannotReleaseUntilItsLastJobIsFinal() public {
        blameOne(account);
        blameOne(account);
        thawAs(account, MINIMUM);
        skipTime(THAW_PERIOD);
        _refusedAsBlamed(2);
        absolveOne(account);
        _refusedAsBlamed(1);
        absolveOne(account);
        vm.prank(account);
        staking.release();
        assertEq(staking.creditOf(account), MINIMUM, "credit");
    }

    function test_AReceiverThatRefusesEtherHurtsOnlyItself() public {
        RefusingValidator refusing = new RefusingValidator();
        vm.deal(address(refusing), MINIMUM);
        refusing.join(staking, MINIMUM);
        refusing.leaveAll(staking, MINIMUM);
        skipTime(THAW_PERIOD);
        refusing.take(staking);
        vm.expectRevert(abi.encodeWithSelector(ICredits.Credits_TransferFailed.selector, address(refusing), MINIMUM));
        refusing.withdraw(staking);
        assertEq(staking.creditOf(address(refusing)), MINIMUM, "its credit stays");
        test_NothingLeavesASecondTooEarly();
    }

    function test_AReceiverThatComesBackInGetsNothingTwice() public {
        GreedyValidator greedy = new GreedyValidator();
        vm.deal(address(greedy), MINIMUM);
        greedy.join(staking, MINIMUM);
        greedy.leaveAll(staking, MINIMUM);
        skipTime(THAW_PERIOD);
        greedy.take(staking);
        greedy.withdraw(staking);
        assertEq(greedy.attempts(), 3, "it tried to release, thaw and withdraw again");
        assertEq(greedy.successes(), 0, "and got nothing");
        assertEq(address(greedy).balance, MINIMUM, "its own");
        assertEq(address(staking).balance, 5 * MINIMUM, "the other's");
    }

    function _refusedAsBlamed(uint256 jobs) private {
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Blamed.selector, account, jobs));
        staking.release();
    }
}
