// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {StakingHandler} from "./StakingHandler.sol";
import {TestBase} from "../support/TestBase.sol";

/// @notice The properties that ValidatorStaking states, after any sequence of calls.
contract StakingInvariants is TestBase {
    ValidatorStaking private staking;
    StakingHandler private handler;
    address private treasury;

    function setUp() public {
        treasury = makeAddr("treasury");
        staking = new ValidatorStaking(makeAddr("market"), treasury, 1 ether, 1 days);
        handler = new StakingHandler(staking);
        skipBlocks(10);
        targetContract(address(handler));
        bytes4[] memory actions = new bytes4[](9);
        actions[0] = StakingHandler.stake.selector;
        actions[1] = StakingHandler.thaw.selector;
        actions[2] = StakingHandler.cancelThaw.selector;
        actions[3] = StakingHandler.release.selector;
        actions[4] = StakingHandler.withdraw.selector;
        actions[5] = StakingHandler.slash.selector;
        actions[6] = StakingHandler.lock.selector;
        actions[7] = StakingHandler.unlock.selector;
        actions[8] = StakingHandler.wait.selector;
        targetSelector(address(handler), actions);
    }

    /// The balance is the sum of all stakes and all credits, to the wei; so is everything that came in and did not go out.
    function invariant_MoneyIsConserved() public view {
        uint256 owed = staking.creditOf(treasury);
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            owed += staking.validator(handler.people(i)).stake + staking.creditOf(handler.people(i));
        }
        assertEq(address(staking).balance, owed, "balance");
        assertEq(handler.deposited(), owed + handler.withdrawn(), "books");
        assertEq(staking.creditOf(treasury) + treasury.balance, handler.slashed(), "treasury");
    }

    /// Whoever is locked still has what it had when it was locked, less what was slashed.
    function invariant_LockedStakeStays() public view {
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            address account = handler.people(i);
            IValidatorStaking.Validator memory now_ = staking.validator(account);
            if (now_.locks != 0) assertGe(now_.stake, handler.held(account), "held");
        }
    }

    /// What thaws is part of the stake, and a clock runs exactly while something thaws.
    function invariant_ThawingIsPartOfTheStake() public view {
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            IValidatorStaking.Validator memory now_ = staking.validator(handler.people(i));
            assertLe(now_.thawing, now_.stake, "thawing");
            assertEq(now_.thawsAt != 0, now_.thawing != 0, "clock");
        }
    }

    /// A validator has a leaf exactly while it has weight; nobody shares one; the total is the sum.
    function invariant_LeavesAndWeightsFollowTheStakes() public {
        uint256 holders = 0;
        uint256 total = 0;
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            address account = handler.people(i);
            IValidatorStaking.Validator memory now_ = staking.validator(account);
            uint256 working = now_.stake - now_.thawing;
            assertEq(now_.leaf != 0, working >= staking.minimumStake(), "leaf");
            if (now_.leaf == 0) continue;
            assertEq(staking.validatorAt(now_.leaf - 1), account, "holder");
            ++holders;
            total += working;
        }
        uint256 occupied = 0;
        for (uint256 leaf = 0; leaf < staking.leafCount(); ++leaf) {
            if (staking.validatorAt(leaf) != address(0)) ++occupied;
        }
        assertEq(occupied, holders, "occupied leaves");
        assertLe(staking.leafCount(), handler.PEOPLE(), "leaves are used again");
        nextBlock();
        uint48 over = uint48(vm.getBlockNumber() - 1);
        assertEq(staking.totalWeightAt(over), total, "total");
        assertEq(staking.draw(bytes32(total), handler.PEOPLE(), new address[](0), over).length, holders, "everyone can be drawn");
    }
}
