// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {SumTree} from "../../libraries/SumTree.sol";
import {JobId, RecordDigest} from "../../types/Ids.sol";
import {House} from "../integration/House.sol";
import {StakingBase} from "../staking/StakingBase.sol";

/// @title What a chain does to a job when it takes blocks back. What works is said in docs/security.md.
contract ReorganisationTest is House {
    function setUp() public {
        _build(20);
    }

    /// @dev Works: an id holds the requester's count and not its wish, so another order of its requests gives an id to another
    ///      input. The seed differs, and with it the committee; a member acts on blocks that stay, or pays.
    function test_AfterAReorganisationAnIdCanNameAnotherInput() public {
        uint256 before = vm.snapshotState();
        JobId id = _request(7);
        nextBlock();
        vm.setBlockhash(vm.getBlockNumber() - 1, keccak256("the first history"));
        market.open(id, _proofFor(id));
        bytes32 seed = market.jobOf(id).seed;
        address[] memory first = _members(id);
        vm.revertToState(before);

        IJobMarket.JobRequest memory wanted = _wanted(7, address(0), 0);
        wanted.input = RecordDigest.wrap(keccak256("another input"));
        uint256 price = market.quote(kernel, 7, 0);
        vm.prank(requester);
        JobId same = market.request{value: price}(wanted);
        assertEq(JobId.unwrap(same), JobId.unwrap(id), "id");
        nextBlock();
        vm.setBlockhash(vm.getBlockNumber() - 1, keccak256("the second history"));
        market.open(same, _proofFor(same));
        assertNotEq(market.jobOf(same).seed, seed, "another seed");

        // What a member sent in the first history is taken in the second, and does not open to what is right there.
        address member = _inBoth(first, _members(same));
        _commit(same, member, _right());
        _afterDeadline(same); // the commit window
        bytes32 salt = _salt(same, member);
        vm.prank(member);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        market.reveal(same, _wrong(), salt);
    }

    function _inBoth(address[] memory some, address[] memory others) private pure returns (address) {
        for (uint256 i = 0; i < some.length; ++i) {
            for (uint256 k = 0; k < others.length; ++k) {
                if (some[i] == others[k]) return some[i];
            }
        }
        revert("nobody is in both");
    }

    /// @dev Fails: what was signed over on one side of a fork is nothing on the other.
    function test_ACommitmentDoesNotOpenOnTheOtherSideOfAFork() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(id, members[i], _right());
        }
        bytes32 salt = _salt(id, members[0]);
        vm.chainId(777);
        vm.prank(members[0]);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        market.reveal(id, _right(), salt);
    }
}

/// @title Histories that were made long on purpose.
contract LongHistoriesTest is StakingBase {
    /// @dev Where the compiler puts `ValidatorStaking`'s state.
    uint256 private constant WEIGHTS = 2;
    uint256 private constant HEIGHTS = 3;
    uint256 private constant HOLDERS = 4;
    uint256 private constant PLACES = 5;

    /// @dev A checkpoint in each of 2^32 blocks: thirty years of blocks of a quarter of a second.
    uint256 private constant LENGTH = 1 << 32;
    uint256 private constant MIDDLE = LENGTH - (1 << 16);
    uint256 private constant TRANSACTION_LIMIT = 16_777_216;
    uint256 private constant HALF = SumTree.CAPACITY / 2;

    function setUp() public override {
        super.setUp();
        stakeMany(HALF);
    }

    /// @dev Makes a trace so long that a look-up is a search over all of it: everything since the middle is in the future.
    function _prolong(uint256 trace) private {
        uint256 data = uint256(keccak256(abi.encode(trace)));
        uint256 length = uint256(vm.load(address(staking), bytes32(trace)));
        if (length == 0) return;
        bytes32 last = vm.load(address(staking), bytes32(data + length - 1));
        vm.store(address(staking), bytes32(trace), bytes32(LENGTH));
        vm.store(address(staking), bytes32(data + MIDDLE - 1), last & ~bytes32(uint256(type(uint48).max)));
        vm.store(address(staking), bytes32(data + MIDDLE), bytes32(uint256(type(uint48).max)));
    }

    function _trace(uint256 mapping_, uint256 key) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(key, mapping_)));
    }

    /// @dev Fails: whoever moves a little stake in every block makes draws dearer by logarithms, which end far below the limit.
    function test_HistoriesOfAnyLengthLeaveADrawInsideATransaction() public {
        for (uint256 i = HALF; i < SumTree.CAPACITY; ++i) {
            stakeAs(nth(i), MINIMUM + i);
        }
        nextBlock();
        address[] memory seated = staking.draw(keccak256("seed"), 7, new address[](0), lastBlock());
        address[] memory joining = staking.draw(keccak256("seed"), 8, seated, lastBlock());

        _prolong(HEIGHTS);
        _prolong(_trace(WEIGHTS, 1));
        address[] memory all = new address[](15);
        for (uint256 i = 0; i < 15; ++i) {
            all[i] = i < 7 ? seated[i] : joining[i - 7];
            uint256 leaf = staking.validator(all[i]).leaf - 1;
            _prolong(_trace(HOLDERS, leaf));
            _prolong(_trace(PLACES, uint160(all[i])));
            for (uint256 node = SumTree.CAPACITY + leaf; node > 1; node >>= 1) {
                uint256 left = _trace(WEIGHTS, node & ~uint256(1));
                if (uint256(vm.load(address(staking), bytes32(left))) != LENGTH) _prolong(left);
                if (node >= SumTree.CAPACITY && node % 2 == 1) _prolong(_trace(WEIGHTS, node));
            }
        }

        vm.cool(address(staking));
        assertEq(staking.draw(keccak256("seed"), 8, seated, lastBlock()), joining, "the same members");
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertGt(used, 2_000_000, "the searches were long");
        assertLt(used, TRANSACTION_LIMIT / 2, "the draw of eight more");
    }
}
