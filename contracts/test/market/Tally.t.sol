// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {Tally} from "../../libraries/Tally.sol";
import {RecordDigest} from "../../types/Ids.sol";
import {Ballot, Outcome, Vote} from "../../types/Job.sol";
import {AggregationRule} from "../../types/Manifest.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title The two rules, against their definitions written out plainly.
contract TallyTest is TestBase {
    AggregationRule private constant EXACT = AggregationRule.Exact;
    AggregationRule private constant HAMMING = AggregationRule.Hamming;

    /// @dev Few digests, answers and sketches, so that pairs often share one part and often another; sketches differ in few
    ///      bits, so that a tolerance of a few parts them.
    function _votes(uint256 random, uint256 seats) private pure returns (Vote[] memory votes) {
        votes = new Vote[](seats);
        for (uint256 i = 0; i < seats; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(random, i)));
            uint256 kind = draw % 16;
            if (kind < 3) {
                votes[i].ballot = kind == 0 ? Ballot.Absent : kind == 1 ? Ballot.Withheld : Ballot.Refused;
                continue;
            }
            // Skewed, so that a majority is neither rare nor certain.
            votes[i].ballot = Ballot.Cast;
            votes[i].digest = RecordDigest.wrap(bytes32((draw >> 8) % 8 < 5 ? 1 : 1 + (draw >> 8) % 3));
            votes[i].answer = bytes32((draw >> 16) % 16 < 13 ? 0 : uint256(1));
            uint256 flips = (draw >> 24) & (draw >> 56) & 0xffff; // a quarter of sixteen bits
            votes[i].sketch = bytes32(flips << (draw >> 128) % 240);
        }
    }

    function _cast(bytes32 digest, bytes32 answer, uint256 sketch) private pure returns (Vote memory) {
        return Vote(Ballot.Cast, RecordDigest.wrap(digest), answer, bytes32(sketch));
    }

    /* PLAINLY */

    function _bits(uint256 x) private pure returns (uint256 bits) {
        for (uint256 i = 0; i < 256; ++i) {
            bits += (x >> i) & 1;
        }
    }

    function _agree(Vote memory a, Vote memory b, bool tolerant, uint256 tolerance) private pure returns (bool) {
        if (a.ballot == Ballot.Refused && b.ballot == Ballot.Refused) return true;
        if (a.ballot != Ballot.Cast || b.ballot != Ballot.Cast || a.answer != b.answer) return false;
        if (!tolerant) return RecordDigest.unwrap(a.digest) == RecordDigest.unwrap(b.digest);
        return _bits(uint256(a.sketch) ^ uint256(b.sketch)) <= tolerance;
    }

    /// @dev The seats with the most neighbours, in order, if those are more than half.
    function _plainly(Vote[] memory votes, bool tolerant, uint256 tolerance) private pure returns (uint256 winner, uint256 count) {
        uint256[] memory neighbours = new uint256[](votes.length);
        for (uint256 i = 0; i < votes.length; ++i) {
            for (uint256 j = 0; j < votes.length; ++j) {
                if (_agree(votes[i], votes[j], tolerant, tolerance)) ++neighbours[i];
            }
            if (neighbours[i] > count) count = neighbours[i];
        }
        if (2 * count <= votes.length) return (Tally.NOBODY, 0);
        while (neighbours[winner] != count) ++winner;
    }

    function testFuzz_TheExactRuleIsItsDefinition(uint256 random, uint256 seats) public pure {
        Vote[] memory votes = _votes(random, bound(seats, 1, CommitteeSize.LARGEST));
        (uint256 want, uint256 count) = _plainly(votes, false, 0);
        (uint256 winner, uint256 behind) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, want, "winner");
        assertEq(behind, count, "count");
    }

    function testFuzz_TheHammingRuleIsItsDefinition(uint256 random, uint256 seats, uint256 tolerance) public pure {
        Vote[] memory votes = _votes(random, bound(seats, 1, CommitteeSize.LARGEST));
        tolerance = bound(tolerance, 0, 16);
        (uint256 want, uint256 count) = _plainly(votes, true, tolerance);
        (uint256 winner, uint256 behind) = Tally.elect(votes, HAMMING, tolerance);
        assertEq(winner, want, "winner");
        assertEq(behind, count, "count");
    }

    function testFuzz_TheDistanceIsTheNumberOfBits(bytes32 a, bytes32 b) public pure {
        assertEq(Tally.distance(a, b), _bits(uint256(a ^ b)), "distance");
        assertEq(Tally.distance(a, ~a), 256, "opposites");
        assertEq(Tally.distance(a, a), 0, "itself");
    }

    function test_TheDistanceCountsEveryBit() public pure {
        for (uint256 i = 0; i <= 255; ++i) {
            assertEq(Tally.distance(0, bytes32(uint256(1) << i)), 1, "one bit");
            assertEq(Tally.distance(0, bytes32((uint256(1) << i) - 1)), i, "the first bits");
        }
        assertEq(Tally.distance(0, bytes32(type(uint256).max)), 256, "all of them");
    }

    /// @dev So the fuzz tests above are about something.
    function test_TheRandomVotesReachMajoritiesAndTheirAbsence() public pure {
        uint256[3] memory found; // exact, hamming, neither
        for (uint256 random = 0; random < 64; ++random) {
            Vote[] memory votes = _votes(random, 7);
            (, uint256 exact) = _plainly(votes, false, 0);
            (, uint256 tolerant) = _plainly(votes, true, 8);
            if (exact != 0) ++found[0];
            if (tolerant != 0) ++found[1];
            if (exact + tolerant == 0) ++found[2];
        }
        for (uint256 i = 0; i < 3; ++i) {
            assertGt(found[i], 2, "reached");
        }
    }

    /* EXACT */

    function test_HalfOfTheSeatsIsNotEnough() public pure {
        Vote[] memory votes = new Vote[](4);
        votes[0] = votes[2] = _cast("a", "1", 0);
        votes[1] = votes[3] = _cast("b", "1", 0);
        (uint256 winner, uint256 count) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, Tally.NOBODY, "a tie");
        assertEq(count, 0, "a tie");
        votes[3] = Vote(Ballot.Absent, RecordDigest.wrap(0), 0, 0);
        (winner,) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, Tally.NOBODY, "two of four, one absent");
        votes[3] = votes[0];
        (winner, count) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, 0, "three of four");
        assertEq(count, 3, "three of four");
    }

    function test_VotesNotCastAreNotCounted() public pure {
        Vote[] memory votes = new Vote[](3); // all equal, all empty
        (uint256 winner,) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, Tally.NOBODY, "absent");
        (winner,) = Tally.elect(votes, HAMMING, 256);
        assertEq(winner, Tally.NOBODY, "absent, with any tolerance");
        votes[0].ballot = votes[1].ballot = votes[2].ballot = Ballot.Withheld;
        (winner,) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, Tally.NOBODY, "withheld");
        (winner,) = Tally.elect(votes, HAMMING, 256);
        assertEq(winner, Tally.NOBODY, "withheld, with any tolerance");
    }

    function test_TheSameDigestWithAnotherAnswerIsAnotherVote() public pure {
        Vote[] memory votes = new Vote[](3);
        for (uint256 i = 0; i < 3; ++i) {
            votes[i] = _cast("a", bytes32(i), 0);
        }
        (uint256 winner,) = Tally.elect(votes, EXACT, 0);
        assertEq(winner, Tally.NOBODY, "exact");
        (winner,) = Tally.elect(votes, HAMMING, 256);
        assertEq(winner, Tally.NOBODY, "and under the other rule");
    }

    /* HAMMING */

    function test_TheMedoidHasTheMostNeighboursAndTheFirstOfThemWins() public pure {
        Vote[] memory votes = new Vote[](5);
        votes[0] = _cast("a", 0, 0x0f);
        votes[1] = _cast("b", 0, 0x01); // 3 bits from the first, 1 from the third
        votes[2] = _cast("c", 0, 0x00);
        votes[3] = _cast("d", 0, 0x03); // near to all
        votes[4] = _cast("e", 0, type(uint256).max);
        (uint256 winner, uint256 count) = Tally.elect(votes, HAMMING, 2);
        assertEq(winner, 3, "the one in the middle");
        assertEq(count, 4, "its neighbours and itself");
        (winner, count) = Tally.elect(votes, HAMMING, 3);
        assertEq(winner, 1, "as many as the fourth, and before it");
        assertEq(count, 4, "neighbours");
    }

    /// @dev Two that are far from each other can both be near to the medoid: all three are one majority.
    function test_NearnessIsNotPassedOn() public pure {
        Vote[] memory votes = new Vote[](5);
        votes[0] = _cast("a", 0, 0x00);
        votes[1] = _cast("b", 0, 0x0f);
        votes[2] = _cast("c", 0, 0xff); // 4 from the second, 8 from the first
        votes[3].ballot = votes[4].ballot = Ballot.Absent;
        (uint256 winner, uint256 count) = Tally.elect(votes, HAMMING, 4);
        assertEq(winner, 1, "the second");
        assertEq(count, 3, "of five");
        assertEq(uint256(Tally.outcomeOf(votes[0], votes[1], HAMMING, 4)), uint256(Outcome.Paid), "near to the medoid");
        // A chain of neighbours is no neighbourhood.
        votes[3] = _cast("d", 0, 0xfff);
        votes[4] = _cast("e", 0, 0xffff);
        (winner, count) = Tally.elect(votes, HAMMING, 4);
        assertEq(winner, 1, "still the second");
        assertEq(count, 3, "a neighbour's neighbour does not count");
        assertEq(uint256(Tally.outcomeOf(votes[3], votes[1], HAMMING, 4)), uint256(Outcome.Unpaid), "too far, and no fault");
    }

    function test_TheToleranceIsTheLastDistanceThatIsNear() public pure {
        Vote[] memory votes = new Vote[](3);
        votes[0] = _cast("a", 0, 0);
        votes[1] = _cast("b", 0, 0x1f);
        (uint256 winner,) = Tally.elect(votes, HAMMING, 5);
        assertEq(winner, 0, "five bits");
        (winner,) = Tally.elect(votes, HAMMING, 4);
        assertEq(winner, Tally.NOBODY, "a bit more than four");
    }

    /// @dev The on-chain word is what a consumer acts on. Were it the medoid's alone, the first seat could compute honestly, show the
    ///      right sketch, and say what it likes.
    function test_NobodyGetsAnAnswerOfItsOwnThroughByARightSketch() public pure {
        Vote[] memory votes = new Vote[](5);
        votes[0] = _cast("a lie", "no", 0);
        for (uint256 i = 1; i < 5; ++i) {
            votes[i] = _cast("a", "yes", 0);
        }
        (uint256 winner, uint256 count) = Tally.elect(votes, HAMMING, 4);
        assertEq(winner, 1, "the first honest one");
        assertEq(count, 4, "the honest ones");
        assertEq(uint256(Tally.outcomeOf(votes[0], votes[1], HAMMING, 4)), uint256(Outcome.Unpaid), "the liar");
    }

    function test_ARefusalIsNearToRefusalsOnly() public pure {
        Vote[] memory votes = new Vote[](3);
        votes[0].ballot = votes[1].ballot = Ballot.Refused;
        votes[2] = _cast(0, 0, 0); // all zero, and no refusal all the same
        (uint256 winner, uint256 count) = Tally.elect(votes, HAMMING, 256);
        assertEq(winner, 0, "the refusals");
        assertEq(count, 2, "without the third");
        assertEq(uint256(Tally.outcomeOf(votes[0], votes[2], HAMMING, 256)), uint256(Outcome.Refused), "against an output");
    }

    function testFuzz_DistanceIsNoFaultAndFactsAre(uint256 random, uint256 tolerance) public pure {
        Vote[] memory votes = _votes(random, CommitteeSize.LARGEST);
        tolerance = bound(tolerance, 0, 16);
        (uint256 winner,) = Tally.elect(votes, HAMMING, tolerance);
        if (winner == Tally.NOBODY || votes[winner].ballot != Ballot.Cast) return;
        for (uint256 i = 0; i < votes.length; ++i) {
            Outcome outcome = Tally.outcomeOf(votes[i], votes[winner], HAMMING, tolerance);
            assertTrue(outcome != Outcome.Deviated, "nobody deviates by distance");
            assertEq(outcome == Outcome.Absent, votes[i].ballot == Ballot.Absent, "absent");
            assertEq(outcome == Outcome.Withheld, votes[i].ballot == Ballot.Withheld, "withheld");
            assertEq(outcome == Outcome.Refused, votes[i].ballot == Ballot.Refused, "refused");
            assertEq(outcome == Outcome.Paid, _agree(votes[i], votes[winner], true, tolerance), "paid");
        }
    }

    /* SIZES */

    function test_CommitteesGrowAsTheProtocolSays() public pure {
        uint256[3][3] memory sizes = [[uint256(3), 7, 15], [uint256(5), 11, 15], [uint256(7), 15, 15]];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 round = 0; round < 3; ++round) {
                assertEq(CommitteeSize.inRound(sizes[i][0], round), sizes[i][round], "seats");
                assertEq(CommitteeSize.beforeRound(sizes[i][0], round), round == 0 ? 0 : sizes[i][round - 1], "seated before");
            }
            assertEq(CommitteeSize.largest(sizes[i][0]), 15, "paid for");
        }
    }

    function testFuzz_OnlyThreeSizesCanBeRequested(uint256 size) public pure {
        size = bound(size, 0, 20);
        assertEq(CommitteeSize.isValid(size), size == 3 || size == 5 || size == 7, "valid");
    }
}
