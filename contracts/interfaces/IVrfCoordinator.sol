// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RandomnessId} from "../types/Ids.sol";

/// @title Verifiable randomness that neither the requester nor an operator can choose or re-roll.
/// @notice ECVRF-SECP256K1-SHA256-TAI (RFC 9381, suite byte 0xFE). The input of a request is fixed by the hash of the
///         block that holds it; the operator who has to answer follows from that hash; a silent operator is slashed and
///         the next one takes over; after the last one the request expires and its fee goes back.
interface IVrfCoordinator {
    enum Status {
        Unknown,
        Pending, // somebody may answer: the assigned operator has time
        Stalled, // the assigned operator is late, or nobody can answer: anyone can move it on with `reassign`
        Fulfilled,
        Expired
    }

    struct Operator {
        address account;
        bool active; // may be assigned to new requests
        uint48 activeFromBlock; // first request block that may be assigned to this operator
        uint48 exitAt; // earliest time of `withdrawBond` after `exit`, 0 while not leaving
        uint96 bond;
        uint96 earned; // fees that are not yet collected; `creditOf` counts them
        uint256 keyX;
        bool keyOdd; // whether y of the key is odd
    }

    /// @dev Who asked, and its count, are in the event `RandomnessRequested`. Of a fulfilled request only the status is left.
    struct Request {
        Status status; // by the clock
        uint48 blockNumber; // the block whose hash makes the input
        uint48 deadline; // the assigned operator is late after this time, in seconds
        uint8 attempt; // 0 for the first operator
        uint8 operatorCount; // operators that were active at the request; the assignment is drawn from these
        uint96 fee;
        address refundTo;
        bytes32 blockHash; // zero until pinned by a reassignment
    }

    event OperatorRegistered(uint256 indexed operatorIndex, address indexed account, uint256 keyX, uint256 keyY, uint48 activeFromBlock);
    event OperatorExiting(uint256 indexed operatorIndex, uint48 exitAt);
    event OperatorSlashed(uint256 indexed operatorIndex, RandomnessId indexed id, uint96 amount);
    event BondWithdrawn(uint256 indexed operatorIndex, uint96 amount);
    event RandomnessRequested(RandomnessId indexed id, address indexed requester, uint64 nonce, uint48 blockNumber);
    event RandomnessReassigned(RandomnessId indexed id, uint8 attempt, uint48 deadline);
    event RandomnessFulfilled(RandomnessId indexed id, uint256 indexed operatorIndex, bytes32 output);
    event RandomnessExpired(RandomnessId indexed id);

    error VrfCoordinator_UnknownRequest(RandomnessId id);
    error VrfCoordinator_NotPending(RandomnessId id, Status status);
    error VrfCoordinator_FeeTooLow(uint256 have, uint256 want);
    error VrfCoordinator_BondTooLow(uint256 have, uint256 want);
    error VrfCoordinator_TooManyOperators(uint256 limit);
    error VrfCoordinator_NoOperators();
    error VrfCoordinator_NotOperator(address account);
    error VrfCoordinator_AlreadyOperator(address account);
    error VrfCoordinator_KeyTaken(uint256 keyX, uint256 keyY);
    error VrfCoordinator_InvalidKey(uint256 keyX, uint256 keyY);
    error VrfCoordinator_InvalidProof(RandomnessId id);
    error VrfCoordinator_NotPossessed(uint256 keyX, uint256 keyY);
    error VrfCoordinator_UnknownOperator(uint256 operatorIndex);
    error VrfCoordinator_Unconfirmed(RandomnessId id, uint256 firstBlock);
    error VrfCoordinator_NotStalled(RandomnessId id, uint256 deadline);
    error VrfCoordinator_BlockHashGone(RandomnessId id, uint256 blockNumber);
    error VrfCoordinator_NotExiting(uint256 operatorIndex);
    error VrfCoordinator_AlreadyExiting(uint256 operatorIndex);
    error VrfCoordinator_StillLocked(uint256 operatorIndex, uint256 until);
    error VrfCoordinator_InvalidRefundAddress();
    error VrfCoordinator_InvalidParameters();

    /// @notice Registers `msg.sender` as an operator, with its bond as value.
    /// @param keyX affine x of the public key on secp256k1
    /// @param keyY affine y of the public key
    /// @param proof a VRF proof with its witness over `possessionAlpha(msg.sender, keyX, keyY)`: shows that the key is held
    /// @return operatorIndex its place in the list; the key answers requests made from `activationDelay` blocks on
    function registerOperator(uint256 keyX, uint256 keyY, bytes calldata proof) external payable returns (uint256 operatorIndex);

    /// @notice Stops new assignments to the caller's key; the bond can leave once no request can be blamed on it.
    function exit() external;

    /// @notice Credits the caller's bond after `exit` and its delay; collect it with `withdraw`. The account may then
    ///         register again, as another operator with another key.
    function withdrawBond() external;

    /// @notice Makes the fees that an operator has earned a credit of its account. Anyone may call. `withdraw` does it for its
    ///         caller; this is for fees that come in after `withdrawBond`.
    function collect(uint256 operatorIndex) external returns (uint256 amount);

    /// @notice Requests one output. The input is fixed by this block's hash, which nobody knows yet.
    /// @param refundTo is credited what is sent above the fee, and the fee if the request expires
    function request(address refundTo) external payable returns (RandomnessId id);

    /// @notice Answers a request. Anyone may send it: the proof shows that the assigned operator made it. Sent again, it returns the same
    ///         and changes nothing, so that nobody can make somebody else's transaction fail by being first.
    /// @param proof Gamma (33, SEC1 compressed) | c (16) | s (32) | witness (224 and more): see contracts/libraries/Ecvrf.sol
    /// @return output beta, 32 bytes
    function fulfil(RandomnessId id, bytes calldata proof) external returns (bytes32 output);

    /// @notice Moves a stalled request on, always: slashes the late operator and hands the request to the next one, or expires it
    ///         after the last one or when the block hash can no longer be read. Anyone may call. What is slashed goes to the treasury: were it
    ///         the requester's, a requester in league with an operator could have unwelcome outputs withheld for nothing.
    function reassign(RandomnessId id) external;

    /// @notice The input that the operator now assigned has to prove, and who that is.
    /// @dev alpha = keccak256(abi.encode(ALPHA_DOMAIN, chainid, coordinator, keyX, keyOdd, id, blockHash)), and
    ///      id = keccak256(abi.encode(chainid, coordinator, requester, nonce)).
    function challengeOf(RandomnessId id) external view returns (uint256 operatorIndex, bytes32 alpha);

    /// @notice What `registerOperator` wants proven.
    function possessionAlpha(address account, uint256 keyX, uint256 keyY) external view returns (bytes32 alpha);

    /// @notice Blocks from a request's to the first in which it can be answered.
    function confirmations() external view returns (uint32);

    function requestOf(RandomnessId id) external view returns (Request memory);

    function statusOf(RandomnessId id) external view returns (Status);

    /// @notice Whether this is the output that fulfilled the request. The output itself is in `RandomnessFulfilled`.
    function isOutput(RandomnessId id, bytes32 output) external view returns (bool);

    function operator(uint256 operatorIndex) external view returns (Operator memory);

    function operatorCount() external view returns (uint256);

    /// @notice The fee of one request, in wei.
    function fee() external view returns (uint96);

    /// @notice Longest time, in seconds, from a request to its fulfilment or to the moment when it can be expired, if
    ///         `reassign` is called as soon as it can be.
    function maximumLatency() external view returns (uint256);
}
