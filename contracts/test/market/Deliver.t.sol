// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {ExactGasCall} from "../../libraries/ExactGasCall.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {JobProgress, JobStatus, JobTerms, Result} from "../../types/Job.sol";
import {
    GasBurner,
    GasProbe,
    Invalid,
    LoudRefuser,
    Reenterer,
    ReturnBomb,
    SELF_DESTRUCTOR,
    Taker,
    Unwilling
} from "../fixtures/HostileConsumers.sol";
import {House} from "../integration/House.sol";

contract DeliverTest is House {
    uint32 private constant GAS = 200_000;

    function setUp() public {
        _build(5);
    }

    /// @dev Delivers, and checks that nothing but what a delivery is about has changed.
    function _deliver(JobId id, bool want) private {
        address consumer = _termsIn(id).consumer;
        (bool wasPaid,) = market.deliveryOf(id);
        (JobStatus status, uint256 deadline) = (market.statusOf(id), market.deadlineOf(id));
        uint256 credit = market.creditOf(anyone);
        vm.expectEmit(address(market));
        if (want) emit IJobMarket.Delivered(id, consumer);
        else emit IJobMarket.DeliveryFailed(id, consumer);
        assertEq(_deliver(id), want, "success");
        (bool paid, bool delivered) = market.deliveryOf(id);
        assertEq(delivered, want, "delivered");
        assertTrue(paid, "paid");
        assertEq(market.creditOf(anyone) - credit, wasPaid ? 0 : uint256(_termsIn(id).rules.callbackGas()) * 2 gwei, "fee");
        assertStatus(id, status);
        assertEq(market.deadlineOf(id), deadline, "deadline");
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "state");
    }

    function test_TheConsumerGetsTheResult() public {
        Taker taker = new Taker();
        JobId id = _settled(3, address(taker), GAS);
        _deliver(id, true);
        assertEq(taker.taken(), 1, "once");
        assertEq(JobId.unwrap(taker.job()), JobId.unwrap(id), "job");
        assertEq(RecordDigest.unwrap(taker.digest()), RecordDigest.unwrap(OUTPUT), "digest");
        assertEq(taker.answer(), LABEL, "answer");
    }

    function test_ADeliveredResultIsNotDeliveredAgain() public {
        Taker taker = new Taker();
        JobId id = _settled(3, address(taker), GAS);
        _deliver(id, true);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyDelivered.selector, id));
        _deliver(id);
        _finalise(id);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyDelivered.selector, id));
        _deliver(id);
        assertEq(taker.taken(), 1, "once");
    }

    function test_OnlyAResultIsDelivered() public {
        JobId id = _request(3, address(new Taker()), GAS);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Requested, JobStatus.Settled));
        _deliver(id);
        _open(id);
        _play(id, _right());
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Revealing, JobStatus.Settled));
        _deliver(id);
    }

    /// @dev A failed job has a hash of its own too, but no result.
    function test_AFailureIsNotDelivered() public {
        JobId id = _request(3, address(new Taker()), GAS);
        _open(id);
        _play(id, _refusal());
        JobProgress memory progress = _progressIn(id);
        JobTerms memory terms = _termsIn(id);
        _settle(id);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Failed, JobStatus.Settled));
        market.deliver(id, terms, progress);
    }

    function test_WithoutAConsumerThereIsNothingToDeliver() public {
        JobId id = _settled(3, address(0), 0);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NoConsumer.selector, id));
        _deliver(id);
    }

    function test_AnyoneCanShowAResultToAContract() public {
        JobId id = _settled(3, address(0), 0);
        (Result memory result, bool isFinal) = market.verifyResult(id, _termsHashIn(id), _progressIn(id));
        assertEq(keccak256(abi.encode(result)), keccak256(abi.encode(Result(OUTPUT, LABEL, 0))), "result");
        assertFalse(isFinal, "within the challenge window");
        _finalise(id);
        (result, isFinal) = market.verifyResult(id, _termsHashIn(id), _progressIn(id));
        assertEq(keccak256(abi.encode(result)), keccak256(abi.encode(Result(OUTPUT, LABEL, 0))), "the same result");
        assertTrue(isFinal, "final");
    }

    function test_NobodyCanShowAnotherResult() public {
        JobId id = _settled(3, address(0), 0);
        bytes32 terms = _termsHashIn(id);
        JobProgress memory progress = _progressIn(id);
        progress.result.answer = "another";
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
        market.verifyResult(id, terms, progress);
    }

    /* HOSTILE CONSUMERS */

    function test_ARefusedResultCanBeDeliveredAgain() public {
        Unwilling consumer = new Unwilling();
        JobId id = _settled(3, address(consumer), GAS);
        uint256 credit = market.creditOf(anyone);
        _deliver(id, false);
        _deliver(id, false);
        _finalise(id);
        consumer.relent();
        _deliver(id, true);
        assertEq(market.creditOf(anyone) - credit, uint256(GAS) * 2 gwei, "paid once");
    }

    function test_AConsumerWithoutCodeFails() public {
        address nobody = makeAddr("no code");
        JobId id = _settled(3, nobody, GAS);
        _deliver(id, false);
        vm.etch(nobody, address(new Taker()).code); // deployed later
        _deliver(id, true);
    }

    function test_AConsumerThatBurnsItsGasFails() public {
        _deliver(_settled(3, address(new GasBurner()), GAS), false);
        _deliver(_settled(3, address(new Invalid()), GAS), false);
        _deliver(_settled(3, address(new GasBurner()), 1_000_000), false);
        _deliver(_settled(3, address(new Invalid()), 0), false);
    }

    function test_AConsumerThatDestroysItselfForcesItsMoneyOnNobodysAccount() public {
        address consumer = makeAddr("self-destructor");
        vm.etch(consumer, SELF_DESTRUCTOR);
        vm.deal(consumer, 3 ether);
        JobId id = _settled(3, consumer, GAS);
        uint256 before = address(market).balance;
        _deliver(id, true);
        assertEq(address(market).balance - before, 3 ether, "forced in");
        uint256 credit = market.creditOf(requester);
        uint256 escrow = _escrowOf(id) - uint256(GAS) * 2 gwei;
        _finalise(id);
        assertEq(market.creditOf(requester) - credit, escrow - 3 * 0.01 ether - 0.05 ether, "the refund does not count it");
    }

    /// @dev Nothing of 600 kB is copied: the delivery costs its gas and a fixed overhead. Solidity's own call would copy.
    function test_ReturnBombsAreNotCopied() public {
        uint256 bomb = _costOf(address(new ReturnBomb()), true);
        uint256 reason = _costOf(address(new LoudRefuser()), false);
        uint256 memoryGas = _bytes(600_000);
        assertLt(bomb, 130_000 + memoryGas, "returned");
        assertLt(reason, 130_000 + memoryGas, "reverted");
        // What it would be otherwise: memory again, and three gas a word to copy it.
        ReturnBomb callee = new ReturnBomb();
        uint256 before = gasleft();
        this.callAsSolidityDoes(address(callee));
        uint256 naive = before - gasleft();
        assertGt(naive, 2 * memoryGas, "the plain call");
    }

    function callAsSolidityDoes(address callee) external {
        (bool success,) =
            callee.call{gas: 2_000_000}(abi.encodeCall(IInferenceConsumer.onInference, (JobId.wrap(0), RecordDigest.wrap(0), bytes32(0))));
        assertTrue(success, "plain call");
    }

    function _costOf(address consumer, bool success) private returns (uint256 spent) {
        JobId id = _settled(3, consumer, 1_000_000);
        bool have = _deliver(id);
        spent = vm.lastCallGas().gasTotalUsed;
        assertEq(have, success, "success");
    }

    /// @dev Gas for that much memory (yellow paper, appendix G).
    function _bytes(uint256 size) private pure returns (uint256) {
        uint256 words = (size + 31) / 32;
        return 3 * words + words * words / 512;
    }

    function test_ReentryIsRefusedInEveryFunction() public {
        JobId other = _settled(3, address(new Taker()), GAS);
        Reenterer consumer = new Reenterer(other, kernel, _termsIn(other), _progressIn(other));
        JobId id = _settled(3, address(consumer), 1_000_000);
        _deliver(id, true);
        assertEq(consumer.refused(), consumer.count(), "every attempt failed");
        assertEq(consumer.lastReason(), bytes4(keccak256("ReentrancyGuardReentrantCall()")), "by the guard");
        assertEq(uint256(consumer.statusSeen()), uint256(JobStatus.Settled), "the result was final before the call");
        assertTrue(consumer.deliveredSeen(), "and the job read as it would be");
        assertTrue(market.isState(other, _termsHashIn(other), _progressIn(other)), "the other job");
        (bool paid,) = market.deliveryOf(other);
        assertFalse(paid, "is not delivered");
    }

    /* GAS */

    /// @dev However much gas the deliverer brings, the consumer gets what was paid for, or the whole delivery reverts.
    function testFuzz_TheConsumerGetsExactlyItsGas(uint32 callbackGas, uint256 brought) public {
        callbackGas = uint32(bound(callbackGas, 30_000, 1_000_000));
        GasProbe probe = new GasProbe();
        JobId id = _settled(3, address(probe), callbackGas);
        brought = bound(brought, callbackGas / 2, uint256(callbackGas) * 2 + 200_000);
        bytes memory call = abi.encodeCall(IJobMarket.deliver, (id, _termsIn(id), _progressIn(id)));
        vm.prank(anyone);
        (bool done, bytes memory result) = address(market).call{gas: brought}(call);
        if (done) {
            assertTrue(abi.decode(result, (bool)), "taken");
            uint256 dispatch = callbackGas - probe.found();
            assertLt(dispatch, 100, "all but a few opcodes");
        } else {
            assertEq(probe.found(), 0, "nothing happened");
            (bool paid,) = market.deliveryOf(id);
            assertFalse(paid, "nobody was paid");
        }
    }

    function test_TooLittleToCallTheConsumerWithIsSaid() public {
        JobId id = _settled(3, address(new Taker()), 1_000_000);
        JobTerms memory terms = _termsIn(id);
        JobProgress memory progress = _progressIn(id);
        vm.expectPartialRevert(IJobMarket.JobMarket_GasTooLow.selector);
        vm.prank(anyone);
        market.deliver{gas: 900_000}(id, terms, progress);
        _deliver(id, true);
    }

    function testFuzz_TheRequiredGasIsEnoughForTheCallee(uint256 gasAmount) public pure {
        gasAmount = bound(gasAmount, 0, 30_000_000);
        // Without the reserve: what is there when the call begins, of which a 64th stays behind (EIP-150).
        uint256 there = ExactGasCall.requiredGas(gasAmount) - ExactGasCall.RESERVE;
        assertGe(there - there / 64, gasAmount, "enough");
        assertLe(there - there / 64, gasAmount + 1, "and hardly more");
    }
}
