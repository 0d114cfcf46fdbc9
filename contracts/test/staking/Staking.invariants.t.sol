// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {StakingHandler} from "./StakingHandler.sol";
import {Seat} from "../../types/Seat.sol";
import {TestBase} from "../support/TestBase.sol";

/// @notice The properties that ValidatorStaking states, after any sequence of calls.
contract StakingInvariants is TestBase {
    ValidatorStaking private staking;
    StakingHandler private handler;
    address private treasury;

    function setUp() public {
        treasury = makeAddr("treasury");
        staking = new ValidatorStaking(makeAddr("market"), treasury, 1 ether, 1 days, 1 hours);
        handler = new StakingHandler(staking);
        skipBlocks(10);
        targetContract(address(handler));
        bytes4[] memory actions = new bytes4[](10);
        actions[0] = StakingHandler.stake.selector;
        actions[1] = StakingHandler.thaw.selector;
        actions[2] = StakingHandler.cancelThaw.selector;
        actions[3] = StakingHandler.release.selector;
        actions[4] = StakingHandler.withdraw.selector;
        actions[5] = StakingHandler.slash.selector;
        actions[6] = StakingHandler.blame.selector;
        actions[7] = StakingHandler.absolve.selector;
        actions[8] = StakingHandler.wait.selector;
        actions[9] = StakingHandler.remember.selector;
        targetSelector(address(handler), actions);
    }

    /// One campaign checks them all.
    function invariant_EveryPropertyHolds() public view {
        property_MoneyIsConserved();
        property_BlamedStakeStays();
        property_ThawingIsPartOfTheStake();
        property_LeavesAndWeightsFollowTheStakes();
        property_ADrawFindsEverybodyOnce();
        property_AnEpochsDrawsNeverChange();
    }

    /// The balance is the sum of all stakes and all credits, to the wei; so is everything that came in and did not go out.
    function property_MoneyIsConserved() private view {
        address reporter = handler.REPORTER();
        uint256 owed = staking.creditOf(treasury) + staking.creditOf(reporter);
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            owed += staking.validator(handler.people(i)).stake + staking.creditOf(handler.people(i));
        }
        assertEq(address(staking).balance, owed, "balance");
        assertEq(handler.deposited(), owed + handler.withdrawn(), "books");
        uint256 taken = staking.creditOf(treasury) + treasury.balance + staking.creditOf(reporter) + reporter.balance;
        assertEq(taken, handler.slashed(), "treasury and reporter");
    }

    /// Whoever is blamed still has what it had when it was blamed, less what was slashed.
    function property_BlamedStakeStays() private view {
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            address account = handler.people(i);
            IValidatorStaking.Validator memory now_ = staking.validator(account);
            if (now_.blamed != 0) assertGe(now_.stake, handler.held(account), "held");
        }
    }

    /// What thaws is part of the stake, and a clock runs exactly while something thaws.
    function property_ThawingIsPartOfTheStake() private view {
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            IValidatorStaking.Validator memory now_ = staking.validator(handler.people(i));
            assertLe(now_.thawing, now_.stake, "thawing");
            assertEq(now_.thawsAt != 0, now_.thawing != 0, "clock");
        }
    }

    /// A validator has a leaf exactly while it will weigh something; nobody shares one; every node is the sum of what is below it.
    function property_LeavesAndWeightsFollowTheStakes() private view {
        uint256 next = staking.currentEpoch() + 1;
        uint256 total = 0;
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            address account = handler.people(i);
            IValidatorStaking.Validator memory now_ = staking.validator(account);
            uint256 working = now_.stake - now_.thawing;
            assertEq(now_.leaf != 0, working >= staking.minimumStake(), "leaf");
            if (now_.leaf == 0) continue;
            assertEq(staking.holderOf(now_.leaf - 1), account, "holder");
            (uint256 tree,) = staking.treeOf(now_.environmentClass);
            assertEq((now_.leaf - 1) >> 15, tree, "in the tree of its class");
            uint256 units = working * staking.UNITS() / staking.minimumStake();
            assertEq(staking.weightAt(now_.leaf - 1, next), units, "weight");
            total += units;
        }
        assertEq(staking.totalWeightAt(staking.ALL_TREES(), next), total, "total");
    }

    /// Every validator with weight in this epoch can be drawn for it, once, and nobody else.
    function property_ADrawFindsEverybodyOnce() private view {
        uint256 epoch = staking.currentEpoch();
        Seat[] memory drawn = staking.draw(bytes32(epoch), handler.PEOPLE() + 1, new Seat[](0), staking.ALL_TREES(), epoch);
        uint256 total = 0;
        for (uint256 i = 0; i < drawn.length; ++i) {
            assertEq(staking.holderOf(drawn[i].leafOf()), drawn[i].memberOf(), "member");
            total += staking.weightAt(drawn[i].leafOf(), epoch);
            for (uint256 j = 0; j < i; ++j) {
                assertTrue(drawn[i].memberOf() != drawn[j].memberOf(), "twice");
            }
        }
        assertEq(total, staking.totalWeightAt(staking.ALL_TREES(), epoch), "all of the weight");
    }

    /// What a draw for an epoch gives is the same in all of it, and in all of the next.
    function property_AnEpochsDrawsNeverChange() private view {
        uint256 epoch = handler.rememberedEpoch();
        if (epoch == 0 || staking.currentEpoch() > epoch + 1) return;
        Seat[] memory again = staking.draw(handler.rememberedSeed(), handler.PEOPLE(), new Seat[](0), staking.ALL_TREES(), epoch);
        assertEq(keccak256(abi.encode(again)), handler.rememberedDraw(), "draw");
    }
}
