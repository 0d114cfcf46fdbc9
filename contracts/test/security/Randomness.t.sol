// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {CoordinatorBase} from "../vrf/CoordinatorBase.sol";

/// @title A requester that takes its request back unless it likes what it can learn in the same transaction.
contract GrindingRequester {
    error Unwanted();

    function grind(VrfCoordinator coordinator) external payable returns (RandomnessId id) {
        id = coordinator.request{value: msg.value}(msg.sender);
        // Whoever is assigned would be the next best thing to know.
        try coordinator.challengeOf(id) returns (uint256 index, bytes32) {
            if (index == 0) return id;
        } catch {}
        if (coordinator.statusOf(id) != IVrfCoordinator.Status.Fulfilled) revert Unwanted();
    }
}

/// @title What can be tried against a random number by whoever asks for it, answers it, or makes the blocks. What works is said in
///        docs/security.md.
contract RandomnessAttacksTest is CoordinatorBase {
    function setUp() public {
        _setUpCoordinator();
        _registerActive(3);
    }

    /// @dev Fails: there is nothing to like yet.
    function test_ARequesterThatTakesUnwelcomeRequestsBackNeverKeepsOne() public {
        GrindingRequester grinder = new GrindingRequester();
        vm.deal(address(this), 1 ether);
        for (uint256 i = 0; i < 8; ++i) {
            vm.expectRevert(GrindingRequester.Unwanted.selector);
            grinder.grind{value: FEE}(coordinator);
            nextBlock();
        }
    }

    /// @dev Fails: asking again, or in another order, changes nothing for what was asked; each request has its own fee and output.
    function test_AskingAgainDoesNotReplaceAnUnwelcomeOutput() public {
        RandomnessId first = _requestAndMine();
        bytes memory proof = _proof(first);
        RandomnessId second = _request();
        assertNotEq(RandomnessId.unwrap(second), RandomnessId.unwrap(first), "another request");
        nextBlock();
        assertEq(_proof(first), proof, "the same answer");
        bytes32 other = _fulfil(second);
        bytes32 output = coordinator.fulfil(first, proof);
        assertNotEq(output, other, "one output each");
        assertEq(coordinator.fulfil(first, proof), output, "for ever");
    }

    /// @dev Fails: a hostile operator can make many proofs for an input, by other nonces, and all prove the same output.
    function testFuzz_AnOperatorHasOneOutputHoweverItProves(uint256 other) public {
        RandomnessId id = _requestAndMine();
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        bytes memory usual = EcvrfProver.witnessed(secrets[index], abi.encodePacked(alpha));
        bytes memory unusual = EcvrfProver.witnessedWithNonce(secrets[index], abi.encodePacked(alpha), bound(other, 1, 1 << 200));
        assertNotEq(keccak256(usual), keccak256(unusual), "another proof");
        uint256 before = vm.snapshotState();
        bytes32 output = coordinator.fulfil(id, usual);
        vm.revertToState(before);
        assertEq(coordinator.fulfil(id, unusual), output, "the same output");
    }

    /// @dev Fails: a proof with any damage is refused, changes nothing, and leaves the answer open.
    function testFuzz_ADamagedAnswerIsRefusedAndTheRightOneStillCounts(uint256 which, bytes32 junk) public {
        RandomnessId id = _requestAndMine();
        bytes memory proof = _proof(id);
        bytes memory damaged = bytes.concat(proof);
        damaged[which % proof.length] ^= bytes1(uint8(1 + which / proof.length % 255));
        if (junk[0] == 0) damaged = abi.encodePacked(proof, junk);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, damaged);
        coordinator.fulfil(id, proof);
        _assertStatus(id, IVrfCoordinator.Status.Fulfilled);
    }

    /// @dev Works: whoever makes the request's block and holds the assigned key sees the output of every block that it could make.
    function test_ABuilderInLeagueWithAnOperatorChoosesAmongTheBlocksItCouldMake() public {
        RandomnessId id = _requestAndMine();
        uint256 low = type(uint256).max;
        for (uint256 candidate = 0; candidate < 8; ++candidate) {
            uint256 before = vm.snapshotState();
            vm.setBlockhash(block.number - 1, keccak256(abi.encode("a block", candidate)));
            uint256 output = uint256(_fulfil(id));
            if (output < low) low = output;
            vm.revertToState(before);
        }
        assertLt(low, type(uint256).max / 2, "the lowest of eight");
    }

    /// @dev Works, for three bonds: operators in league withhold one after the other, and then there is no output at all.
    function test_OperatorsInLeagueCanWithholdUntilTheRequestExpires() public {
        RandomnessId id = _requestAndMine();
        for (uint256 attempt = 0; attempt < 3; ++attempt) {
            _assertStatus(id, IVrfCoordinator.Status.Pending);
            _miss(id);
        }
        _assertStatus(id, IVrfCoordinator.Status.Expired);
        assertEq(coordinator.creditOf(treasury), 3 * SLASH, "three outputs seen and withheld, and paid for");
        assertEq(coordinator.creditOf(payee), FEE, "the requester has its fee");
    }
}
