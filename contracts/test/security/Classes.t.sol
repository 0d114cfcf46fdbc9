// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {StakingBase} from "../staking/StakingBase.sol";

/// @dev One stake that goes through many classes, or off its leaf and back on another, in one transaction.
contract Hopper {
    IValidatorStaking private immutable _staking;

    constructor(IValidatorStaking staking) payable {
        _staking = staking;
    }

    function stake(EnvironmentClass class_) external {
        _staking.stake{value: address(this).balance}(class_, "");
    }

    function takeTrees(uint256 first, uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            try _staking.stake(EnvironmentClass.wrap(bytes32(first + i)), "") {} catch {}
        }
    }

    function useUpLeaves(uint256 count) external {
        uint128 all = _staking.validator(address(this)).stake;
        for (uint256 i = 0; i < count; ++i) {
            try _staking.thaw(all) {} catch {}
            try _staking.cancelThaw() {} catch {}
        }
    }
}

/// @notice What one stake can do to classes that are not its own.
contract ClassAttacksTest is StakingBase {
    EnvironmentClass private constant ARM = EnvironmentClass.wrap("arm64");

    Hopper private hopper;

    function setUp() public override {
        super.setUp();
        stakeMany(3); // one honest class, of tree 0
        hopper = new Hopper{value: MINIMUM}(staking);
        hopper.stake(EnvironmentClass.wrap(bytes32(uint256(1))));
    }

    /// @dev A tree that was left rests for two epochs: whoever could pass through all of them would keep every new class out.
    function test_OneStakeCannotTakeEveryTree() public {
        for (uint256 epoch = 0; epoch < 5; ++epoch) {
            hopper.takeTrees(1, 62);
            nextEpoch();
        }
        address newcomer = makeFunded("newcomer", MINIMUM);
        vm.prank(newcomer);
        staking.stake{value: MINIMUM}(ARM, ENDPOINT);
        nextEpoch();
        (uint256 tree, bool own) = staking.treeOf(ARM);
        assertTrue(own, "a class that is there has a tree of its own");
        assertLe(tree, 4, "one stake is in one tree, and has left as many as it takes epochs for one to be free again");
        assertEq(staking.classesAt(staking.currentEpoch()), 3, "classes");
    }

    /// @dev So does a leaf, of which a tree has 32,768.
    function test_OneStakeCannotUseUpTheLeavesOfAClass() public {
        nextEpoch();
        hopper.stake(CLASS);
        uint256 before = staking.leafCount(0);
        hopper.useUpLeaves(64);
        assertEq(staking.leafCount(0), before, "leaves");
        for (uint256 epoch = 0; epoch < 8; ++epoch) {
            nextEpoch();
            hopper.useUpLeaves(64);
        }
        assertLe(staking.leafCount(0), before + 3, "leaves that one stake has used, in as many epochs as one rests");
    }

    function test_AMoveTooManyNamesItself() public {
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_MovedAlready.selector, address(hopper), staking.currentEpoch())
        );
        hopper.stake(ARM);
        nextEpoch();
        hopper.stake(ARM);
        nextEpoch();
        assertEq(weightOf(address(hopper)), 16, "weight");
    }
}
