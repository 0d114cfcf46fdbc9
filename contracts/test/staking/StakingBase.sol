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
    EnvironmentClass internal constant CLASS = EnvironmentClass.wrap(bytes32("x86-64"));
    string internal constant ENDPOINT = "http://127.0.0.1:8080";

    address internal market;
    address internal treasury;
    ValidatorStaking internal staking;

    function setUp() public virtual {
        market = makeAddr("market");
        treasury = makeAddr("treasury");
        staking = new ValidatorStaking(market, treasury, MINIMUM, THAW_PERIOD);
        skipBlocks(10);
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

    /// @dev `count` validators, the i-th with `MINIMUM + i` wei, on leaves 0 to count - 1.
    function stakeMany(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            stakeAs(nth(i), MINIMUM + i);
        }
    }

    function thawAs(address account, uint128 amount) internal {
        vm.prank(account);
        staking.thaw(amount);
    }

    function slashOf(address account, uint128 amount) internal returns (uint128) {
        vm.prank(market);
        return staking.slash(account, amount);
    }

    function lockOne(address account) internal {
        vm.prank(market);
        staking.lock(only(account));
    }

    function unlockOne(address account) internal {
        vm.prank(market);
        staking.unlock(only(account));
    }

    function only(address account) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    /// @dev The last block that is over, whose weights stand.
    function lastBlock() internal view returns (uint48) {
        return uint48(vm.getBlockNumber() - 1);
    }

    /// @dev Ends this block; the weights at its end.
    function weightAfterThisBlock(address account) internal returns (uint256) {
        nextBlock();
        return staking.weightAt(account, lastBlock());
    }

    function of_(address account) internal view returns (IValidatorStaking.Validator memory) {
        return staking.validator(account);
    }
}
