// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Leaves} from "../../libraries/Leaves.sol";
import {Sortition} from "../../libraries/Sortition.sol";
import {SumTree} from "../../libraries/SumTree.sol";
import {TestBase} from "../support/TestBase.sol";

/// @dev The libraries, callable.
contract Forest {
    using Leaves for Leaves.Book;
    using Sortition for Sortition.Urn;
    using SumTree for SumTree.Tree;

    SumTree.Tree private _tree;
    Leaves.Book private _leaves;

    function set(uint256 leaf, uint256 weight) external {
        _tree.set(leaf, weight);
    }

    function take(address account) external returns (uint256) {
        return _leaves.take(account);
    }

    function vacate(address account, uint256 leaf) external {
        _leaves.vacate(account, leaf);
    }

    function hasRoom() external view returns (bool) {
        return _leaves.hasRoom();
    }

    function holder(uint256 leaf) external view returns (address) {
        return _leaves.holder(leaf);
    }

    function weightAt(uint256 leaf, uint48 blockNumber) external view returns (uint256) {
        return _tree.weightAt(leaf, blockNumber);
    }

    function totalAt(uint48 blockNumber) external view returns (uint256) {
        return _tree.totalAt(blockNumber);
    }

    function heightAt(uint48 blockNumber) external view returns (uint256) {
        return _tree.heightAt(blockNumber);
    }

    /// @dev Where a ticket falls once these leaves are excluded.
    function find(uint256 ticket, uint256[] calldata excluded, uint48 blockNumber) external view returns (uint256 leaf, uint256 remaining) {
        Sortition.Urn memory urn = Sortition.urn(_tree, blockNumber, excluded.length + 1);
        for (uint256 i = 0; i < excluded.length; ++i) {
            urn.exclude(_tree, excluded[i]);
        }
        remaining = urn.remaining;
        leaf = urn.take(_tree, ticket);
    }
}

contract SumTreeTest is TestBase {
    Forest private forest;
    uint256[] private none;

    function setUp() public {
        forest = new Forest();
        skipBlocks(10);
    }

    function test_AnEmptyTreeWeighsNothing() public view {
        assertEq(forest.totalAt(5), 0, "total");
        assertEq(forest.weightAt(0, 5), 0, "leaf");
    }

    function test_ALeafBeyondTheCapacityIsRefused() public {
        forest.set(SumTree.CAPACITY - 1, 1);
        vm.expectRevert(abi.encodeWithSelector(SumTree.SumTree_NoSuchLeaf.selector, SumTree.CAPACITY));
        forest.set(SumTree.CAPACITY, 1);
    }

    function test_TheTreeGrowsWithItsLeavesAndThePastStaysLow() public {
        uint48 first = uint48(vm.getBlockNumber());
        for (uint256 i = 0; i < 9; ++i) {
            forest.set(i, 10 + i);
            nextBlock();
        }
        uint8[9] memory heights = [0, 1, 2, 2, 3, 3, 3, 3, 4];
        for (uint48 i = 0; i < 9; ++i) {
            assertEq(forest.heightAt(first + i), heights[i], "height");
            _assertSearch(i + 1, first + i, none);
        }
    }

    function test_AllLeavesCanBeTakenAndNoMore() public {
        for (uint256 i = 0; i < SumTree.CAPACITY; ++i) {
            assertTrue(forest.hasRoom(), "room");
            assertEq(forest.take(address(uint160(i + 1))), i, "in order");
        }
        assertFalse(forest.hasRoom(), "full");
        forest.vacate(address(78), 77);
        forest.vacate(address(6), 5);
        assertTrue(forest.hasRoom(), "room again");
        assertEq(forest.take(address(0xA)), 5, "the last given up");
        assertEq(forest.take(address(0xB)), 77, "the first given up");
        assertFalse(forest.hasRoom(), "full again");
        assertEq(forest.holder(77), address(0xB), "holder");
    }

    function testFuzz_SearchesEqualAWalkOverTheLeaves(bytes32 entropy, uint8 scale) public {
        uint256 span = 1 << bound(scale, 0, 6);
        uint256[] memory weights = new uint256[](span);
        for (uint256 i = 0; i < 24; ++i) {
            entropy = keccak256(abi.encode(entropy));
            uint256 leaf = uint256(entropy) % span;
            uint256 weight = entropy[0] < 0x30 ? 0 : uint256(uint128(bytes16(entropy)) >> (uint8(entropy[31]) % 128));
            forest.set(leaf, weight);
            weights[leaf] = weight;
            if (entropy[1] < 0x80) nextBlock();
        }
        nextBlock();
        uint48 past = uint48(vm.getBlockNumber() - 1);
        uint256 total = 0;
        for (uint256 i = 0; i < span; ++i) {
            assertEq(forest.weightAt(i, past), weights[i], "weight");
            total += weights[i];
        }
        assertEq(forest.totalAt(past), total, "total");
        _assertSearch(span, past, none);
        uint256[] memory excluded = new uint256[](span > 2 ? 3 : 1);
        for (uint256 i = 0; i < excluded.length; ++i) {
            excluded[i] = (uint256(entropy) + i) % span;
        }
        _assertSearch(span, past, excluded);
    }

    /// @dev The first and the last ticket of every leaf fall on it.
    function _assertSearch(uint256 span, uint48 past, uint256[] memory excluded) private view {
        uint256 start = 0;
        for (uint256 leaf = 0; leaf < span; ++leaf) {
            uint256 weight = forest.weightAt(leaf, past);
            for (uint256 i = 0; i < excluded.length; ++i) {
                if (excluded[i] == leaf) weight = 0;
            }
            if (weight == 0) continue;
            (uint256 first,) = forest.find(start, excluded, past);
            (uint256 last, uint256 remaining) = forest.find(start + weight - 1, excluded, past);
            assertEq(first, leaf, "first ticket");
            assertEq(last, leaf, "last ticket");
            start += weight;
            assertLe(start, remaining, "remaining");
        }
    }
}
