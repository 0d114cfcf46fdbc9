// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Commitment, JobId, KernelId, RandomnessId, RecordDigest} from "../../types/Ids.sol";
import {House} from "../integration/House.sol";

contract RequestTest is House {
    function setUp() public {
        _build(5);
    }

    function _refused(IJobMarket.JobRequest memory wanted, uint256 value, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(requester);
        market.request{value: value}(wanted);
    }

    function testFuzz_TheQuoteIsItsParts(uint8 sizeIndex, uint32 callbackGas) public view {
        uint8 size = uint8(3 + 2 * (sizeIndex % 3));
        callbackGas = uint32(bound(callbackGas, 0, 1_000_000));
        uint256 want = uint256(vrf.fee()) + 0.05 ether + 15 * 0.01 ether + uint256(callbackGas) * 2 gwei;
        assertEq(market.quote(kernel, size, callbackGas), want, "inference");
        assertEq(market.quoteValidation(size), uint256(vrf.fee()) + 15 * 0.01 ether + 150_000 * 2 gwei, "validation");
    }

    function test_TheJobIsWhatWasAsked() public {
        IJobMarket.JobRequest memory wanted = _wanted(5, address(0xC0FFEE), 50_000);
        uint256 price = market.quote(kernel, 5, 50_000);
        uint256 before = address(market).balance;
        vm.prank(requester);
        JobId id = market.request{value: price}(wanted);

        assertEq(JobId.unwrap(id), keccak256(abi.encode(block.chainid, market, requester, uint256(0))), "id");
        IJobMarket.Job memory job = market.jobOf(id);
        assertEq(uint256(job.kind), uint256(IJobMarket.Kind.Inference), "kind");
        assertEq(uint256(job.status), uint256(IJobMarket.Status.Requested), "status");
        assertEq(job.round, 0, "round");
        assertEq(job.committeeSize, 5, "committeeSize");
        assertEq(job.requestBlock, vm.getBlockNumber(), "requestBlock");
        assertEq(job.deadline, vm.getBlockTimestamp() + 4 hours, "deadline");
        assertEq(job.callbackGas, 50_000, "callbackGas");
        assertEq(job.requester, requester, "requester");
        assertEq(job.consumer, address(0xC0FFEE), "consumer");
        assertEq(job.refundTo, requester, "refundTo");
        assertEq(job.escrow, price - vrf.fee(), "escrow");
        assertEq(KernelId.unwrap(job.kernel), KernelId.unwrap(kernel), "kernel");
        assertEq(RecordDigest.unwrap(job.input), RecordDigest.unwrap(INPUT), "input");
        assertEq(job.seed, 0, "seed");
        assertEq(address(market).balance - before, job.escrow, "held");
        assertEq(market.committeeOf(id).length, 0, "committee");

        IVrfCoordinator.Request memory asked = vrf.requestOf(job.randomness);
        bytes32 seedId = keccak256(abi.encode(block.chainid, address(vrf), address(market), uint64(1)));
        assertEq(RandomnessId.unwrap(job.randomness), seedId, "the market asks for the seed");
        assertEq(asked.refundTo, requester, "an unanswered request is the requester's money");
        assertEq(asked.fee, vrf.fee(), "the randomness fee is passed on");
    }

    function test_EveryRequestIsAnotherJob() public {
        JobId first = _request(3);
        JobId second = _request(3);
        assertNotEq(JobId.unwrap(first), JobId.unwrap(second), "ids");
        assertEq(JobId.unwrap(second), keccak256(abi.encode(block.chainid, market, requester, uint256(1))), "nonce");
    }

    function testFuzz_TheExcessIsCredited(uint96 excess) public {
        uint256 price = market.quote(kernel, 3, 0);
        uint256 before = market.creditOf(requester);
        vm.deal(requester, price + excess);
        vm.prank(requester);
        JobId job = market.request{value: price + excess}(_wanted(3, address(0), 0));
        assertEq(market.creditOf(requester) - before, excess, "credit");
        assertEq(_escrowOf(job), price - vrf.fee(), "escrow");
    }

    function testFuzz_LessThanTheQuoteIsTooLow(uint256 value) public {
        uint256 price = market.quote(kernel, 7, 10_000);
        value = bound(value, 0, price - 1);
        _refused(_wanted(7, address(0), 10_000), value, abi.encodeWithSelector(IJobMarket.JobMarket_FeeTooLow.selector, value, price));
    }

    function test_OnlyAnApprovedKernelRuns() public {
        KernelId fresh = _register("fresh", 0);
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_KernelNotApproved.selector, fresh);
        wanted.kernel = fresh;
        _refused(wanted, 1 ether, reason);
        vm.expectRevert(reason);
        market.quote(fresh, 3, 0);

        wanted.kernel = KernelId.wrap("nobody knows it");
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_KernelNotApproved.selector, wanted.kernel));
    }

    function test_CommitteesAreOfThreeFiveOrSeven() public {
        uint8[8] memory sizes = [0, 1, 2, 4, 6, 8, 9, 255];
        for (uint256 i = 0; i < sizes.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_InvalidCommitteeSize.selector, sizes[i]);
            _refused(_wanted(sizes[i], address(0), 0), 1 ether, reason);
            vm.expectRevert(reason);
            market.quote(kernel, sizes[i], 0);
            vm.expectRevert(reason);
            market.quoteValidation(sizes[i]);
        }
    }

    function test_CallbackGasHasALimit() public {
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_CallbackGasTooHigh.selector, 1_000_001, 1_000_000);
        _refused(_wanted(3, address(1), 1_000_001), 1 ether, reason);
        _request(3, address(1), 1_000_000);
    }

    function test_SomebodyMustGetTheRest() public {
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.refundTo = address(0);
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_InvalidRefundAddress.selector));
        wanted.refundTo = address(market); // which could never withdraw it
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_InvalidRefundAddress.selector));
    }

    function test_OnlyTheRegistryAsksForValidations() public {
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotRegistry.selector, requester));
        vm.prank(requester);
        market.requestValidation{value: 1 ether}(kernel, INPUT, 3, requester);
    }

    function test_AValidationIsAJobOfTheRegistry() public {
        KernelId fresh = _register("fresh", 1 ether);
        JobId id = _requestValidation(fresh, 5);
        IJobMarket.Job memory job = market.jobOf(id);
        assertEq(uint256(job.kind), uint256(IJobMarket.Kind.Validation), "kind");
        assertEq(job.requester, address(registry), "requester");
        assertEq(job.consumer, address(registry), "consumer");
        assertEq(job.callbackGas, market.VALIDATION_CALLBACK_GAS(), "callbackGas");
        assertEq(job.refundTo, publisher, "refundTo is who paid");
        assertEq(RecordDigest.unwrap(job.input), keccak256("fresh"), "the input is the manifest record");
        assertEq(job.escrow, market.quoteValidation(5) - vrf.fee(), "no author fee");
    }

    function test_AnUnknownJobIsUnknown() public {
        JobId nothing = JobId.wrap("nothing");
        assertStatus(nothing, IJobMarket.Status.Unknown);
        assertEq(uint256(market.jobOf(nothing).status), 0, "jobOf");
        assertEq(market.committeeOf(nothing).length, 0, "committeeOf");
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_UnknownJob.selector, nothing);
        vm.expectRevert(reason);
        market.open(nothing, "");
        vm.expectRevert(reason);
        market.commit(nothing, Commitment.wrap("a commitment"));
        vm.expectRevert(reason);
        market.reveal(nothing, _right(), 0);
        vm.expectRevert(reason);
        market.settle(nothing);
        vm.expectRevert(reason);
        market.finalise(nothing);
        vm.expectRevert(reason);
        market.expire(nothing);
        vm.expectRevert(reason);
        market.deliver(nothing);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotSeated.selector, nothing, requester));
        market.seatOf(nothing, requester);
    }

    function test_ADeprecatedKernelStillRuns() public {
        vm.prank(publisher);
        registry.deprecate(kernel, "there is a better one");
        assertTrue(registry.kernelOf(kernel).status == IKernelRegistry.Status.Approved, "status");
        assertStatus(_request(3), IJobMarket.Status.Requested);
    }
}
