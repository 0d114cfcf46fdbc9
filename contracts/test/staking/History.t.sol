// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {ReferenceDraw} from "./ReferenceDraw.sol";
import {StakingBase} from "./StakingBase.sol";

/// @notice What a past block looked like stays, whatever happens to the leaves afterwards.
contract HistoryTest is StakingBase {
    uint256 private constant PEOPLE = 12;

    /// @dev As the test saw the chain at the end of a block.
    struct Snapshot {
        uint48 blockNumber;
        uint256[] weights; // by person
        address[] holders; // by leaf
        uint256[] weightsByLeaf;
        address[] committee;
    }

    Snapshot[] private _snapshots;
    address[] private nobody;

    function test_ALeafThatWasGivenUpIsGivenToTheNext() public {
        stakeMany(3);
        nextBlock();
        uint48 early = lastBlock();
        thawAs(nth(1), MINIMUM + 1);
        nextBlock();
        uint48 vacant = lastBlock();
        address heir = newValidator("heir", 7 * MINIMUM);
        nextBlock();

        assertEq(staking.leafCount(), 3, "no new leaf");
        assertEq(staking.validatorAt(1), heir, "now");
        assertEq(staking.validatorAtBlock(1, early), nth(1), "then");
        assertEq(staking.validatorAtBlock(1, vacant), address(0), "between");
        assertEq(staking.weightAt(nth(1), early), MINIMUM + 1, "weight then");
        assertEq(staking.weightAt(nth(1), lastBlock()), 0, "weight now");
        assertEq(staking.weightAt(heir, early), 0, "the heir's then");
        assertEq(staking.weightAt(heir, vacant), 0, "the heir's between");
        assertEq(staking.weightAt(heir, lastBlock()), 7 * MINIMUM, "the heir's now");
    }

    function test_ALeafThatChangesHandsWithinABlockIsTheLastHoldersAtItsEnd() public {
        stakeMany(1);
        nextBlock();
        thawAs(nth(0), MINIMUM);
        address heir = newValidator("heir", 3 * MINIMUM);
        nextBlock();
        assertEq(staking.validatorAtBlock(0, lastBlock() - 1), nth(0), "before");
        assertEq(staking.validatorAtBlock(0, lastBlock()), heir, "after");
        assertEq(staking.weightAt(nth(0), lastBlock()), 0, "the one who left");
        assertEq(staking.totalWeightAt(lastBlock()), 3 * MINIMUM, "total");
    }

    function test_AMemberSlashedToNothingIsStillNotDrawnAgainThoughItsLeafIsAnothers() public {
        stakeMany(6);
        nextBlock();
        uint48 atBlock = lastBlock();
        address[] memory seated = staking.draw(keccak256("job"), 3, nobody, atBlock);
        address[][] memory before = new address[][](16);
        for (uint256 i = 0; i < before.length; ++i) {
            before[i] = staking.draw(bytes32(i), 3, seated, atBlock);
        }
        slashOf(seated[0], type(uint128).max);
        nextBlock();
        address heir = newValidator("heir", 1000 * MINIMUM);
        assertEq(of_(seated[0]).leaf, 0, "without a leaf");
        assertGt(of_(heir).leaf, 0, "with one");
        nextBlock();
        for (uint256 i = 0; i < before.length; ++i) {
            assertEq(staking.draw(bytes32(i), 3, seated, atBlock), before[i], "the growth of the committee");
        }
    }

    function testFuzz_PastBlocksNeverChange(bytes32 entropy) public {
        for (uint256 step = 0; step < 12; ++step) {
            uint256 actions = uint256(entropy) % 4;
            for (uint256 i = 0; i <= actions; ++i) {
                entropy = keccak256(abi.encode(entropy));
                _act(uint256(entropy));
            }
            Snapshot memory now_ = _observe();
            nextBlock();
            _keep(now_);
            if (entropy[0] < 0x40) skipTime(THAW_PERIOD);
        }
        for (uint256 i = 0; i < _snapshots.length; ++i) {
            _assertStands(_snapshots[i]);
        }
    }

    function _act(uint256 entropy) private {
        address who = nth(entropy % PEOPLE);
        IValidatorStaking.Validator memory validator = of_(who);
        uint256 working = validator.stake - validator.thawing;
        uint256 kind = (entropy >> 16) % 8;
        uint256 size = entropy >> 32;
        if (kind < 3 || validator.stake == 0) {
            stakeAs(who, MINIMUM + size % (5 * MINIMUM));
        } else if (kind < 5 && working != 0) {
            thawAs(who, uint128(size % 3 == 0 ? working : 1 + size % working));
        } else if (kind == 5) {
            slashOf(who, uint128(size % 2 == 0 ? validator.stake : size % validator.stake));
        } else if (kind == 6 && validator.thawing != 0) {
            vm.prank(who);
            staking.cancelThaw();
        } else if (kind == 7 && validator.thawing != 0 && validator.thawsAt <= vm.getBlockTimestamp()) {
            vm.prank(who);
            staking.release();
        }
    }

    /// @dev The stakes as the validators' own records say them, not as the tree does.
    function _observe() private view returns (Snapshot memory now_) {
        now_.blockNumber = uint48(vm.getBlockNumber());
        now_.weights = new uint256[](PEOPLE);
        uint256 leaves = staking.leafCount();
        now_.holders = new address[](leaves);
        now_.weightsByLeaf = new uint256[](leaves);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            IValidatorStaking.Validator memory validator = of_(nth(i));
            uint256 working = validator.stake - validator.thawing;
            if (working < MINIMUM) continue;
            now_.weights[i] = working;
            now_.holders[validator.leaf - 1] = nth(i);
            now_.weightsByLeaf[validator.leaf - 1] = working;
        }
    }

    function _keep(Snapshot memory now_) private {
        bytes32 seed = bytes32(uint256(now_.blockNumber));
        now_.committee = ReferenceDraw.draw(seed, 5, nobody, now_.holders, now_.weightsByLeaf);
        _snapshots.push(now_);
        _assertStands(now_);
    }

    function _assertStands(Snapshot memory past) private view {
        uint256 total = 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            assertEq(staking.weightAt(nth(i), past.blockNumber), past.weights[i], "weight");
            total += past.weights[i];
        }
        assertEq(staking.totalWeightAt(past.blockNumber), total, "total");
        for (uint256 i = 0; i < staking.leafCount(); ++i) {
            address want = i < past.holders.length ? past.holders[i] : address(0);
            assertEq(staking.validatorAtBlock(i, past.blockNumber), want, "holder");
        }
        assertEq(staking.draw(bytes32(uint256(past.blockNumber)), 5, nobody, past.blockNumber), past.committee, "committee");
    }
}
