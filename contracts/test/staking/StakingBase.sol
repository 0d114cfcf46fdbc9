// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title A staking contract, whose market and treasury are accounts of the test, and what its tests say often.
abstract contract StakingBase is TestBase {
    uint128 internal constant MINIMUM = 1 ether;
    uint48 internal constant THAW_PERIOD = 1 days;
    uint32 internal constant EPOCH = 1 hours;
    EnvironmentClass internal constant CLASS = EnvironmentClass.wrap(bytes32("x86-64"));
    string internal constant ENDPOINT = "http://127.0.0.1:8080";

    address internal market;
    address internal treasury;
    address internal reporter;
    ValidatorStaking internal staking;

    function setUp() public virtual {
        market = makeAddr("market");
        treasury = makeAddr("treasury");
        reporter = makeAddr("reporter");
        staking = new ValidatorStaking(market, treasury, MINIMUM, THAW_PERIOD, EPOCH);
        vm.warp(1_700_000_000);
        nextEpoch();
    }

    function stakeAs(address account, uint256 amount) internal {
        vm.deal(account, account.balance + amount);
        vm.prank(account);
        staking.stake{value: amount}(CLASS, ENDPOINT);
    }

    /// @dev A new validator with that stake.
    function newValidator(string memory name, uint256 amount) internal returns (address account) {
        account = makeAddr(name);
        stakeAs(account, amount);
    }

    /// @dev The i-th of many validators; cheaper to make than a named one.
    function nth(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000000 + i));
    }

    /// @dev `count` validators, the i-th with `i % 16` units more than the minimum, on leaves 0 to count - 1.
    function stakeMany(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            stakeAs(nth(i), MINIMUM + (i % 16) * MINIMUM / 16);
        }
    }

    function thawAs(address account, uint128 amount) internal {
        vm.prank(account);
        staking.thaw(amount);
    }

    function slashOf(address account, uint128 amount) internal returns (uint128) {
        vm.prank(market);
        return staking.slash(account, amount, reporter);
    }

    function blameOne(address account) internal {
        vm.prank(market);
        staking.blame(only(account));
    }

    function absolveOne(address account) internal {
        vm.prank(market);
        staking.absolve(only(account));
    }

    function only(address account) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    /// @dev To the first second of the next epoch.
    function nextEpoch() internal {
        vm.roll(vm.getBlockNumber() + 1);
        vm.warp((staking.currentEpoch() + 1) * EPOCH);
    }

    /// @dev In units, in this epoch.
    function weightOf(address account) internal view returns (uint256) {
        return weightOf(account, staking.currentEpoch());
    }

    function weightOf(address account, uint256 epoch) internal view returns (uint256) {
        uint256 place = of_(account).leaf;
        return place == 0 ? 0 : staking.weightAt(place - 1, epoch);
    }

    function totalWeight() internal view returns (uint256) {
        return staking.totalWeightAt(staking.ALL_TREES(), staking.currentEpoch());
    }

    /// @dev What a working stake weighs.
    function units(uint256 amount) internal view returns (uint256) {
        if (amount < MINIMUM) return 0;
        uint256 exact = amount * staking.UNITS() / MINIMUM;
        return exact < staking.GREATEST_WEIGHT() ? exact : staking.GREATEST_WEIGHT();
    }

    function of_(address account) internal view returns (IValidatorStaking.Validator memory) {
        return staking.validator(account);
    }
}
