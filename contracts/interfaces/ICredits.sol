// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a contract owes: every payout waits here until its owner collects it.
interface ICredits {
    event Credited(address indexed account, uint256 amount);
    /// @dev The same amount to several.
    event CreditedEach(address[] accounts, uint256 amount);
    event Withdrawn(address indexed account, uint256 amount);

    error Credits_NothingToWithdraw(address account);
    error Credits_TransferFailed(address account, uint256 amount);

    /// @notice Sends the caller all of its credit.
    /// @return amount in wei
    function withdraw() external returns (uint256 amount);

    /// @notice What `account` can withdraw, in wei.
    function creditOf(address account) external view returns (uint256);
}
