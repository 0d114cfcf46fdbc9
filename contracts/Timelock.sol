// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The owner of the market's parameters: one account proposes, everybody sees it, and after the delay anyone executes.
/// @notice Properties that the tests hold it to:
///         1. Nothing is executed before `getMinDelay` seconds have passed since it was scheduled.
///         2. Only the proposer schedules or cancels; anyone executes what is due, so that nobody can hold it back.
///         3. There is no administrator: roles and the delay change only by what has itself waited.
contract Timelock is TimelockController {
    /// @param delay seconds
    /// @param proposer schedules and cancels
    constructor(uint256 delay, address proposer) TimelockController(delay, _listOf(proposer), _listOf(address(0)), address(0)) {}

    /// @dev The zero address as the executor stands for anyone.
    function _listOf(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}
