// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {JobProgress} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

/// @title What a chain does to a job when it takes blocks back. What works is said in docs/security.md.
contract ReorganisationTest is House {
    function setUp() public {
        _build(20);
    }

    /// @dev Works: an id holds the count of the market's requests and not the wish, so another order of requests gives an id to
    ///      another input. But who acts on a history gives that history along, and in the other its state is nobody's.
    function test_AfterAReorganisationAnIdCanNameAnotherInput() public {
        uint256 before = vm.snapshotState();
        JobId id = _request(7);
        nextBlock();
        vm.setBlockhash(vm.getBlockNumber() - 1, keccak256("the first history"));
        _open(id, _proofFor(id));
        JobProgress memory first = _progressIn(id);
        bytes32 firstTerms = _termsHashIn(id);
        vm.revertToState(before);
        vm.recordLogs();

        IJobMarket.JobRequest memory wanted = _wanted(7, address(0), 0);
        wanted.input = RecordDigest.wrap(keccak256("another input"));
        uint256 price = market.quote(kernel, 7, 0);
        vm.prank(requester);
        JobId same = market.request{value: price}(wanted);
        assertEq(JobId.unwrap(same), JobId.unwrap(id), "id");
        nextBlock();
        vm.setBlockhash(vm.getBlockNumber() - 1, keccak256("the second history"));
        _open(same, _proofFor(same));
        JobProgress memory second = _progressIn(same);
        assertNotEq(second.seed, first.seed, "another seed");
        assertFalse(market.isState(same, firstTerms, first), "the first history is not this one");

        // What a member of both sent in the first history is refused in the second: it would bind it to another input.
        address member = _inBoth(first, second);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
        vm.prank(member);
        market.commit(same, firstTerms, first, Commitment.wrap("a commitment"));
    }

    function _inBoth(JobProgress memory one, JobProgress memory other) private pure returns (address) {
        for (uint256 i = 0; i < one.seats.length; ++i) {
            for (uint256 k = 0; k < other.seats.length; ++k) {
                if (one.seats[i].memberOf() == other.seats[k].memberOf()) return one.seats[i].memberOf();
            }
        }
        revert("nobody is in both");
    }

    /// @dev Fails: what was committed to on one side of a fork is nothing on the other.
    function test_ACommitmentDoesNotOpenOnTheOtherSideOfAFork() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(id, members[i], _right());
        }
        vm.chainId(777);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _reveal(id, members[0], _right());
    }
}
