// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {JobKind, JobProgress, JobStatus, JobTerms, Outcome} from "../../types/Job.sol";
import {JobRulesLib} from "../../types/JobRules.sol";
import {AggregationRule} from "../../types/Manifest.sol";
import {Seat, seatOf} from "../../types/Seat.sol";
import {MarketAccount} from "./RegistryBase.sol";

/// @title Jobs that are over, as the market would remember them.
abstract contract PastJobs {
    uint256 private _count;

    struct Past {
        JobKind kind;
        AggregationRule rule;
        KernelId kernel;
        bytes32 input;
        bytes32 digest;
        bytes32 answer;
        uint256 votes; // paid seats of each tree, four bits each
        uint256 epoch;
        uint8 tree; // that the committee was drawn from
    }

    function _inference(KernelId kernel, bytes32 digest, uint256 votes) internal pure returns (Past memory) {
        return Past(JobKind.Inference, AggregationRule.Exact, kernel, "input", digest, "answer", votes, 10, 255);
    }

    function _validation(KernelId kernel, bool conforms, uint256 votes) internal pure returns (Past memory past) {
        past = _inference(kernel, conforms ? bytes32("conforms") : bytes32("does not"), votes);
        (past.kind, past.answer) = (JobKind.Validation, conforms ? bytes32(uint256(1)) : bytes32(0));
    }

    function _end(MarketAccount market, Past memory past) internal returns (IKernelRegistry.Evidence memory) {
        return _end(market, past, JobId.wrap(keccak256(abi.encode("past", ++_count))));
    }

    function _end(MarketAccount market, Past memory past, JobId job) internal returns (IKernelRegistry.Evidence memory shown) {
        shown.job = job;
        JobTerms memory terms = shown.terms;
        terms.rules = JobRulesLib.asked(past.kind, past.tree, 7, 0).by(past.rule, 0).within(uint32(past.epoch), 1, 1, 1, 1);
        (terms.kernel, terms.input) = (past.kernel, RecordDigest.wrap(past.input));
        JobProgress memory progress = shown.progress;
        progress.seats = new Seat[](15);
        uint256 seats = 0;
        for (uint256 tree = 0; tree < 64; ++tree) {
            for (uint256 i = 0; i < past.votes >> (4 * tree) & 0xf; ++i) {
                progress.outcomes = progress.outcomes.with(seats, Outcome.Paid);
                progress.seats[seats] = seatOf(address(uint160(seats + 1)), tree << 15 | i);
                ++seats;
            }
        }
        // The others said something else, and are of the same classes.
        for (uint256 i = seats; i < 15; ++i) {
            progress.outcomes = progress.outcomes.with(i, Outcome.Deviated);
            progress.seats[i] = seatOf(address(uint160(i + 1)), i << 14);
        }
        progress.result.digest = RecordDigest.wrap(past.digest);
        progress.result.answer = past.answer;
        market.setStatus(job, JobStatus.Finalised);
        market.end(job, keccak256(abi.encode(terms)), progress);
    }
}
