// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title A coordinator with operators, and what they do with it.
abstract contract CoordinatorBase is TestBase {
    uint96 internal constant FEE = 0.01 ether;
    uint96 internal constant MINIMUM_BOND = 5 ether;
    uint96 internal constant SLASH = 2 ether;
    uint32 internal constant ANSWER_WINDOW = 60;
    uint32 internal constant ACTIVATION_DELAY = 3;
    uint32 internal constant EXIT_DELAY = 600;
    uint32 internal constant CONFIRMATIONS = 1;

    VrfCoordinator internal coordinator;
    address internal treasury;
    address internal requester;
    address internal payee; // the requester's refundTo
    uint256[] internal secrets; // by operator index

    function _setUpCoordinator() internal {
        treasury = makeAddr("treasury");
        payee = makeAddr("payee");
        requester = makeFunded("requester", 1000 ether);
        coordinator = _newCoordinator(EXIT_DELAY, CONFIRMATIONS);
        skipBlocks(10);
    }

    function _newCoordinator(uint32 exitDelay, uint32 confirmations) internal returns (VrfCoordinator) {
        return new VrfCoordinator(treasury, FEE, MINIMUM_BOND, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, exitDelay, confirmations);
    }

    /// @dev The account of the operator with this number.
    function _account(uint256 number) internal returns (address) {
        return makeAddr(string.concat("operator ", vm.toString(number)));
    }

    function _secret(uint256 number) internal pure virtual returns (uint256) {
        return uint256(keccak256(abi.encode("a VRF key for tests", number))) >> 1;
    }

    function _register(uint256 number, uint256 bond) internal returns (uint256 index) {
        address account = _account(number);
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(number));
        bytes memory proof = _possession(account, _secret(number));
        vm.deal(account, account.balance + bond);
        vm.prank(account);
        index = coordinator.registerOperator{value: bond}(x, y, proof);
        secrets.push(_secret(number));
    }

    /// @dev Registers operators 0 to `count` - 1 with the minimum bond, and waits until they are active.
    function _registerActive(uint256 count) internal {
        for (uint256 number = 0; number < count; ++number) {
            _register(number, MINIMUM_BOND);
        }
        skipBlocks(ACTIVATION_DELAY);
    }

    function _possession(address account, uint256 secret) internal view returns (bytes memory) {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(secret);
        return EcvrfProver.witnessed(secret, abi.encodePacked(coordinator.possessionAlpha(account, x, y)));
    }

    function _request() internal returns (RandomnessId id) {
        vm.prank(requester);
        return coordinator.request{value: FEE}(payee);
    }

    /// @dev A request whose block is over.
    function _requestAndMine() internal returns (RandomnessId id) {
        id = _request();
        nextBlock();
    }

    /// @dev The proof of the operator that is assigned now.
    function _proof(RandomnessId id) internal view virtual returns (bytes memory) {
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        return EcvrfProver.witnessed(secrets[index], abi.encodePacked(alpha));
    }

    function _assigned(RandomnessId id) internal view returns (uint256 index) {
        (index,) = coordinator.challengeOf(id);
    }

    function _fulfil(RandomnessId id) internal returns (bytes32) {
        return coordinator.fulfil(id, _proof(id));
    }

    /// @dev Lets the assigned operator's time pass.
    function _miss(RandomnessId id) internal {
        skipTime(ANSWER_WINDOW + 1);
        nextBlock();
        coordinator.reassign(id);
    }

    function _status(RandomnessId id) internal view returns (IVrfCoordinator.Status status) {
        return coordinator.statusOf(id);
    }

    function _assertStatus(RandomnessId id, IVrfCoordinator.Status want) internal view {
        assertEq(uint256(_status(id)), uint256(want), "status");
    }

    function _isOpen(IVrfCoordinator.Status status) internal pure returns (bool) {
        return status == IVrfCoordinator.Status.Pending || status == IVrfCoordinator.Status.Stalled;
    }

    function _bond(uint256 index) internal view returns (uint256) {
        return coordinator.operator(index).bond;
    }
}
