// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../interfaces/IJobMarket.sol";

/// @title Calls a stranger with exactly the gas that was promised, and survives whatever it does.
library ExactGasCall {
    /// @dev Gas for what comes between the check and the call, and for finishing after a callee that left nothing: a
    ///      warm account (100), a restored flag (100), one event with three topics (1,881), the guard (100), the return.
    uint256 internal constant RESERVE = 10_000;

    /// @notice Gas that must be left for `gasAmount` to reach the callee whole: a call hands on at most all but one
    ///         64th of what is there (EIP-150), and silently less than was asked for.
    function requiredGas(uint256 gasAmount) internal pure returns (uint256) {
        return (gasAmount * 64 + 62) / 63 + RESERVE;
    }

    /// @notice Calls `target` with exactly `gasAmount` gas. Reverts if this call was given too little to do that; a callee
    ///         that reverts, runs out or has no code is a false.
    /// @dev Assembly, because Solidity copies whatever the callee returns even when nobody looks: a callee with 1,000,000 gas
    ///      can return 600 kB, whose copy costs its caller another 800,000 (measured in test/market/Deliver.t.sol).
    function tryCall(address target, uint256 gasAmount, bytes memory data) internal returns (bool success) {
        if (target.code.length == 0) return false; // a call would succeed without running anything
        uint256 want = requiredGas(gasAmount);
        if (gasleft() < want) revert IJobMarket.JobMarket_GasTooLow(gasleft(), want);
        assembly ("memory-safe") {
            success := call(gasAmount, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }
}
