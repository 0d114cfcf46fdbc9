// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {SumTree} from "../../libraries/SumTree.sol";
import {StakingBase} from "./StakingBase.sol";

/// @notice What each call costs as a transaction of its own, every slot cold.
abstract contract StakingGasBase is StakingBase {
    string internal constant GROUP = "ValidatorStaking";
    address[] internal nobody;

    /// @dev The draw's own gas, as the market pays it within its `open`. A draw is a view, which `isolate` leaves warm.
    function _measureDraw(string memory name, uint256 count, address[] memory seated) internal {
        vm.cool(address(staking));
        address[] memory drawn = staking.draw(keccak256("seed"), count, seated, lastBlock());
        vm.snapshotGasLastCall(GROUP, name);
        assertEq(drawn.length, count, "drawn");
    }

    function _committee() internal view returns (address[] memory) {
        return staking.draw(keccak256("seed"), 7, nobody, lastBlock());
    }
}

contract StakingGasTest is StakingGasBase {
    function test_GasAmongFive() public {
        stakeAs(nth(0), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake, the first validator");
        for (uint256 i = 1; i < 5; ++i) {
            stakeAs(nth(i), MINIMUM);
        }
        vm.snapshotGasLastCall(GROUP, "stake, the 5th validator");
        nextBlock();
        _measureDraw("draw 3 of 5", 3, nobody);
    }

    function test_GasAmongAHundred() public {
        stakeMany(100);
        vm.snapshotGasLastCall(GROUP, "stake, the 100th validator");
        nextBlock();
        _measureDraw("draw 5 of 100", 5, nobody);
        stakeAs(nth(50), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake, more, among 100");
        nextBlock();
        thawAs(nth(50), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "thaw a part, among 100");
        nextBlock();
        vm.prank(nth(50));
        staking.cancelThaw();
        vm.snapshotGasLastCall(GROUP, "cancelThaw, among 100");
        nextBlock();
        thawAs(nth(50), 2 * MINIMUM + 50);
        vm.snapshotGasLastCall(GROUP, "thaw everything, among 100");
        skipTime(THAW_PERIOD);
        nextBlock();
        vm.prank(nth(50));
        staking.release();
        vm.snapshotGasLastCall(GROUP, "release everything");
        lockOne(nth(51));
        vm.snapshotGasLastCall(GROUP, "lock 1");
        slashOf(nth(51), 1);
        vm.snapshotGasLastCall(GROUP, "slash to below the minimum, among 100");
        unlockOne(nth(51));
        vm.snapshotGasLastCall(GROUP, "unlock 1");
    }

    function test_GasAmongAThousand() public {
        stakeMany(1000);
        vm.snapshotGasLastCall(GROUP, "stake, the 1000th validator");
        nextBlock();
        _measureDraw("draw 5 of 1000", 5, nobody);
    }
}

/// @notice All leaves in use: the worst case of everything.
contract StakingFullTest is StakingGasBase {
    uint256 private constant HALF = SumTree.CAPACITY / 2;

    /// @dev The other half in `_fill`: a test's gas does not suffice for all.
    function setUp() public override {
        super.setUp();
        stakeMany(HALF);
    }

    function test_WhenEveryLeafIsTakenTheNextValidatorWaitsForOneAndNobodyIsTrapped() public {
        _fill();
        address late = makeFunded("late", 2 * MINIMUM);
        bytes memory refusal = abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_Full.selector, SumTree.CAPACITY);
        vm.prank(late);
        vm.expectRevert(refusal);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);

        thawAs(nth(9), MINIMUM + 9);
        vm.prank(late);
        staking.stake{value: MINIMUM}(CLASS, ENDPOINT);
        assertEq(staking.validatorAt(9), late, "the leaf that was given up");
        assertEq(staking.leafCount(), SumTree.CAPACITY, "no more leaves");

        vm.prank(nth(9));
        vm.expectRevert(refusal);
        staking.cancelThaw();
        skipTime(THAW_PERIOD);
        vm.prank(nth(9));
        staking.release();
        assertEq(staking.creditOf(nth(9)), MINIMUM + 9, "it can always leave");
    }

    function test_GasAmongAll() public {
        _fill();
        vm.snapshotGasLastCall(GROUP, "stake, the 4096th validator");
        nextBlock();
        _measureDraw("draw 5 of 4096", 5, nobody);
        _measureDraw("draw 8 more of 4096, 7 seated", 8, _committee());
        // The leaf with the most left children above it.
        slashOf(nth(0), 1);
        vm.snapshotGasLastCall(GROUP, "slash to below the minimum, among 4096");
    }

    function _fill() private {
        for (uint256 i = HALF; i < SumTree.CAPACITY; ++i) {
            stakeAs(nth(i), MINIMUM + i);
        }
    }
}
