// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "../../types/Job.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {RegistryBase} from "./RegistryBase.sol";

contract AdmissionTest is RegistryBase {
    KernelId private kernel;

    function setUp() public override {
        super.setUp();
        kernel = registerGood();
        vm.deal(stranger, 10 ether);
    }

    function test_AnyoneMayPayForAnAdmissionAndTheRefundIsTheirs() public {
        JobId want = JobId.wrap(keccak256(abi.encode(address(market), 1)));
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ValidationRequested(kernel, want);
        JobId job = _request();
        assertEq(JobId.unwrap(job), JobId.unwrap(want), "job");
        (KernelId askedKernel, RecordDigest record, uint8 size, address refundTo, uint256 value) = market.asked();
        assertSame(askedKernel, kernel, "kernel");
        assertEq(RecordDigest.unwrap(record), RecordDigest.unwrap(goodManifest().record), "input");
        assertEq(size, 5, "committee");
        assertEq(refundTo, stranger, "refund");
        assertEq(value, 1 ether, "value");
        assertEq(address(registry).balance, 0, "nothing stays here");
        assertEq(JobId.unwrap(registry.kernelOf(kernel).validationJob), JobId.unwrap(want), "kept");
    }

    function test_AConformingKernelIsApproved() public {
        JobId job = _request();
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelApproved(kernel, CERTIFICATE);
        deliver(job, YES);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
        assertEq(RecordDigest.unwrap(registry.kernelOf(kernel).certificate), RecordDigest.unwrap(CERTIFICATE), "certificate");
    }

    function testFuzz_AnyOtherAnswerRejects(bytes32 answer) public {
        vm.assume(answer != YES);
        JobId job = _request();
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelRejected(kernel, CERTIFICATE);
        deliver(job, answer);
        assertStatus(kernel, IKernelRegistry.Status.Rejected);
        assertEq(RecordDigest.unwrap(registry.kernelOf(kernel).certificate), RecordDigest.unwrap(CERTIFICATE), "certificate");
    }

    function test_OnlyTheMarketBringsResults() public {
        JobId job = _request();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotMarket.selector, stranger));
        registry.onInference(job, CERTIFICATE, YES);
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotMarket.selector, publisher));
        registry.onInference(job, CERTIFICATE, YES);
    }

    function test_AStatusMovesOnce() public {
        JobId job = _request();
        deliver(job, YES);
        bytes memory settled = abi.encodeWithSelector(
            IKernelRegistry.KernelRegistry_WrongStatus.selector, kernel, IKernelRegistry.Status.Approved, IKernelRegistry.Status.Registered
        );
        vm.expectRevert(settled);
        deliver(job, 0);
        vm.prank(stranger);
        vm.expectRevert(settled);
        registry.requestValidation{value: 1 ether}(kernel, 5);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
    }

    function test_WhileAJobCanStillSettleThereIsNoOther() public {
        JobId job = _request();
        for (uint8 status = 0; status <= uint8(JobStatus.Failed); ++status) {
            if (status == uint8(JobStatus.Failed)) continue;
            market.setStatus(job, JobStatus(status));
            vm.prank(stranger);
            vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ValidationPending.selector, kernel, job));
            registry.requestValidation{value: 1 ether}(kernel, 5);
        }
    }

    function test_AfterAFailedJobAnotherDecidesAndTheFirstNoMore() public {
        JobId first = _request();
        market.setStatus(first, JobStatus.Failed);
        JobId second = _request();
        _unexpected(first);
        deliver(second, YES);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
    }

    function test_AJobNobodyAskedForIsRefused() public {
        _unexpected(JobId.wrap(0));
        _unexpected(JobId.wrap(keccak256("job")));
        _request();
        _unexpected(JobId.wrap(0));
    }

    function test_AnUnknownKernelIsNotValidated() public {
        KernelId unknown = KernelId.wrap(keccak256("unknown"));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnknownKernel.selector, unknown));
        registry.requestValidation{value: 1 ether}(unknown, 5);
    }

    function _request() private returns (JobId) {
        vm.prank(stranger);
        return registry.requestValidation{value: 1 ether}(kernel, 5);
    }

    function _unexpected(JobId job) private {
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnexpectedJob.selector, job));
        deliver(job, YES);
    }
}
