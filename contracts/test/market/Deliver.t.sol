// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {ExactGasCall} from "../../libraries/ExactGasCall.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
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

    /// @dev Delivers to `consumer`, and checks that nothing but what a delivery is about has changed.
    function _deliver(JobId id, bool want) private {
        IJobMarket.Job memory before = market.jobOf(id);
        vm.expectEmit(address(market));
        if (want) emit IJobMarket.Delivered(id, before.consumer);
        else emit IJobMarket.DeliveryFailed(id, before.consumer);
        vm.prank(anyone);
        assertEq(market.deliver(id), want, "success");
        IJobMarket.Job memory now_ = market.jobOf(id);
        assertEq(now_.delivered, want, "delivered");
        assertTrue(now_.deliveryPaid, "deliveryPaid");
        assertEq(now_.escrow, before.escrow - (before.deliveryPaid ? 0 : uint256(before.callbackGas) * 2 gwei), "escrow");
        (now_.delivered, now_.deliveryPaid, now_.escrow) = (before.delivered, before.deliveryPaid, before.escrow);
        assertEq(keccak256(abi.encode(now_)), keccak256(abi.encode(before)), "something else changed");
    }

    function test_TheConsumerGetsTheResult() public {
        Taker taker = new Taker();
        JobId id = _settled(3, address(taker), GAS);
        _deliver(id, true);
        assertEq(taker.taken(), 1, "once");
        assertEq(JobId.unwrap(taker.job()), JobId.unwrap(id), "job");
        assertEq(RecordDigest.unwrap(taker.digest()), RecordDigest.unwrap(OUTPUT), "digest");
        assertEq(taker.answer(), LABEL, "answer");
        assertEq(market.creditOf(anyone), uint256(GAS) * 2 gwei, "the deliverer's fee");
    }

    function test_ADeliveredResultIsNotDeliveredAgain() public {
        Taker taker = new Taker();
        JobId id = _settled(3, address(taker), GAS);
        _deliver(id, true);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyDelivered.selector, id));
        market.deliver(id);
        _finalise(id);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyDelivered.selector, id));
        market.deliver(id);
        assertEq(taker.taken(), 1, "once");
    }

    function test_OnlyAResultIsDelivered() public {
        JobId id = _request(3, address(new Taker()), GAS);
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Requested, IJobMarket.Status.Settled)
        );
        market.deliver(id);
        _open(id);
        _play(id, _right());
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Revealing, IJobMarket.Status.Settled)
        );
        market.deliver(id);
    }

    function test_WithoutAConsumerThereIsNothingToDeliver() public {
        JobId id = _settled(3, address(0), 0);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NoConsumer.selector, id));
        market.deliver(id);
    }

    /* HOSTILE CONSUMERS */

    function test_ARefusedResultCanBeDeliveredAgain() public {
        Unwilling consumer = new Unwilling();
        JobId id = _settled(3, address(consumer), GAS);
        _deliver(id, false);
        _deliver(id, false);
        assertEq(market.creditOf(anyone), uint256(GAS) * 2 gwei, "paid once");
        _finalise(id);
        consumer.relent();
        _deliver(id, true);
        assertEq(market.creditOf(anyone), uint256(GAS) * 2 gwei, "still paid once");
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
        uint256 escrow = _escrowOf(id);
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

    function _costOf(address consumer, bool success) private returns (uint256) {
        JobId id = _settled(3, consumer, 1_000_000);
        vm.prank(anyone);
        bool have = market.deliver(id);
        uint256 spent = vm.lastCallGas().gasTotalUsed;
        assertEq(have, success, "success");
        return spent;
    }

    /// @dev Gas for that much memory (yellow paper, appendix G).
    function _bytes(uint256 size) private pure returns (uint256) {
        uint256 words = (size + 31) / 32;
        return 3 * words + words * words / 512;
    }

    function test_ReentryIsRefusedInEveryFunction() public {
        JobId other = _settled(3, address(new Taker()), GAS);
        Reenterer consumer = new Reenterer(other, kernel);
        JobId id = _settled(3, address(consumer), 1_000_000);
        bytes32 otherBefore = keccak256(abi.encode(market.jobOf(other)));
        _deliver(id, true);
        assertEq(consumer.refused(), consumer.count(), "every attempt failed");
        assertEq(consumer.lastReason(), bytes4(keccak256("ReentrancyGuardReentrantCall()")), "by the guard");
        assertEq(uint256(consumer.statusSeen()), uint256(IJobMarket.Status.Settled), "the result was final before the call");
        assertTrue(consumer.deliveredSeen(), "and the job read as it would be");
        assertEq(keccak256(abi.encode(market.jobOf(other))), otherBefore, "the other job");
    }

    /* GAS */

    /// @dev However much gas the deliverer brings, the consumer gets what was paid for, or the whole delivery reverts.
    function testFuzz_TheConsumerGetsExactlyItsGas(uint32 callbackGas, uint256 brought) public {
        callbackGas = uint32(bound(callbackGas, 30_000, 1_000_000));
        GasProbe probe = new GasProbe();
        JobId id = _settled(3, address(probe), callbackGas);
        brought = bound(brought, callbackGas / 2, uint256(callbackGas) * 2 + 200_000);
        vm.prank(anyone);
        (bool done, bytes memory result) = address(market).call{gas: brought}(abi.encodeCall(IJobMarket.deliver, (id)));
        if (done) {
            assertTrue(abi.decode(result, (bool)), "taken");
            uint256 dispatch = callbackGas - probe.found();
            assertLt(dispatch, 100, "all but a few opcodes");
        } else {
            assertEq(probe.found(), 0, "nothing happened");
            assertFalse(market.jobOf(id).deliveryPaid, "nobody was paid");
        }
    }

    function test_TooLittleGasIsSaid() public {
        JobId id = _settled(3, address(new Taker()), 1_000_000);
        vm.expectPartialRevert(IJobMarket.JobMarket_GasTooLow.selector);
        vm.prank(anyone);
        market.deliver{gas: 900_000}(id);
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
