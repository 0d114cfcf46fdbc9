// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {RandomnessId} from "../../types/Ids.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {CoordinatorBase} from "./CoordinatorBase.sol";

/// @title Everything that can be done to a coordinator, in any order.
/// @dev Each function does what it can and never reverts: what is refused is tested elsewhere.
contract CoordinatorHandler is CoordinatorBase {
    RandomnessId[] public ids;
    uint256 public operators;
    mapping(RandomnessId => bytes32) public seen; // first output read
    mapping(RandomnessId => bytes) private lastProof;
    uint256 public spentFees;
    uint256 public bonded;
    mapping(uint256 index => bool) public tookBond;

    constructor() {
        _setUpCoordinator();
        operators = 3;
        bonded = 3 * MINIMUM_BOND;
        _registerActive(3);
    }

    /// @dev Proofs like any other, and cheap to make: multiplying by a short scalar takes few steps.
    function _secret(uint256 number) internal pure override returns (uint256) {
        return 0xc0de + number;
    }

    function _proof(RandomnessId id) internal view override returns (bytes memory) {
        (uint256 index, bytes32 alpha) = coordinator.challengeOf(id);
        return EcvrfProver.witnessedWithNonce(secrets[index], abi.encodePacked(alpha), 1);
    }

    function register(uint256 extra) external {
        if (operators == 12) return;
        uint256 bond = MINIMUM_BOND + bound(extra, 0, 3 * SLASH);
        _register(operators++, bond);
        bonded += bond;
    }

    function ask() external {
        uint256 assignable = 0;
        for (uint256 index = 0; index < operators; ++index) {
            IVrfCoordinator.Operator memory operator = coordinator.operator(index);
            if (operator.active && operator.activeFromBlock <= block.number) ++assignable;
        }
        if (assignable == 0) return;
        ids.push(_request());
        spentFees += FEE;
        assertEq(coordinator.requestOf(ids[ids.length - 1]).operatorCount, assignable, "assignable operators");
    }

    function answer(uint256 which) external {
        (bool found, RandomnessId id) = _pendingOne(which);
        if (!found || !_hashKnown(id)) return;
        lastProof[id] = _proof(id);
        seen[id] = coordinator.fulfil(id, lastProof[id]);
    }

    /// @dev Again, when it is over: the output stays what it was, and what has expired stays without one.
    function insist(uint256 which) external {
        if (ids.length == 0) return;
        RandomnessId id = ids[which % ids.length];
        IVrfCoordinator.Status status = _status(id);
        if (_isOpen(status)) return;
        bool fulfilled = status == IVrfCoordinator.Status.Fulfilled;
        bytes memory proof = fulfilled ? lastProof[id] : lastProof[ids[(which >> 128) % ids.length]];
        (bool done, bytes memory output) = address(coordinator).call(abi.encodeCall(IVrfCoordinator.fulfil, (id, proof)));
        assertEq(done, fulfilled, "answered again exactly if it was answered");
        if (done) assertEq(abi.decode(output, (bytes32)), seen[id], "the same output");
    }

    function reassign(uint256 which) external {
        (bool found, RandomnessId id) = _pendingOne(which);
        if (!found || block.number == coordinator.requestOf(id).blockNumber) return;
        uint256 deadline = coordinator.requestOf(id).deadline;
        if (block.timestamp <= deadline) vm.warp(deadline + 1);
        coordinator.reassign(id);
    }

    function depart(uint256 which) external {
        which = bound(which, 0, operators - 1);
        IVrfCoordinator.Operator memory operator = coordinator.operator(which);
        if (operator.exitAt != 0) return;
        vm.prank(operator.account);
        coordinator.exit();
    }

    function takeBond(uint256 which) external {
        which = bound(which, 0, operators - 1);
        IVrfCoordinator.Operator memory operator = coordinator.operator(which);
        if (operator.exitAt == 0 || tookBond[which]) return;
        if (block.timestamp < operator.exitAt) vm.warp(operator.exitAt);
        vm.prank(operator.account);
        coordinator.withdrawBond();
        tookBond[which] = true;
    }

    function collect(uint256 which) external {
        address account = who(bound(which, 0, operators + 1));
        if (coordinator.creditOf(account) == 0) return;
        vm.prank(account);
        coordinator.withdraw();
    }

    /// @dev Fees of a former operator, or of a present one, become a credit; anyone can see to it.
    function gather(uint256 which) external {
        coordinator.collect(bound(which, 0, operators - 1));
    }

    function wait_(uint256 blocks) external {
        skipBlocks(bound(blocks, 1, 200));
    }

    // ---- what the invariants read

    /// @dev Everyone who can be owed: operators, then payee and treasury.
    function who(uint256 index) public returns (address) {
        if (index < operators) return _account(index);
        return index == operators ? payee : treasury;
    }

    function requests() external view returns (uint256) {
        return ids.length;
    }

    function requestAt(uint256 index) external view returns (IVrfCoordinator.Request memory) {
        return coordinator.requestOf(ids[index]);
    }

    function target() external view returns (address) {
        return address(coordinator);
    }

    function creditOf(address account) external view returns (uint256) {
        return coordinator.creditOf(account);
    }

    function _pendingOne(uint256 which) private view returns (bool found, RandomnessId id) {
        for (uint256 i = 0; i < ids.length && !found; ++i) {
            id = ids[(which % ids.length + i) % ids.length];
            found = _isOpen(_status(id));
        }
    }

    function _hashKnown(RandomnessId id) private view returns (bool) {
        IVrfCoordinator.Request memory request = coordinator.requestOf(id);
        return request.blockHash != 0 || (block.number > request.blockNumber && blockhash(request.blockNumber) != 0);
    }
}

