// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DigitReader} from "../../examples/DigitReader.sol";
import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {House} from "./House.sol";

/// @title The main job through all four contracts, with what each step costs.
contract LifeTest is House {
    DigitReader private reader;

    function setUp() public {
        _build(9);
        reader = new DigitReader(market, kernel);
    }

    /// @dev Snapshots are of the call alone, cold: `isolate` makes each call a transaction of its own.
    function _life(uint8 size, string memory name) private {
        uint256 price = reader.quote(size);
        vm.prank(requester);
        JobId id = reader.read{value: price}(INPUT, size);
        vm.snapshotGasLastCall(name, "1 request, by a dApp");

        nextBlock();
        bytes memory proof = _proofFor(id);
        vm.prank(anyone);
        market.open(id, proof);
        vm.snapshotGasLastCall(name, "2 open, with the seed's proof");
        if (size == 3) vm.snapshotGasLastCall("goals", "vrf_fulfilment");

        address[] memory members = market.committeeOf(id);
        for (uint256 i = 0; i < size; ++i) {
            _commit(id, members[i], _right());
            if (i == 0) vm.snapshotGasLastCall(name, "3 commit, the first");
        }
        vm.snapshotGasLastCall(name, "4 commit, the last");
        for (uint256 i = 0; i < size; ++i) {
            _reveal(id, members[i], _right());
            if (i == 0) vm.snapshotGasLastCall(name, "5 reveal, the first");
        }
        vm.snapshotGasLastCall(name, "6 reveal, the last");

        market.settle(id);
        vm.snapshotGasLastCall(name, "7 settle");
        vm.prank(anyone);
        assertTrue(market.deliver(id), "delivered");
        vm.snapshotGasLastCall(name, "8 deliver, to the dApp");
        DigitReader.Reading memory reading = reader.readingOf(id);
        assertTrue(reading.known, "known");
        assertEq(reading.label, 7, "label");
        assertEq(reading.reader, requester, "reader");
        assertEq(RecordDigest.unwrap(reading.digest), RecordDigest.unwrap(OUTPUT), "digest");

        _afterDeadline(id);
        market.finalise(id);
        vm.snapshotGasLastCall(name, "9 finalise");
        assertStatus(id, IJobMarket.Status.Finalised);
        assertGt(market.creditOf(requester), 0, "the caller of the dApp gets the rest");
        assertEq(market.creditOf(address(reader)), 0, "the dApp holds nothing");
    }

    function test_GasOfAThreeSeatJob() public {
        _life(3, "JobMarket, 3 seats");
    }

    function test_GasOfAFiveSeatJob() public {
        _life(5, "JobMarket, 5 seats");
    }

    /* THE DAPP */

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
        assertFalse(market.deliver(id), "the reader never asked for it");
        assertEq(reader.readingOf(id).reader, address(0), "nothing kept");
    }

    function testFuzz_OnlyDigitsAreLabels(uint256 answer) public {
        if (answer > 19) answer = answer % 2 == 0 ? answer : answer % 20;
        uint256 price = reader.quote(3);
        vm.prank(requester);
        JobId id = reader.read{value: price}(INPUT, 3);
        _open(id);
        _play(id, _says(OUTPUT, bytes32(answer)));
        market.settle(id);
        assertEq(market.deliver(id), answer < 10, "taken");
        assertEq(market.jobOf(id).answer, bytes32(answer), "the result is readable all the same");
        DigitReader.Reading memory reading = reader.readingOf(id);
        assertEq(reading.known, answer < 10, "known");
        assertEq(reading.label, answer < 10 ? answer : 0, "label");
    }

    function test_WhatTheReaderOverpaysIsItsCallersCredit() public {
        uint256 price = reader.quote(5);
        vm.prank(requester);
        reader.read{value: price + 1 ether}(INPUT, 5);
        assertEq(market.creditOf(requester), 1 ether, "credit");
        assertEq(address(reader).balance, 0, "nothing stays");
    }

    /* ADMISSION */

    function test_AKernelThatConformsIsApproved() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 5);
        _open(id);
        RecordDigest certificate = RecordDigest.wrap("certificate");
        _play(id, _says(certificate, bytes32(uint256(1))));
        market.settle(id);
        assertTrue(market.deliver(id), "delivered");
        IKernelRegistry.Kernel memory now_ = registry.kernelOf(fresh);
        assertEq(uint256(now_.status), uint256(IKernelRegistry.Status.Approved), "status");
        assertEq(RecordDigest.unwrap(now_.certificate), RecordDigest.unwrap(certificate), "certificate");
        uint256 before = market.creditOf(publisher);
        uint256 escrow = _escrowOf(id);
        _finalise(id);
        assertEq(market.creditOf(publisher) - before, escrow - 5 * 0.01 ether, "refunded to who paid, without an author fee");
    }

    function test_AKernelThatDoesNotConformIsRejected() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 3);
        _open(id);
        _play(id, _says(RecordDigest.wrap("certificate"), 0));
        market.settle(id);
        assertTrue(market.deliver(id), "delivered");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Rejected), "status");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_KernelNotApproved.selector, fresh));
        market.quote(fresh, 3, 0);
    }

    function test_AFailedAdmissionCanBeAskedForAgain() public {
        KernelId fresh = _register("fresh", 0);
        JobId first = _requestValidation(fresh, 3);
        _afterDeadline(first);
        market.expire(first);
        JobId second = _requestValidation(fresh, 3);
        _open(second);
        _play(second, _says(RecordDigest.wrap("certificate"), bytes32(uint256(1))));
        market.settle(second);
        assertTrue(market.deliver(second), "delivered");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Approved), "status");
    }

    /// @dev The registry is a consumer like any other: nobody can have it called about a job that it did not ask for.
    function test_AnInferenceCannotApproveAKernel() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _request(3, address(registry), 150_000);
        _open(id);
        _play(id, _says(RecordDigest.wrap("certificate"), bytes32(uint256(1))));
        market.settle(id);
        assertFalse(market.deliver(id), "delivered");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Registered), "status");
    }

    /// @dev What the market gives to the registry is enough, with room, for the dearest callback.
    function test_TheRegistryHasGasEnough() public {
        KernelId fresh = _register("fresh", 0);
        JobId id = _requestValidation(fresh, 3);
        uint256 half = market.VALIDATION_CALLBACK_GAS() / 2;
        vm.prank(address(market));
        registry.onInference{gas: half}(id, RecordDigest.wrap("certificate"), bytes32(uint256(1)));
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Approved), "status");
    }

    function test_ADeliveryOfTheDAppHasGasEnough() public {
        uint256 price = reader.quote(3);
        vm.prank(requester);
        JobId id = reader.read{value: price}(INPUT, 3);
        vm.prank(address(market));
        IInferenceConsumer(reader).onInference{gas: 70_000}(id, OUTPUT, LABEL);
        assertTrue(reader.readingOf(id).known, "with 30,000 to spare");
    }
}
