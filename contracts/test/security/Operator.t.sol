// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {VrfTickets} from "../../types/VrfTicket.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {CoordinatorBase} from "../vrf/CoordinatorBase.sol";
import {EcvrfHarness} from "../vrf/EcvrfHarness.sol";

/// @title What an operator, or somebody against one, can try. What works is said in docs/security.md.
contract OperatorAttacksTest is CoordinatorBase {
    uint256 private constant REQUESTS = 10;

    function setUp() public {
        _setUpCoordinator();
        _registerActive(1);
    }

    function _flood() private returns (RandomnessId[] memory ids) {
        ids = new RandomnessId[](REQUESTS);
        for (uint256 i = 0; i < REQUESTS; ++i) {
            ids[i] = _request();
        }
        nextBlock();
    }

    /// @dev Works: withholding has a price while there is a bond. Only requests that were made before it was gone are concerned.
    function test_WithholdingCostsTheBondAndThenNothing() public {
        RandomnessId[] memory ids = _flood();
        for (uint256 i = 0; i < REQUESTS; ++i) {
            _miss(ids[i]);
        }
        assertEq(coordinator.creditOf(treasury), MINIMUM_BOND, "ten outputs withheld for one bond");
        assertFalse(coordinator.operator(0).active, "and no more");
        vm.prank(requester);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NoOperators.selector));
        coordinator.request{value: FEE}(payee);
    }

    /// @dev Works, for gas: what is not answered is refunded. The fee has to pay for an answer's gas (see the snapshot) at any price that
    ///      the chain sees, and the window has to hold more answers than anyone floods it with.
    function test_AFloodThatOverrunsAnOperatorIsRefundedAndCostsTheBond() public {
        uint256 before = requester.balance;
        RandomnessId[] memory ids = _flood();
        for (uint256 i = 0; i < REQUESTS; ++i) {
            _miss(ids[i]);
        }
        assertEq(before - requester.balance, coordinator.creditOf(payee), "every fee is back");
        assertEq(_bond(0), 0, "the bond is gone");
    }

    /// @dev Works: clocks are block timestamps, also over a standstill. The window has to be longer than standstills.
    function test_AfterAStandstillAnHonestOperatorCanBeOvertaken() public {
        RandomnessId id = _requestAndMine();
        skipTime(1 hours); // no block for an hour, and then the first transaction is a slash
        coordinator.reassign(id);
        assertEq(_bond(0), MINIMUM_BOND - SLASH, "slashed");
    }

    /// @dev Fails: the answer to a request that was lost to a late operator cannot be given after the next one has it.
    function test_ALateProofDoesNotOvertakeTheNextOperator() public {
        _register(1, MINIMUM_BOND);
        skipBlocks(ACTIVATION_DELAY);
        RandomnessId id = _requestAndMine();
        bytes memory late = _proof(id);
        _miss(id);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, late);
    }

    /// @dev Fails: leaving, being slashed and coming back with another key change neither who answers nor with what.
    function test_ComingBackWithAnotherKeyDoesNotReRollAnOldRequest() public {
        RandomnessId id = _requestAndMine();
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        address account = _account(0);
        vm.prank(account);
        coordinator.exit();
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(7));
        bytes memory possession = _possession(account, _secret(7));
        vm.deal(account, MINIMUM_BOND);
        vm.prank(account);
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, possession);
        (uint256 now_, bytes32 still) = coordinator.challengeOf(id);
        assertEq(now_, index, "operator");
        assertEq(still, alpha, "input");
        bytes memory other = EcvrfProver.witnessed(_secret(7), abi.encodePacked(alpha));
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidProof.selector, id));
        coordinator.fulfil(id, other);
    }

    /// @dev Fails: keys for which sums meet equal and opposite points (Y = B, -B, 2B) prove like any other, and one output each.
    function test_KeysNextToTheBasePointAreKeysLikeAnyOther() public {
        EcvrfHarness harness = new EcvrfHarness();
        uint256[4] memory secrets_ = [uint256(1), 2, Secp256k1.N - 1, Secp256k1.N - 2];
        for (uint256 i = 0; i < secrets_.length; ++i) {
            (uint256 x, uint256 y) = EcvrfProver.publicKey(secrets_[i]);
            bytes memory proof = EcvrfProver.witnessed(secrets_[i], "alpha");
            (bool valid,) = harness.verify(x, y, "alpha", proof);
            assertTrue(valid, "its own proof");
            (valid,) = harness.verify(x, Secp256k1.P - y, "alpha", proof);
            assertFalse(valid, "the opposite key");
        }
    }

    /// @dev Works: a request has 21 bits for the version of the roster, which grows with everyone who leaves. After two million departures
    ///      nobody can ask any more; what was asked before is answered.
    function test_TwoMillionDeparturesEndTheRequests() public {
        bytes32 place = bytes32(uint256(5)); // of the roster in the coordinator's storage, the version in its lowest 32 bits
        (address first, address second) = (_account(1), _account(2));
        _register(1, MINIMUM_BOND);
        _register(2, MINIMUM_BOND);
        skipBlocks(ACTIVATION_DELAY);
        vm.prank(first);
        coordinator.exit();
        bytes32 state = vm.load(address(coordinator), place);
        assertEq(uint256(state) & type(uint32).max, 1, "one has left");
        RandomnessId id = _requestAndMine();
        vm.store(address(coordinator), place, bytes32(uint256(state) + (1 << 21) - 2)); // as if so many had left since
        vm.prank(second);
        coordinator.exit();
        vm.prank(requester);
        vm.expectRevert(VrfTickets.VrfTicket_TooLarge.selector);
        coordinator.request{value: FEE}(payee);
        _fulfil(id);
    }
}
