// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../interfaces/IJobMarket.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../types/Ids.sol";

/// @title A small dApp: reads the digit on an image, and believes the label because a drawn committee agreed on it.
/// @notice Put an image into an input record, call `read` with the record's digest and the quoted fee, and look up `readingOf`
///         once the market has delivered. What is left of the fee waits for the caller as credit in the market.
contract DigitReader is IInferenceConsumer {
    struct Reading {
        address reader; // who asked; zero for a job that is not ours
        bool known;
        uint8 label; // 0 to 9, once known
        RecordDigest digest; // names the output record with the scores, once known
    }

    event DigitAsked(JobId indexed job, address indexed reader, RecordDigest image);
    event DigitRead(JobId indexed job, uint8 label, RecordDigest digest);

    error DigitReader_NotMarket(address caller);
    error DigitReader_UnknownJob(JobId job);
    error DigitReader_NotADigit(JobId job, bytes32 answer);

    /// @dev `onInference` writes two slots and one event, about 50,000.
    uint32 public constant CALLBACK_GAS = 100_000;

    IJobMarket public immutable market;
    KernelId public immutable kernel;

    mapping(JobId job => Reading) private _readings;

    /// @param market_ the only contract whose word about a job counts
    /// @param kernel_ a digit classifier whose answer is its label (`argmax`)
    constructor(IJobMarket market_, KernelId kernel_) {
        market = market_;
        kernel = kernel_;
    }

    /// @notice Asks for the digit on an image. Send `quote(committeeSize)`; an excess comes back as credit in the market.
    /// @param image digest of the input record
    /// @param committeeSize how many validators have to run it: 3, 5 or 7
    // The market calls nobody back from a request, and never gives an id twice.
    // slither-disable-next-line reentrancy-benign,reentrancy-events
    function read(RecordDigest image, uint8 committeeSize) external payable returns (JobId job) {
        job = market.request{value: msg.value}(
            IJobMarket.JobRequest({
                kernel: kernel,
                input: image,
                environmentClass: EnvironmentClass.wrap(0),
                committeeSize: committeeSize,
                consumer: address(this),
                callbackGas: CALLBACK_GAS,
                refundTo: msg.sender
            })
        );
        _readings[job].reader = msg.sender;
        emit DigitAsked(job, msg.sender, image);
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(JobId job, RecordDigest digest, bytes32 answer) external {
        if (msg.sender != address(market)) revert DigitReader_NotMarket(msg.sender);
        Reading storage reading = _readings[job];
        if (reading.reader == address(0)) revert DigitReader_UnknownJob(job);
        if (uint256(answer) > 9) revert DigitReader_NotADigit(job, answer);
        uint8 label = uint8(uint256(answer));
        reading.known = true;
        reading.label = label;
        reading.digest = digest;
        emit DigitRead(job, label, digest);
    }

    /// @notice What `read` costs, in wei.
    function quote(uint8 committeeSize) external view returns (uint256) {
        return market.quote(kernel, committeeSize, CALLBACK_GAS);
    }

    function readingOf(JobId job) external view returns (Reading memory) {
        return _readings[job];
    }
}
