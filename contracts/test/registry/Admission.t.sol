// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus} from "../../types/Job.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {DeterminismClass, Manifest} from "../../types/Manifest.sol";
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
        emit IKernelRegistry.ValidationRequested(kernel, want, ANY);
        JobId job = _request();
        assertEq(JobId.unwrap(job), JobId.unwrap(want), "job");
        (KernelId askedKernel, RecordDigest record, EnvironmentClass environmentClass, uint8 size, address refundTo, uint256 value) =
            market.asked();
        assertSame(askedKernel, kernel, "kernel");
        assertEq(RecordDigest.unwrap(record), RecordDigest.unwrap(goodManifest().record), "input");
        assertEq(EnvironmentClass.unwrap(environmentClass), 0, "of several classes");
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
        registry.onValidation(job, CERTIFICATE, YES, SPAN);
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotMarket.selector, publisher));
        registry.onValidation(job, CERTIFICATE, YES, SPAN);
    }

    function test_AResultIsTakenOnceAndARejectionIsFinal() public {
        JobId job = _request();
        deliver(job, 0);
        _unexpected(job);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(
                IKernelRegistry.KernelRegistry_WrongStatus.selector, kernel, IKernelRegistry.Status.Rejected, IKernelRegistry.Status.Registered
            )
        );
        registry.requestValidation{value: 1 ether}(kernel, ANY, 5);
        assertStatus(kernel, IKernelRegistry.Status.Rejected);
    }

    /* CLASSES */

    /// @dev However many they are: what one class computes says nothing about the others.
    function testFuzz_ACommitteeOfOneClassDecidesNothing(uint256 tree, uint256 votes) public {
        JobId job = _request();
        votes = bound(votes, 1, 15) << (4 * bound(tree, 0, 63));
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ValidationConcluded(kernel, job, ANY, CERTIFICATE, true, 1);
        deliver(job, YES, votes);
        assertStatus(kernel, IKernelRegistry.Status.Registered);
        assertEq(registry.kernelOf(kernel).classes, 1, "for a reader to see why");
        _unexpected(job);
        JobId again = _request();
        deliver(again, YES, votes | uint256(1) << (votes >= 1 << 252 ? 0 : 252));
        assertStatus(kernel, IKernelRegistry.Status.Approved);
        assertEq(registry.kernelOf(kernel).classes, 2, "classes");
    }

    function testFuzz_AllClassesThatAgreeAreCounted(uint64 trees) public {
        uint256 votes = 0;
        uint256 want = 0;
        for (uint256 tree = 0; tree < 64 && want < 15; ++tree) {
            if (trees >> tree & 1 == 0) continue;
            votes |= uint256(1) << (4 * tree);
            ++want;
        }
        deliver(_request(), YES, votes);
        assertEq(registry.kernelOf(kernel).classes, want, "classes");
        assertStatus(kernel, want < 2 ? IKernelRegistry.Status.Registered : IKernelRegistry.Status.Approved);
    }

    /// @dev Whoever finds that the promise is broken need not find it on two classes.
    function test_OneClassIsEnoughToReject() public {
        deliver(_request(), 0, 0x3);
        assertStatus(kernel, IKernelRegistry.Status.Rejected);
    }

    function test_WithoutTwoClassesNobodyPaysForNothing() public {
        for (uint256 classes = 0; classes < 2; ++classes) {
            market.setClasses(classes);
            vm.prank(stranger);
            vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewClasses.selector, classes, 2));
            registry.requestValidation{value: 1 ether}(kernel, ANY, 5);
        }
        market.setClasses(2);
        _request();
    }

    function test_OneClassCannotDecideForAll() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_AllClassesNeeded.selector, kernel));
        registry.requestValidation{value: 1 ether}(kernel, X86, 5);
    }

    /* PINNED */

    function _pinned() private returns (KernelId) {
        Manifest memory manifest = goodManifest();
        (manifest.version, manifest.determinism) = ("2.0.0", DeterminismClass.Pinned);
        return registerAs(publisher, manifest);
    }

    function _request(KernelId id, EnvironmentClass environmentClass) private returns (JobId) {
        vm.prank(stranger);
        return registry.requestValidation{value: 1 ether}(id, environmentClass, 5);
    }

    function test_APinnedKernelIsAdmittedClassByClass() public {
        KernelId pinned = _pinned();
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ClassNeeded.selector, pinned));
        vm.prank(stranger);
        registry.requestValidation{value: 1 ether}(pinned, ANY, 5);

        JobId job = _request(pinned, X86);
        (,, EnvironmentClass asked,,,) = market.asked();
        assertEq(EnvironmentClass.unwrap(asked), EnvironmentClass.unwrap(X86), "of that class");
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ClassAdmitted(pinned, X86, CERTIFICATE);
        deliver(job, YES, 0x5);
        assertStatus(pinned, IKernelRegistry.Status.Approved);
        assertTrue(registry.isAdmitted(pinned, X86) && !registry.isAdmitted(pinned, ARM), "x86 alone");

        deliver(_request(pinned, ARM), YES, 0x50);
        assertTrue(registry.isAdmitted(pinned, X86) && registry.isAdmitted(pinned, ARM), "both");
    }

    /// @dev Otherwise anybody could have it rejected, on machines that it was not made for.
    function test_APinnedKernelIsNotRejectedByAClassInWhichItDiffers() public {
        KernelId pinned = _pinned();
        deliver(_request(pinned, ARM), 0, 0x50);
        assertStatus(pinned, IKernelRegistry.Status.Registered);
        assertFalse(registry.isAdmitted(pinned, ARM), "not here");
        deliver(_request(pinned, X86), YES, 0x5);
        deliver(_request(pinned, ARM), 0, 0x50);
        assertStatus(pinned, IKernelRegistry.Status.Approved);
        assertTrue(registry.isAdmitted(pinned, X86) && !registry.isAdmitted(pinned, ARM), "where it conforms");
    }

    /* APPROVED KERNELS, AGAIN */

    function test_AnExaminationOfAnApprovedKernelDecidesNothing() public {
        JobId admission = _request();
        deliver(admission, YES);
        JobId first = _request();
        JobId second = _request(); // nobody can keep others from asking
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ValidationConcluded(kernel, second, ANY, CERTIFICATE, false, 2);
        deliver(second, 0);
        deliver(first, YES, 0x3);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
        assertEq(JobId.unwrap(registry.kernelOf(kernel).validationJob), JobId.unwrap(admission), "the admission stays what it was");
        assertEq(registry.kernelOf(kernel).classes, 2, "and so do its classes");
    }

    function test_WhileAJobCanStillSettleThereIsNoOther() public {
        JobId job = _request();
        for (uint8 status = 0; status <= uint8(JobStatus.Failed); ++status) {
            if (status == uint8(JobStatus.Failed)) continue;
            market.setStatus(job, JobStatus(status));
            vm.prank(stranger);
            vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ValidationPending.selector, kernel, job));
            registry.requestValidation{value: 1 ether}(kernel, ANY, 5);
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
        registry.requestValidation{value: 1 ether}(unknown, ANY, 5);
    }

    function _request() private returns (JobId) {
        vm.prank(stranger);
        return registry.requestValidation{value: 1 ether}(kernel, ANY, 5);
    }

    function _unexpected(JobId job) private {
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnexpectedJob.selector, job));
        deliver(job, YES);
    }
}