contract VrfCoordinatorInvariantsTest is CoordinatorBase {
    CoordinatorHandler private handler;
    IVrfCoordinator private vrf;

    function setUp() public {
        handler = new CoordinatorHandler();
        vrf = IVrfCoordinator(handler.target());
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = handler.register.selector;
        selectors[1] = handler.ask.selector;
        selectors[2] = handler.answer.selector;
        selectors[3] = handler.reassign.selector;
        selectors[4] = handler.depart.selector;
        selectors[5] = handler.takeBond.selector;
        selectors[6] = handler.collect.selector;
        selectors[7] = handler.wait_.selector;
        selectors[8] = handler.gather.selector;
        selectors[9] = handler.insist.selector;
        targetContract(address(handler));
        targetSelector(address(handler), selectors);
    }

    /// @dev One campaign checks them all.
    function invariant_EveryPropertyHolds() public {
        property_EveryWeiIsSomebodys();
        property_NothingIsMadeOrLost();
        property_AnOutputIsForEver();
        property_AttemptsAreBounded();
        property_ActiveOperatorsCanBeSlashed();
        property_NoRequestIsStuck(); // the last: it changes things, which are gone afterwards
    }

    /// @dev Bonds, fees of pending requests and credits are exactly what the contract holds.
    function property_EveryWeiIsSomebodys() private {
        uint256 owed = 0;
        for (uint256 i = 0; i < handler.operators(); ++i) {
            IVrfCoordinator.Operator memory operator = vrf.operator(i);
            owed += operator.bond;
            // Whoever has taken its bond is no operator any more, and its credit does not count what came in since.
            if (handler.tookBond(i)) owed += operator.earned;
        }
        for (uint256 i = 0; i < handler.operators() + 2; ++i) {
            owed += handler.creditOf(handler.who(i));
        }
        for (uint256 i = 0; i < handler.requests(); ++i) {
            IVrfCoordinator.Request memory request = handler.requestAt(i);
            if (_isOpen(request.status)) owed += request.fee;
        }
        assertEq(address(vrf).balance, owed, "balance");
    }

    /// @dev What came in is still there or was paid out, and nobody was paid from nowhere.
    function property_NothingIsMadeOrLost() private {
        uint256 paid = 0;
        for (uint256 i = 0; i < handler.operators() + 2; ++i) {
            paid += handler.who(i).balance;
        }
        assertEq(address(vrf).balance + paid, handler.bonded() + handler.spentFees(), "in and out");
    }

    /// @dev An output never changes, and only fulfilled requests have one.
    function property_AnOutputIsForEver() private view {
        for (uint256 i = 0; i < handler.requests(); ++i) {
            RandomnessId id = handler.ids(i);
            bool fulfilled = vrf.statusOf(id) == IVrfCoordinator.Status.Fulfilled;
            assertEq(vrf.isOutput(id, handler.seen(id)), fulfilled, "output");
            assertEq(handler.seen(id) != 0, fulfilled, "status");
        }
    }

    /// @dev Attempts stay below the bound and below the number of operators.
    function property_AttemptsAreBounded() private view {
        for (uint256 i = 0; i < handler.requests(); ++i) {
            IVrfCoordinator.Request memory request = handler.requestAt(i);
            assertLt(request.attempt, 3, "attempts");
            if (_isOpen(request.status)) assertLt(request.attempt, request.operatorCount, "operators");
        }
    }

    /// @dev Whatever has happened, three calls by anyone, when there is time for each, bring a request to its end.
    function property_NoRequestIsStuck() private {
        for (uint256 i = 0; i < handler.requests(); ++i) {
            RandomnessId id = handler.ids(i);
            for (uint256 turn = 0; turn < 3 && _isOpen(handler.requestAt(i).status); ++turn) {
                skipBlocks(ANSWER_WINDOW / 12 + 2);
                assertEq(uint256(handler.requestAt(i).status), uint256(IVrfCoordinator.Status.Stalled), "stalled");
                vrf.reassign(id);
            }
            assertFalse(_isOpen(handler.requestAt(i).status), "still open");
        }
    }

    /// @dev An operator that may be assigned to new requests has not left and can pay for one silence.
    function property_ActiveOperatorsCanBeSlashed() private view {
        for (uint256 i = 0; i < handler.operators(); ++i) {
            IVrfCoordinator.Operator memory operator = vrf.operator(i);
            if (operator.active) assertTrue(operator.exitAt == 0 && operator.bond >= MINIMUM_BOND, "active");
        }
    }
}
