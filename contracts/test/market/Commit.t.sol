// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobStatus} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

contract CommitTest is House {
    JobId private id;
    address[] private members;

    function setUp() public {
        _build(5);
        id = _opened(3);
        members = _committee(id);
    }

    function test_ACommitmentIsKept() public {
        Commitment commitment = _commitment(id, 0, members[0], _right());
        vm.expectEmit(address(market));
        emit IJobMarket.Committed(id, 0, members[0], commitment);
        _commit(id, members[0], commitment);
        assertEq(market.ballotOf(id, 0), Commitment.unwrap(commitment) & ~bytes32(uint256(1) << 255), "ballot, less the mark of a reveal");
    }

    function test_TheLastCommitmentStartsTheReveals() public {
        skipTime(60);
        for (uint256 i = 0; i < 2; ++i) {
            _commit(id, members[i], _right());
            assertStatus(id, JobStatus.Committing);
        }
        Commitment last = _commitment(id, 0, members[2], _right());
        vm.expectEmit(address(market));
        emit IJobMarket.Committed(id, 0, members[2], last);
        vm.expectEmit(address(market));
        emit IJobMarket.RevealStarted(id, 0, vm.getBlockTimestamp() + 5 minutes);
        _commit(id, members[2], last);
        assertStatus(id, JobStatus.Revealing);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 5 minutes, "deadline");
    }

    function test_ASecondCommitmentIsRefused() public {
        _commit(id, members[0], _right());
        Commitment second = _commitment(id, 0, members[0], _wrong());
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyCommitted.selector, id, members[0]));
        _commit(id, members[0], second);
    }

    function test_AnEmptyCommitmentIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_EmptyCommitment.selector, id));
        _commit(id, members[0], Commitment.wrap(0));
    }

    /// @dev Storage loses a commitment's first bit. What is nothing but that bit would leave its seat empty there, and one member
    ///      could commit for all: the commitments would be over before the others had made theirs.
    function test_ACommitmentThatStorageCannotTellFromNoneIsRefused() public {
        Commitment mark = Commitment.wrap(bytes32(uint256(1) << 255));
        for (uint256 i = 0; i < members.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_EmptyCommitment.selector, id));
            _commit(id, members[0], mark);
        }
        assertStatus(id, JobStatus.Committing);
    }

    function test_OnlyMembersCommit() public {
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, anyone));
        _commit(id, anyone, Commitment.wrap("a commitment"));
    }

    function test_TheDeadlinesSecondIsTheLast() public {
        uint256 deadline = market.deadlineOf(id);
        vm.warp(deadline);
        _commit(id, members[0], _right());
        vm.warp(deadline + 1);
        assertStatus(id, JobStatus.Revealing);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
        _commit(id, members[1], Commitment.wrap("a commitment"));
    }

    function test_NobodyCommitsOnceTheRevealsHaveStarted() public {
        _play(id, _right());
        vm.expectRevert(
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Revealing, JobStatus.Committing)
        );
        _commit(id, members[0], Commitment.wrap("a commitment"));
    }

    function test_NobodyCommitsBeforeThereIsACommittee() public {
        JobId fresh = _request(3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IJobMarket.JobMarket_WrongStatus.selector, fresh, JobStatus.Requested, JobStatus.Committing
            )
        );
        _commit(fresh, members[0], Commitment.wrap("a commitment"));
    }

    /// @dev Each of the values alone makes another commitment, so nothing of it can be changed or moved elsewhere.
    function testFuzz_ACommitmentBindsEverything(bytes32 digest, bytes32 answer, bytes32 sketch, bytes32 environment, bytes32 salt) public {
        Attestation memory said = Attestation({
            digest: RecordDigest.wrap(digest), answer: answer, sketch: sketch, environment: RecordDigest.wrap(environment)
        });
        bytes32[] memory all = new bytes32[](10);
        all[0] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        bytes32 want = keccak256(
            abi.encode(
                keccak256("aivm/commitment/1"), block.chainid, market, id, uint8(0), members[0], digest, answer, sketch, environment, salt
            )
        );
        assertEq(all[0], want, "the encoding of the protocol");
        all[1] = Commitment.unwrap(market.commitmentOf(JobId.wrap("another"), 0, members[0], said, salt));
        all[2] = Commitment.unwrap(market.commitmentOf(id, 1, members[0], said, salt));
        all[3] = Commitment.unwrap(market.commitmentOf(id, 0, members[1], said, salt));
        all[4] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, ~salt));
        said.digest = RecordDigest.wrap(~digest);
        all[5] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        (said.digest, said.answer) = (RecordDigest.wrap(digest), ~answer);
        all[6] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        (said.answer, said.sketch) = (answer, ~sketch);
        all[7] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        (said.sketch, said.environment) = (sketch, RecordDigest.wrap(~environment));
        all[8] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        said.environment = RecordDigest.wrap(environment);
        vm.chainId(block.chainid + 1);
        all[9] = Commitment.unwrap(market.commitmentOf(id, 0, members[0], said, salt));
        for (uint256 i = 0; i < all.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertNotEq(all[i], all[j], "two openings of one commitment");
            }
        }
    }
}
