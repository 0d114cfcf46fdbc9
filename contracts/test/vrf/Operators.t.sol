// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VrfCoordinator} from "../../VrfCoordinator.sol";
import {ICredits} from "../../interfaces/ICredits.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {CoordinatorBase} from "./CoordinatorBase.sol";

/// @title Registering, leaving, coming back.
contract VrfOperatorsTest is CoordinatorBase {
    function setUp() public {
        _setUpCoordinator();
    }

    // ---- parameters

    function test_ParametersOutOfBoundsAreRefused() public {
        _expectInvalid(address(0), FEE, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, 1 << 88, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, 0, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, MINIMUM_BOND + 1, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, 0, ACTIVATION_DELAY, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, 1 days + 1, ACTIVATION_DELAY, 30 days, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, 0, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, 100_001, EXIT_DELAY, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, 6 * (ANSWER_WINDOW + 1) - 1, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, 365 days + 1, CONFIRMATIONS);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, 0);
        _expectInvalid(treasury, FEE, SLASH, ANSWER_WINDOW, ACTIVATION_DELAY, EXIT_DELAY, 65);
    }

    function _expectInvalid(address to, uint96 fee, uint96 slash, uint32 window, uint32 activation, uint32 exit, uint32 depth) private {
        vm.expectRevert(IVrfCoordinator.VrfCoordinator_InvalidParameters.selector);
        new VrfCoordinator(to, fee, MINIMUM_BOND, slash, window, activation, exit, depth);
    }

    function test_ParametersAtTheirBoundsAreTaken() public {
        VrfCoordinator least = new VrfCoordinator(treasury, 0, 1, 1, 1, 1, 12, 1);
        assertEq(least.maximumLatency(), 6, "latency");
        VrfCoordinator most = new VrfCoordinator(treasury, type(uint88).max, 7, 7, 1 days, 100_000, 365 days, 64);
        assertEq(most.maximumLatency(), 3 * (1 days + 1), "latency");
        assertEq(most.fee(), type(uint88).max, "fee");
        assertEq(most.confirmations(), 64, "confirmations");
    }

    // ---- registering

    function test_ARegisteredOperatorIsListedAndBecomesActive() public {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.OperatorRegistered(0, _account(0), x, y, uint48(block.number + ACTIVATION_DELAY));
        uint256 index = _register(0, MINIMUM_BOND + 1);
        IVrfCoordinator.Operator memory operator = coordinator.operator(index);
        assertEq(operator.account, _account(0), "account");
        assertTrue(operator.active, "active");
        assertEq(operator.bond, MINIMUM_BOND + 1, "bond");
        assertEq(operator.keyX, x, "x");
        assertEq(operator.keyOdd, y % 2 == 1, "y");
        assertEq(coordinator.operatorCount(), 1, "count");
    }

    function test_AnIndexThatNobodyHasIsAnError() public {
        _register(0, MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_UnknownOperator.selector, 1));
        coordinator.operator(1);
    }

    function test_TooLowABondIsRefused() public {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        bytes memory proof = _possession(_account(0), _secret(0));
        vm.deal(_account(0), MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_BondTooLow.selector, MINIMUM_BOND - 1, MINIMUM_BOND));
        vm.prank(_account(0));
        coordinator.registerOperator{value: MINIMUM_BOND - 1}(x, y, proof);
    }

    function test_AKeyOffTheCurveIsRefused() public {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        _expectInvalidKey(x, y + 1);
        _expectInvalidKey(0, 0);
        _expectInvalidKey(x, Secp256k1.P);
        _expectInvalidKey(Secp256k1.P + 1, y);
    }

    function test_AKeyThatIsNotHeldIsRefused() public {
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        bytes memory anothers = _possession(_account(0), _secret(0));
        VrfCoordinator elsewhere = _newCoordinator(EXIT_DELAY, CONFIRMATIONS);
        bytes32 foreign = elsewhere.possessionAlpha(address(this), x, y);
        vm.deal(address(this), 100 ether);
        // A proof copied from the mempool is bound to its sender, one from another deployment to that deployment.
        _expectNotPossessed(x, y, anothers);
        _expectNotPossessed(x, y, EcvrfProver.witnessed(_secret(0), abi.encodePacked(foreign)));
        _expectNotPossessed(x, y, _possession(address(this), _secret(1)));
        _expectNotPossessed(x, Secp256k1.P - y, _possession(address(this), _secret(0)));
        _expectNotPossessed(x, y, "");
    }

    function test_AnAccountIsOneOperator() public {
        _register(0, MINIMUM_BOND);
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(1));
        bytes memory proof = _possession(_account(0), _secret(1));
        vm.deal(_account(0), MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_AlreadyOperator.selector, _account(0)));
        vm.prank(_account(0));
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof);
    }

    function test_AKeyServesOneOperator() public {
        _register(0, MINIMUM_BOND);
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        bytes memory proof = _possession(address(this), _secret(0));
        vm.deal(address(this), MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_KeyTaken.selector, x, y));
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof);
    }

    function test_AtMostSixtyFourAreActiveAndALeaverMakesRoom() public {
        for (uint256 number = 0; number < 64; ++number) {
            _register(number, MINIMUM_BOND);
        }
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(64));
        bytes memory proof = _possession(_account(64), _secret(64));
        vm.deal(_account(64), MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_TooManyOperators.selector, 64));
        vm.prank(_account(64));
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof);
        vm.prank(_account(17));
        coordinator.exit();
        assertEq(_register(64, MINIMUM_BOND), 64, "index");
    }

    // ---- leaving

    function test_ABondLeavesAfterTheDelayAndNotBefore() public {
        _registerActive(1);
        address account = _account(0);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotExiting.selector, 0));
        vm.prank(account);
        coordinator.withdrawBond();

        uint256 until = block.timestamp + EXIT_DELAY;
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.OperatorExiting(0, uint48(until));
        vm.prank(account);
        coordinator.exit();
        assertFalse(coordinator.operator(0).active, "active");

        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_StillLocked.selector, 0, until));
        vm.prank(account);
        coordinator.withdrawBond();

        vm.warp(until);
        vm.expectEmit(address(coordinator));
        emit IVrfCoordinator.BondWithdrawn(0, MINIMUM_BOND);
        vm.prank(account);
        coordinator.withdrawBond();
        vm.prank(account);
        coordinator.withdraw();
        assertEq(account.balance, MINIMUM_BOND, "paid");
        assertEq(_bond(0), 0, "bond");
        assertEq(address(coordinator).balance, 0, "nothing left");

        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotOperator.selector, account));
        vm.prank(account);
        coordinator.withdrawBond();
    }

    function test_LeavingTwiceDoesNotRestartTheClock() public {
        _registerActive(1);
        vm.prank(_account(0));
        coordinator.exit();
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_AlreadyExiting.selector, 0));
        vm.prank(_account(0));
        coordinator.exit();
    }

    function test_AStrangerCanNeitherLeaveNorTakeABond() public {
        _registerActive(1);
        bytes memory stranger = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotOperator.selector, address(this));
        vm.expectRevert(stranger);
        coordinator.exit();
        vm.expectRevert(stranger);
        coordinator.withdrawBond();
    }

    function test_AnAccountComesBackWithAnotherKeyOnly() public {
        _registerActive(1);
        address account = _account(0);
        vm.prank(account);
        coordinator.exit();
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();

        vm.deal(account, 2 * MINIMUM_BOND);
        (uint256 x, uint256 y) = EcvrfProver.publicKey(_secret(0));
        bytes memory proof = _possession(account, _secret(0));
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_KeyTaken.selector, x, y));
        vm.prank(account);
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof);

        (x, y) = EcvrfProver.publicKey(_secret(1));
        proof = _possession(account, _secret(1));
        vm.prank(account);
        assertEq(coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof), 1, "index");
        assertFalse(coordinator.operator(0).active, "the old one stays retired");
        assertTrue(coordinator.operator(1).active, "the new one");
    }

    // ---- who can be assigned

    function test_NobodyIsAssignedBeforeTheActivationDelay() public {
        _register(0, MINIMUM_BOND);
        skipBlocks(ACTIVATION_DELAY - 1);
        vm.expectRevert(IVrfCoordinator.VrfCoordinator_NoOperators.selector);
        vm.prank(requester);
        coordinator.request{value: FEE}(payee);
        skipBlocks(1);
        assertEq(coordinator.requestOf(_request()).operatorCount, 1, "count");
    }

    function test_NewcomersDoNotCountForOldRequestsOrBeforeTheirDelay() public {
        _registerActive(2);
        RandomnessId before = _request();
        _register(2, MINIMUM_BOND);
        RandomnessId during = _request();
        skipBlocks(ACTIVATION_DELAY);
        assertEq(coordinator.requestOf(before).operatorCount, 2, "before");
        assertEq(coordinator.requestOf(during).operatorCount, 2, "during");
        assertEq(coordinator.requestOf(_request()).operatorCount, 3, "after");
    }

    function test_SybilsThatLeftDoNotDiluteTheDraw() public {
        for (uint256 number = 1; number < 40; ++number) {
            _register(number, MINIMUM_BOND);
        }
        secrets = new uint256[](0);
        for (uint256 number = 1; number < 40; ++number) {
            secrets.push(_secret(number));
        }
        _register(0, MINIMUM_BOND);
        for (uint256 number = 1; number < 40; ++number) {
            vm.prank(_account(number));
            coordinator.exit();
        }
        skipBlocks(ACTIVATION_DELAY);
        for (uint256 i = 0; i < 5; ++i) {
            RandomnessId id = _requestAndMine();
            assertEq(coordinator.requestOf(id).operatorCount, 1, "count");
            assertEq(_assigned(id), 39, "the one that stayed");
            _fulfil(id);
        }
    }

    // ---- being paid

    function test_FeesAreCreditOnceWhicheverWayTheyAreCollected() public {
        _registerActive(1);
        address account = _account(0);
        _fulfil(_requestAndMine());
        _fulfil(_requestAndMine());
        assertEq(coordinator.operator(0).earned, 2 * FEE, "earned");
        assertEq(coordinator.creditOf(account), 2 * FEE, "credit");
        assertEq(coordinator.collect(0), 2 * FEE, "collected, by anyone");
        assertEq(coordinator.creditOf(account), 2 * FEE, "the same credit");
        assertEq(coordinator.collect(0), 0, "nothing is left to collect");
        _fulfil(_requestAndMine());
        vm.prank(account);
        assertEq(coordinator.withdraw(), 3 * FEE, "paid");
        assertEq(coordinator.creditOf(account), 0, "nothing is left");
        vm.expectRevert(abi.encodeWithSelector(ICredits.Credits_NothingToWithdraw.selector, account));
        vm.prank(account);
        coordinator.withdraw();
    }

    function test_AFeeThatComesInAfterTheBondHasLeftIsStillTheOperators() public {
        _registerActive(1);
        address account = _account(0);
        RandomnessId early = _requestAndMine();
        RandomnessId late = _requestAndMine();
        vm.prank(account);
        coordinator.exit();
        _fulfil(early);
        skipTime(EXIT_DELAY);
        vm.prank(account);
        coordinator.withdrawBond();
        assertEq(coordinator.creditOf(account), MINIMUM_BOND + FEE, "bond and fee");
        _fulfil(late);
        assertEq(coordinator.creditOf(account), MINIMUM_BOND + FEE, "not collected yet");
        assertEq(coordinator.collect(0), FEE, "collected");
        vm.prank(account);
        assertEq(coordinator.withdraw(), MINIMUM_BOND + 2 * FEE, "paid");
        assertEq(address(coordinator).balance, 0, "nothing left");
    }

    // ---- gas

    function test_GasOfOperators() public {
        _register(0, MINIMUM_BOND);
        vm.snapshotGasLastCall("VrfCoordinator", "registerOperator, first");
        for (uint256 number = 1; number < 63; ++number) {
            _register(number, MINIMUM_BOND);
        }
        _register(63, MINIMUM_BOND);
        vm.snapshotGasLastCall("VrfCoordinator", "registerOperator, 64th");
        vm.prank(_account(0));
        coordinator.exit();
        vm.snapshotGasLastCall("VrfCoordinator", "exit, of 64");
        skipTime(EXIT_DELAY);
        vm.prank(_account(0));
        coordinator.withdrawBond();
        vm.snapshotGasLastCall("VrfCoordinator", "withdrawBond");
    }

    function _expectInvalidKey(uint256 x, uint256 y) private {
        vm.deal(address(this), MINIMUM_BOND);
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_InvalidKey.selector, x, y));
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, new bytes(81));
    }

    function _expectNotPossessed(uint256 x, uint256 y, bytes memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotPossessed.selector, x, y));
        coordinator.registerOperator{value: MINIMUM_BOND}(x, y, proof);
    }
}
