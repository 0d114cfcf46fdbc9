// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Commitment, EnvironmentClass, JobId, KernelId, RandomnessId, RecordDigest} from "../../types/Ids.sol";
import {GasBurner, ReturnBomb, SELF_DESTRUCTOR, Taker, Unwilling} from "../fixtures/HostileConsumers.sol";
import {House} from "./House.sol";

/// @title Everything that anyone may do to the four contracts, in any order; nothing here reverts.
/// @dev Keeps its own books, by the rules of docs/protocol.md and not by what the market says it paid.
abstract contract MarketHandler is House {
    uint256 private constant MAXIMUM_JOBS = 24;

    JobId[] internal jobs;
    address[] internal people; // everyone who can be owed something
    address[] private _consumers;
    KernelId[] private _kernels;

    uint256 internal forced; // wei pushed into the market without a job
    mapping(address account => uint256) internal owed; // by the market, ever
    mapping(address account => uint256) internal withdrawn; // from the market, ever
    mapping(JobId => mapping(address member => IJobMarket.Attestation)) private _said;
    mapping(JobId => mapping(address member => uint256)) internal commits;
    mapping(JobId => mapping(address member => uint256)) internal reveals;
    mapping(JobId => uint256) internal ends; // times that a job was finalised or failed
    mapping(JobId => uint256) internal firstDeliveries;
    mapping(bytes32 action => uint256) internal done;

    function _begin() internal {
        _build(9);
        people = [treasury, publisher, requester, anyone, oracle];
        for (uint256 i = 0; i < validators.length; ++i) {
            people.push(validators[i]);
        }
        address destructor = makeAddr("self-destructor");
        vm.etch(destructor, SELF_DESTRUCTOR);
        _consumers = [
            address(0),
            address(new Taker()),
            address(new Unwilling()),
            address(new GasBurner()),
            address(new ReturnBomb()),
            makeAddr("no code"),
            destructor
        ];
        // What the admission in `_build` has paid.
        for (uint256 i = 0; i < people.length; ++i) {
            owed[people[i]] = market.creditOf(people[i]);
        }
        owed[address(this)] = market.creditOf(address(this)); // delivered it
        people.push(address(this));
    }

    /// @dev Long windows, since every wait for one job is a wait for all.
    function _parameters() internal pure override returns (IJobMarket.Parameters memory p) {
        p = super._parameters();
        (p.commitWindow, p.revealWindow, p.challengeWindow) = (3 hours, 3 hours, 10 minutes);
    }

    receive() external payable {}

    /* WHAT REQUESTERS DO */

    function ask(uint256 random, uint256 excess) external {
        if (jobs.length == MAXIMUM_JOBS) return;
        address consumer = _consumers[random % _consumers.length];
        uint8 size = uint8(3 + 2 * ((random >> 16) % 3));
        uint32 callbackGas = uint32((random >> 32) % 100_001);
        excess = bound(excess, 0, 1 ether);
        uint256 price = market.quote(kernel, size, callbackGas);
        vm.deal(requester, price + excess);
        vm.prank(requester);
        jobs.push(market.request{value: price + excess}(_wanted(size, consumer, callbackGas)));
        owed[requester] += excess;
        ++done["ask"];
    }

    function admit(uint256 random) external {
        if (jobs.length == MAXIMUM_JOBS) return;
        KernelId fresh = _register(string.concat("kernel-", vm.toString(_kernels.length)), uint96(random % 1 ether));
        _kernels.push(fresh);
        vm.deal(publisher, 100 ether);
        jobs.push(_requestValidation(fresh, uint8(3 + 2 * ((random >> 100) % 3))));
        ++done["admit"];
    }

    /* WHAT OPERATORS AND ANYBODY DO */

    function open(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Requested);
        if (!found) return;
        if (vm.getBlockNumber() == market.jobOf(id).requestBlock) nextBlock();
        if (!_seedCanCome(id) || vm.getBlockTimestamp() > market.jobOf(id).deadline) return _expire(id);
        bytes memory proof = _isFulfilled(id) ? bytes("") : _proofFor(id);
        uint256 escrow = _escrowOf(id);
        market.open(id, proof);
        if (market.statusOf(id) == IJobMarket.Status.Failed) _noteFailure(id, escrow);
        ++done["open"];
    }

    function fulfil(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Requested);
        if (!found) return;
        if (vm.getBlockNumber() == market.jobOf(id).requestBlock) nextBlock();
        if (_isFulfilled(id) || !_seedCanCome(id)) return;
        vrf.fulfil(_randomnessOf(id), _proofFor(id));
        ++done["fulfil"];
    }

    /// @dev The operator stays silent until its request expires.
    function silence(uint256 random) external {
        if (random % 4 != 0 || vrf.operator(0).bond < 6 ether) return; // less would end its requests, and with them the history
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Requested);
        if (!found || _isFulfilled(id) || !_seedCanCome(id)) return;
        if (vm.getBlockNumber() == market.jobOf(id).requestBlock) nextBlock();
        RandomnessId seed = _randomnessOf(id);
        _until(vrf.requestOf(seed).deadline);
        vrf.reassign(seed);
        _expire(id);
        ++done["silence"];
    }

    function pass(uint256 time, uint256 blocks) external {
        skipBlocks(bound(blocks, 1, 4));
        skipTime(bound(time, 0, 5 minutes));
    }

    function force(uint256 amount) external {
        amount = bound(amount, 0, 1 ether);
        vm.deal(address(market), address(market).balance + amount);
        forced += amount;
    }

    /* WHAT MEMBERS DO */

    function commit(uint256 random, uint256 kind) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Committing);
        if (!found) return;
        address[] memory members = _members(id);
        _commitOnce(id, members[(random >> 64) % members.length], kind);
    }

    function commitAll(uint256 random, uint256 kinds) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Committing);
        if (!found) return;
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _commitOnce(id, members[i], kinds >> (8 * i));
        }
    }

    function reveal(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Revealing);
        if (!found) return;
        address[] memory members = _members(id);
        _revealOnce(id, members[(random >> 64) % members.length]);
    }

    function revealAll(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Revealing);
        if (!found) return;
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _revealOnce(id, members[i]);
        }
    }

    function _commitOnce(JobId id, address member, uint256 kind) private {
        if (market.seatOf(id, member).committed || market.statusOf(id) != IJobMarket.Status.Committing) return;
        _said[id][member] = _opinion(kind, member);
        _commit(id, member, _said[id][member]);
        ++commits[id][member];
        ++done["commit"];
    }

    function _revealOnce(JobId id, address member) private {
        IJobMarket.Seat memory seat = market.seatOf(id, member);
        if (!seat.committed || seat.revealed || vm.getBlockTimestamp() > _revealDeadline(id)) return;
        _reveal(id, member, _said[id][member]);
        ++reveals[id][member];
        ++done["reveal"];
    }

    function _opinion(uint256 kind, address member) private pure returns (IJobMarket.Attestation memory) {
        kind %= 16;
        if (kind < 12) return _says(OUTPUT, bytes32(uint256(1))); // also what approves a kernel
        if (kind < 13) return _says(OTHER, LABEL);
        if (kind < 15) return _refusal();
        return _says(RecordDigest.wrap(keccak256(abi.encode(member))), LABEL);
    }

    /* EXITS */

    function settle(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Revealing);
        if (!found) return;
        IJobMarket.Job memory job = market.jobOf(id);
        if (job.revealed < job.committed) {
            if (random % 4 != 0) return; // to wait lets the windows of other jobs pass, too
            _until(_revealDeadline(id));
        }
        _settle(id);
    }

    function finalise(uint256 random) external {
        (bool found, JobId id) = _pick(random, IJobMarket.Status.Settled);
        if (!found) return;
        _until(market.jobOf(id).deadline);
        _finaliseNow(id);
    }

    function deliver(uint256 random) external {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            IJobMarket.Status status = market.statusOf(id);
            if (status != IJobMarket.Status.Settled && status != IJobMarket.Status.Finalised) continue;
            if (market.jobOf(id).consumer != address(0) && !market.jobOf(id).delivered) return _deliver(id, anyone);
        }
    }

    function withdraw(uint256 random) external {
        _withdraw(people[random % people.length]);
    }

    function _settle(JobId id) private {
        uint256 escrow = _escrowOf(id);
        market.settle(id);
        IJobMarket.Status status = market.statusOf(id);
        if (status == IJobMarket.Status.Failed) _noteFailure(id, escrow);
        if (status == IJobMarket.Status.Committing) ++done["grow"];
        if (status == IJobMarket.Status.Settled) ++done["settle"];
    }

    function _finaliseNow(JobId id) private {
        IJobMarket.Job memory job = market.jobOf(id);
        IJobMarket.Parameters memory p = market.parameters();
        address[] memory members = market.committeeOf(id);
        uint256 left = job.escrow;
        for (uint256 i = 0; i < members.length; ++i) {
            IJobMarket.Attestation memory said = _said[id][members[i]];
            if (reveals[id][members[i]] == 0) continue;
            if (RecordDigest.unwrap(said.digest) != RecordDigest.unwrap(job.digest) || said.answer != job.answer) continue;
            owed[members[i]] += p.seatFee;
            left -= p.seatFee;
        }
        if (job.kind == IJobMarket.Kind.Inference) {
            owed[publisher] += 0.05 ether;
            left -= 0.05 ether;
        }
        if (job.consumer != address(0) && !job.deliveryPaid) left -= uint256(p.deliveryFeePerGas) * job.callbackGas;
        owed[requesterOf(job)] += left;
        market.finalise(id);
        ++ends[id];
        ++done["finalise"];
    }

    function _deliver(JobId id, address by) private {
        IJobMarket.Job memory before = market.jobOf(id);
        if (before.consumer == address(0) || before.delivered) return;
        bool destructs = before.consumer.code.length == SELF_DESTRUCTOR.length;
        uint256 gift = uint256(keccak256(abi.encode(id))) % 1 ether;
        if (destructs) vm.deal(before.consumer, gift);
        vm.prank(by);
        bool success = market.deliver(id);
        if (destructs && success) forced += gift; // with too little gas it does not get that far
        IJobMarket.Job memory now_ = market.jobOf(id);
        require(now_.delivered == success && now_.deliveryPaid, "flags");
        if (!before.deliveryPaid) {
            uint256 fee = uint256(market.parameters().deliveryFeePerGas) * before.callbackGas;
            owed[by] += fee;
            ++firstDeliveries[id];
            require(before.escrow - now_.escrow == fee, "fee");
        }
        (now_.delivered, now_.deliveryPaid, now_.escrow) = (before.delivered, before.deliveryPaid, before.escrow);
        require(keccak256(abi.encode(now_)) == keccak256(abi.encode(before)), "a callback changed something");
        ++done[success ? bytes32("deliver") : bytes32("fail to deliver")];
    }

    function _expire(JobId id) private {
        uint256 escrow = _escrowOf(id);
        if (vm.getBlockTimestamp() <= market.jobOf(id).deadline && _seedCanCome(id)) _until(market.jobOf(id).deadline);
        RandomnessId seed = _randomnessOf(id);
        if (!_seedCanCome(id) && vrf.requestOf(seed).status == IVrfCoordinator.Status.Stalled) vrf.reassign(seed);
        market.expire(id);
        _noteFailure(id, escrow);
        ++done["expire"];
    }

    function _noteFailure(JobId id, uint256 escrow) private {
        owed[requesterOf(market.jobOf(id))] += escrow;
        ++ends[id];
        ++done["fail"];
    }

    function _withdraw(address account) private {
        uint256 credit = market.creditOf(account);
        if (credit == 0) return;
        uint256 before = account.balance;
        vm.prank(account);
        market.withdraw();
        require(account.balance - before == credit, "withdraw");
        withdrawn[account] += credit;
        ++done["withdraw"];
    }

    /* WHAT STAKERS DO */

    function stake(uint256 random, uint256 amount) external {
        address validator = validators[random % validators.length];
        amount = bound(amount, 1 ether, 5 ether);
        vm.deal(validator, validator.balance + amount);
        vm.prank(validator);
        staking.stake{value: amount}(EnvironmentClass.wrap("another"), "");
    }

    function thaw(uint256 random, uint256 amount) external {
        address validator = validators[random % validators.length];
        uint128 working = staking.validator(validator).stake - staking.validator(validator).thawing;
        if (working == 0) return;
        vm.prank(validator);
        staking.thaw(uint128(bound(amount, 1, working)));
    }

    function release(uint256 random) external {
        address validator = validators[random % validators.length];
        if (staking.validator(validator).thawing == 0 || _locksOf(validator) != 0) return;
        if (random % 8 != 0) return; // seldom: it lets a week pass
        _until(staking.validator(validator).thawsAt);
        vm.prank(validator);
        staking.release();
        vm.prank(validator);
        staking.withdraw();
    }

    /* WHAT NOBODY CAN DO */

    /// @dev A call that the job's status or the clock forbids fails, whoever makes it.
    function misbehave(uint256 random) external {
        if (jobs.length == 0) return;
        JobId id = jobs[random % jobs.length];
        IJobMarket.Status status = market.statusOf(id);
        IJobMarket.Job memory job = market.jobOf(id);
        uint256 time = vm.getBlockTimestamp();
        uint256 choice = (random >> 64) % 6;
        bool legal;
        bytes memory call;
        if (choice == 0) {
            legal = status == IJobMarket.Status.Requested;
            call = abi.encodeCall(IJobMarket.open, (id, ""));
        } else if (choice == 1) {
            legal = status == IJobMarket.Status.Revealing && (job.revealed == job.committed || time > _revealDeadline(id));
            call = abi.encodeCall(IJobMarket.settle, (id));
        } else if (choice == 2) {
            legal = status == IJobMarket.Status.Settled && time > job.deadline;
            call = abi.encodeCall(IJobMarket.finalise, (id));
        } else if (choice == 3) {
            legal = status == IJobMarket.Status.Requested;
            call = abi.encodeCall(IJobMarket.expire, (id));
        } else if (choice == 4) {
            legal = (status == IJobMarket.Status.Settled || status == IJobMarket.Status.Finalised) && job.consumer != address(0)
                && !job.delivered;
            call = abi.encodeCall(IJobMarket.deliver, (id));
        } else {
            call = abi.encodeCall(IJobMarket.requestValidation, (kernel, INPUT, 3, anyone)); // never
        }
        if (legal) return;
        (bool success,) = address(market).call(call);
        require(!success, "a forbidden call went through");
        ++done["misbehave"];
    }

    /// @dev A seat speaks once, in its own round.
    function speakTwice(uint256 random) external {
        if (jobs.length == 0) return;
        JobId id = jobs[random % jobs.length];
        address[] memory members = market.committeeOf(id);
        if (members.length == 0) return;
        address member = members[(random >> 64) % members.length];
        if (market.seatOf(id, member).committed || market.seatOf(id, member).round != market.jobOf(id).round) {
            vm.prank(member);
            (bool success,) = address(market).call(abi.encodeCall(IJobMarket.commit, (id, Commitment.wrap("again"))));
            require(!success, "a second commitment");
            ++done["commit twice"];
        }
        if (market.seatOf(id, member).revealed || market.seatOf(id, member).round != market.jobOf(id).round) {
            IJobMarket.Attestation memory said = _said[id][member];
            bytes32 salt = _salt(id, member);
            vm.prank(member);
            (bool success,) = address(market).call(abi.encodeCall(IJobMarket.reveal, (id, said, salt)));
            require(!success, "a second reveal");
            ++done["reveal twice"];
        }
    }

    /* THE END */

    /// @dev From whatever is, waiting and calling what anyone may call brings every job to its end.
    function _endEverything() internal {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[i];
            // A job has at most three rounds, each of two phases, and four calls besides.
            for (uint256 step = 0; step < 10; ++step) {
                IJobMarket.Status status = market.statusOf(id);
                if (status == IJobMarket.Status.Finalised || status == IJobMarket.Status.Failed) break;
                if (status == IJobMarket.Status.Requested) {
                    _expire(id);
                } else if (status == IJobMarket.Status.Committing) {
                    _until(market.jobOf(id).deadline);
                } else if (status == IJobMarket.Status.Revealing) {
                    _until(_revealDeadline(id));
                    _settle(id);
                } else {
                    _until(market.jobOf(id).deadline);
                    _finaliseNow(id);
                }
            }
            IJobMarket.Status last = market.statusOf(id);
            require(last == IJobMarket.Status.Finalised || last == IJobMarket.Status.Failed, "a job does not end");
            if (last == IJobMarket.Status.Finalised && !market.jobOf(id).deliveryPaid) _deliver(id, anyone);
        }
        for (uint256 i = 0; i < people.length; ++i) {
            _withdraw(people[i]);
        }
    }

    /* INSIDE */

    function requesterOf(IJobMarket.Job memory job) private view returns (address) {
        return job.kind == IJobMarket.Kind.Inference ? requester : publisher;
    }

    /// @dev The first job from a random place on that has this status by the clock.
    function _pick(uint256 random, IJobMarket.Status status) private view returns (bool, JobId) {
        for (uint256 i = 0; i < jobs.length; ++i) {
            JobId id = jobs[((random >> 128) + i) % jobs.length];
            if (market.statusOf(id) == status) return (true, id);
        }
        return (false, JobId.wrap(0));
    }

    function _isFulfilled(JobId id) private view returns (bool) {
        (IVrfCoordinator.Status status,) = vrf.outputOf(_randomnessOf(id));
        return status == IVrfCoordinator.Status.Fulfilled;
    }

    /// @dev Whether the request is answered, or its operator can still answer it.
    function _seedCanCome(JobId id) private view returns (bool) {
        IVrfCoordinator.Request memory asked = vrf.requestOf(_randomnessOf(id));
        if (asked.status == IVrfCoordinator.Status.Fulfilled) return true;
        if (asked.status == IVrfCoordinator.Status.Expired) return false;
        return asked.blockHash != 0 || vm.getBlockNumber() <= uint256(asked.blockNumber) + 256;
    }

    function _revealDeadline(JobId id) private view returns (uint256) {
        IJobMarket.Job memory job = market.jobOf(id);
        uint256 late = job.status == IJobMarket.Status.Committing ? market.parameters().revealWindow : 0;
        return uint256(job.deadline) + late;
    }

    /// @dev To the first second after a deadline, if it is not past.
    function _until(uint256 deadline) private {
        if (vm.getBlockTimestamp() <= deadline) vm.warp(deadline + 1);
        vm.roll(vm.getBlockNumber() + 1);
    }
}
