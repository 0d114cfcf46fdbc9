// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {JobStatus} from "../../types/Job.sol";
import {Manifest} from "../../types/Manifest.sol";
import {House} from "../integration/House.sol";

/// @title What a publisher, or somebody against one, can try. What works is said in docs/security.md.
contract PublisherAttacksTest is House {
    function setUp() public {
        _build(20);
    }

    /// @dev Fails: a kernel that may run for longer than its members have to commit would have honest ones slashed as absent, for a
    ///      request that is refunded when they are the majority.
    function test_AKernelTooSlowForTheCommitWindowIsNotAdmitted() public {
        uint32 limitMs = parameters.bounds().leastCommitWindow * 500;
        Manifest memory manifest = _manifest("slow", 0);
        manifest.limits.timeMs = limitMs + 1;
        KernelId slow = _register(manifest);
        uint256 price = market.quoteValidation(3);
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooSlow.selector, slow, limitMs + 1, limitMs));
        registry.requestValidation{value: price}(slow, ANY, 3);

        manifest.version = "1.0.1";
        manifest.limits.timeMs = limitMs;
        assertStatus(_requestValidation(_register(manifest), 3), JobStatus.Requested);
    }

    /// @dev Works: handles are first come, first served, and the mempool shows who comes. Kernel ids hold the publisher's address, so
    ///      a name is all that is taken.
    function test_AHandleSeenInTheMempoolCanBeTaken() public {
        vm.prank(anyone);
        registry.registerPublisher("acme");
        address author = makeAddr("author");
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_HandleTaken.selector, "acme", anyone));
        registry.registerPublisher("acme");
        vm.prank(author);
        registry.registerPublisher("acme-labs");
    }

    /// @dev Works: whoever pays first chooses the size, and the smallest committee is the easiest to win.
    function test_AStrangerWhoPaysFirstChoosesTheAdmissionsCommittee() public {
        KernelId fresh = _register("fresh", 0);
        uint256 price = market.quoteValidation(3);
        vm.deal(anyone, price);
        vm.prank(anyone);
        JobId job = registry.requestValidation{value: price}(fresh, ANY, 3);
        price = market.quoteValidation(7);
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ValidationPending.selector, fresh, job));
        registry.requestValidation{value: price}(fresh, ANY, 7);
        // It cannot be kept waiting: what is not opened in time fails, and then another can ask.
        _afterDeadline(job);
        _expire(job);
        _requestValidation(fresh, 7);
    }

    /// @dev Works, like any request that is refused: a publisher that serves its kernel only to a committee that it likes tries again
    ///      for the price of the randomness.
    function test_ARefusedAdmissionIsTriedAgainForTheRandomnessFee() public {
        KernelId fresh = _register("fresh", 0);
        uint256 credit = market.creditOf(publisher);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 paid = market.quoteValidation(3);
            JobId job = _requestValidation(fresh, 3);
            _open(job);
            _play(job, _refusal());
            _settle(job);
            credit += paid - vrf.fee();
            assertEq(market.creditOf(publisher), credit, "all but the randomness is back");
        }
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Registered), "undecided");
    }

    /// @dev Works: a rejection is final for a kernel, and the next version is another kernel. It costs a whole admission.
    function test_ARejectedKernelComesBackUnderAnotherVersion() public {
        Manifest memory manifest = _manifest("again", 0);
        KernelId first = _register(manifest);
        JobId job = _requestValidation(first, 3);
        _open(job);
        _play(job, _says(OUTPUT, 0));
        _settle(job);
        assertTrue(_deliver(job), "delivered");
        assertEq(uint256(registry.kernelOf(first).status), uint256(IKernelRegistry.Status.Rejected), "rejected");
        manifest.version = "1.0.1";
        assertStatus(_requestValidation(_register(manifest), 3), JobStatus.Requested);
    }

    /// @dev Fails: the registry believes the market about its own jobs only.
    function test_AnInferenceThatNamesTheRegistryDecidesNothing() public {
        KernelId fresh = _register("fresh", 0);
        JobId pending = _requestValidation(fresh, 3);
        JobId id = _request(3, address(registry), 200_000);
        _open(id);
        _play(id, _says(OUTPUT, bytes32(uint256(1))));
        _settle(id);
        assertFalse(_deliver(id), "refused");
        assertEq(uint256(registry.kernelOf(fresh).status), uint256(IKernelRegistry.Status.Registered), "undecided");
        assertStatus(pending, JobStatus.Requested);
    }
}
