// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IValidatorStaking} from "../../interfaces/IValidatorStaking.sol";
import {EnvironmentClass} from "../../types/Ids.sol";
import {Seat, seatOf} from "../../types/Seat.sol";
import {ReferenceDraw} from "./ReferenceDraw.sol";
import {StakingBase} from "./StakingBase.sol";

contract DrawTest is StakingBase {
    bytes32 private constant SEED = keccak256("seed");
    Seat[] private nobody;

    function _draw(bytes32 seed, uint256 count, Seat[] memory seated) private view returns (Seat[] memory) {
        return staking.draw(seed, count, seated, staking.ALL_TREES(), staking.currentEpoch());
    }

    function testFuzz_ADrawIsThatOfThePlainestWay(bytes32 seed, uint256 size, uint256 already, uint256 count) public {
        size = bound(size, 1, 40);
        stakeMany(size);
        for (uint256 i = 0; i < size; i += 3) {
            stakeAs(nth(i), uint256(keccak256(abi.encode(seed, "more", i))) % (9 * MINIMUM));
        }
        nextEpoch();
        uint256[] memory weights = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) {
            weights[i] = weightOf(nth(i));
        }
        already = bound(already, 0, size);
        Seat[] memory seated = _draw(seed, already, nobody);
        _same(seated, ReferenceDraw.draw(seed, 0, already, weights));
        count = bound(count, 0, 15);
        _same(_draw(seed, count, seated), ReferenceDraw.draw(seed, already, count, weights));
    }

    /// @dev Of many classes, some of whose first members weigh nothing any more, so that a draw begins at any node.
    function testFuzz_ADrawFromAllClassesIsThatOfThePlainestWay(bytes32 seed, uint256 trees, uint256 already) public {
        trees = bound(trees, 1, 20);
        (uint256[] memory leaves, uint256[] memory weights) = _classes(seed, trees);
        already = bound(already, 0, 7);
        Seat[] memory seated = _draw(seed, already, nobody);
        _sameLeaves(seated, ReferenceDraw.draw(seed, 0, already, weights), leaves);
        _sameLeaves(_draw(seed, 8, seated), ReferenceDraw.draw(seed, already, 8, weights), leaves);
    }

    /// @return leaves of all that were ever used, in order
    /// @return weights theirs
    function _classes(bytes32 seed, uint256 trees) private returns (uint256[] memory leaves, uint256[] memory weights) {
        (leaves, weights) = (new uint256[](10 * trees), new uint256[](10 * trees));
        uint256 count = 0;
        for (uint256 tree = 0; tree < trees; ++tree) {
            uint256 members = 1 + uint256(keccak256(abi.encode(seed, tree))) % 10;
            for (uint256 i = 0; i < members; ++i) {
                address account = nth(count);
                vm.deal(account, MINIMUM);
                vm.prank(account);
                staking.stake{value: MINIMUM}(EnvironmentClass.wrap(bytes32(tree + 1)), ENDPOINT);
                leaves[count++] = (tree << 15) + i;
            }
        }
        nextEpoch();
        for (uint256 i = 0; i < count; ++i) {
            if (uint256(keccak256(abi.encode(seed, "leaves", i / 4))) % 2 == 0) thawAs(nth(i), MINIMUM);
        }
        nextEpoch();
        for (uint256 i = 0; i < count; ++i) {
            weights[i] = weightOf(nth(i));
        }
    }

    function _sameLeaves(Seat[] memory have, uint256[] memory want, uint256[] memory leaves) private pure {
        assertEq(have.length, want.length, "count");
        for (uint256 i = 0; i < have.length; ++i) {
            assertEq(Seat.unwrap(have[i]), Seat.unwrap(seatOf(nth(want[i]), leaves[want[i]])), "seat");
        }
    }

    function _same(Seat[] memory have, uint256[] memory want) private pure {
        assertEq(have.length, want.length, "count");
        for (uint256 i = 0; i < have.length; ++i) {
            assertEq(Seat.unwrap(have[i]), Seat.unwrap(seatOf(nth(want[i]), want[i])), "seat");
        }
    }

    function test_StakeThatMovesWeighsNothingInItsOwnEpoch() public {
        stakeMany(5);
        nextEpoch();
        bytes32 before = keccak256(abi.encode(_draw(SEED, 5, nobody)));
        stakeAs(nth(1), 1000 * MINIMUM);
        stakeAs(nth(7), 1000 * MINIMUM);
        thawAs(nth(0), MINIMUM);
        slashOf(nth(2), MINIMUM);
        assertEq(keccak256(abi.encode(_draw(SEED, 5, nobody))), before, "in this epoch");
        uint256 epoch = staking.currentEpoch();
        nextEpoch();
        Seat[] memory late = staking.draw(SEED, 5, nobody, staking.ALL_TREES(), epoch);
        assertEq(keccak256(abi.encode(late)), before, "in the next, for that one");
        assertTrue(keccak256(abi.encode(_draw(SEED, 5, nobody))) != before, "for the next");
    }

    function test_AnEpochCanBeDrawnForUntilTheEndOfTheNext() public {
        stakeMany(3);
        nextEpoch();
        uint256 epoch = staking.currentEpoch();
        vm.warp((epoch + 2) * EPOCH - 1);
        staking.draw(SEED, 3, nobody, 0, epoch);
        vm.warp((epoch + 2) * EPOCH);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_WrongEpoch.selector, epoch, epoch + 2));
        staking.draw(SEED, 3, nobody, 0, epoch);
        vm.expectRevert(abi.encodeWithSelector(IValidatorStaking.ValidatorStaking_WrongEpoch.selector, epoch + 3, epoch + 2));
        staking.draw(SEED, 3, nobody, 0, epoch + 3);
    }

    /// @dev Of the first tree's second 512 leaves those from the 64th on weigh as much as all of the second tree.
    function test_ADrawStaysInItsTreeWhereAnotherTreesNodeWeighsAsMuch() public {
        for (uint256 i = 0; i < 579; ++i) {
            stakeAs(nth(i), MINIMUM);
            if (i >= 512 && i < 576) thawAs(nth(i), MINIMUM);
        }
        for (uint256 i = 579; i < 582; ++i) {
            vm.deal(nth(i), MINIMUM);
            vm.prank(nth(i));
            staking.stake{value: MINIMUM}(EnvironmentClass.wrap("another"), ENDPOINT);
        }
        nextEpoch();
        Seat[] memory drawn = staking.draw(SEED, 3, new Seat[](0), 1, staking.currentEpoch());
        assertEq(drawn.length, 3, "all of the second tree");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(drawn[i].treeOf(), 1, "tree");
        }
    }

    function test_ChangesInEveryEpochLeaveTheLastTwoReadable() public {
        stakeMany(2);
        nextEpoch();
        for (uint256 i = 1; i < 9; ++i) {
            stakeAs(nth(0), MINIMUM);
            assertEq(weightOf(nth(0)), i * 16, "now");
            assertEq(weightOf(nth(0), staking.currentEpoch() + 1), (i + 1) * 16, "next");
            if (i > 1) assertEq(weightOf(nth(0), staking.currentEpoch() - 1), (i - 1) * 16, "before");
            nextEpoch();
        }
    }

    function test_ATreeHoldsOneClass() public {
        stakeMany(4);
        address other = makeFunded("arm", MINIMUM);
        vm.prank(other);
        staking.stake{value: MINIMUM}(EnvironmentClass.wrap("arm64"), ENDPOINT);
        nextEpoch();
        (uint256 tree, bool own) = staking.treeOf(EnvironmentClass.wrap("arm64"));
        assertTrue(own, "a tree of its own");
        Seat[] memory drawn = staking.draw(SEED, 3, nobody, tree, staking.currentEpoch());
        assertEq(drawn.length, 1, "one of that class");
        assertEq(drawn[0].memberOf(), other, "member");
        assertEq(staking.draw(SEED, 9, nobody, 0, staking.currentEpoch()).length, 4, "the others");
        assertEq(_draw(SEED, 9, nobody).length, 5, "all");
    }

    function test_AChangeOfClassMovesToItsTreeWithTheNextEpoch() public {
        stakeMany(2);
        nextEpoch();
        vm.prank(nth(0));
        staking.stake(EnvironmentClass.wrap("arm64"), ENDPOINT);
        assertEq(staking.draw(SEED, 2, nobody, 0, staking.currentEpoch()).length, 2, "still here");
        nextEpoch();
        assertEq(staking.draw(SEED, 2, nobody, 0, staking.currentEpoch()).length, 1, "gone");
        assertEq(staking.draw(SEED, 2, nobody, 1, staking.currentEpoch())[0].memberOf(), nth(0), "there");
        assertEq(_draw(SEED, 9, nobody).length, 2, "each once");
    }

    function test_ClassesBeyondTheTreesShareTheLastAndNobodyIsKeptOut() public {
        for (uint256 i = 0; i < 66; ++i) {
            address account = nth(i);
            vm.deal(account, MINIMUM);
            vm.prank(account);
            staking.stake{value: MINIMUM}(EnvironmentClass.wrap(bytes32(i + 1)), ENDPOINT);
        }
        nextEpoch();
        (uint256 tree, bool own) = staking.treeOf(EnvironmentClass.wrap(bytes32(uint256(63))));
        assertTrue(own && tree == 62, "the last tree of its own");
        (tree, own) = staking.treeOf(EnvironmentClass.wrap(bytes32(uint256(64))));
        assertTrue(!own && tree == 63, "the shared one");
        assertEq(staking.draw(SEED, 9, nobody, 63, staking.currentEpoch()).length, 3, "three share it");
        assertEq(_draw(SEED, 70, nobody).length, 66, "all are drawn");
    }

    function test_ATreeThatNobodyUsesGoesToTheNextClass() public {
        address first = newValidator("first", MINIMUM);
        nextEpoch();
        thawAs(first, MINIMUM);
        nextEpoch();
        _join("second", "arm64");
        (uint256 tree, bool own) = staking.treeOf(EnvironmentClass.wrap("arm64"));
        assertTrue(own && tree == 1, "a draw could still see the first tree's");
        nextEpoch();
        _join("third", "riscv");
        (tree, own) = staking.treeOf(EnvironmentClass.wrap("riscv"));
        assertTrue(own && tree == 0, "the first tree");
        (, own) = staking.treeOf(CLASS);
        assertFalse(own, "the first class has none");
    }

    function _join(string memory name, bytes32 class) private {
        address account = makeFunded(name, MINIMUM);
        vm.prank(account);
        staking.stake{value: MINIMUM}(EnvironmentClass.wrap(class), ENDPOINT);
    }

    /* COMMITTEES OF TWO CLASSES */

    function _spread(bytes32 seed, uint256 count, Seat[] memory seated) private view returns (Seat[] memory) {
        return staking.draw(seed, count, seated, staking.SPREAD(), staking.currentEpoch());
    }

    /// @dev The plainest way: all leaves in a row, and those that cannot be drawn weigh nothing.
    function _plainly(bytes32 seed, uint256 count, uint256[] memory leaves, uint256[] memory weights)
        private
        pure
        returns (uint256[] memory drawn, uint256 seats)
    {
        drawn = new uint256[](count);
        for (; seats < count; ++seats) {
            uint256 total = 0;
            uint256[] memory now_ = new uint256[](leaves.length);
            for (uint256 i = 0; i < leaves.length; ++i) {
                if (seats != 1 || leaves[i] / 32768 != drawn[0] / 32768) now_[i] = weights[i];
                total += now_[i];
            }
            if (total == 0) break;
            uint256 ticket = uint256(keccak256(abi.encode(seed, seats))) % total;
            uint256 at = 0;
            for (; ticket >= now_[at]; ++at) {
                ticket -= now_[at];
            }
            (drawn[seats], weights[at]) = (leaves[at], 0);
        }
    }

    function testFuzz_ASpreadDrawIsThatOfThePlainestWay(bytes32 seed, uint256 size, uint256 classes, uint256 first) public {
        (size, classes, first) = (bound(size, 1, 20), bound(classes, 1, 12), bound(first, 0, 15));
        for (uint256 i = 0; i < size; ++i) {
            uint256 amount = MINIMUM + uint256(keccak256(abi.encode(seed, i))) % (9 * MINIMUM);
            vm.deal(nth(i), amount);
            vm.prank(nth(i));
            staking.stake{value: amount}(EnvironmentClass.wrap(bytes32(1 + uint256(keccak256(abi.encode("class", i, seed))) % classes)), ENDPOINT);
        }
        nextEpoch();
        (uint256[] memory leaves, uint256[] memory weights) = _byLeaf(size);
        (uint256[] memory want, uint256 seats) = _plainly(seed, 15, leaves, weights);
        // However many of them are drawn first: as a committee grows.
        Seat[] memory seated = _spread(seed, first, nobody);
        Seat[] memory rest = seated.length < first ? new Seat[](0) : _spread(seed, 15 - first, seated);
        assertEq(seated.length + rest.length, seats, "count");
        for (uint256 i = 0; i < seats; ++i) {
            assertEq((i < seated.length ? seated[i] : rest[i - seated.length]).leafOf(), want[i], "leaf");
        }
    }

    /// @dev All validators' leaves in order, and what they weigh.
    function _byLeaf(uint256 size) private view returns (uint256[] memory leaves, uint256[] memory weights) {
        (leaves, weights) = (new uint256[](size), new uint256[](size));
        uint256 count = 0;
        for (uint256 tree = 0; tree < 64; ++tree) {
            for (uint256 leaf = tree * 32768; leaf < tree * 32768 + staking.leafCount(tree); ++leaf) {
                (leaves[count], weights[count]) = (leaf, staking.weightAt(leaf, staking.currentEpoch()));
                ++count;
            }
        }
    }

    function test_AnySeedSpansTwoClassesHoweverLittleOneOfThemWeighs() public {
        stakeAs(nth(0), 4000 * MINIMUM);
        stakeAs(nth(1), 4000 * MINIMUM);
        stakeAs(nth(2), 4000 * MINIMUM);
        _join("arm", "arm64");
        nextEpoch();
        uint256 alone = 0;
        for (uint256 i = 0; i < 100; ++i) {
            Seat[] memory drawn = _spread(bytes32(i), 3, nobody);
            assertEq(drawn.length, 3, "size");
            assertTrue(drawn[0].treeOf() != drawn[1].treeOf(), "two classes");
            if (drawn[2].treeOf() != 0) ++alone;
        }
        assertEq(alone, 0, "and no more of the light one than it weighs");
    }

    function test_WithOneClassASpreadCommitteeHasOneSeat() public {
        stakeMany(9);
        nextEpoch();
        assertEq(staking.classesAt(staking.currentEpoch()), 1, "classes");
        assertEq(_spread(SEED, 3, nobody).length, 1, "and no second");
        _join("arm", "arm64");
        assertEq(staking.classesAt(staking.currentEpoch()), 1, "in this epoch");
        assertEq(staking.classesAt(staking.currentEpoch() + 1), 2, "in the next");
        nextEpoch();
        assertEq(_spread(SEED, 3, nobody).length, 3, "then there is one");
    }

    function test_AClassThatRunsEmptyCountsNoMore() public {
        stakeMany(9);
        _join("arm", "arm64");
        nextEpoch();
        thawAs(makeAddr("arm"), MINIMUM);
        assertEq(staking.classesAt(staking.currentEpoch()), 2, "in this epoch");
        assertEq(_spread(SEED, 3, nobody).length, 3, "as well");
        nextEpoch();
        assertEq(staking.classesAt(staking.currentEpoch()), 1, "in the next");
        assertEq(_spread(SEED, 3, nobody).length, 1, "as well");
    }

    /// @dev Who shares a tree may be of any class, so they span nothing.
    function test_ClassesWithoutATreeOfTheirOwnAreNotSpread() public {
        for (uint256 i = 0; i < 70; ++i) {
            vm.deal(nth(i), 100 * MINIMUM);
            vm.prank(nth(i));
            staking.stake{value: i < 63 ? MINIMUM : 100 * MINIMUM}(EnvironmentClass.wrap(bytes32(i + 1)), ENDPOINT);
        }
        nextEpoch();
        assertEq(staking.classesAt(staking.currentEpoch()), 63, "classes");
        Seat[] memory all = _spread(SEED, 70, nobody);
        assertEq(all.length, 63, "seats");
        for (uint256 i = 0; i < 63; ++i) {
            assertLt(all[i].treeOf(), 63, "none of the shared tree");
        }
    }

    function test_ATreeKnowsSinceWhenItIsAClasss() public {
        uint256 began = staking.currentEpoch();
        address one = newValidator("first", MINIMUM);
        assertEq(staking.assignedIn(0), began, "with its first validator");
        nextEpoch();
        newValidator("another", MINIMUM);
        thawAs(one, MINIMUM);
        thawAs(makeAddr("another"), MINIMUM);
        assertEq(staking.assignedIn(0), began, "whoever comes and goes");
        nextEpoch();
        nextEpoch();
        _join("arm", "arm64");
        assertEq(staking.assignedIn(0), staking.currentEpoch(), "until it is another's");
    }

    function test_ALeafRestsForTwoEpochs() public {
        address first = newValidator("first", MINIMUM);
        newValidator("second", MINIMUM);
        nextEpoch();
        thawAs(first, MINIMUM);
        assertEq(of_(newValidator("third", MINIMUM)).leaf, 3, "in the same epoch");
        nextEpoch();
        assertEq(of_(newValidator("fourth", MINIMUM)).leaf, 4, "in the next");
        assertEq(staking.holderOf(0), first, "a late draw finds its name");
        nextEpoch();
        address fifth = newValidator("fifth", MINIMUM);
        assertEq(of_(fifth).leaf, 1, "then it is free");
        assertEq(staking.holderOf(0), fifth, "holder");
    }

    function test_MoreThanTheGreatestWeightWeighsNoMore() public {
        address account = newValidator("whale", 5000 * MINIMUM);
        nextEpoch();
        assertEq(weightOf(account), 4096 * 16, "weight");
    }

    function test_WithoutWeightNobodyIsDrawn() public view {
        assertEq(_draw(SEED, 3, nobody).length, 0, "nobody");
    }

    function test_DrawsFollowTheWeights() public {
        stakeAs(nth(0), MINIMUM);
        stakeAs(nth(1), 3 * MINIMUM);
        nextEpoch();
        uint256 heavy = 0;
        for (uint256 i = 0; i < 2000; ++i) {
            if (_draw(bytes32(i), 1, nobody)[0].memberOf() == nth(1)) ++heavy;
        }
        // 1,500 expected, standard deviation 19.4.
        assertTrue(heavy > 1400 && heavy < 1600, "three quarters");
    }
}
