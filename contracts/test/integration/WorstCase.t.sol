// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {EnvironmentClass, JobId} from "../../types/Ids.sol";
import {GasBurner} from "../fixtures/HostileConsumers.sol";
import {House} from "./House.sol";

/// @title Every function at its dearest: a thousand validators, fifteen seats, everything cold,
///        and faults that cost whole stakes.
/// @dev The names of the snapshot say what makes each the worst case. All must stay far below a transaction's limit: the
///      capacity of 4,096 validators adds two levels to the tree, and at most two new slots (44,200) to each slash.
contract WorstCaseTest is House {
    /// @dev A transaction may not use more (EIP-7825).
    uint256 private constant TRANSACTION_LIMIT = 16_777_216;

    function setUp() public {
        _build(1_000);
        // Histories: a part of the stakes has changed in each of some blocks, so that look-ups search.
        for (uint256 round = 0; round < 8; ++round) {
            nextBlock();
            for (uint256 i = round; i < validators.length; i += 64) {
                vm.prank(validators[i]);
                staking.stake{value: 1 gwei}(EnvironmentClass.wrap(0), "");
            }
        }
        nextBlock();
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
        _afterDeadline(id);
        market.settle(id);
    }

    function test_GasOfAJobThatGrowsAndFails() public {
        JobId id = _request(7, address(0), 1_000_000);
        _measure("request");
        nextBlock();
        bytes memory proof = _proofFor(id);
        market.open(id, proof);
        _measure("open, 7 of 1000 validators");
        address[] memory first = _members(id);
        for (uint256 i = 0; i < 7; ++i) {
            _commit(id, first[i], _right());
        }
        _measure("commit, the last of 7");
        _afterDeadline(id);
        market.settle(id);
        _measure("settle, grow from 7 to 15");
        address[] memory second = _members(id);
        for (uint256 i = 0; i < 8; ++i) {
            _commit(id, second[i], _wrong());
        }
        _measure("commit, the last of 8 in the second round");
        _reveal(id, second[0], _wrong());
        _measure("reveal");
        _afterDeadline(id);
        market.settle(id);
        _measure("settle, fail and slash 14 who withheld");
        assertStatus(id, IJobMarket.Status.Failed);
        assertEq(market.committeeOf(id).length, 15, "seats");
    }

    function test_GasOfALateSecondGrowth() public {
        JobId id = _opened(5);
        _absent(id);
        _absent(id);
        _measure("settle, grow from 11 to 15");
        _afterDeadline(id);
        market.settle(id);
        _measure("settle, fail and slash 15 who were absent");
    }

    function test_GasOfPayingFifteenSeats() public {
        JobId id = _request(7, address(new GasBurner()), 1_000_000);
        _open(id);
        _playEach(id, _disagreement(7));
        market.settle(id);
        _play(id, _right());
        market.settle(id);
        _measure("settle, 8 of 15 agree");
        assertFalse(market.deliver(id), "burnt");
        _measure("deliver, to a consumer that burns 1,000,000 gas");
        _afterDeadline(id);
        market.finalise(id);
        _measure("finalise, pay 8 and slash 7");
        assertStatus(id, IJobMarket.Status.Finalised);
    }

    function test_GasOfExpiry() public {
        JobId id = _request(7);
        _afterDeadline(id);
        market.expire(id);
        _measure("expire");
        assertStatus(id, IJobMarket.Status.Failed);
    }
}
