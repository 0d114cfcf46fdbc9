// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {CoordinatorBase} from "./CoordinatorBase.sol";

/// @title Requests, answers, silence.
contract VrfRequestsTest is CoordinatorBase {
    /// @dev EIP-2935: the contract that keeps the last 8191 block hashes, and its code.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    bytes private constant HISTORY_CODE =
        hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

    function setUp() public {
        _setUpCoordinator();
        _registerActive(3);
    }

    // ---- requesting

    function test_ARequestIsWrittenDown() public {
        RandomnessId want = RandomnessId.wrap(keccak256(abi.encode(block.chainid, address(coordinator), requester, uint64(0))));
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.RandomnessRequested(want, requester, 0, uint48(block.number));
        RandomnessId id = _request();
        assertEq(RandomnessId.unwrap(id), RandomnessId.unwrap(want), "id");
        IVrfCoordinator.Request memory request = coordinator.requestOf(id);
        assertEq(request.refundTo, payee, "refundTo");
        assertEq(request.blockNumber, block.number, "block");
        assertEq(request.deadline, block.timestamp + ANSWER_WINDOW, "deadline");
        assertEq(request.operatorCount, 3, "operators");
        assertEq(request.fee, FEE, "fee");
        _assertStatus(id, IVrfCoordinator.Status.Pending);
        id = _request();
        want = RandomnessId.wrap(keccak256(abi.encode(block.chainid, address(coordinator), requester, uint64(1))));
        assertEq(RandomnessId.unwrap(id), RandomnessId.unwrap(want), "the next id");
    }

    function test_TooLowAFeeIsRefusedAndTooHighAFeeIsCreditedBack() public {
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_FeeTooLow.selector, FEE - 1, FEE));
        vm.prank(requester);
        coordinator.request{value: FEE - 1}(payee);
        vm.prank(requester);
        coordinator.request{value: FEE + 7}(payee);
        assertEq(coordinator.creditOf(payee), 7, "excess");
    }

    function test_ARefundNeedsAnAddress() public {
        vm.expectRevert(IVrfCoordinator.VrfCoordinator_InvalidRefundAddress.selector);
        vm.prank(requester);
        coordinator.request{value: FEE}(address(0));
    }

    // ---- answering

    function test_AnAnswerIsStoredAndPaid() public {
        RandomnessId id = _requestAndMine();
        uint256 index = _assigned(id);
        address account = coordinator.operator(index).account;
        bytes memory proof = _proof(id);
        bytes32 gammaHash = sha256(abi.encodePacked(hex"fe03", _first33(proof), hex"00"));
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.RandomnessFulfilled(id, index, gammaHash);
        vm.prank(makeAddr("anyone"));
        assertEq(coordinator.fulfil(id, proof), gammaHash, "returned");
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
        assertTrue(coordinator.isOutput(id, gammaHash), "output");
        assertEq(coordinator.creditOf(account), FEE, "fee");
    }

    function test_OfAFulfilledRequestOnlyTheStatusIsLeft() public {
        RandomnessId id = _requestAndMine();
        _miss(id);
        _fulfil(id);
        IVrfCoordinator.Request memory request = coordinator.requestOf(id);
        assertEq(uint256(request.status), uint256(IVrfCoordinator.Status.Fulfilled), "status");
        assertEq(request.refundTo, address(0), "refundTo");
        assertEq(request.blockNumber, 0, "block");
    }

    function test_NothingIsAnsweredInTheRequestsOwnBlock() public {
        RandomnessId id = _request();
        bytes memory early = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_Unconfirmed.selector, id, block.number + 1);
        vm.expectRevert(early);
        coordinator.challengeOf(id);
        vm.expectRevert(early);
        coordinator.fulfil(id, new bytes(305));
        skipTime(ANSWER_WINDOW + 1); // a clock that runs within a block makes nobody late
        _assertStatus(id, IVrfCoordinator.Status.Pending);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotStalled.selector, id, coordinator.requestOf(id).deadline));
        coordinator.reassign(id);
    }

    function test_NothingIsAnsweredBeforeTheRequestsBlockIsAsDeepAsTheParameterSays() public {
        coordinator = _newCoordinator(EXIT_DELAY, 3);
        delete secrets;
        _registerActive(1);
        RandomnessId id = _request();
        uint256 from = block.number + 3;
        bytes memory early = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_Unconfirmed.selector, id, from);
        for (; block.number < from; nextBlock()) {
            vm.expectRevert(early);
            coordinator.fulfil(id, new bytes(305));
            vm.expectRevert(early);
            coordinator.challengeOf(id);
        }
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    function testFuzz_OnlyTheOutputIsTheOutput(bytes32 other) public {
        RandomnessId id = _requestAndMine();
        assertFalse(coordinator.isOutput(id, 0), "before");
        bytes32 output = _fulfil(id);
        vm.assume(other != output);
        assertFalse(coordinator.isOutput(id, other), "another");
        assertFalse(coordinator.isOutput(RandomnessId.wrap(other), output), "of another request");
    }

    function test_ASecondAnswerIsTheFirstAndIsNotPaid() public {
        RandomnessId id = _requestAndMine();
        bytes memory proof = _proof(id);
        address account = coordinator.operator(_assigned(id)).account;
        bytes32 output = coordinator.fulfil(id, proof);
        uint256 credit = coordinator.creditOf(account);
        assertEq(coordinator.fulfil(id, proof), output, "again");
        assertEq(coordinator.creditOf(account), credit, "paid once");
        RandomnessId two = _requestAndMine();
        bytes memory another = _proof(two);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, another);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, hex"03");
        _expectNotPending(id, IVrfCoordinator.Status.Fulfilled);
        coordinator.reassign(id);
    }

    function test_OnlyTheAssignedOperatorsProofCounts() public {
        RandomnessId id = _requestAndMine();
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        for (uint256 other = 0; other < 3; ++other) {
            if (other == index) continue;
            bytes memory proof = EcvrfProver.witnessed(secrets[other], abi.encodePacked(alpha));
            vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
            coordinator.fulfil(id, proof);
        }
        bytes memory wrong = EcvrfProver.witnessed(secrets[index], abi.encodePacked(keccak256("another input")));
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, wrong);
    }

    function test_AProofForOneRequestIsNoProofForAnother() public {
        RandomnessId one = _request();
        RandomnessId two = _requestAndMine();
        bytes memory proof = _proof(one);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, two));
        coordinator.fulfil(two, proof);
    }

    function test_AnUnknownRequestIsAnError() public {
        RandomnessId id = RandomnessId.wrap(keccak256("nothing"));
        bytes memory unknown = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_UnknownRequest.selector, id);
        vm.expectRevert(unknown);
        coordinator.fulfil(id, "");
        vm.expectRevert(unknown);
        coordinator.reassign(id);
        vm.expectRevert(unknown);
        coordinator.challengeOf(id);
        _assertStatus(id, IVrfCoordinator.Status.Unknown);
    }

    function test_ALateAnswerCountsUntilSomebodyReassigns() public {
        RandomnessId id = _requestAndMine();
        skipTime(10 * ANSWER_WINDOW);
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    function testFuzz_InputAndOperatorFollowFromTheBlockHash(bytes32 blockHash) public {
        vm.assume(blockHash != 0);
        RandomnessId id = _requestAndMine();
        IVrfCoordinator.Request memory request = coordinator.requestOf(id);
        vm.setBlockhash(request.blockNumber, blockHash);
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        assertEq(index, uint256(keccak256(abi.encode(blockHash, id))) % 3, "operator");
        IVrfCoordinator.Operator memory operator = coordinator.operator(index);
        bytes32 domain = keccak256("aivm/vrf/2");
        bytes32 want =
            keccak256(abi.encode(domain, block.chainid, address(coordinator), operator.keyX, operator.keyOdd, id, blockHash));
        assertEq(alpha, want, "alpha");
    }

    // ---- silence

    function test_NobodyIsLateBeforeTheDeadlineHasPassed() public {
        RandomnessId id = _requestAndMine();
        uint256 deadline = coordinator.requestOf(id).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotStalled.selector, id, deadline));
        coordinator.reassign(id);
        _assertStatus(id, IVrfCoordinator.Status.Pending);
        vm.warp(deadline + 1);
        _assertStatus(id, IVrfCoordinator.Status.Stalled);
        coordinator.reassign(id);
        _assertStatus(id, IVrfCoordinator.Status.Pending);
    }

    /// @dev From every stalled state one call by anyone leads to another attempt or to the end, so three lead to the end.
    function testFuzz_AStalledRequestAlwaysLeaves(uint8 operators, uint256 gap, bool history, uint8 leavers) public {
        for (uint256 number = 3; number < 3 + operators % 3; ++number) {
            _register(number, MINIMUM_BOND);
        }
        skipBlocks(ACTIVATION_DELAY);
        vm.etch(HISTORY, history ? HISTORY_CODE : bytes(""));
        RandomnessId id = _requestAndMine();
        for (uint256 number = 0; number < 3; ++number) {
            if (leavers & (1 << number) == 0) continue;
            vm.prank(_account(number));
            coordinator.exit();
        }
        uint256 steps = 0;
        for (; steps < 3 && _status(id) != IVrfCoordinator.Status.Expired; ++steps) {
            skipBlocks(bound(gap, ANSWER_WINDOW / 12 + 1, 10_000));
            _assertStatus(id, IVrfCoordinator.Status.Stalled);
            vm.prank(makeAddr("anyone"));
            coordinator.reassign(id);
            assertTrue(_status(id) != IVrfCoordinator.Status.Stalled, "left");
        }
        _assertStatus(id, IVrfCoordinator.Status.Expired);
        assertEq(coordinator.creditOf(payee), FEE, "refund");
    }

    function test_AStalledRequestIsStillAnswered() public {
        RandomnessId id = _requestAndMine();
        skipTime(ANSWER_WINDOW + 1);
        _assertStatus(id, IVrfCoordinator.Status.Stalled);
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    function test_ASilentOperatorIsSlashedAndTheNextTakesOver() public {
        RandomnessId id = _requestAndMine();
        uint256 first = _assigned(id);
        bytes memory late = _proof(id);
        skipTime(ANSWER_WINDOW);
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.OperatorSlashed(first, id, SLASH);
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.RandomnessReassigned(id, 1, uint48(block.timestamp + ANSWER_WINDOW));
        coordinator.reassign(id);
        assertEq(_bond(first), MINIMUM_BOND - SLASH, "bond");
        assertEq(coordinator.creditOf(treasury), SLASH, "treasury");
        assertEq(coordinator.creditOf(payee), 0, "withholding earns the requester nothing");
        assertEq(_assigned(id), (first + 1) % 3, "next");
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, late);
        _fulfil(id);
        assertEq(coordinator.creditOf(coordinator.operator((first + 1) % 3).account), FEE, "fee");
    }

    function test_AfterTheThirdTheRequestExpiresAndTheFeeGoesBack() public {
        _register(3, MINIMUM_BOND);
        skipBlocks(ACTIVATION_DELAY);
        RandomnessId id = _requestAndMine();
        assertEq(coordinator.requestOf(id).operatorCount, 4, "operators");
        _miss(id);
        _miss(id);
        bytes memory late = _proof(id);
        skipTime(ANSWER_WINDOW + 1);
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.RandomnessExpired(id);
        coordinator.reassign(id);
        _assertStatus(id, IVrfCoordinator.Status.Expired);
        assertEq(coordinator.creditOf(payee), FEE, "refund");
        assertEq(coordinator.creditOf(treasury), 3 * SLASH, "slashed");
        _expectNotPending(id, IVrfCoordinator.Status.Expired);
        coordinator.fulfil(id, late);
        _expectNotPending(id, IVrfCoordinator.Status.Expired);
        coordinator.reassign(id);
    }

    function test_AnOperatorHasOneChanceEvenWhenItIsTheOnlyOne() public {
        for (uint256 number = 1; number < 3; ++number) {
            vm.prank(_account(number));
            coordinator.exit();
        }
        RandomnessId id = _requestAndMine();
        _miss(id);
        _assertStatus(id, IVrfCoordinator.Status.Expired);
        assertEq(_bond(0), MINIMUM_BOND - SLASH, "slashed once");
    }

    function test_TooSmallABondEndsNewAssignmentsOnly() public {
        RandomnessId one = _request();
        RandomnessId two = _requestAndMine();
        uint256 silent = _assigned(one);
        _miss(one);
        assertFalse(coordinator.operator(silent).active, "active");
        assertEq(coordinator.requestOf(_request()).operatorCount, 2, "new requests");
        assertEq(coordinator.requestOf(two).operatorCount, 3, "old requests");
        // What it was assigned to before, it still answers and is paid for.
        while (_assigned(two) != silent) _miss(two);
        uint256 before = coordinator.creditOf(coordinator.operator(silent).account);
        _fulfil(two);
        assertEq(coordinator.creditOf(coordinator.operator(silent).account), before + FEE, "fee");
    }

    function test_NoMoreThanTheBondIsSlashed() public {
        vm.prank(_account(1));
        coordinator.exit();
        vm.prank(_account(2));
        coordinator.exit();
        RandomnessId[4] memory ids = [_request(), _request(), _request(), _request()];
        nextBlock();
        uint256 slashed;
        for (uint256 i = 0; i < 4; ++i) {
            _miss(ids[i]);
            slashed = coordinator.creditOf(treasury);
            assertEq(slashed + _bond(0), MINIMUM_BOND, "what was there");
        }
        assertEq(slashed, MINIMUM_BOND, "all of it");
        assertEq(coordinator.creditOf(payee), 4 * FEE, "refunds");
    }

    function test_ABiggerBondOutlastsASlash() public {
        uint256 index = _register(3, MINIMUM_BOND + 2 * SLASH);
        skipBlocks(ACTIVATION_DELAY);
        for (uint256 number = 0; number < 3; ++number) {
            vm.prank(_account(number));
            coordinator.exit();
        }
        _miss(_requestAndMine());
        assertTrue(coordinator.operator(index).active, "above the minimum");
        _miss(_requestAndMine());
        assertTrue(coordinator.operator(index).active, "at the minimum");
        _miss(_requestAndMine());
        assertFalse(coordinator.operator(index).active, "below it");
        vm.expectRevert(IVrfCoordinator.VrfCoordinator_NoOperators.selector);
        vm.prank(requester);
        coordinator.request{value: FEE}(payee);
    }

    // ---- leaving and joining in between

    function test_WhoLeavesAfterTheRequestStillAnswersIt() public {
        RandomnessId id = _request();
        for (uint256 number = 0; number < 3; ++number) {
            vm.prank(_account(number));
            coordinator.exit();
        }
        nextBlock();
        address account = coordinator.operator(_assigned(id)).account;
        _fulfil(id);
        assertEq(coordinator.creditOf(account), FEE, "fee");
    }

    function test_WhoLeavesAfterTheRequestIsStillSlashed() public {
        RandomnessId id = _requestAndMine();
        uint256 index = _assigned(id);
        address account = coordinator.operator(index).account;
        vm.prank(account);
        coordinator.exit();
        _miss(id);
        assertEq(_bond(index), MINIMUM_BOND - SLASH, "bond");
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();
        assertEq(coordinator.creditOf(account), MINIMUM_BOND - SLASH, "what is left");
    }

    function test_ABondLastsAsLongAsARequestMadeBeforeTheExit() public {
        // The shortest exit delay that the constructor takes, and the leaver is the last in line.
        uint32 shortest = 6 * (ANSWER_WINDOW + 1);
        coordinator = _newCoordinator(shortest, CONFIRMATIONS);
        delete secrets;
        _registerActive(3);
        RandomnessId id = _requestAndMine();
        uint256 last = (_assigned(id) + 2) % 3;
        address leaver = coordinator.operator(last).account;
        vm.prank(leaver);
        coordinator.exit();
        for (uint256 attempt = 0; attempt < 3; ++attempt) {
            vm.warp(coordinator.requestOf(id).deadline + 1);
            vm.expectPartialRevert(IVrfCoordinator.VrfCoordinator_StillLocked.selector);
            vm.prank(leaver);
            coordinator.withdrawBond();
            coordinator.reassign(id);
        }
        assertEq(_bond(last), MINIMUM_BOND - SLASH, "slashed");
        assertLe(block.timestamp, coordinator.requestOf(id).deadline + coordinator.maximumLatency(), "in time");
    }

    function test_ASilentOperatorWhoseBondIsGoneIsPassedOver() public {
        RandomnessId id = _requestAndMine();
        uint256 first = _assigned(id);
        address account = coordinator.operator(first).account;
        vm.prank(account);
        coordinator.exit();
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();
        nextBlock();
        coordinator.reassign(id);
        assertEq(coordinator.creditOf(treasury), 0, "nothing to take");
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    function testFuzz_NothingThatHappensLaterMovesAnAssignment(uint8 leavers, uint8 joiners, bool slash) public {
        RandomnessId other = _request();
        RandomnessId id = _requestAndMine();
        uint256 assigned = _assigned(id);
        if (slash) {
            skipTime(ANSWER_WINDOW);
            coordinator.reassign(other);
        }
        for (uint256 number = 0; number < 3; ++number) {
            if (leavers & (1 << number) == 0) continue;
            vm.prank(_account(number));
            coordinator.exit();
        }
        for (uint256 number = 0; number < joiners % 3; ++number) {
            _register(10 + number, MINIMUM_BOND);
        }
        skipBlocks(ACTIVATION_DELAY);
        assertEq(_assigned(id), assigned, "assigned");
        for (uint256 attempt = 1; attempt < 3; ++attempt) {
            _miss(id);
            assertEq(_assigned(id), (assigned + attempt) % 3, "next");
        }
    }

    // ---- the block hash

    function test_AHashOutOfReachExpiresTheRequestWithoutASlash() public {
        vm.etch(HISTORY, ""); // a chain that keeps no history: 256 blocks
        RandomnessId id = _request();
        uint256 requestBlock = block.number;
        bytes memory proof = new bytes(305);
        vm.roll(requestBlock + 257);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_BlockHashGone.selector, id, requestBlock));
        coordinator.fulfil(id, proof);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_BlockHashGone.selector, id, requestBlock));
        coordinator.challengeOf(id);
        _assertStatus(id, IVrfCoordinator.Status.Stalled);
        coordinator.reassign(id); // before the deadline: nobody can answer any more
        _assertStatus(id, IVrfCoordinator.Status.Expired);
        assertEq(coordinator.creditOf(payee), FEE, "refund");
        assertEq(coordinator.creditOf(treasury), 0, "no slash");
    }

    function test_TheLastBlockInReachStillServes() public {
        RandomnessId id = _request();
        vm.roll(block.number + 256);
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    function test_WhereTheChainKeepsHistoryTheReachIs8191Blocks() public {
        RandomnessId id = _request();
        uint256 requestBlock = block.number;
        vm.etch(HISTORY, HISTORY_CODE);
        vm.store(HISTORY, bytes32(requestBlock % 8191), keccak256("the hash"));
        vm.roll(requestBlock + 8191);
        uint256 assigned = uint256(keccak256(abi.encode(keccak256("the hash"), id))) % 3;
        assertEq(_assigned(id), assigned, "assigned");
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);

        RandomnessId late = _request();
        vm.roll(block.number + 8192);
        coordinator.reassign(late);
        _assertStatus(late, IVrfCoordinator.Status.Expired);
    }

    function test_AReassignedRequestKeepsItsHash() public {
        RandomnessId id = _requestAndMine();
        _miss(id);
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        assertNotEq(coordinator.requestOf(id).blockHash, bytes32(0), "pinned");
        vm.roll(block.number + 1_000_000);
        (uint256 laterIndex, bytes32 laterAlpha) = coordinator.challengeOf(id);
        assertEq(laterIndex, index, "operator");
        assertEq(laterAlpha, alpha, "alpha");
        _fulfil(id);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    // ---- gas

    function test_GasOfRequests() public {
        RandomnessId id = _request();
        vm.snapshotGasLastCall("VrfCoordinator", "request, first");
        RandomnessId second = _request();
        vm.snapshotGasLastCall("VrfCoordinator", "request");
        nextBlock();
        // A block whose hash leads to the first candidate of the hash to the curve, and one that leads to the third.
        _fulfil(_requestWith(0)); // so that the operator has earned before
        RandomnessId direct = _requestWith(0);
        RandomnessId retried = _requestWith(2);
        _fulfil(direct);
        vm.snapshotGasLastCall("VrfCoordinator", "fulfil");
        _fulfil(retried);
        vm.snapshotGasLastCall("VrfCoordinator", "fulfil, third candidate");
        _fulfil(id);
        _miss(second);
        vm.snapshotGasLastCall("VrfCoordinator", "reassign, with an operator deactivated");
        _miss(second);
        _miss(second);
        vm.snapshotGasLastCall("VrfCoordinator", "reassign, expiring");
    }

    /// @dev A request for which so many candidates are refused.
    function _requestWith(uint256 counter) private returns (RandomnessId id) {
        id = _requestAndMine();
        uint256 length = 0;
        for (uint256 i = 0; length != 81 + 224 + 32 * counter; ++i) {
            vm.setBlockhash(block.number - 1, keccak256(abi.encode(i)));
            if (_assigned(id) == 0) length = _proof(id).length;
        }
    }

    function _first33(bytes memory proof) private pure returns (bytes memory head) {
        head = new bytes(33);
        for (uint256 i = 0; i < 33; ++i) {
            head[i] = proof[i];
        }
    }

    function _expectNotPending(RandomnessId id, IVrfCoordinator.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotPending.selector, id, status));
    }
}
