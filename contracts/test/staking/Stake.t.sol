// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {StakingBase} from "./StakingBase.sol";

contract StakeTest is StakingBase {
    function test_AFirstStakeBelowTheMinimumIsRefused() public {
        address account = makeFunded("poor", MINIMUM);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_StakeTooLow.selector, MINIMUM - 1, MINIMUM));
        staking.stake{value: MINIMUM - 1}(CLASS, ENDPOINT);
    }

    function test_AFirstStakeOfTheMinimumWeighsFromTheNextEpochOn() public {
        address account = makeFunded("validator", MINIMUM);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.ProfileChanged(account, CLASS, ENDPOINT);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.Staked(account, MINIMUM, MINIMUM);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.TreeAssigned(CLASS, 0);
        vm.prank(account);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);

        assertEq(weightOf(account), 0, "this epoch");
        vm.warp((staking.currentEpoch() + 1) * EPOCH - 1);
        assertEq(weightOf(account), 0, "its last second");
        vm.warp(vm.getBlockTimestamp() + 1);
        assertEq(weightOf(account), 16, "the next one");
        assertEq(totalWeight(), 16, "total");
        assertEq(of_(account).stake, MINIMUM, "stake");
        assertEq(of_(account).leaf, 1, "leaf");
        assertEq(EnvironmentClass.unwrap(of_(account).environmentClass), EnvironmentClass.unwrap(CLASS), "class");
        assertEq(of_(account).endpoint, ENDPOINT, "endpoint");
        assertEq(staking.leafCount(0), 1, "leaves");
        assertEq(staking.holderOf(0), account, "holder");
        assertEq(staking.holderOf(1), address(0), "no holder");
    }

    function testFuzz_StakesAddUp(uint96 first, uint96 second) public {
        uint256 a = bound(first, MINIMUM, type(uint96).max);
        address account = newValidator("validator", a);
        nextEpoch();
        stakeAs(account, second);
        assertEq(of_(account).stake, a + second, "stake");
        assertEq(weightOf(account), units(a), "this epoch's weight stands");
        nextEpoch();
        assertEq(weightOf(account), units(a + second), "weight");
        assertEq(weightOf(account, staking.currentEpoch() - 1), units(a), "the epoch before stands");
        assertEq(address(staking).balance, a + second, "balance");
    }

    function test_WithoutValueAStakerOnlyChangesItsProfile() public {
        address account = newValidator("validator", MINIMUM);
        vm.prank(account);
        staking.stake(CLASS, "");
        assertEq(of_(account).endpoint, "", "endpoint");
        assertEq(of_(account).stake, MINIMUM, "stake");
        assertEq(of_(account).leaf, 1, "leaf");
    }

    function test_AClassIsNeverZero() public {
        address account = makeFunded("validator", MINIMUM);
        vm.prank(account);
        vm.expectRevert(IValidatorStaking.ValidatorStaking_InvalidClass.selector);
        staking.stake{value: MINIMUM}(EnvironmentClass.wrap(0), ENDPOINT);
    }

    function test_WithoutStakeThereIsNoProfile() public {
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_StakeTooLow.selector, 0, MINIMUM));
        staking.stake(CLASS, ENDPOINT);
    }

    function test_WhatThawsDoesNotCountTowardsTheMinimum() public {
        address account = newValidator("validator", 3 * MINIMUM);
        nextEpoch();
        thawAs(account, 3 * MINIMUM);
        vm.deal(account, MINIMUM);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_StakeTooLow.selector, MINIMUM - 1, MINIMUM));
        staking.stake{value: MINIMUM - 1}(CLASS, ENDPOINT);
        vm.prank(account);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);
        nextEpoch();
        assertEq(weightOf(account), 16, "weight");
    }

    function test_AnEndpointOf257BytesIsRefusedAnd256Accepted() public {
        address account = makeFunded("validator", MINIMUM);
        string memory long = string(abi.encodePacked(_spaces(128), _spaces(128)));
        vm.startPrank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_EndpointTooLong.selector, 257, 256));
        staking.stake{value: MINIMUM}(CLASS, string.concat(long, "x"));
        staking.stake{value: MINIMUM}(CLASS, long);
        vm.stopPrank();
    }

    function test_AnEndpointWithControlCharactersIsRefused() public {
        address account = makeFunded("validator", MINIMUM);
        vm.prank(account);
        vm.expectRevert(IValidatorStaking.ValidatorStaking_InvalidEndpoint.selector);
        staking.stake{value: MINIMUM}(CLASS, "http://\x1b[2J");
    }

    function test_BadParametersAreRefused() public {
        uint128 tooHigh = uint128(type(uint96).max) + 1;
        _refused(address(0), treasury, MINIMUM, THAW_PERIOD, EPOCH);
        _refused(market, address(0), MINIMUM, THAW_PERIOD, EPOCH);
        _refused(market, treasury, 1 gwei - 1, THAW_PERIOD, EPOCH);
        _refused(market, treasury, tooHigh, THAW_PERIOD, EPOCH);
        _refused(market, treasury, MINIMUM, EPOCH, EPOCH);
        _refused(market, treasury, MINIMUM, 365 days + 1, EPOCH);
        _refused(market, treasury, MINIMUM, THAW_PERIOD, 0);
        _refused(market, treasury, MINIMUM, 365 days, 30 days + 1);
        ValidatorStaking made = new ValidatorStaking(market, treasury, tooHigh - 1, 365 days, 30 days);
        assertEq(made.market(), market, "market");
        assertEq(made.treasury(), treasury, "treasury");
        assertEq(made.minimumStake(), tooHigh - 1, "minimum");
        assertEq(made.thawPeriod(), 365 days, "period");
        assertEq(made.epochLength(), 30 days, "epoch");
    }

    function test_EtherSentWithoutACallIsRefused() public {
        address account = makeFunded("sender", 1 ether);
        vm.prank(account);
        (bool sent,) = address(staking).call{value: 1 ether}("");
        assertFalse(sent, "no way in but stake");
    }

    function _refused(address market_, address treasury_, uint128 minimum, uint48 period, uint32 epoch) private {
        vm.expectRevert(IValidatorStaking.ValidatorStaking_InvalidParameters.selector);
        new ValidatorStaking(market_, treasury_, minimum, period, epoch);
    }

    function _spaces(uint256 count) private pure returns (bytes memory text) {
        text = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            text[i] = " ";
        }
    }
}
