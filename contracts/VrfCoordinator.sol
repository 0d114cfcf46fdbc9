// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IVrfCoordinator} from "./interfaces/IVrfCoordinator.sol";
import {Credits} from "./libraries/Credits.sol";
import {Ecvrf} from "./libraries/Ecvrf.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {Secp256k1} from "./libraries/Secp256k1.sol";
import {RandomnessId} from "./types/Ids.sol";
import {VrfTicket, VrfTickets} from "./types/VrfTicket.sol";

/// @title ECVRF requests and fulfilments, answered by bonded operators in a drawn order.
/// @dev What keeps an output from being chosen or re-rolled:
///      - The input contains the hash of the request's own block, which nobody knows when requesting, and nothing else
///        that anyone can vary afterwards.
///      - The operators that can be assigned to a request are written down with it. Registering, leaving or being
///        slashed later changes nothing for it; an operator that has left still has to answer, and its bond stays for
///        `exitDelay`.
///      - Each operator has one chance per request. Withholding costs `slashAmount`, which goes to the treasury and not to
///        the requester, who may be the operator's friend, and hands the request to the next.
///      - No answer is taken before the request's block is `confirmations` deep: a shorter reorganisation happens before
///        anyone who waits for that has shown an output.
///      The only external call is the payment in `Credits.withdraw`, after the state has changed.
///
///      What a fulfilment touches is packed: it reads four slots and writes two. Of the output it keeps a hash: who asks in the same
///      transaction is told the output, everybody finds it in the event, and a contract can check what it is shown.
contract VrfCoordinator is IVrfCoordinator, Credits {
    using SafeCast for uint256;
    using Rosters for Rosters.State;

    struct Entry {
        VrfTicket ticket;
        bytes32 blockHash; // pinned by the first reassignment
    }

    struct OperatorState {
        uint256 keyX;
        address account;
        bool keyOdd;
        uint88 earned; // fees that are not yet credits; 2^88 wei are more than there is
        // A fulfilment does not touch what follows.
        uint96 bond;
        uint48 activeFromBlock;
        uint48 exitAt;
        bool active;
    }

    /// @notice Operators that can be active at the same time.
    uint256 public constant MAX_OPERATORS = Rosters.CAPACITY;
    /// @notice Operators that one request can be assigned to, one after the other.
    uint256 public constant MAX_ATTEMPTS = 3;
    /// @notice Bounds of the constructor's parameters.
    uint256 public constant MAX_ANSWER_WINDOW = 1 days;
    uint256 public constant MAX_ACTIVATION_DELAY = 100_000;
    uint256 public constant MAX_EXIT_DELAY = 365 days;
    uint256 public constant MAX_CONFIRMATIONS = 64;

    bytes32 private constant ALPHA_DOMAIN = keccak256("aivm/vrf/2");
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
    /// @inheritdoc IVrfCoordinator
    uint32 public immutable confirmations;

    mapping(uint256 operatorIndex => OperatorState) private _operators;
    mapping(address account => uint256 indexPlusOne) private _indexOf;
    mapping(bytes32 key => bool) private _keyTaken;
    uint32 private _operatorCount;

    /// @dev Active operators in the order of registration: those past their activation delay come first.
    Rosters.State private _roster;

    mapping(RandomnessId => Entry) private _entries;
    mapping(address requester => uint64) private _nonces;

    constructor(
        address treasury_,
        uint96 fee_,
        uint96 minimumBond_,
        uint96 slashAmount_,
        uint32 answerWindow_,
        uint32 activationDelay_,
        uint32 exitDelay_,
        uint32 confirmations_
    ) {
        require(treasury_ != address(0), VrfCoordinator_InvalidParameters());
        require(fee_ <= type(uint88).max, VrfCoordinator_InvalidParameters());
        require(slashAmount_ > 0 && slashAmount_ <= minimumBond_, VrfCoordinator_InvalidParameters());
        require(answerWindow_ > 0 && answerWindow_ <= MAX_ANSWER_WINDOW, VrfCoordinator_InvalidParameters());
        require(confirmations_ > 0 && confirmations_ <= MAX_CONFIRMATIONS, VrfCoordinator_InvalidParameters());
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
        confirmations = confirmations_;
    }

    // ---- operators

    /// @inheritdoc IVrfCoordinator
    function registerOperator(uint256 keyX, uint256 keyY, bytes calldata proof) external payable returns (uint256 operatorIndex) {
        require(_indexOf[msg.sender] == 0, VrfCoordinator_AlreadyOperator(msg.sender));
        require(msg.value >= minimumBond, VrfCoordinator_BondTooLow(msg.value, minimumBond));
        require(_roster.length < MAX_OPERATORS, VrfCoordinator_TooManyOperators(MAX_OPERATORS));
        _takeKey(keyX, keyY, proof);

        uint32 index = _operatorCount++;
        uint48 activeFromBlock = (block.number + activationDelay).toUint48();
        _operators[index] = OperatorState({
            keyX: keyX,
            account: msg.sender,
            keyOdd: keyY & 1 == 1,
            earned: 0,
            bond: msg.value.toUint96(),
            activeFromBlock: activeFromBlock,
            exitAt: 0,
            active: true
        });
        _indexOf[msg.sender] = uint256(index) + 1;
        _roster.append(index, activeFromBlock);
        emit OperatorRegistered(index, msg.sender, keyX, keyY, activeFromBlock);
        return index;
    }

    /// @inheritdoc IVrfCoordinator
    function exit() external {
        uint256 index = _ownIndex();
        OperatorState storage leaver = _operators[index];
        require(leaver.exitAt == 0, VrfCoordinator_AlreadyExiting(index));
        leaver.exitAt = (block.timestamp + exitDelay).toUint48();
        _deactivate(index);
        emit OperatorExiting(index, leaver.exitAt);
    }

    /// @inheritdoc IVrfCoordinator
    function withdrawBond() external {
        uint256 index = _ownIndex();
        OperatorState storage leaver = _operators[index];
        require(leaver.exitAt != 0, VrfCoordinator_NotExiting(index));
        require(block.timestamp >= leaver.exitAt, VrfCoordinator_StillLocked(index, leaver.exitAt));
        uint96 bond = leaver.bond;
        leaver.bond = 0;
        delete _indexOf[msg.sender]; // the account may come back, with another key
        _collect(index);
        _credit(msg.sender, bond);
        emit BondWithdrawn(index, bond);
    }

    /// @inheritdoc IVrfCoordinator
    function collect(uint256 operatorIndex) external returns (uint256 amount) {
        return _collect(operatorIndex);
    }

    /// @inheritdoc Credits
    function withdraw() public override returns (uint256) {
        uint256 indexPlusOne = _indexOf[msg.sender];
        if (indexPlusOne != 0) _collect(indexPlusOne - 1);
        return super.withdraw();
    }

    // ---- requests

    /// @inheritdoc IVrfCoordinator
    function request(address refundTo) external payable returns (RandomnessId id) {
        require(msg.value >= fee, VrfCoordinator_FeeTooLow(msg.value, fee));
        require(refundTo != address(0), VrfCoordinator_InvalidRefundAddress());
        uint8 count = _assignableCount();
        require(count != 0, VrfCoordinator_NoOperators());

        uint64 nonce = _nonces[msg.sender]++;
        id = RandomnessId.wrap(keccak256(abi.encode(block.chainid, address(this), msg.sender, nonce)));
        Entry storage entry = _entries[id];
        entry.ticket = VrfTickets.pack(refundTo, block.number, block.timestamp + answerWindow, _roster.version, count);
        emit RandomnessRequested(id, msg.sender, nonce, uint48(block.number)); // the ticket took it
        _credit(refundTo, msg.value - fee);
    }

    /// @inheritdoc IVrfCoordinator
    function fulfil(RandomnessId id, bytes calldata proof) external returns (bytes32 output) {
        Entry storage entry = _entries[id];
        if (entry.ticket.isFulfilled()) return _recorded(id, entry.ticket, proof);
        (uint256 index, bytes32 blockHash) = _drawn(id, entry, _openTicket(id, entry));
        output = _verified(id, index, blockHash, proof);

        entry.ticket = VrfTickets.fulfilled(output);
        _operators[index].earned += uint88(fee); // the constructor bounds it
        emit RandomnessFulfilled(id, index, output);
    }

    /// @inheritdoc IVrfCoordinator
    function reassign(RandomnessId id) external {
        Entry storage entry = _entries[id];
        VrfTicket ticket = _openTicket(id, entry);
        bytes32 blockHash = _blockHashOf(entry, ticket);
        require(_isStalled(ticket, blockHash), VrfCoordinator_NotStalled(id, ticket.deadline()));
        // Nobody touched it while the hash could be read: nobody can be named, and nobody can answer any more.
        if (blockHash == 0) return _expire(id, entry, ticket);
        _slash(_assigned(id, ticket, blockHash), id);

        uint8 attempt = ticket.attempt() + 1;
        if (attempt == Math.min(MAX_ATTEMPTS, ticket.operatorCount())) return _expire(id, entry, ticket);
        uint48 deadline = (block.timestamp + answerWindow).toUint48();
        entry.ticket = ticket.next(deadline);
        entry.blockHash = blockHash;
        emit RandomnessReassigned(id, attempt, deadline);
    }

    // ---- views

    /// @inheritdoc IVrfCoordinator
    function challengeOf(RandomnessId id) external view returns (uint256 operatorIndex, bytes32 alpha) {
        Entry storage entry = _entries[id];
        bytes32 blockHash;
        (operatorIndex, blockHash) = _drawn(id, entry, _openTicket(id, entry));
        OperatorState storage drawn = _operators[operatorIndex];
        alpha = _alpha(id, drawn.keyX, drawn.keyOdd, blockHash);
    }

    /// @inheritdoc IVrfCoordinator
    function possessionAlpha(address account, uint256 keyX, uint256 keyY) public view returns (bytes32 alpha) {
        return keccak256(abi.encode(POSSESSION_DOMAIN, block.chainid, address(this), account, keyX, keyY));
    }

    /// @inheritdoc IVrfCoordinator
    function requestOf(RandomnessId id) external view returns (Request memory) {
        Entry storage entry = _entries[id];
        VrfTicket ticket = entry.ticket;
        Status status = _statusOf(entry, ticket);
        if (status == Status.Unknown || status == Status.Fulfilled) return Request(status, 0, 0, 0, 0, 0, address(0), entry.blockHash);
        return Request({
            status: status,
            blockNumber: ticket.blockNumber(),
            deadline: ticket.deadline(),
            attempt: ticket.attempt(),
            operatorCount: ticket.operatorCount(),
            fee: fee,
            refundTo: ticket.refundTo(),
            blockHash: entry.blockHash
        });
    }

    /// @inheritdoc IVrfCoordinator
    function statusOf(RandomnessId id) external view returns (Status) {
        Entry storage entry = _entries[id];
        return _statusOf(entry, entry.ticket);
    }

    /// @inheritdoc IVrfCoordinator
    function isOutput(RandomnessId id, bytes32 output) external view returns (bool) {
        // Words that are hashes.
        // slither-disable-next-line incorrect-equality
        return VrfTicket.unwrap(_entries[id].ticket) == VrfTicket.unwrap(VrfTickets.fulfilled(output));
    }

    /// @inheritdoc IVrfCoordinator
    function operator(uint256 operatorIndex) external view returns (Operator memory) {
        OperatorState storage state = _operators[operatorIndex];
        require(state.account != address(0), VrfCoordinator_UnknownOperator(operatorIndex));
        return Operator({
            account: state.account,
            active: state.active,
            activeFromBlock: state.activeFromBlock,
            exitAt: state.exitAt,
            bond: state.bond,
            earned: state.earned,
            keyX: state.keyX,
            keyOdd: state.keyOdd
        });
    }

    /// @inheritdoc IVrfCoordinator
    function operatorCount() external view returns (uint256) {
        return _operatorCount;
    }

    /// @inheritdoc Credits
    function creditOf(address account) public view override returns (uint256) {
        uint256 indexPlusOne = _indexOf[account];
        return super.creditOf(account) + (indexPlusOne == 0 ? 0 : _operators[indexPlusOne - 1].earned);
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
        // The output of a proof of possession is of no use.
        // slither-disable-next-line unused-return
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
    function _assignableCount() private view returns (uint8 count) {
        count = _roster.length;
        if (block.number >= _roster.activeFromBlock) return count;
        uint32 version = _roster.version;
        // At most MAX_OPERATORS turns: over those registered within the activation delay.
        while (count != 0 && _operators[_roster.memberAt(version, count - 1)].activeFromBlock > block.number) --count;
    }

    /// @dev Makes an operator's fees a credit of its account.
    function _collect(uint256 index) private returns (uint256 amount) {
        OperatorState storage payee = _operators[index];
        amount = payee.earned;
        payee.earned = 0;
        _credit(payee.account, amount);
    }

    /// @dev Takes an operator off the roster, if it is on it, for requests to come.
    function _deactivate(uint256 index) private {
        OperatorState storage leaver = _operators[index];
        if (!leaver.active) return;
        leaver.active = false;
        _roster.remove(index.toUint32());
    }

    /// @dev Takes what the bond still holds of `slashAmount`. Too small a bond ends the operator's new assignments.
    function _slash(uint256 index, RandomnessId id) private {
        OperatorState storage late = _operators[index];
        uint96 amount = late.bond < slashAmount ? late.bond : slashAmount;
        late.bond -= amount;
        emit OperatorSlashed(index, id, amount);
        _credit(treasury, amount);
        if (late.bond < minimumBond) _deactivate(index);
    }

    function _expire(RandomnessId id, Entry storage entry, VrfTicket ticket) private {
        entry.ticket = ticket.expire();
        emit RandomnessExpired(id);
        _credit(ticket.refundTo(), fee);
    }

    /// @dev The ticket of a request that is neither fulfilled nor expired.
    function _openTicket(RandomnessId id, Entry storage entry) private view returns (VrfTicket ticket) {
        ticket = entry.ticket;
        if (ticket.isOpen()) return ticket;
        Status status = _statusOf(entry, ticket);
        require(status != Status.Unknown, VrfCoordinator_UnknownRequest(id));
        revert VrfCoordinator_NotPending(id, status);
    }

    function _statusOf(Entry storage entry, VrfTicket ticket) private view returns (Status) {
        if (!ticket.exists()) return Status.Unknown;
        if (ticket.isFulfilled()) return Status.Fulfilled;
        if (ticket.isExpired()) return Status.Expired;
        return _isStalled(ticket, _blockHashOf(entry, ticket)) ? Status.Stalled : Status.Pending;
    }

    /// @dev Whether `reassign` may move the request on: the assigned operator is late, or nobody can answer any more. Not in the
    ///      request's own block, whose hash is not there yet.
    function _isStalled(VrfTicket ticket, bytes32 blockHash) private view returns (bool) {
        return block.number > ticket.blockNumber() && (block.timestamp > ticket.deadline() || blockHash == 0);
    }

    /// @dev Zero within the request's own block, and when the chain no longer tells. Only what was reassigned has a pinned one.
    function _blockHashOf(Entry storage entry, VrfTicket ticket) private view returns (bytes32) {
        return ticket.attempt() != 0 ? entry.blockHash : Blockhash.blockHash(ticket.blockNumber());
    }

    function _assigned(RandomnessId id, VrfTicket ticket, bytes32 blockHash) private view returns (uint256) {
        uint256 first = uint256(keccak256(abi.encode(blockHash, id))) % ticket.operatorCount();
        return _roster.memberAt(ticket.roster(), (first + ticket.attempt()) % ticket.operatorCount());
    }

    /// @dev Who has to answer now, and the hash that decided it.
    function _drawn(RandomnessId id, Entry storage entry, VrfTicket ticket) private view returns (uint256 index, bytes32 blockHash) {
        uint256 firstBlock = uint256(ticket.blockNumber()) + confirmations;
        require(block.number >= firstBlock, VrfCoordinator_Unconfirmed(id, firstBlock));
        blockHash = _blockHashOf(entry, ticket);
        require(blockHash != 0, VrfCoordinator_BlockHashGone(id, ticket.blockNumber()));
        index = _assigned(id, ticket, blockHash);
    }

    function _alpha(RandomnessId id, uint256 keyX, bool keyOdd, bytes32 blockHash) private view returns (bytes32) {
        return keccak256(abi.encode(ALPHA_DOMAIN, block.chainid, address(this), keyX, keyOdd, id, blockHash));
    }

    function _verified(RandomnessId id, uint256 index, bytes32 blockHash, bytes calldata proof) private view returns (bytes32 output) {
        uint256 keyX = _operators[index].keyX;
        bool keyOdd = _operators[index].keyOdd;
        bool valid;
        (valid, output) = Ecvrf.verify(keyOdd, keyX, abi.encode(_alpha(id, keyX, keyOdd, blockHash)), proof);
        require(valid, VrfCoordinator_InvalidProof(id));
    }

    /// @dev The output of a request that is fulfilled. A proof's output follows from its first part alone.
    function _recorded(RandomnessId id, VrfTicket ticket, bytes calldata proof) private view returns (bytes32 output) {
        output = Ecvrf.outputOf(proof);
        require(VrfTicket.unwrap(ticket) == VrfTicket.unwrap(VrfTickets.fulfilled(output)), VrfCoordinator_InvalidProof(id));
    }
}
