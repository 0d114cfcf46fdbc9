// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobKind} from "./Job.sol";
import {AggregationRule} from "./Manifest.sol";

/// @notice The small numbers among a job's terms, in one word:
///
///             bits 0–7      kind
///             bits 8–15     rule: how answers become one
///             bits 16–31    tolerance: bits between sketches, under the Hamming rule
///             bits 32–39    committeeSize: of the first round
///             bits 40–47    tree: whose validators are drawn, or all
///             bits 48–79    epoch: whose weights are drawn by
///             bits 80–111   callbackGas
///             bits 112–143  openWindow, in seconds, as are the other windows
///             bits 144–175  commitWindow
///             bits 176–207  revealWindow
///             bits 208–239  challengeWindow
///
/// @dev In words of their own, each of them costs every transaction that brings the terms some 200 gas.
type JobRules is uint256;

using JobRulesLib for JobRules global;

library JobRulesLib {
    /// @dev What the requester chooses.
    function asked(JobKind kind_, uint8 tree_, uint8 committeeSize_, uint32 callbackGas_) internal pure returns (JobRules) {
        return JobRules.wrap(uint256(kind_) | uint256(committeeSize_) << 32 | uint256(tree_) << 40 | uint256(callbackGas_) << 80);
    }

    /// @dev What the kernel's manifest says.
    function by(JobRules self, AggregationRule rule_, uint16 tolerance_) internal pure returns (JobRules) {
        return JobRules.wrap(JobRules.unwrap(self) | uint256(rule_) << 8 | uint256(tolerance_) << 16);
    }

    /// @dev What is in force.
    function within(JobRules self, uint32 epoch_, uint32 open, uint32 commit, uint32 reveal, uint32 challenge) internal pure returns (JobRules) {
        uint256 windows = uint256(open) << 112 | uint256(commit) << 144 | uint256(reveal) << 176 | uint256(challenge) << 208;
        return JobRules.wrap(JobRules.unwrap(self) | uint256(epoch_) << 48 | windows);
    }

    function kind(JobRules self) internal pure returns (JobKind) {
        return JobKind(uint8(JobRules.unwrap(self)));
    }

    function isValidation(JobRules self) internal pure returns (bool) {
        return uint8(JobRules.unwrap(self)) == uint8(JobKind.Validation);
    }

    function rule(JobRules self) internal pure returns (AggregationRule) {
        return AggregationRule(uint8(JobRules.unwrap(self) >> 8));
    }

    function tolerance(JobRules self) internal pure returns (uint16) {
        return uint16(JobRules.unwrap(self) >> 16);
    }

    function committeeSize(JobRules self) internal pure returns (uint8) {
        return uint8(JobRules.unwrap(self) >> 32);
    }

    function tree(JobRules self) internal pure returns (uint8) {
        return uint8(JobRules.unwrap(self) >> 40);
    }

    function epoch(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 48);
    }

    function callbackGas(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 80);
    }

    function openWindow(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 112);
    }

    function commitWindow(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 144);
    }

    function revealWindow(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 176);
    }

    function challengeWindow(JobRules self) internal pure returns (uint32) {
        return uint32(JobRules.unwrap(self) >> 208);
    }
}
