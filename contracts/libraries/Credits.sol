// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredits} from "../interfaces/ICredits.sol";

/// @title Pull payments: nobody can be made to fail by somebody else's refusal to be paid.
abstract contract Credits is ICredits {
    mapping(address account => uint256) private _credits;

    /// @inheritdoc ICredits
    function withdraw() public virtual returns (uint256 amount) {
        amount = _credits[msg.sender];
        require(amount != 0, Credits_NothingToWithdraw(msg.sender));
        // Cleared before the call: a caller that comes back in finds nothing.
        _credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, Credits_TransferFailed(msg.sender, amount));
    }

    /// @inheritdoc ICredits
    function creditOf(address account) public view virtual returns (uint256) {
        return _credits[account];
    }

    /// @dev Owes each of these accounts another `amount` wei, with one event for all.
    function _creditEach(address[] memory accounts, uint256 amount) internal {
        if (amount == 0 || accounts.length == 0) return;
        for (uint256 i = 0; i < accounts.length;) {
            _credits[accounts[i]] += amount;
            unchecked {
                ++i;
            }
        }
        emit CreditedEach(accounts, amount);
    }

    /// @dev Owes `account` another `amount` wei, which this contract must hold. Crediting nothing does nothing.
    function _credit(address account, uint256 amount) internal {
        if (amount == 0) return;
        _credits[account] += amount;
        emit Credited(account, amount);
    }
}
