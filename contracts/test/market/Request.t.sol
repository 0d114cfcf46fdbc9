// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RandomnessId, RecordDigest} from "../../types/Ids.sol";
import {JobKind, JobProgress, JobStatus, JobTerms, Shown} from "../../types/Job.sol";
import {JobRules, JobRulesLib} from "../../types/JobRules.sol";
import {AggregationRule, DeterminismClass, Manifest} from "../../types/Manifest.sol";
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

        JobTerms memory terms = _termsIn(id);
        assertEq(JobId.unwrap(id), keccak256(abi.encode(block.chainid, market, terms.randomness)), "id");
        JobRules rules = JobRulesLib.asked(JobKind.Inference, type(uint8).max, 5, 50_000).by(AggregationRule.Exact, 0);
        JobTerms memory want = JobTerms({
            rules: rules.within(uint32(staking.currentEpoch()), 4 hours, 10 minutes, 5 minutes, 1 hours),
            authorFee: 0.05 ether,
            seatFee: 0.01 ether,
            deliveryFee: 50_000 * 2 gwei,
            deviationSlash: 1 ether,
            absenceSlash: 0.25 ether,
            consumer: address(0xC0FFEE),
            refundTo: requester,
            publisher: publisher,
            kernel: kernel,
            input: INPUT,
            randomness: terms.randomness
        });
        assertEq(keccak256(abi.encode(terms)), keccak256(abi.encode(want)), "terms");
        JobProgress memory none;
        assertTrue(market.isState(id, keccak256(abi.encode(want)), none), "what the chain keeps");
        assertStatus(id, JobStatus.Requested);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 4 hours, "deadline");
        assertEq(address(market).balance - before, price - vrf.fee(), "held");

        IVrfCoordinator.Request memory asked = vrf.requestOf(terms.randomness);
        bytes32 seedId = keccak256(abi.encode(block.chainid, address(vrf), address(market), uint64(1)));
        assertEq(RandomnessId.unwrap(terms.randomness), seedId, "the market asks for the seed");
        assertEq(asked.refundTo, requester, "an unanswered request is the requester's money");
        assertEq(asked.fee, vrf.fee(), "the randomness fee is passed on");
    }

    function test_EveryRequestIsAnotherJob() public {
        JobId first = _request(3);
        JobId second = _request(3);
        assertNotEq(JobId.unwrap(first), JobId.unwrap(second), "ids");
    }

    function testFuzz_TheExcessIsCredited(uint96 excess) public {
        uint256 price = market.quote(kernel, 3, 0);
        uint256 before = market.creditOf(requester);
        uint256 held = address(market).balance;
        vm.deal(requester, price + excess);
        vm.prank(requester);
        JobId job = market.request{value: price + excess}(_wanted(3, address(0), 0));
        assertEq(market.creditOf(requester) - before, excess, "credit");
        assertEq(address(market).balance - held, _escrowOf(job) + excess, "escrow");
        assertEq(_escrowOf(job), price - vrf.fee(), "the quote is the fee and the escrow");
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

    /* CLASSES */

    /// @dev What a pinned kernel computes depends on the machine, so honest members of two classes would split.
    function test_APinnedKernelNeedsAClass() public {
        Manifest memory manifest = _manifest("pinned", 0);
        manifest.determinism = DeterminismClass.Pinned;
        KernelId pinned = _register(manifest);
        _approve(pinned, X86);
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.kernel = pinned;
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_ClassNeeded.selector, pinned));
        wanted.environmentClass = ARM; // which it is not admitted for
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_ClassNeeded.selector, pinned));
        wanted.environmentClass = X86;
        vm.prank(requester);
        JobId id = market.request{value: 1 ether}(wanted);
        assertEq(_termsIn(id).rules.tree(), 0, "the class's tree");
    }

    function test_NobodyIsAskedForAClassThatHasNoTree() public {
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.environmentClass = EnvironmentClass.wrap("an abacus");
        _refused(wanted, 1 ether, abi.encodeWithSelector(IJobMarket.JobMarket_UnknownClass.selector, wanted.environmentClass));
    }

    /* VALIDATIONS */

    function test_OnlyTheRegistryAsksForValidations() public {
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotRegistry.selector, requester));
        vm.prank(requester);
        market.requestValidation{value: 1 ether}(kernel, INPUT, ANY, 3, requester);
    }

    function test_AValidationIsAJobOfTheRegistry() public {
        KernelId fresh = _register("fresh", 1 ether);
        JobId id = _requestValidation(fresh, 5);
        JobTerms memory terms = _termsIn(id);
        assertEq(uint256(terms.rules.kind()), uint256(JobKind.Validation), "kind");
        assertEq(terms.consumer, address(registry), "consumer");
        assertEq(terms.rules.callbackGas(), market.VALIDATION_CALLBACK_GAS(), "callbackGas");
        assertEq(terms.refundTo, publisher, "refundTo is who paid");
        assertEq(RecordDigest.unwrap(terms.input), keccak256("fresh"), "the input is the manifest record");
        assertEq(terms.authorFee, 0, "no author fee");
        assertEq(terms.rules.tree(), staking.SPREAD(), "two classes at least");
    }

    /* UNKNOWN */

    function test_AnUnknownJobIsUnknown() public {
        JobId nothing = JobId.wrap("nothing");
        JobTerms memory terms;
        JobProgress memory progress;
        assertStatus(nothing, JobStatus.Unknown);
        assertFalse(market.isState(nothing, keccak256(abi.encode(terms)), progress), "has no state");
        assertFalse(market.isState(nothing, 0, progress), "not even an empty one");
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_UnknownJob.selector, nothing);
        vm.expectRevert(reason);
        market.open(nothing, terms, "");
        vm.expectRevert(reason);
        market.commitBatch(nothing, 0, progress, new Commitment[](0), "");
        vm.expectRevert(reason);
        market.commit(nothing, 0, progress, Commitment.wrap("a commitment"));
        vm.expectRevert(reason);
        market.reveal(nothing, 0, progress, _right(), 0);
        vm.expectRevert(reason);
        market.settle(nothing, terms, progress, new Shown[](0));
        vm.expectRevert(reason);
        market.finalise(nothing, terms, progress);
        vm.expectRevert(reason);
        market.expire(nothing, terms);
        vm.expectRevert(reason);
        market.deliver(nothing, terms, progress);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, nothing, JobStatus.Unknown, JobStatus.Settled));
        market.verifyResult(nothing, 0, progress);
    }

    function test_ADeprecatedKernelStillRuns() public {
        vm.prank(publisher);
        registry.deprecate(kernel, "there is a better one");
        assertTrue(registry.kernelOf(kernel).status == IKernelRegistry.Status.Approved, "status");
        assertStatus(_request(3), JobStatus.Requested);
    }
}
