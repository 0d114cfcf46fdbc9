// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Timelock} from "../../Timelock.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title The properties that Timelock.sol lists.
contract TimelockTest is TestBase {
    uint256 private constant DELAY = 2 days;

    Timelock private timelock;
    address private proposer;
    address private stranger;

    function setUp() public {
        vm.warp(1_700_000_000);
        proposer = makeAddr("proposer");
        stranger = makeAddr("stranger");
        timelock = new Timelock(DELAY, proposer);
    }

    /// @dev To the timelock itself: a shorter delay.
    function _shorten() private view returns (bytes memory) {
        return abi.encodeCall(timelock.updateDelay, (1));
    }

    function _schedule(address account, uint256 delay) private returns (bytes32 id) {
        vm.prank(account);
        timelock.schedule(address(timelock), 0, _shorten(), 0, 0, delay);
        return timelock.hashOperation(address(timelock), 0, _shorten(), 0, 0);
    }

    function _execute(address account) private {
        vm.prank(account);
        timelock.execute(address(timelock), 0, _shorten(), 0, 0);
    }

    function _lacks(address account, bytes32 role) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role);
    }

    function test_NothingIsExecutedBeforeTheDelay() public {
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, DELAY - 1, DELAY));
        timelock.schedule(address(timelock), 0, "", 0, 0, DELAY - 1);
        _schedule(proposer, DELAY);
        skipTime(DELAY - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _execute(proposer);
        skipTime(1);
        _execute(proposer);
        assertEq(timelock.getMinDelay(), 1, "delay");
    }

    function test_AnyoneExecutesWhatIsDue() public {
        _schedule(proposer, DELAY);
        skipTime(DELAY);
        _execute(stranger);
        assertEq(timelock.getMinDelay(), 1, "delay");
    }

    function test_OnlyTheProposerSchedulesAndCancels() public {
        vm.expectRevert(_lacks(stranger, timelock.PROPOSER_ROLE()));
        _schedule(stranger, DELAY);
        bytes32 id = _schedule(proposer, DELAY);
        vm.expectRevert(_lacks(stranger, timelock.CANCELLER_ROLE()));
        vm.prank(stranger);
        timelock.cancel(id);
        vm.prank(proposer);
        timelock.cancel(id);
        assertFalse(timelock.isOperation(id), "cancelled");
    }

    function test_NobodyIsAnAdministrator() public {
        bytes32 administrators = timelock.DEFAULT_ADMIN_ROLE();
        bytes32 proposers = timelock.PROPOSER_ROLE();
        address[3] memory accounts = [proposer, address(this), address(0)];
        for (uint256 i = 0; i < accounts.length; ++i) {
            assertFalse(timelock.hasRole(administrators, accounts[i]), "an administrator");
            vm.expectRevert(_lacks(accounts[i], administrators));
            vm.prank(accounts[i]);
            timelock.grantRole(proposers, stranger);
        }
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, proposer));
        vm.prank(proposer);
        timelock.updateDelay(0);
    }
}
