// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Credits} from "../../libraries/Credits.sol";

/// @dev What the contracts do with credits, and nothing else.
contract Ledger is Credits {
    constructor() payable {}

    function credit(address account, uint256 amount) external {
        _credit(account, amount);
    }

    function creditBoth(address one, address other, uint256 amount) external {
        address[] memory both = new address[](2);
        (both[0], both[1]) = (one, other);
        _creditEach(both, amount);
    }
}

/// @title The accounting of all contracts, proven for every account and amount: a credit is one account's, is paid out once, and adds up.
/// @dev For halmos (`make prove-symbolic`). This contract is the account that withdraws: it takes money, and refuses it when told to.
contract AccountProofs {
    Ledger private _ledger;
    bool private _refuses;

    function setUp() public {
        _ledger = new Ledger();
    }

    receive() external payable {
        require(!_refuses, "refused");
    }

    function check_ACreditIsOneAccounts(address account, address other, uint256 amount) external {
        _ledger.credit(account, amount);
        assert(_ledger.creditOf(account) == amount);
        if (other != account) assert(_ledger.creditOf(other) == 0);
    }

    function check_CreditsAddUp(address account, uint128 first, uint128 second) external {
        _ledger.credit(account, first);
        _ledger.credit(account, second);
        assert(_ledger.creditOf(account) == uint256(first) + second);
    }

    /// @dev Who is named twice is owed twice; who is not named, nothing.
    function check_EachIsCredited(address one, address other, address third, uint128 amount) external {
        _ledger.creditBoth(one, other, amount);
        assert(_ledger.creditOf(one) == (one == other ? 2 * uint256(amount) : amount));
        if (third != one && third != other) assert(_ledger.creditOf(third) == 0);
    }

    /// @dev No sum wraps: a credit that would is refused whole.
    function check_NoCreditWraps(address account, uint256 first, uint256 second) external {
        _ledger.credit(account, first);
        try _ledger.credit(account, second) {
            assert(_ledger.creditOf(account) >= first && _ledger.creditOf(account) >= second);
        } catch {
            assert(_ledger.creditOf(account) == first && first > type(uint256).max - second);
        }
    }

    function check_ACreditIsPaidOutOnce(uint96 mine, address other, uint96 theirs) external {
        if (other == address(this)) return;
        Ledger rich = new Ledger{value: uint256(mine) + theirs}();
        rich.credit(address(this), mine);
        rich.credit(other, theirs);
        uint256 before = address(this).balance;
        try rich.withdraw() returns (uint256 amount) {
            assert(mine != 0 && amount == mine && address(this).balance == before + mine);
            assert(rich.creditOf(address(this)) == 0 && rich.creditOf(other) == theirs && address(rich).balance == theirs);
            try rich.withdraw() {
                assert(false);
            } catch {}
        } catch {
            assert(mine == 0);
        }
    }

    /// @dev Who cannot be paid keeps its credit, and nobody else notices.
    function check_WhoRefusesItsMoneyKeepsItsCredit(uint96 mine) external {
        Ledger rich = new Ledger{value: mine}();
        rich.credit(address(this), mine);
        _refuses = true;
        try rich.withdraw() {
            assert(false);
        } catch {
            assert(rich.creditOf(address(this)) == mine && address(rich).balance == mine);
        }
    }
}
