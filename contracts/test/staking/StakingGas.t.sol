// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seat} from "../../types/Seat.sol";
import {ValidatorStaking} from "../../ValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {StakingBase} from "./StakingBase.sol";

/// @title What staking costs, and that it does not grow with the number of validators.
contract StakingGasTest is StakingBase {
    string private constant GROUP = "ValidatorStaking";
    Seat[] private nobody;

    /// @dev The draw's own gas, as the market pays it within its `open`. A draw is a view, which `isolate` leaves warm.
    function _measureDraw(string memory name, uint256 count, Seat[] memory seated) private returns (uint256) {
        uint256 epoch = staking.currentEpoch();
        uint256 all = staking.ALL_TREES();
        vm.cool(address(staking));
        Seat[] memory drawn = staking.draw(keccak256("seed"), count, seated, all, epoch);
        uint256 gas = vm.snapshotGasLastCall(GROUP, name);
        assertEq(drawn.length, count, "drawn");
        return gas;
    }

    function test_GasOfAStake() public {
        stakeAs(nth(0), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake, the first of a class");
        stakeAs(nth(1), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake, the second");
        nextEpoch();
        stakeAs(nth(0), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake more, the first change of an epoch");
        stakeAs(nth(1), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake more, another change of an epoch");
        thawAs(nth(1), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "thaw a part");
        vm.prank(nth(1));
        staking.cancelThaw();
        vm.snapshotGasLastCall(GROUP, "cancelThaw");
        slashOf(nth(1), MINIMUM + 1);
        vm.snapshotGasLastCall(GROUP, "slash to below the minimum");
        thawAs(nth(0), 2 * MINIMUM);
        vm.snapshotGasLastCall(GROUP, "thaw everything");
        skipTime(THAW_PERIOD);
        vm.prank(nth(0));
        staking.release();
        vm.snapshotGasLastCall(GROUP, "release everything");
    }

    function test_TenThousandValidatorsCostNoMoreThanAHundred() public {
        stakeMany(100);
        nextEpoch();
        uint256 few = _measureDraw("draw 3 of 100", 3, nobody);
        _measureDraw("draw 7 of 100", 7, nobody);
        _fill(100, 10_000);
        nextEpoch();
        uint256 many = _measureDraw("draw 3 of 10,000", 3, nobody);
        Seat[] memory seven = staking.draw(keccak256("seed"), 7, nobody, staking.ALL_TREES(), staking.currentEpoch());
        _measureDraw("draw 7 of 10,000", 7, nobody);
        _measureDraw("draw 8 more of 10,000, 7 seated", 8, seven);
        // A hundred leaves are below thirteen nodes, so that three draws share some words; of ten thousand they share fewer.
        assertTrue(many < few + 3 * 4 * 2_100, "a word a level at most");
        stakeAs(nth(10_000), MINIMUM);
        vm.snapshotGasLastCall(GROUP, "stake, the 10,001st");
    }

    /// @dev Contracts that stake when they are made: a thousand in one call, which is far cheaper to simulate than a thousand calls.
    function _fill(uint256 from, uint256 to) private {
        Crowd crowd = new Crowd();
        for (; from < to; from += 1000) {
            uint256 count = to - from < 1000 ? to - from : 1000;
            vm.deal(address(crowd), count * MINIMUM);
            crowd.join(staking, count, MINIMUM);
        }
    }
}

contract Crowd {
    function join(ValidatorStaking staking, uint256 count, uint256 amount) external {
        for (uint256 i = 0; i < count; ++i) {
            new CrowdMember{value: amount}(staking);
        }
    }
}

contract CrowdMember {
    constructor(ValidatorStaking staking) payable {
        staking.stake{value: msg.value}(EnvironmentClass.wrap(bytes32("x86-64")), "");
    }
}
