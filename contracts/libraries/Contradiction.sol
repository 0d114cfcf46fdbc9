// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordDigest} from "../types/Ids.sol";
import {JobKind, JobTerms, Result} from "../types/Job.sol";
import {AggregationRule} from "../types/Manifest.sol";

/// @title When two results of a kernel contradict each other, and who is behind them.
/// @notice Votes by class are one word, four bits for each tree, as `paidByTree` counts them.
library Contradiction {
    /// @notice Whether two jobs should have had one result. Under the Hamming rule the record is one member's; and a seed from outside
    ///         is another one in each inference.
    function areComparable(JobTerms calldata one, JobTerms calldata other, bool seeded) internal pure returns (bool) {
        JobKind kind = one.rules.kind();
        return kind == other.rules.kind() && RecordDigest.unwrap(one.input) == RecordDigest.unwrap(other.input)
            && one.rules.rule() == AggregationRule.Exact && other.rules.rule() == AggregationRule.Exact
            && !(seeded && kind == JobKind.Inference);
    }

    /// @notice Whether they have not. Of validations it is the verdict that counts: its record may be written otherwise by another release.
    function isBetween(JobKind kind, Result calldata one, Result calldata other) internal pure returns (bool) {
        return kind == JobKind.Validation ? one.answer != other.answer : RecordDigest.unwrap(one.digest) != RecordDigest.unwrap(other.digest);
    }

    function votesOf(uint256 votes, uint256 tree) internal pure returns (uint256) {
        return votes >> (4 * tree) & 0xf;
    }

    /// @notice All votes.
    function sum(uint256 votes) internal pure returns (uint256 total) {
        for (; votes != 0; votes >>= 4) {
            total += votes & 0xf;
        }
    }

    /// @notice From how many classes they are.
    function classesOf(uint256 votes) internal pure returns (uint256 count) {
        for (; votes != 0; votes >>= 4) {
            if (votes & 0xf != 0) ++count;
        }
    }
}
