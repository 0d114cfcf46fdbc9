// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredits} from "../interfaces/ICredits.sol";
import {Credits} from "../libraries/Credits.sol";
import {TestBase} from "./support/TestBase.sol";

/// @dev The smallest contract that owes: what it is sent is owed to the named account.
contract Debtor is Credits {
    function owe(address account) external payable {
        _credit(account, msg.value);
    }
}

/// @dev Tries to be paid twice, from within its own payment.
contract Reentrant {
    bytes public failure;

    receive() external payable {
        try ICredits(msg.sender).withdraw() {}
        catch (bytes memory reason) {
            failure = reason;
        }
    }

    function collect(ICredits debtor) external {
        debtor.withdraw();
    }
}

/// @dev Has no way to take money.
contract Refuser {
    function collect(ICredits debtor) external {
        debtor.withdraw();
    }
}

contract CreditsTest is TestBase {
    Debtor private debtor;
    address private alice;

    function setUp() public {
        debtor = new Debtor();
        alice = makeAddr("alice");
        vm.deal(address(this), type(uint128).max);
    }

    function testFuzz_CreditsAddUpAndLeaveAtOnce(uint96 first, uint96 second) public {
        debtor.owe{value: first}(alice);
        debtor.owe{value: second}(alice);
        uint256 owed = uint256(first) + second;
        assertEq(debtor.creditOf(alice), owed, "credit");
        vm.assume(owed != 0);
        vm.expectEmit(address(debtor));
        emit ICredits.Withdrawn(alice, owed);
        vm.prank(alice);
        assertEq(debtor.withdraw(), owed, "returned");
        assertEq(alice.balance, owed, "paid");
        assertEq(debtor.creditOf(alice), 0, "credit left");
        assertEq(address(debtor).balance, 0, "balance left");
    }

    function test_NothingToWithdrawIsAnError() public {
        vm.expectRevert(abi.encodeWithSelector(ICredits.Credits_NothingToWithdraw.selector, alice));
        vm.prank(alice);
        debtor.withdraw();
    }

    function test_CreditingNothingDoesNothing() public {
        vm.recordLogs();
        debtor.owe(alice);
        assertEq(vm.getRecordedLogs().length, 0, "events");
    }

    function test_ReentryFindsNothing() public {
        Reentrant thief = new Reentrant();
        debtor.owe{value: 1 ether}(address(thief));
        debtor.owe{value: 5 ether}(alice);
        thief.collect(debtor);
        assertEq(address(thief).balance, 1 ether, "paid once");
        assertEq(thief.failure(), abi.encodeWithSelector(ICredits.Credits_NothingToWithdraw.selector, address(thief)), "second try");
        assertEq(debtor.creditOf(alice), 5 ether, "others untouched");
    }

    function test_ARefusedPaymentKeepsTheCredit() public {
        Refuser refuser = new Refuser();
        debtor.owe{value: 1 ether}(address(refuser));
        vm.expectRevert(abi.encodeWithSelector(ICredits.Credits_TransferFailed.selector, address(refuser), 1 ether));
        refuser.collect(debtor);
        assertEq(debtor.creditOf(address(refuser)), 1 ether, "credit kept");
    }

    function test_GasOfWithdraw() public {
        debtor.owe{value: 1 ether}(alice);
        vm.prank(alice);
        debtor.withdraw();
        vm.snapshotGasLastCall("Credits", "withdraw");
    }
}
