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

    function test_AFirstStakeOfTheMinimumWeighsFromTheNextBlockOn() public {
        address account = makeFunded("validator", MINIMUM);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.ProfileChanged(account, CLASS, ENDPOINT);
        vm.expectEmit(address(staking));
        emit IValidatorStaking.Staked(account, MINIMUM, MINIMUM);
        vm.prank(account);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);

        assertEq(staking.weightAt(account, lastBlock()), 0, "the block before");
        assertEq(weightAfterThisBlock(account), MINIMUM, "the end of this block");
        assertEq(staking.totalWeightAt(lastBlock()), MINIMUM, "total");
        assertEq(of_(account).stake, MINIMUM, "stake");
        assertEq(of_(account).leaf, 1, "leaf");
        assertEq(EnvironmentClass.unwrap(of_(account).environmentClass), EnvironmentClass.unwrap(CLASS), "class");
        assertEq(of_(account).endpoint, ENDPOINT, "endpoint");
        assertEq(staking.leafCount(), 1, "leaves");
        assertEq(staking.validatorAt(0), account, "holder");
        assertEq(staking.validatorAt(1), address(0), "no holder");
    }

    function testFuzz_StakesAddUp(uint96 first, uint96 second) public {
        uint256 a = bound(first, MINIMUM, type(uint96).max);
        address account = newValidator("validator", a);
        nextBlock();
        stakeAs(account, second);
        assertEq(of_(account).stake, a + second, "stake");
        assertEq(weightAfterThisBlock(account), a + second, "weight");
        assertEq(staking.weightAt(account, lastBlock() - 1), a, "the weight before stands");
        assertEq(address(staking).balance, a + second, "balance");
    }

    function test_WithoutValueAStakerOnlyChangesItsProfile() public {
        address account = newValidator("validator", MINIMUM);
        vm.prank(account);
        staking.stake(EnvironmentClass.wrap(bytes32("arm64")), "");
        assertEq(EnvironmentClass.unwrap(of_(account).environmentClass), bytes32("arm64"), "class");
        assertEq(of_(account).endpoint, "", "endpoint");
        assertEq(of_(account).stake, MINIMUM, "stake");
    }

    function test_WithoutStakeThereIsNoProfile() public {
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_StakeTooLow.selector, 0, MINIMUM));
        staking.stake(CLASS, ENDPOINT);
    }

    function test_WhatThawsDoesNotCountTowardsTheMinimum() public {
        address account = newValidator("validator", 3 * MINIMUM);
        thawAs(account, 3 * MINIMUM);
        vm.deal(account, MINIMUM);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_StakeTooLow.selector, MINIMUM - 1, MINIMUM));
        staking.stake{value: MINIMUM - 1}(CLASS, ENDPOINT);
        vm.prank(account);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);
        assertEq(weightAfterThisBlock(account), MINIMUM, "weight");
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
        _refused(address(0), treasury, MINIMUM, THAW_PERIOD);
        _refused(market, address(0), MINIMUM, THAW_PERIOD);
        _refused(market, treasury, 1 gwei - 1, THAW_PERIOD);
        _refused(market, treasury, tooHigh, THAW_PERIOD);
        _refused(market, treasury, MINIMUM, 0);
        _refused(market, treasury, MINIMUM, 365 days + 1);
        ValidatorStaking made = new ValidatorStaking(market, treasury, tooHigh - 1, 365 days);
        assertEq(made.market(), market, "market");
        assertEq(made.treasury(), treasury, "treasury");
        assertEq(made.minimumStake(), tooHigh - 1, "minimum");
        assertEq(made.thawPeriod(), 365 days, "period");
    }

    function test_EtherSentWithoutACallIsRefused() public {
        address account = makeFunded("sender", 1 ether);
        vm.prank(account);
        (bool sent,) = address(staking).call{value: 1 ether}("");
        assertFalse(sent, "no way in but stake");
    }

    function _refused(address market_, address treasury_, uint128 minimum, uint48 period) private {
        vm.expectRevert(IValidatorStaking.ValidatorStaking_InvalidParameters.selector);
        new ValidatorStaking(market_, treasury_, minimum, period);
    }

    function _spaces(uint256 count) private pure returns (bytes memory text) {
        text = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            text[i] = " ";
        }
    }
}
