// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IVrfCoordinator} from "./interfaces/IVrfCoordinator.sol";
import {Credits} from "./libraries/Credits.sol";
import {Ecvrf} from "./libraries/Ecvrf.sol";
import {Secp256k1} from "./libraries/Secp256k1.sol";
import {RandomnessId} from "./types/Ids.sol";

/// @title ECVRF requests and fulfilments, answered by bonded operators in a drawn order.
/// @dev What keeps an output from being chosen or re-rolled:
///      - The input contains the hash of the request's own block, which nobody knows when requesting, and nothing else
///        that anyone can vary afterwards.
///      - The operators that can be assigned to a request are written down with it. Registering, leaving or being
///        slashed later changes nothing for it; an operator that has left still has to answer, and its bond stays for
///        `exitDelay`.
///      - Each operator has one chance per request. Withholding costs `slashAmount`, which goes to the treasury and not to
///        the requester, who may be the operator's friend, and hands the request to the next.
///      The only external call is the payment in `Credits.withdraw`, after the state has changed.
contract VrfCoordinator is IVrfCoordinator, Credits {
    using SafeCast for uint256;

    /// @dev As `Request` of the interface, packed, with the roster that the request is answered from.
    struct Entry {
        address requester;
        uint48 blockNumber;
        uint48 deadline;
        Status status;
        uint8 attempt;
        uint16 operatorCount;
        uint32 roster;
        address refundTo;
        uint96 fee;
        uint64 nonce;
        bytes32 blockHash;
        bytes32 output;
    }

    /// @notice Operators that can be active at the same time.
    uint256 public constant MAX_OPERATORS = 64;
    /// @notice Operators that one request can be assigned to, one after the other.
    uint256 public constant MAX_ATTEMPTS = 3;
    /// @notice Bounds of the constructor's parameters.
    uint256 public constant MAX_ANSWER_WINDOW = 1 days;
    uint256 public constant MAX_ACTIVATION_DELAY = 100_000;
    uint256 public constant MAX_EXIT_DELAY = 365 days;

    bytes32 private constant ALPHA_DOMAIN = keccak256("aivm/vrf/1");
    bytes32 private constant POSSESSION_DOMAIN = keccak256("aivm/vrf-possession/1");

    /// @notice Credited with what silent operators lose.
    address public immutable treasury;
    /// @inheritdoc IVrfCoordinator
    uint96 public immutable fee;
    /// @notice An operator with less bond than this, in wei, is not assigned to new requests.
    uint96 public immutable minimumBond;
    /// @notice Taken from an operator's bond for each request that it leaves unanswered, in wei.
    uint96 public immutable slashAmount;
    /// @notice An assigned operator's time to answer, in seconds.
    uint32 public immutable answerWindow;
    /// @notice Blocks from an operator's registration to the first request that it can be assigned to.
    uint32 public immutable activationDelay;
    /// @notice Seconds from an operator's exit to the release of its bond.
    uint32 public immutable exitDelay;

    Operator[] private _operators;
    mapping(address account => uint256 indexPlusOne) private _indexOf;
    mapping(bytes32 key => bool) private _keyTaken;

    /// @dev Active operators, by index, in the order of registration: those past their activation delay are a prefix.
    ///      A roster is never changed, a change makes the next one.
    mapping(uint32 version => uint32[]) private _rosters;
    uint32 private _roster;

    mapping(RandomnessId => Entry) private _entries;
    mapping(address requester => uint64) private _nonces;

    constructor(
        address treasury_,
        uint96 fee_,
        uint96 minimumBond_,
        uint96 slashAmount_,
        uint32 answerWindow_,
        uint32 activationDelay_,
        uint32 exitDelay_
    ) {
        require(treasury_ != address(0), VrfCoordinator_InvalidParameters());
        require(slashAmount_ > 0 && slashAmount_ <= minimumBond_, VrfCoordinator_InvalidParameters());
        require(answerWindow_ > 0 && answerWindow_ <= MAX_ANSWER_WINDOW, VrfCoordinator_InvalidParameters());
        require(activationDelay_ > 0 && activationDelay_ <= MAX_ACTIVATION_DELAY, VrfCoordinator_InvalidParameters());
        // A request made just before an operator leaves can reach it as the last one: the bond stays for twice the time
        // that this takes, because those who reassign may be late too.
        require(exitDelay_ >= 2 * _latency(answerWindow_) && exitDelay_ <= MAX_EXIT_DELAY, VrfCoordinator_InvalidParameters());
        treasury = treasury_;
        fee = fee_;
        minimumBond = minimumBond_;
        slashAmount = slashAmount_;
        answerWindow = answerWindow_;
        activationDelay = activationDelay_;
        exitDelay = exitDelay_;
    }

    // ---- operators

    /// @inheritdoc IVrfCoordinator
    function registerOperator(uint256 keyX, uint256 keyY, bytes calldata proof) external payable returns (uint256 operatorIndex) {
        require(_indexOf[msg.sender] == 0, VrfCoordinator_AlreadyOperator(msg.sender));
        require(msg.value >= minimumBond, VrfCoordinator_BondTooLow(msg.value, minimumBond));
        uint32[] memory roster = _rosters[_roster];
        require(roster.length < MAX_OPERATORS, VrfCoordinator_TooManyOperators(MAX_OPERATORS));
        _takeKey(keyX, keyY, proof);

        operatorIndex = _operators.length;
        uint48 activeFromBlock = (block.number + activationDelay).toUint48();
        _operators.push(
            Operator({
                account: msg.sender,
                active: true,
                activeFromBlock: activeFromBlock,
                exitAt: 0,
                bond: msg.value.toUint96(),
                keyX: keyX,
                keyY: keyY
            })
        );
        _indexOf[msg.sender] = operatorIndex + 1;

        uint32[] memory next = new uint32[](roster.length + 1);
        // At most MAX_OPERATORS turns.
        for (uint256 i = 0; i < roster.length; ++i) {
            next[i] = roster[i];
        }
        next[roster.length] = operatorIndex.toUint32();
        _rosters[++_roster] = next;
        emit OperatorRegistered(operatorIndex, msg.sender, keyX, keyY, activeFromBlock);
    }

    /// @inheritdoc IVrfCoordinator
    function exit() external {
        uint256 index = _ownIndex();
        Operator storage leaver = _operators[index];
        require(leaver.exitAt == 0, VrfCoordinator_AlreadyExiting(index));
        leaver.exitAt = (block.timestamp + exitDelay).toUint48();
        _deactivate(index);
        emit OperatorExiting(index, leaver.exitAt);
    }

    /// @inheritdoc IVrfCoordinator
    function withdrawBond() external {
        uint256 index = _ownIndex();
        Operator storage leaver = _operators[index];
        require(leaver.exitAt != 0, VrfCoordinator_NotExiting(index));
        require(block.timestamp >= leaver.exitAt, VrfCoordinator_StillLocked(index, leaver.exitAt));
        uint96 bond = leaver.bond;
        leaver.bond = 0;
        delete _indexOf[msg.sender]; // the account may come back, with another key
        _credit(msg.sender, bond);
        emit BondWithdrawn(index, bond);
    }

    // ---- requests

    /// @inheritdoc IVrfCoordinator
    function request(address refundTo) external payable returns (RandomnessId id) {
        require(msg.value >= fee, VrfCoordinator_FeeTooLow(msg.value, fee));
        require(refundTo != address(0), VrfCoordinator_InvalidRefundAddress());
        uint256 count = _assignableCount();
        require(count != 0, VrfCoordinator_NoOperators());

        uint64 nonce = _nonces[msg.sender]++;
        id = RandomnessId.wrap(keccak256(abi.encode(block.chainid, address(this), msg.sender, nonce)));
        Entry storage entry = _entries[id];
        entry.requester = msg.sender;
        entry.blockNumber = block.number.toUint48();
        entry.deadline = (block.timestamp + answerWindow).toUint48();
        entry.status = Status.Pending;
        entry.operatorCount = count.toUint16();
        entry.roster = _roster;
        entry.refundTo = refundTo;
        entry.fee = fee;
        entry.nonce = nonce;
        emit RandomnessRequested(id, msg.sender, nonce, entry.blockNumber);
        _credit(refundTo, msg.value - fee);
    }

    /// @inheritdoc IVrfCoordinator
    function fulfil(RandomnessId id, bytes calldata proof) external returns (bytes32 output) {
        Entry storage entry = _pending(id);
        (uint256 index, bytes32 alpha) = _challenge(id, entry);
        Operator storage assigned = _operators[index];
        bool valid;
        (valid, output) = Ecvrf.verify(assigned.keyY & 1 == 1, assigned.keyX, abi.encodePacked(alpha), proof);
        require(valid, VrfCoordinator_InvalidProof(id));

        entry.status = Status.Fulfilled;
        entry.output = output;
        emit RandomnessFulfilled(id, index, output);
        _credit(assigned.account, entry.fee);
    }

    /// @inheritdoc IVrfCoordinator
    function reassign(RandomnessId id) external {
        Entry storage entry = _pending(id);
        bytes32 blockHash = _blockHashOf(entry);
        if (blockHash == 0 && block.number > entry.blockNumber) {
            // Nobody touched it while the hash could be read: nobody can be named, and nobody can answer any more.
            _expire(id, entry);
            return;
        }
        require(block.timestamp > entry.deadline, VrfCoordinator_NotLate(id, entry.deadline));
        require(blockHash != 0, VrfCoordinator_SameBlock(id));
        _slash(_assigned(id, entry, blockHash), id);

        uint8 attempt = entry.attempt + 1;
        if (attempt == Math.min(MAX_ATTEMPTS, entry.operatorCount)) {
            _expire(id, entry);
            return;
        }
        entry.attempt = attempt;
        entry.deadline = (block.timestamp + answerWindow).toUint48();
        entry.blockHash = blockHash;
        emit RandomnessReassigned(id, attempt, entry.deadline);
    }

    // ---- views

    /// @inheritdoc IVrfCoordinator
    function challengeOf(RandomnessId id) external view returns (uint256 operatorIndex, bytes32 alpha) {
        return _challenge(id, _pending(id));
    }

    /// @inheritdoc IVrfCoordinator
    function possessionAlpha(address account, uint256 keyX, uint256 keyY) public view returns (bytes32 alpha) {
        return keccak256(abi.encode(POSSESSION_DOMAIN, block.chainid, address(this), account, keyX, keyY));
    }

    /// @inheritdoc IVrfCoordinator
    function requestOf(RandomnessId id) external view returns (Request memory) {
        Entry storage entry = _entries[id];
        return Request({
            requester: entry.requester,
            blockNumber: entry.blockNumber,
            deadline: entry.deadline,
            status: entry.status,
            attempt: entry.attempt,
            operatorCount: entry.operatorCount,
            refundTo: entry.refundTo,
            fee: entry.fee,
            nonce: entry.nonce,
            blockHash: entry.blockHash,
            output: entry.output
        });
    }

    /// @inheritdoc IVrfCoordinator
    function outputOf(RandomnessId id) external view returns (Status status, bytes32 output) {
        Entry storage entry = _entries[id];
        return (entry.status, entry.output);
    }

    /// @inheritdoc IVrfCoordinator
    function operator(uint256 operatorIndex) external view returns (Operator memory) {
        return _operators[operatorIndex];
    }

    /// @inheritdoc IVrfCoordinator
    function operatorCount() external view returns (uint256) {
        return _operators.length;
    }

    /// @inheritdoc IVrfCoordinator
    function maximumLatency() external view returns (uint256) {
        return _latency(answerWindow);
    }

    // ---- inside

    /// @dev An operator is late one second after its window.
    function _latency(uint256 window) private pure returns (uint256) {
        return MAX_ATTEMPTS * (window + 1);
    }

    /// @dev Checks that the caller holds the key, and that nobody has registered it before.
    function _takeKey(uint256 keyX, uint256 keyY, bytes calldata proof) private {
        require(Secp256k1.isOnCurve(keyX, keyY), VrfCoordinator_InvalidKey(keyX, keyY));
        bytes32 name = keccak256(abi.encode(keyX, keyY));
        require(!_keyTaken[name], VrfCoordinator_KeyTaken(keyX, keyY));
        (bool possessed,) = Ecvrf.verify(keyY & 1 == 1, keyX, abi.encodePacked(possessionAlpha(msg.sender, keyX, keyY)), proof);
        require(possessed, VrfCoordinator_NotPossessed(keyX, keyY));
        _keyTaken[name] = true;
    }

    function _ownIndex() private view returns (uint256) {
        uint256 indexPlusOne = _indexOf[msg.sender];
        require(indexPlusOne != 0, VrfCoordinator_NotOperator(msg.sender));
        return indexPlusOne - 1;
    }

    /// @dev How many of the present roster may be assigned to a request in this block.
    function _assignableCount() private view returns (uint256 count) {
        uint32[] storage roster = _rosters[_roster];
        count = roster.length;
        // At most MAX_OPERATORS turns: over those registered within the activation delay.
        while (count != 0 && _operators[roster[count - 1]].activeFromBlock > block.number) --count;
    }

    /// @dev Takes an operator off the roster, if it is on it, for requests to come.
    function _deactivate(uint256 index) private {
        Operator storage leaver = _operators[index];
        if (!leaver.active) return;
        leaver.active = false;
        uint32[] memory roster = _rosters[_roster];
        uint32[] memory next = new uint32[](roster.length - 1);
        uint256 kept = 0;
        // At most MAX_OPERATORS turns.
        for (uint256 i = 0; i < roster.length; ++i) {
            if (roster[i] != index) next[kept++] = roster[i];
        }
        _rosters[++_roster] = next;
    }

    /// @dev Takes what the bond still holds of `slashAmount`. Too small a bond ends the operator's new assignments.
    function _slash(uint256 index, RandomnessId id) private {
        Operator storage late = _operators[index];
        uint96 amount = late.bond < slashAmount ? late.bond : slashAmount;
        late.bond -= amount;
        emit OperatorSlashed(index, id, amount);
        _credit(treasury, amount);
        if (late.bond < minimumBond) _deactivate(index);
    }

    function _expire(RandomnessId id, Entry storage entry) private {
        entry.status = Status.Expired;
        emit RandomnessExpired(id);
        _credit(entry.refundTo, entry.fee);
    }

    function _pending(RandomnessId id) private view returns (Entry storage entry) {
        entry = _entries[id];
        require(entry.status != Status.Unknown, VrfCoordinator_UnknownRequest(id));
        require(entry.status == Status.Pending, VrfCoordinator_NotPending(id, entry.status));
    }

    /// @dev Zero within the request's own block, and when the chain no longer tells.
    function _blockHashOf(Entry storage entry) private view returns (bytes32) {
        return entry.blockHash != 0 ? entry.blockHash : Blockhash.blockHash(entry.blockNumber);
    }

    function _assigned(RandomnessId id, Entry storage entry, bytes32 blockHash) private view returns (uint256) {
        uint256 first = uint256(keccak256(abi.encode(blockHash, id))) % entry.operatorCount;
        return _rosters[entry.roster][(first + entry.attempt) % entry.operatorCount];
    }

    function _challenge(RandomnessId id, Entry storage entry) private view returns (uint256 index, bytes32 alpha) {
        require(block.number > entry.blockNumber, VrfCoordinator_SameBlock(id));
        bytes32 blockHash = _blockHashOf(entry);
        require(blockHash != 0, VrfCoordinator_BlockHashGone(id, entry.blockNumber));
        index = _assigned(id, entry, blockHash);
        Operator storage assigned = _operators[index];
        alpha = keccak256(
            abi.encode(ALPHA_DOMAIN, block.chainid, address(this), assigned.keyX, assigned.keyY, entry.requester, entry.nonce, blockHash)
        );
    }
}
