// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {ReferenceDraw} from "./ReferenceDraw.sol";
import {StakingBase} from "./StakingBase.sol";

contract DrawTest is StakingBase {
    bytes32 private constant SEED = keccak256("seed");
    address[] private nobody;

    function test_ABlockThatIsNotOverIsRefused() public {
        stakeMany(3);
        uint48 today = uint48(vm.getBlockNumber());
        for (uint48 b = today; b < today + 2; ++b) {
            bytes memory refusal = abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_NotPast.selector, b, today);
            vm.expectRevert(refusal);
            staking.draw(SEED, 1, nobody, b);
            vm.expectRevert(refusal);
            staking.weightAt(nth(0), b);
            vm.expectRevert(refusal);
            staking.totalWeightAt(b);
            vm.expectRevert(refusal);
            staking.validatorAtBlock(0, b);
        }
    }

    function test_NobodyIsDrawnFromNobody() public {
        assertEq(staking.draw(SEED, 5, nobody, lastBlock()).length, 0, "drawn");
    }

    function test_StakeOfThisBlockIsNotDrawn() public {
        stakeMany(3);
        assertEq(staking.draw(SEED, 3, nobody, lastBlock()).length, 0, "same block");
        nextBlock();
        assertEq(staking.draw(SEED, 3, nobody, lastBlock()).length, 3, "next block");
    }

    function test_StakeThatCameAndWentWithinABlockIsNotDrawn() public {
        stakeMany(1);
        address flash = newValidator("flash", 1000 * MINIMUM);
        thawAs(flash, 1000 * MINIMUM);
        nextBlock();
        assertEq(staking.weightAt(flash, lastBlock()), 0, "weight");
        address[] memory drawn = staking.draw(SEED, 2, nobody, lastBlock());
        assertEq(drawn.length, 1, "drawn");
        assertEq(drawn[0], nth(0), "the other");
    }

    function test_MoreSeatsThanValidatorsDrawEachOnce() public {
        stakeMany(7);
        nextBlock();
        address[] memory drawn = staking.draw(SEED, 15, nobody, lastBlock());
        assertEq(drawn.length, 7, "everyone");
        _assertDistinct(drawn);
    }

    function test_ALargerCommitteeBeginsWithTheSmallerOne() public {
        stakeMany(40);
        nextBlock();
        address[] memory whole = staking.draw(SEED, 15, nobody, lastBlock());
        address[] memory first = staking.draw(SEED, 5, nobody, lastBlock());
        address[] memory rest = staking.draw(SEED, 10, first, lastBlock());
        for (uint256 i = 0; i < 15; ++i) {
            assertEq(i < 5 ? first[i] : rest[i - 5], whole[i], "seats follow from the seed, whenever they are drawn");
        }
    }

    function test_SeatedStrangersCountAsSeatsOnly() public {
        stakeMany(10);
        nextBlock();
        address[] memory seated = new address[](2);
        seated[0] = makeAddr("stranger");
        seated[1] = nth(4);
        _assertLikeReference(SEED, 8, seated, lastBlock());
    }

    function test_DrawsFollowTheStakes() public {
        for (uint256 i = 1; i <= 4; ++i) {
            stakeAs(nth(i), i * MINIMUM);
        }
        nextBlock();
        uint256[5] memory first;
        uint256[5] memory within;
        for (uint256 i = 0; i < 2000; ++i) {
            address[] memory drawn = staking.draw(keccak256(abi.encode(i)), 2, nobody, lastBlock());
            ++first[uint160(drawn[0]) - uint160(nth(0))];
            ++within[uint160(drawn[0]) - uint160(nth(0))];
            ++within[uint160(drawn[1]) - uint160(nth(0))];
        }
        // P(first = k) = k / 10; P(k within two) = k / 10 + sum over j != k of j / 10 * k / (10 - j). Five standard
        // deviations of 2000 draws are at most 112.
        uint16[5] memory wantWithin = [0, 470, 883, 1220, 1427];
        for (uint256 k = 1; k <= 4; ++k) {
            assertApproxEqAbs(first[k], 200 * k, 112, "first seat");
            assertApproxEqAbs(within[k], wantWithin[k], 112, "two seats");
        }
    }

    function testFuzz_DrawsEqualTheReference(bytes32 seed, uint256 size, uint256 count, uint256 already) public {
        size = bound(size, 1, 70);
        for (uint256 i = 0; i < size; ++i) {
            stakeAs(nth(i), MINIMUM + uint256(keccak256(abi.encode(seed, "stake", i))) % (1 << (i % 90)));
        }
        for (uint256 i = 0; i < size; i += 3) {
            uint256 stake = of_(nth(i)).stake;
            thawAs(nth(i), uint128(1 + uint256(keccak256(abi.encode(seed, "thaw", i))) % stake));
        }
        nextBlock();
        // Committees have 15 seats at most; draw what the first ones left.
        address[] memory seated = staking.draw(keccak256(abi.encode(seed)), bound(already, 0, 15), nobody, lastBlock());
        _assertLikeReference(seed, bound(count, 0, 16), seated, lastBlock());
    }

    function _assertLikeReference(bytes32 seed, uint256 count, address[] memory seated, uint48 atBlock) private view {
        uint256 leaves = staking.leafCount();
        address[] memory holders = new address[](leaves);
        uint256[] memory weights = new uint256[](leaves);
        uint256 total = 0;
        for (uint256 i = 0; i < leaves; ++i) {
            holders[i] = staking.validatorAt(i);
            if (holders[i] == address(0)) continue;
            IValidatorStaking.Validator memory validator = of_(holders[i]);
            assertEq(validator.leaf, i + 1, "leaf");
            weights[i] = validator.stake - validator.thawing;
            total += weights[i];
        }
        assertEq(staking.totalWeightAt(atBlock), total, "total");
        address[] memory drawn = staking.draw(seed, count, seated, atBlock);
        assertEq(drawn, ReferenceDraw.draw(seed, count, seated, holders, weights), "drawn");
        _assertDistinct(drawn);
        for (uint256 i = 0; i < drawn.length; ++i) {
            assertGt(staking.weightAt(drawn[i], atBlock), 0, "weightless");
            for (uint256 j = 0; j < seated.length; ++j) {
                assertNotEq(drawn[i], seated[j], "seated");
            }
        }
    }

    function _assertDistinct(address[] memory list) private pure {
        for (uint256 i = 0; i < list.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertNotEq(list[i], list[j], "drawn twice");
            }
        }
    }
}
