// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnvironmentClass, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobStatus, JobTerms} from "../../types/Job.sol";
import {Aggregation, AggregationRule, Manifest} from "../../types/Manifest.sol";
import {GasBurner} from "../fixtures/HostileConsumers.sol";
import {House} from "./House.sol";

/// @title Every function at its dearest: a thousand validators, fifteen seats, everything cold, and faults that cost whole stakes.
/// @dev The names of the snapshot say what makes each the worst case. All must stay far below a transaction's limit: a full tree has two
///      levels more (see StakingGas.t.sol for 10,000 validators).
contract WorstCaseTest is House {
    /// @dev A transaction may not use more (EIP-7825).
    uint256 private constant TRANSACTION_LIMIT = 16_777_216;

    function setUp() public {
        _build(1_000);
        // In this epoch and the two before a part of the stakes has changed, so that look-ups find what they want in the last place.
        for (uint256 epoch = 0; epoch < 3; ++epoch) {
            if (epoch != 0) _nextEpoch();
            for (uint256 i = 4 * epoch; i < validators.length; i += 16) {
                vm.prank(validators[i]);
                staking.stake{value: 1 ether / 16}(X86, "");
            }
        }
    }

    /// @dev The least: any slash takes a validator below it, which also gives up its leaf.
    function _stakePerValidator() internal pure override returns (uint256) {
        return 1 ether;
    }

    function _measure(string memory name) private {
        vm.snapshotGasLastCall("JobMarket, worst case", name);
        assertLt(vm.lastCallGas().gasTotalUsed, TRANSACTION_LIMIT / 4, name);
    }

    function _absent(JobId id) private {
        vm.warp(market.deadlineOf(id) + 1);
        _settle(id);
    }

    function test_GasOfAJobThatGrowsAndFails() public {
        JobId id = _request(7, address(0), 1_000_000);
        _measure("request");
        _open(id);
        _measure("open, 7 of 1000 validators");
        address[] memory first = _members(id);
        for (uint256 i = 0; i < 7; ++i) {
            _commit(id, first[i], _right());
        }
        _measure("commit, the last of 7");
        _afterDeadline(id);
        _settle(id);
        _measure("settle, grow from 7 to 15");
        address[] memory second = _members(id);
        for (uint256 i = 0; i < 8; ++i) {
            _commit(id, second[i], _wrong());
        }
        _measure("commit, the last of 8 in the second round");
        _reveal(id, second[0], _wrong());
        _measure("reveal");
        _afterDeadline(id);
        _settle(id);
        _measure("settle, fail and slash 14 who withheld");
        assertStatus(id, JobStatus.Failed);
        assertEq(_committee(id).length, 15, "seats");
    }

    function test_GasOfALateSecondGrowth() public {
        JobId id = _opened(5);
        _absent(id);
        _absent(id);
        _measure("settle, grow from 11 to 15");
        _afterDeadline(id);
        _settle(id);
        _measure("settle, fail and slash 15 who were absent");
    }

    function test_GasOfPayingFifteenSeats() public {
        JobId id = _request(7, address(new GasBurner()), 1_000_000);
        _open(id);
        _commitBatch(id, _disagreement(7));
        _settleBatch(id, _disagreement(7));
        _measure("settle, grow from 7 to 15 with a batch of openings");
        _commitBatch(id, _unanimous(8, _right()));
        _measure("commit, a batch of 8");
        _settleBatch(id, _unanimous(8, _right()));
        _measure("settle, 8 of 15 agree");
        assertFalse(_deliver(id), "burnt");
        _measure("deliver, to a consumer that burns 1,000,000 gas");
        _afterDeadline(id);
        _finaliseNow(id);
        _measure("finalise, pay 8 and slash 7");
        assertStatus(id, JobStatus.Finalised);
    }

    /// @dev Every pair is compared, and under the Hamming rule no majority is known before the end.
    function test_GasOfFifteenSketches() public {
        Manifest memory manifest = _manifest("embedder", 0);
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "sign of each dimension", 8);
        kernel = _register(manifest);
        _approve(kernel);
        JobId id = _opened(7);
        Attestation[] memory far = _disagreement(7);
        for (uint256 i = 0; i < 7; ++i) {
            far[i].sketch = keccak256(abi.encode(i));
        }
        _commitBatch(id, far);
        _settleBatch(id, far);
        _commitBatch(id, _unanimous(8, _right()));
        _settleBatch(id, _unanimous(8, _right()));
        _measure("settle, 8 of 15 are near");
        assertStatus(id, JobStatus.Settled);
    }

    function test_GasOfSettlingTogether() public {
        JobId id = _opened(7);
        _settleTogether(id, _disagreement(7));
        _measure("settle together, grow from 7 to 15");
        _settleTogether(id, _unanimous(8, _right()));
        _measure("settle together, 8 of 15 agree");
        assertStatus(id, JobStatus.Settled);
    }

    function test_GasOfOpeningTogether() public {
        JobId id = _request(7);
        _openTogether(id, _disagreement(7));
        _measure("open together, grow from 7 to 15");
        assertStatus(id, JobStatus.Committing);
    }

    /// @dev Five members, the most that are appealed from, all of whom lose their stakes to the other committee's fifteen.
    function test_GasOfAnAppeal() public {
        JobId id = _opened(5);
        _settleTogether(id, _unanimous(5, _wrong()));
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        uint256 price = appeals.quote(terms);
        vm.prank(requester);
        JobId other = appeals.appeal{value: price}(id, terms, progress, ANY);
        _measure("appeal");
        _open(other);
        _settleTogether(other, _disagreement(7));
        _settleTogether(other, _unanimous(8, _right()));
        _finalise(other);
        (JobTerms memory otherTerms, JobProgress memory otherProgress) = (_termsIn(other), _progressIn(other));
        vm.prank(anyone);
        appeals.resolve(id, terms, progress, otherTerms, otherProgress);
        _measure("resolve, overturn and slash 5");
        assertStatus(id, JobStatus.Finalised);
        assertEq(RecordDigest.unwrap(_progressIn(id).result.digest), RecordDigest.unwrap(OUTPUT), "overturned");
    }

    function test_GasOfExpiry() public {
        JobId id = _request(7);
        _afterDeadline(id);
        _expire(id);
        _measure("expire");
        assertStatus(id, JobStatus.Failed);
    }
}
