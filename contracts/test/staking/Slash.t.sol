// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {StakingBase} from "./StakingBase.sol";

contract SlashTest is StakingBase {
    address private account;

    function setUp() public override {
        super.setUp();
        account = newValidator("validator", 10 * MINIMUM);
        nextEpoch();
    }

    function test_OnlyTheMarketSlashesBlamesAndAbsolves() public {
        address stranger = makeAddr("stranger");
        bytes memory refusal = abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotMarket.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        staking.slash(account, 1, stranger);
        vm.expectRevert(refusal);
        staking.blame(only(account));
        vm.expectRevert(refusal);
        staking.absolve(only(account));
        vm.stopPrank();
    }

    function test_WhatIsSlashedIsTheTreasurysLessTheReportersShare() public {
        uint256 reward = MINIMUM / 20;
        vm.expectEmit(address(staking));
        emit IValidatorStaking.Slashed(account, MINIMUM, 9 * MINIMUM, reporter, reward);
        assertEq(slashOf(account, MINIMUM), MINIMUM, "slashed");
        assertEq(staking.creditOf(treasury), MINIMUM - reward, "the treasury's");
        assertEq(staking.creditOf(reporter), reward, "the reporter's");
        assertEq(of_(account).stake, 9 * MINIMUM, "stake");
        assertEq(weightOf(account), units(10 * MINIMUM), "this epoch's weight stands");
        nextEpoch();
        assertEq(weightOf(account), units(9 * MINIMUM), "weight");
        vm.prank(treasury);
        staking.withdraw();
        assertEq(treasury.balance, MINIMUM - reward, "collected");
        assertEq(address(staking).balance, 9 * MINIMUM + reward, "balance");
    }

    function test_ASlashTakesNoMoreThanThereIs() public {
        assertEq(slashOf(account, type(uint128).max), 10 * MINIMUM, "all of it");
        assertEq(of_(account).stake, 0, "stake");
        assertEq(of_(account).leaf, 0, "leaf");
        nextEpoch();
        assertEq(totalWeight(), 0, "weight");
        assertEq(slashOf(account, 1), 0, "nothing left");
        assertEq(slashOf(makeAddr("stranger"), 1), 0, "nothing there");
        assertEq(slashOf(account, 0), 0, "nothing asked");
        assertEq(staking.creditOf(treasury) + staking.creditOf(reporter), 10 * MINIMUM, "credit");
    }

    function test_ThawingIsNoShelter() public {
        thawAs(account, 10 * MINIMUM);
        skipTime(THAW_PERIOD); // thawed, not released
        assertEq(slashOf(account, 4 * MINIMUM), 4 * MINIMUM, "slashed");
        assertEq(of_(account).thawing, 6 * MINIMUM, "what thaws shrinks with it");
        vm.prank(account);
        staking.release();
        assertEq(staking.creditOf(account), 6 * MINIMUM, "what leaves");
    }

    function testFuzz_WhatThawsShrinksInProportionRoundedDown(uint96 stake, uint96 thawing, uint96 slashed) public {
        address other = makeAddr("other");
        uint256 all = bound(stake, MINIMUM, type(uint96).max);
        uint256 thaws = bound(thawing, 0, all);
        uint256 takes = bound(slashed, 0, all);
        stakeAs(other, all);
        if (thaws != 0) thawAs(other, uint128(thaws));
        slashOf(other, uint128(takes));

        uint256 left = all - takes;
        uint256 stillThaws = thaws * left / all;
        assertEq(of_(other).stake, left, "stake");
        assertEq(of_(other).thawing, stillThaws, "thawing");
        assertTrue(left - stillThaws <= all - thaws, "a slash never adds working stake");
        uint256 works = left - stillThaws;
        nextEpoch();
        assertEq(weightOf(other), units(works), "weight");
        assertEq(of_(other).thawsAt == 0, stillThaws == 0, "a clock runs exactly while something thaws");
    }

    function test_ASlashBelowTheMinimumTakesTheWeightAndMoreStakeBringsItBack() public {
        slashOf(account, 9 * MINIMUM + 1);
        assertEq(of_(account).leaf, 0, "leaf");
        stakeAs(account, 1);
        nextEpoch();
        assertEq(weightOf(account), 16, "weight again");
        assertEq(totalWeight(), 16, "on one leaf");
    }

    function test_BlameOutlivesASlashToZeroAndComingBack() public {
        blameOne(account);
        slashOf(account, 10 * MINIMUM);
        stakeAs(account, MINIMUM);
        thawAs(account, MINIMUM);
        skipTime(THAW_PERIOD);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Blamed.selector, account, 1));
        staking.release();
        absolveOne(account);
        vm.prank(account);
        staking.release();
        assertEq(staking.creditOf(account), MINIMUM, "credit");
    }

    function test_NobodyIsAbsolvedOfNothing() public {
        vm.prank(market);
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        staking.absolve(only(account));
    }

    function test_AWholeCommitteeIsBlamedAndAbsolved() public {
        stakeMany(15);
        address[] memory committee = new address[](15);
        for (uint256 i = 0; i < 15; ++i) {
            committee[i] = nth(i);
        }
        vm.prank(market);
        staking.blame(committee);
        for (uint256 i = 0; i < 15; ++i) {
            assertEq(of_(nth(i)).blamed, 1, "blamed");
        }
        vm.prank(market);
        staking.absolve(committee);
        for (uint256 i = 0; i < 15; ++i) {
            assertEq(of_(nth(i)).blamed, 0, "absolved");
        }
    }
}
