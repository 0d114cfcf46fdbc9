// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {House} from "../integration/House.sol";

contract RevealTest is House {
    JobId private id;
    address[] private members;

    function setUp() public {
        _build(5);
        id = _opened(3);
        members = market.committeeOf(id);
    }

    function _commitAll() private {
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(id, members[i], _right());
        }
    }

    function _refused(address member, IJobMarket.Attestation memory said, bytes32 salt, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(member);
        market.reveal(id, said, salt);
    }

    function test_AnOpeningIsKept() public {
        _commitAll();
        vm.expectEmit(address(market));
        emit IJobMarket.Revealed(id, 0, members[1], _right());
        _reveal(id, members[1], _right());
        IJobMarket.Seat memory seat = market.seatOf(id, members[1]);
        assertTrue(seat.revealed, "revealed");
        assertEq(keccak256(abi.encode(seat.attestation)), keccak256(abi.encode(_right())), "attestation");
        assertEq(market.jobOf(id).revealed, 1, "count");
    }

    function test_AnotherSaltDoesNotOpen() public {
        _commitAll();
        bytes32 salt = _salt(id, members[1]);
        Commitment have = market.commitmentOf(id, 0, members[0], _right(), salt);
        Commitment want = market.seatOf(id, members[0]).commitment;
        _refused(members[0], _right(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[0], have, want));
    }

    function test_AnotherAnswerDoesNotOpen() public {
        _commitAll();
        bytes32 salt = _salt(id, members[0]);
        Commitment have = market.commitmentOf(id, 0, members[0], _wrong(), salt);
        Commitment want = market.seatOf(id, members[0]).commitment;
        _refused(members[0], _wrong(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[0], have, want));
    }

    /// @dev A lazy member copies a peer's commitment, and its opening as soon as that is public: of no use.
    function test_ACopiedCommitmentCannotBeOpened() public {
        Commitment original = _commitment(id, 0, members[0], _right());
        vm.prank(members[0]);
        market.commit(id, original);
        vm.prank(members[1]);
        market.commit(id, original);
        _commit(id, members[2], _right());
        _reveal(id, members[0], _right());
        bytes32 salt = _salt(id, members[0]);
        Commitment have = market.commitmentOf(id, 0, members[1], _right(), salt);
        _refused(
            members[1], _right(), salt, abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[1], have, original)
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
        _refused(anyone, _right(), 0, abi.encodeWithSelector(IJobMarket.JobMarket_NotSeated.selector, id, anyone));
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
        vm.warp(market.jobOf(id).deadline);
        _refused(
            members[0],
            _right(),
            _salt(id, members[0]),
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, IJobMarket.Status.Committing, IJobMarket.Status.Revealing)
        );
    }

    function test_RevealsStartByTheClockWhenSomebodyIsMissing() public {
        _commit(id, members[0], _right());
        uint256 commitDeadline = market.jobOf(id).deadline;
        vm.warp(commitDeadline + 30);
        assertStatus(id, IJobMarket.Status.Revealing);
        vm.expectEmit(address(market));
        emit IJobMarket.RevealStarted(id, 0, commitDeadline + 5 minutes);
        _reveal(id, members[0], _right());
        // The window runs from the end of the commitments, not from whoever noticed it.
        assertEq(market.jobOf(id).deadline, commitDeadline + 5 minutes, "deadline");
        assertEq(uint256(market.jobOf(id).status), uint256(IJobMarket.Status.Revealing), "written down");
    }

    function test_TheDeadlinesSecondIsTheLast() public {
        _commitAll();
        uint256 deadline = market.jobOf(id).deadline;
        vm.warp(deadline);
        _reveal(id, members[0], _right());
        vm.warp(deadline + 1);
        _refused(members[1], _right(), _salt(id, members[1]), abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
    }

    function test_ALateRevealByTheClockIsTooLate() public {
        _commit(id, members[0], _right());
        uint256 deadline = uint256(market.jobOf(id).deadline) + 5 minutes;
        vm.warp(deadline + 1); // nobody has touched the job since
        _refused(members[0], _right(), _salt(id, members[0]), abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
    }

    function test_ASketchHasNoPlaceUnderTheExactRule() public {
        IJobMarket.Attestation memory said = _right();
        said.sketch = "a sketch";
        for (uint256 i = 0; i < members.length; ++i) {
            _commit(id, members[i], said);
        }
        _refused(members[0], said, _salt(id, members[0]), abi.encodeWithSelector(IJobMarket.JobMarket_SketchNotAllowed.selector, id));
    }

    function test_ARefusalSaysNothingElse() public {
        IJobMarket.Attestation memory said = _says(RecordDigest.wrap(0), LABEL);
        IJobMarket.Attestation memory sketched = _refusal();
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
