// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DigitReader} from "../../examples/DigitReader.sol";
import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobStatus} from "../../types/Job.sol";
import {House} from "./House.sol";

/// @title The main job through all contracts, with what each step costs.
/// @dev Snapshots are of whole transactions, cold: `isolate` makes each call one. The state is the steady one: everybody has some
///      credit already, and the dApp has readers.
contract LifeTest is House {
    DigitReader private reader;

    function setUp() public {
        _build(9);
        reader = new DigitReader(market, kernel);
        _read(3);
        bool earned = false;
        while (!earned) {
            JobId id = _opened(7);
            _commitBatch(id, _unanimous(7, _right()));
            _settleBatch(id, _unanimous(7, _right()));
            _finalise(id);
            nextBlock();
            earned = true;
            for (uint256 i = 0; i < validators.length; ++i) {
                if (market.creditOf(validators[i]) == 0) earned = false;
            }
        }
    }

    function _read(uint8 size) private returns (JobId) {
        uint256 price = reader.quote(size);
        vm.prank(requester);
        return reader.read{value: price}(INPUT, size);
    }

    /// @dev A job whose members do their round before the chain has the seed: the goal is for this one.
    function _shortestLife(uint8 size, string memory name, string memory goal) private {
        JobId id = _request(size);
        uint256 total = vm.snapshotGasLastCall(name, "1 request");
        _openTogether(id, _unanimous(size, _right()));
        total += vm.snapshotGasLastCall(name, "2 open and settle, with proof, signatures and openings");
        _finalise(id);
        total += vm.snapshotGasLastCall(name, "3 finalise");
        assertStatus(id, JobStatus.Finalised);
        vm.snapshotValue("goals", goal, total);
    }

    /// @dev A round of which everybody signs the list.
    function _togetherLife(uint8 size, string memory name) private {
        JobId id = _request(size);
        vm.snapshotGasLastCall(name, "1 request");
        _open(id);
        vm.snapshotGasLastCall(name, "2 open, with the seed's proof");
        _settleTogether(id, _unanimous(size, _right()));
        vm.snapshotGasLastCall(name, "3 settle, with signatures and openings");
        _finalise(id);
        vm.snapshotGasLastCall(name, "4 finalise");
        assertStatus(id, JobStatus.Finalised);
    }

    /// @dev A round of which a majority signs its commitments, here all.
    function _batchLife(uint8 size, string memory name) private {
        Attestation[] memory said = _unanimous(size, _right());
        JobId id = _opened(size);
        _commitBatch(id, said);
        vm.snapshotGasLastCall(name, "3 commit, the batch");
        _settleBatch(id, said);
        vm.snapshotGasLastCall(name, "4 settle, with the openings");
        _finalise(id);
        vm.snapshotGasLastCall(name, "5 finalise");
        assertStatus(id, JobStatus.Finalised);
    }

    function test_GasOfAThreeSeatJob() public {
        _shortestLife(3, "JobMarket, 3 at once", "job_batch_3");
        _togetherLife(3, "JobMarket, 3 together");
        _batchLife(3, "JobMarket, batch of 3");
    }

    function test_GasOfASevenSeatJob() public {
        _shortestLife(7, "JobMarket, 7 at once", "job_batch_7");
        _togetherLife(7, "JobMarket, 7 together");
        _batchLife(7, "JobMarket, batch of 7");
    }

    /// @dev The mean over a committee of three, who all act alone.
    function test_GasAlone() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        uint256 total = 0;
        for (uint256 i = 0; i < 3; ++i) {
            _commit(id, members[i], _right());
            total += vm.lastCallGas().gasTotalUsed;
            if (i == 0) vm.snapshotGasLastCall("JobMarket, alone", "commit, the first of 3");
        }
        vm.snapshotGasLastCall("JobMarket, alone", "commit, the last of 3");
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(id, members[i], _right());
            total += vm.lastCallGas().gasTotalUsed;
        }
        vm.snapshotGasLastCall("JobMarket, alone", "reveal, of 3");
        _settle(id);
        vm.snapshotGasLastCall("JobMarket, alone", "settle 3");
        _finalise(id);
        assertStatus(id, JobStatus.Finalised);
        vm.snapshotValue("goals", "commit_reveal_per_validator", total / 3);
    }

    function test_GasOfSevenAlone() public {
        JobId id = _opened(7);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < 7; ++i) {
            _commit(id, members[i], _right());
            if (i == 3) vm.snapshotGasLastCall("JobMarket, alone", "commit, of 7");
        }
        for (uint256 i = 0; i < 7; ++i) {
            _reveal(id, members[i], _right());
        }
        vm.snapshotGasLastCall("JobMarket, alone", "reveal, of 7");
        _settle(id);
        vm.snapshotGasLastCall("JobMarket, alone", "settle 7");
        assertStatus(id, JobStatus.Settled);
    }

    /* THE DAPP */

    function test_AReadingFromBeginningToEnd() public {
        uint256 credit = market.creditOf(requester);
        JobId id = _read(3);
        vm.snapshotGasLastCall("JobMarket, a dApp", "request");
        _open(id);
        _play(id, _right());
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        vm.snapshotGasLastCall("JobMarket, a dApp", "deliver");
        DigitReader.Reading memory reading = reader.readingOf(id);
        assertTrue(reading.known, "known");
        assertEq(reading.label, 7, "label");
        assertEq(reading.reader, requester, "reader");
        assertEq(RecordDigest.unwrap(reading.digest), RecordDigest.unwrap(OUTPUT), "digest");
        _finalise(id);
        assertGt(market.creditOf(requester), credit, "the caller of the dApp gets the rest");
        assertEq(market.creditOf(address(reader)), 0, "the dApp holds nothing");
    }

    function test_TheReaderBelievesOnlyItsMarket() public {
        JobId id = JobId.wrap("a job");
        vm.expectRevert(abi.encodeWithSelector(DigitReader.DigitReader_NotMarket.selector, anyone));
        vm.prank(anyone);
        reader.onInference(id, OUTPUT, LABEL);
        vm.expectRevert(abi.encodeWithSelector(DigitReader.DigitReader_UnknownJob.selector, id));
        vm.prank(address(market));
        reader.onInference(id, OUTPUT, LABEL);
    }

    function test_SomebodyElsesJobCannotBeSentToTheReader() public {
        JobId id = _settled(3, address(reader), 100_000);
        assertFalse(_deliver(id), "the reader never asked for it");
        assertEq(reader.readingOf(id).reader, address(0), "nothing kept");
    }

    function testFuzz_OnlyDigitsAreLabels(uint256 answer) public {
        if (answer > 19) answer = answer % 2 == 0 ? answer : answer % 20;
        JobId id = _read(3);
        _open(id);
        _play(id, _says(OUTPUT, bytes32(answer)));
        _settle(id);
        assertEq(_deliver(id), answer < 10, "taken");
        assertEq(_progressIn(id).result.answer, bytes32(answer), "the result can be shown all the same");
        DigitReader.Reading memory reading = reader.readingOf(id);
        assertEq(reading.known, answer < 10, "known");
        assertEq(reading.label, answer < 10 ? answer : 0, "label");
    }

    function test_WhatTheReaderOverpaysIsItsCallersCredit() public {
        uint256 price = reader.quote(5);
        uint256 credit = market.creditOf(requester);
        vm.prank(requester);
        reader.read{value: price + 1 ether}(INPUT, 5);
        assertEq(market.creditOf(requester) - credit, 1 ether, "credit");
        assertEq(address(reader).balance, 0, "nothing stays");
    }

    /* ADMISSION */

    function test_AKernelThatConformsIsApproved() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 5);
        _open(id);
        RecordDigest certificate = RecordDigest.wrap("certificate");
        _play(id, _says(certificate, bytes32(uint256(1))));
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        IKernelRegistry.Kernel memory now_ = registry.kernelOf(fresh);
        assertEq(uint256(now_.status), uint256(IKernelRegistry.Status.Approved), "status");
        assertEq(RecordDigest.unwrap(now_.certificate), RecordDigest.unwrap(certificate), "certificate");
        uint256 before = market.creditOf(publisher);
        uint256 refund = _escrowOf(id) - 5 * 0.01 ether - _termsIn(id).deliveryFee;
        _finalise(id);
        assertEq(market.creditOf(publisher) - before, refund, "to who paid, without an author fee");
    }

    function test_AKernelThatDoesNotConformIsRejected() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 3);
        _open(id);
        _play(id, _says(RecordDigest.wrap("certificate"), 0));
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Rejected), "status");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_KernelNotApproved.selector, fresh));
        market.quote(fresh, 3, 0);
    }

    function test_AFailedAdmissionCanBeAskedForAgain() public {
        KernelId fresh = _register("fresh", 0);
        JobId first = _requestValidation(fresh, 3);
        _afterDeadline(first);
        _expire(first);
        _approve(fresh);
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Approved), "status");
    }

    /// @dev The registry is a consumer like any other: nobody can have it called about a job that it did not ask for.
    function test_AnInferenceCannotApproveAKernel() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _request(3, address(registry), 150_000);
        _open(id);
        _play(id, _says(RecordDigest.wrap("certificate"), bytes32(uint256(1))));
        _settle(id);
        assertFalse(_deliver(id), "delivered");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Registered), "status");
    }

    /// @dev What the market gives to the registry is enough, with room, for the dearest callback.
    function test_TheRegistryHasGasEnough() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 3);
        uint256 half = market.VALIDATION_CALLBACK_GAS() / 2;
        vm.prank(address(market));
        registry.onValidation{gas: half}(id, RecordDigest.wrap("certificate"), bytes32(uint256(1)), 0x12);
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Approved), "status");
    }

    function test_ADeliveryToTheDAppHasGasEnough() public {
        JobId id = _read(3);
        vm.prank(address(market));
        IInferenceConsumer(reader).onInference{gas: 75_000}(id, OUTPUT, LABEL);
        assertTrue(reader.readingOf(id).known, "with 25,000 to spare");
    }
}
