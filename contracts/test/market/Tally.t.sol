// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSize} from "../../libraries/CommitteeSize.sol";
import {Tally} from "../../libraries/Tally.sol";
import {RecordDigest} from "../../types/Ids.sol";
import {TestBase} from "../support/TestBase.sol";

contract TallyTest is TestBase {
    /// @dev Three digests and two answers, so that pairs often share one half and often the other.
    function _votes(uint256 random, uint256 cast) private pure returns (Tally.Vote[] memory votes) {
        votes = new Tally.Vote[](cast);
        for (uint256 i = 0; i < cast; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(random, i)));
            // Skewed, so that a majority is neither rare nor certain.
            uint256 digest = draw % 8 < 5 ? 0 : draw % 3;
            uint256 answer = (draw >> 8) % 16 < 13 ? 0 : 1;
            votes[i] = Tally.Vote(RecordDigest.wrap(bytes32(digest)), bytes32(answer));
        }
    }

    /// @dev The definition, word by word.
    function _byCounting(Tally.Vote[] memory votes, uint256 cast, uint256 seats) private pure returns (uint256 best, uint256 count) {
        for (uint256 i = 0; i < cast; ++i) {
            uint256 equal = 0;
            for (uint256 j = 0; j < cast; ++j) {
                if (Tally.same(votes[i], votes[j])) ++equal;
            }
            if (equal * 2 > seats) return (i, equal);
        }
        return (0, 0);
    }

    function testFuzz_TheMajorityIsThatOfCounting(uint256 random, uint256 cast, uint256 seats) public pure {
        seats = bound(seats, 1, CommitteeSize.LARGEST);
        cast = bound(cast, 0, seats);
        Tally.Vote[] memory votes = _votes(random, seats);
        (uint256 best, uint256 want) = _byCounting(votes, cast, seats);
        (Tally.Vote memory winner, uint256 have) = Tally.majority(votes, cast, seats);
        assertEq(have, want, "count");
        if (want != 0) assertTrue(Tally.same(winner, votes[best]), "winner");
    }

    function test_HalfOfTheSeatsIsNotEnough() public pure {
        Tally.Vote[] memory votes = new Tally.Vote[](4);
        votes[0] = votes[2] = Tally.Vote(RecordDigest.wrap("a"), "1");
        votes[1] = votes[3] = Tally.Vote(RecordDigest.wrap("b"), "1");
        (, uint256 count) = Tally.majority(votes, 4, 4);
        assertEq(count, 0, "a tie");
        (, count) = Tally.majority(votes, 3, 4);
        assertEq(count, 0, "two of four");
        (, count) = Tally.majority(votes, 3, 3);
        assertEq(count, 2, "two of three");
    }

    function test_VotesNotCastAreNotCounted() public pure {
        Tally.Vote[] memory votes = new Tally.Vote[](3); // all equal, all zero
        (, uint256 count) = Tally.majority(votes, 0, 3);
        assertEq(count, 0, "none cast");
        (, count) = Tally.majority(votes, 1, 3);
        assertEq(count, 0, "one of three");
    }

    function test_TheSameDigestWithAnotherAnswerIsAnotherVote() public pure {
        Tally.Vote[] memory votes = new Tally.Vote[](3);
        for (uint256 i = 0; i < 3; ++i) {
            votes[i] = Tally.Vote(RecordDigest.wrap("a"), bytes32(i));
        }
        (, uint256 count) = Tally.majority(votes, 3, 3);
        assertEq(count, 0, "count");
    }

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
