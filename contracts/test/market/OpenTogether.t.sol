// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IVrfCoordinator} from "../../interfaces/IVrfCoordinator.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobFailure, JobProgress, JobStatus, Outcome, Shown} from "../../types/Job.sol";
import {Seat} from "../../types/Seat.sol";
import {EcvrfProver} from "../support/EcvrfProver.sol";
import {House} from "../integration/House.sol";

/// @title A job that is opened and settled in one transaction, by those who knew before whom its seed would draw.
contract OpenTogetherTest is House {
    uint256 private constant ALL = type(uint256).max;

    JobId private id;
    bytes private proof;

    function setUp() public {
        _build(20);
        _ask(5);
    }

    function _ask(uint8 size) private {
        id = _request(size);
        nextBlock();
        proof = _proofFor(id);
    }

    function _round(Attestation[] memory said, uint256 open) private returns (Shown[] memory, bytes memory) {
        return _together(id, _foreseen(id, proof), said, open);
    }

    function _refused(Shown[] memory shown, bytes memory signatures, bytes memory reason) private {
        _termsIn(id); // known before the call that is to be refused
        vm.expectRevert(reason);
        _openTogether(id, proof, shown, signatures);
        assertStatus(id, JobStatus.Requested);
    }

    function _wrongSignature(address member) private view returns (bytes memory) {
        return abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, member);
    }

    /* WHAT IT IS */

    function test_AJobSettlesInTheTransactionThatDrawsItsCommittee() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        Seat[] memory seats = _foreseen(id, proof).seats;
        vm.expectEmit(address(market));
        emit IJobMarket.CommitteeDrawn(id, 0, EcvrfProver.outputOf(proof), seats, vm.getBlockTimestamp() + 10 minutes);
        _openTogether(id, proof, shown, signatures);
        assertStatus(id, JobStatus.Settled);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp() + 1 hours, "the challenge window is as long as any");
        assertEq(RecordDigest.unwrap(_progressIn(id).result.digest), RecordDigest.unwrap(OUTPUT), "digest");
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "what the events say is what the chain keeps");
    }

    /// @dev To the last bit: status, deadline and progress.
    function testFuzz_ItIsTheSameAsOpeningAndThenSettling(uint256 random, bool opened) public {
        Attestation[] memory said = new Attestation[](5);
        for (uint256 i = 0; i < 5; ++i) {
            uint256 choice = (random >> (8 * i)) % 4;
            said[i] = choice == 0 ? _wrong() : choice == 1 ? _refusal() : _right();
        }
        (Shown[] memory shown, bytes memory signatures) = _round(said, opened ? ALL : random >> 64);
        uint256 snapshot = vm.snapshotState();
        _open(id, proof);
        _settleTogether(id, shown, signatures);
        bytes32 want = _all();
        vm.revertToState(snapshot);
        _openTogether(id, proof, shown, signatures);
        assertEq(_all(), want, "status, deadline, progress and credits");
        assertTrue(market.statusOf(id) == JobStatus.Failed || market.isState(id, _termsHashIn(id), _progressIn(id)), "state");
    }

    function _all() private returns (bytes32) {
        return keccak256(abi.encode(market.statusOf(id), market.deadlineOf(id), _progressIn(id), _owed(), vrf.creditOf(oracle)));
    }

    function test_WithoutAMajorityTheCommitteeGrows() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_disagreement(5), ALL);
        _openTogether(id, proof, shown, signatures);
        assertStatus(id, JobStatus.Committing);
        assertEq(_members(id).length, 6, "new members");
        _settleTogether(id, _unanimous(6, _right()));
        assertStatus(id, JobStatus.Settled);
    }

    function test_TooFewValidatorsFailTheJobAsEver() public {
        _build(4);
        _ask(5);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.TooFewValidators);
        _openTogether(id, proof, new Shown[](5), new bytes(320));
        assertStatus(id, JobStatus.Failed);
    }

    /* WHO DOES NOT PLAY ALONG */

    /// @dev As when a reorganisation gives the job another seed that draws the same members.
    function testFuzz_ASignatureForAnotherSeedIsRefused(uint256 seat, bytes32 seed) public {
        seat = bound(seat, 0, 4);
        JobProgress memory progress = _foreseen(id, proof);
        vm.assume(seed != progress.seed);
        Attestation[] memory said = _unanimous(5, _right());
        (Shown[] memory shown, bytes memory signatures) = _together(id, progress, said, ALL);
        Commitment[] memory list = _listOf(id, progress, said);
        address member = _members(progress)[seat];
        bytes memory other = _sign(member, market.roundDigest(id, 0, seed, list));
        for (uint256 i = 0; i < 64; ++i) {
            signatures[64 * seat + i] = other[i];
        }
        _refused(shown, signatures, _wrongSignature(member));
    }

    /// @dev Whoever signs: the members are those whom the proof draws, here and now.
    function test_OthersThanTheDrawnCannotSettle() public {
        JobProgress memory progress = _foreseen(id, proof);
        address first = _members(progress)[0];
        for (uint256 i = 0; i < 20; ++i) {
            if (_isIn(validators[i], _members(progress))) continue;
            progress.seats[0] = Seat.wrap(uint160(validators[i]));
            break;
        }
        (Shown[] memory shown, bytes memory signatures) = _together(id, progress, _unanimous(5, _wrong()), ALL);
        _refused(shown, signatures, _wrongSignature(first));
    }

    function _isIn(address account, address[] memory list) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == account) return true;
        }
        return false;
    }

    function test_AMajorityIsNotEverybody() public {
        (Shown[] memory shown,) = _round(_unanimous(5, _right()), ALL);
        _refused(shown, new bytes(256), abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 256, 320));
        _refused(new Shown[](4), new bytes(320), abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 4, 5));
    }

    function test_AnOpeningThatIsHeldBackStartsTheReveals() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), 0xf);
        _openTogether(id, proof, shown, signatures);
        assertStatus(id, JobStatus.Revealing);
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "the list is in the state");
        shown[4].salt = 0;
        _afterDeadline(id);
        _settle(id, shown);
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(4)), uint256(Outcome.Withheld), "withheld");
    }

    /// @dev The proof is no secret once members have it: whoever opens the job with it takes nothing from them.
    function test_WhoOpensTheJobMeanwhileLeavesTheSignaturesGood() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        _open(id, proof);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Committing, JobStatus.Requested));
        _openTogether(id, proof, shown, signatures);
        _settleTogether(id, shown, signatures);
        assertStatus(id, JobStatus.Settled);
    }

    function test_WhoFulfilsTheSeedMeanwhileLeavesTheRestGood() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        vrf.fulfil(_termsIn(id).randomness, proof);
        _openTogether(id, abi.encode(EcvrfProver.outputOf(proof)), shown, signatures);
        assertStatus(id, JobStatus.Settled);
    }

    function test_AJobIsSettledOnce() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        _openTogether(id, proof, shown, signatures);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Settled, JobStatus.Requested));
        _openTogether(id, proof, shown, signatures);
    }

    function test_AnotherJobsRoundIsOfNoUse() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        _ask(5);
        _refused(shown, signatures, _wrongSignature(_members(_foreseen(id, proof))[0]));
    }

    /// @dev An operator that shows its proof to members and then lets its time pass: the next one's seed draws others.
    function test_AProofOfAnOperatorThatWasReplacedOpensNothing() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        skipTime(20 minutes + 1);
        vrf.reassign(_termsIn(id).randomness);
        IVrfCoordinator.Status gone = IVrfCoordinator.Status.Expired;
        bytes memory reason = abi.encodeWithSelector(IVrfCoordinator.VrfCoordinator_NotPending.selector, _termsIn(id).randomness, gone);
        _refused(shown, signatures, reason);
    }

    function test_TheOpenWindowsLastSecondIsItsOwn() public {
        (Shown[] memory shown, bytes memory signatures) = _round(_unanimous(5, _right()), ALL);
        uint256 deadline = market.deadlineOf(id);
        vm.warp(deadline + 1);
        _refused(shown, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
        vm.warp(deadline);
        _openTogether(id, proof, shown, signatures);
        assertStatus(id, JobStatus.Settled);
    }
}
