// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, RecordDigest} from "../types/Ids.sol";

/// @title What a contract implements to receive the results of the jobs it requests.
interface IInferenceConsumer {
    /// @notice Called by the JobMarket with at most the gas that was paid for. A revert changes nothing in the market;
    ///         anyone may redeliver. Implementations must check that `msg.sender` is the market they trust, and that they
    ///         asked for this job: anyone can name any consumer in a job on any kernel and input.
    /// @param job the settled job
    /// @param digest names the output record; fetch it as CIDv1/raw of this SHA-256
    /// @param answer the output's on-chain word, as the kernel's output convention defines it (for `argmax`, the label)
    function onInference(JobId job, RecordDigest digest, bytes32 answer) external;
}
