// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobStatus} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

contract RevealTest is House {
    JobId private id;
    address[] private members;

    function setUp() public {
        _build(5);
        id = _opened(3);
        members = _committee(id);
    }

    function _commitAll() private {
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(id, members[i], _right());
        }
    }

    function _refused(address member, Attestation memory said, bytes32 salt, bytes memory reason) private {
        vm.expectRevert(reason);
        _reveal(id, member, said, salt);
    }

    function test_AnOpeningIsKept() public {
        _commitAll();
        vm.expectEmit(address(market));
        emit IJobMarket.Revealed(id, 0, members[1], _right());
        _reveal(id, members[1], _right());
        bytes32 want = keccak256(abi.encode(_right())) | bytes32(uint256(1) << 255);
        assertEq(market.ballotOf(id, 1), want, "its hash, marked");
    }

    function test_AnotherSaltDoesNotOpen() public {
        _commitAll();
        bytes32 salt = _salt(id, members[1]);
        Commitment have = market.commitmentOf(id, 0, members[0], _right(), salt);
        Commitment want = Commitment.wrap(market.ballotOf(id, 0));
        _refused(members[0], _right(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[0], have, want));
    }

    function test_AnotherAnswerDoesNotOpen() public {
        _commitAll();
        bytes32 salt = _salt(id, members[0]);
        Commitment have = market.commitmentOf(id, 0, members[0], _wrong(), salt);
        Commitment want = Commitment.wrap(market.ballotOf(id, 0));
        _refused(members[0], _wrong(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[0], have, want));
    }

    /// @dev A lazy member copies a peer's commitment, and its opening as soon as that is public: of no use.
    function test_ACopiedCommitmentCannotBeOpened() public {
        Commitment original = _commitment(id, 0, members[0], _right());
        _commit(id, members[0], original);
        _commit(id, members[1], original);
        _commit(id, members[2], _right());
        _reveal(id, members[0], _right());
        bytes32 salt = _salt(id, members[0]);
        Commitment have = market.commitmentOf(id, 0, members[1], _right(), salt);
        _refused(
            members[1], _right(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[1], have, Commitment.wrap(market.ballotOf(id, 1)))
        );
    }

    function test_ASecondOpeningIsRefused() public {
        _commitAll();
        _reveal(id, members[0], _right());
        _refused(
            members[0],
            _right(),
            _salt(id, members[0]),
            abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyRevealed.selector, id, members[0])
        );
    }

    function test_OnlyMembersReveal() public {
        _commitAll();
        _refused(anyone, _right(), 0, abi.encodeWithSelector(IJobMarket.JobMarket_NotThisRound.selector, id, anyone));
    }

    function test_WhoDidNotCommitCannotReveal() public {
        _commit(id, members[0], _right());
        _afterDeadline(id);
        _refused(
            members[1], _right(), _salt(id, members[1]), abi.encodeWithSelector(IJobMarket.JobMarket_NotCommitted.selector, id, members[1])
        );
    }

    function test_NobodyRevealsWhileOthersMayStillCommit() public {
        _commit(id, members[0], _right());
        vm.warp(market.deadlineOf(id));
        _refused(
            members[0],
            _right(),
            _salt(id, members[0]),
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Committing, JobStatus.Revealing)
        );
    }

    function test_RevealsStartByTheClockWhenSomebodyIsMissing() public {
        _commit(id, members[0], _right());
        uint256 commitDeadline = market.deadlineOf(id);
        vm.warp(commitDeadline + 30);
        assertStatus(id, JobStatus.Revealing);
        vm.expectEmit(address(market));
        emit IJobMarket.RevealStarted(id, 0, commitDeadline + 5 minutes);
        _reveal(id, members[0], _right());
        // The window runs from the end of the commitments, not from whoever noticed it.
        assertEq(market.deadlineOf(id), commitDeadline + 5 minutes, "deadline");
        assertEq(uint256(market.statusOf(id)), uint256(JobStatus.Revealing), "written down");
    }

    function test_TheDeadlinesSecondIsTheLast() public {
        _commitAll();
        uint256 deadline = market.deadlineOf(id);
        vm.warp(deadline);
        _reveal(id, members[0], _right());
        vm.warp(deadline + 1);
        _refused(members[1], _right(), _salt(id, members[1]), abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
    }

    function test_ALateRevealByTheClockIsTooLate() public {
        _commit(id, members[0], _right());
        uint256 deadline = uint256(market.deadlineOf(id)) + 5 minutes;
        vm.warp(deadline + 1); // nobody has touched the job since
        _refused(members[0], _right(), _salt(id, members[0]), abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
    }

    function test_ASketchMeansNothingUnderTheExactRule() public {
        Attestation memory said = _right();
        said.sketch = "a sketch";
        _commit(id, members[0], said);
        _commit(id, members[1], _right());
        _commit(id, members[2], _wrong());
        _reveal(id, members[0], said);
        _reveal(id, members[1], _right());
        _reveal(id, members[2], _wrong());
        _settle(id);
        assertStatus(id, JobStatus.Settled);
        assertEq(_progressIn(id).result.sketch, 0, "not kept");
    }

    function test_ARefusalSaysNothingElse() public {
        Attestation memory said = _says(RecordDigest.wrap(0), LABEL);
        Attestation memory sketched = _refusal();
        sketched.sketch = "a sketch";
        _commit(id, members[0], said);
        _commit(id, members[1], sketched);
        _commit(id, members[2], _refusal());
        bytes memory reason = abi.encodeWithSelector(IJobMarket.JobMarket_RefusalNotEmpty.selector, id);
        _refused(members[0], said, _salt(id, members[0]), reason);
        _refused(members[1], sketched, _salt(id, members[1]), reason);
        _reveal(id, members[2], _refusal());
    }
}
