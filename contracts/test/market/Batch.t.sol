// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobStatus, Outcome, Showing, Shown} from "../../types/Job.sol";
import {House} from "../integration/House.sol";

/// @title Commitments that somebody else brings, and openings that somebody else shows.
abstract contract BatchBase is House {
    uint256 internal constant ALL = type(uint256).max;

    JobId internal id;
    address[] internal members;

    function _seven() internal {
        _build(16);
        id = _opened(7);
        members = _members(id);
    }

    function _says7(Attestation memory what) internal pure returns (Attestation[] memory) {
        return _unanimous(7, what);
    }

    function _batch(uint256 included) internal returns (Commitment[] memory, bytes memory) {
        return _batchOf(id, _says7(_right()), included);
    }

    function _commitSome(uint256 included) internal {
        (Commitment[] memory batch, bytes memory signatures) = _batch(included);
        _commitBatch(id, batch, signatures);
    }

    function _openings(Attestation memory said) internal view returns (Shown[] memory shown) {
        shown = new Shown[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            shown[i] = Shown(Showing.Opening, said, _salt(id, members[i]));
        }
    }

    function _outcomeOf(uint256 seat) internal returns (uint256) {
        return uint256(_progressIn(id).outcomes.outcomeOf(seat));
    }
}

contract CommitBatchTest is BatchBase {
    function setUp() public {
        _seven();
    }

    function _refused(Commitment[] memory batch, bytes memory signatures, bytes memory reason) private {
        vm.expectRevert(reason);
        _commitBatch(id, batch, signatures);
    }

    function _wrongSignature(uint256 seat) private view returns (bytes memory) {
        return abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, members[seat]);
    }

    function _digest(JobId job, uint8 round, Commitment commitment) private returns (bytes32) {
        return market.commitDigest(job, round, _progressIn(id).seed, commitment);
    }

    function _part(bytes memory whole, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = whole[i];
        }
    }

    /// @dev All seven signatures, with another one in the place of the third.
    function _withThird(bytes memory signatures, bytes memory third) private pure returns (bytes memory) {
        return bytes.concat(_part(signatures, 0, 128), third, _part(signatures, 192, signatures.length));
    }

    function test_ABatchOfAllStartsTheRevealsAtOnce() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        vm.expectEmit(address(market));
        emit IJobMarket.BatchCommitted(id, 0, batch);
        vm.expectEmit(address(market));
        emit IJobMarket.RevealStarted(id, 0, vm.getBlockTimestamp() + 5 minutes);
        _commitBatch(id, batch, signatures);
        assertStatus(id, JobStatus.Revealing);
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "the batch is in the state");
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(market.ballotOf(id, i), 0, "nothing is written for a seat");
        }
    }

    function test_WhatIsSignedIsTypedData() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("AIVM JobMarket"),
                keccak256("1"),
                block.chainid,
                market
            )
        );
        bytes32 struct_ = keccak256(abi.encode(keccak256("Commit(bytes32 job,uint8 round,bytes32 seed,bytes32 commitment)"), id, uint8(1), bytes32("s"), bytes32("c")));
        bytes32 want = keccak256(abi.encodePacked(hex"1901", domain, struct_));
        assertEq(market.commitDigest(id, 1, "s", Commitment.wrap("c")), want, "EIP-712");
    }

    /* SIGNATURES */

    function test_AnothersSignatureIsRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        bytes memory digestBy = _sign(members[3], _digest(id, 0, batch[2]));
        _refused(batch, _withThird(signatures, digestBy), _wrongSignature(2));
    }

    function test_SignaturesOfAnotherOrderAreRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        bytes memory swapped = bytes.concat(_part(signatures, 64, 128), _part(signatures, 0, 64), _part(signatures, 128, 448));
        _refused(batch, swapped, _wrongSignature(0));
    }

    function test_AnotherCommitmentThanTheSignedOneIsRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        batch[4] = _commitment(id, 0, members[4], _wrong());
        _refused(batch, signatures, _wrongSignature(4));
    }

    function test_NoSignatureIsRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, _withThird(signatures, new bytes(64)), _wrongSignature(2));
    }

    /// @dev (r, N - s) with the other parity is a signature of the same digest by the same key, to whoever does not ask for a low s.
    ///      In 64 bytes it has no room: its highest bit reads as the parity.
    function test_TheOtherSignatureOfAPairIsRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        bytes memory third = _sign(members[2], _digest(id, 0, batch[2]));
        (bytes32 r, bytes32 vs) = abi.decode(third, (bytes32, bytes32));
        uint256 s = uint256(vs) & ~(uint256(1) << 255);
        uint256 parity = uint256(vs) >> 255;
        bytes memory other = abi.encodePacked(r, bytes32((Secp256k1.N - s) | ((1 - parity) << 255)));
        _refused(batch, _withThird(signatures, other), _wrongSignature(2));
    }

    function test_ASignatureOfAnotherRoundIsRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, _withThird(signatures, _sign(members[2], _digest(id, 1, batch[2]))), _wrongSignature(2));
    }

    function test_ASignatureForAnotherJobIsRefused() public {
        JobId other = _request(7);
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, _withThird(signatures, _sign(members[2], _digest(other, 0, batch[2]))), _wrongSignature(2));
    }

    /// @dev As after a reorganisation that has drawn the same member again, by another seed.
    function testFuzz_ASignatureForAnotherSeedIsRefused(bytes32 seed) public {
        vm.assume(seed != _progressIn(id).seed);
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, _withThird(signatures, _sign(members[2], market.commitDigest(id, 0, seed, batch[2]))), _wrongSignature(2));
    }

    function test_SignaturesOfAnotherChainAreRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        vm.chainId(777);
        _refused(batch, signatures, _wrongSignature(0));
    }

    function test_TooFewBytesAreRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, _part(signatures, 0, 447), _wrongSignature(6));
        _refused(batch, _part(signatures, 0, 64), _wrongSignature(1));
        _refused(batch, "", _wrongSignature(0));
    }

    function test_TooManyBytesAreRefused() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, bytes.concat(signatures, hex"00"), abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 449, 448));
        _refused(
            batch,
            bytes.concat(signatures, _part(signatures, 0, 64)),
            abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 512, 448)
        );
    }

    /// @dev Whatever one bit of the signatures is turned.
    function testFuzz_EveryBitOfASignatureCounts(uint256 bit) public {
        bit %= 448 * 8;
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        signatures[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _refused(batch, signatures, _wrongSignature(bit / 512));
    }

    /* WHO IS IN IT */

    function test_ABatchHasAPlaceForEverySeat() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        Commitment[] memory fewer = new Commitment[](6);
        Commitment[] memory more = new Commitment[](8);
        for (uint256 i = 0; i < 7; ++i) {
            more[i] = batch[i];
            if (i < 6) fewer[i] = batch[i];
        }
        _refused(fewer, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 6, 7));
        _refused(more, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 8, 7));
        _refused(new Commitment[](0), "", abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 0, 7));
    }

    function test_ABatchHasAMajority() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(1 + 2 + 64); // three of seven
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongBatch.selector);
        _commitBatch(id, batch, signatures);
        _commitSome(1 + 2 + 8 + 64);
        assertStatus(id, JobStatus.Committing);
    }

    function test_AnEmptyBatchIsNone() public {
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongBatch.selector);
        _commitBatch(id, new Commitment[](7), "");
    }

    function test_ThereIsOneBatchARound() public {
        _commitSome(0xf);
        (Commitment[] memory batch, bytes memory signatures) = _batch(0x7f & ~uint256(0xf));
        _refused(batch, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 7, 0));
        (batch, signatures) = _batch(0xf);
        _refused(batch, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 7, 0));
    }

    function test_WhoIsLeftOutCommitsAlone() public {
        _commitSome(0x7f & ~uint256(2 + 16));
        _commit(id, members[1], _right());
        assertStatus(id, JobStatus.Committing);
        _commit(id, members[4], _wrong());
        assertStatus(id, JobStatus.Revealing);
        assertTrue(market.ballotOf(id, 1) != 0 && market.ballotOf(id, 4) != 0, "their ballots");
    }

    function test_WhoIsInABatchHasCommitted() public {
        _commitSome(0xf);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyCommitted.selector, id, members[2]));
        _commit(id, members[2], _wrong());
    }

    /// @dev So a member could stop the batch that it has signed by a commitment of its own, but only that one: the next goes without it.
    function test_WhoHasCommittedAloneIsNotInABatch() public {
        _commit(id, members[2], _wrong());
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        _refused(batch, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyCommitted.selector, id, members[2]));
        _commitSome(0x7f & ~uint256(4));
        assertStatus(id, JobStatus.Revealing);
    }

    function test_TheDeadlinesSecondIsTheLastForABatch() public {
        (Commitment[] memory batch, bytes memory signatures) = _batch(ALL);
        uint256 deadline = market.deadlineOf(id);
        uint256 state = vm.snapshotState();
        vm.warp(deadline);
        _commitBatch(id, batch, signatures);
        assertStatus(id, JobStatus.Revealing);
        vm.revertToState(state);
        vm.recordLogs();
        vm.warp(deadline + 1);
        _refused(batch, signatures, abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
    }

    function test_ABatchOfALaterRoundIsOfItsNewMembers() public {
        _playEach(id, _disagreement(7));
        _settle(id);
        Attestation[] memory said = _unanimous(8, _right());
        (Commitment[] memory batch, bytes memory signatures) = _batchOf(id, said, 0xf);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongBatch.selector); // half of the new eight
        _commitBatch(id, batch, signatures);
        _commitBatch(id, said);
        assertStatus(id, JobStatus.Revealing);
        _settleBatch(id, said);
        assertStatus(id, JobStatus.Settled);
        assertEq(_outcomeOf(0), uint256(Outcome.Deviated), "a member of the first round");
        assertEq(_outcomeOf(14), uint256(Outcome.Paid), "the last of the second");
    }
}

contract SettleBatchTest is BatchBase {
    function setUp() public {
        _seven();
    }

    function _refused(Shown[] memory shown, bytes memory reason) private {
        vm.expectRevert(reason);
        _settle(id, shown);
    }

    function test_OpeningsSettleAtOnce() public {
        _commitSome(ALL);
        vm.expectEmit(address(market));
        emit IJobMarket.Revealed(id, 0, members[0], _right());
        _settle(id, _openings(_right()));
        assertStatus(id, JobStatus.Settled);
        assertEq(_progressIn(id).batch.length, 0, "the batch is done with");
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "state");
    }

    function test_NothingIsShownWhileOthersMayCommit() public {
        _commitSome(0x3f);
        Shown[] memory shown = _openings(_right());
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Committing, JobStatus.Revealing));
    }

    function test_EverySeatIsAccountedFor() public {
        _commitSome(ALL);
        Shown[] memory shown = new Shown[](6);
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 6, 7));
        shown = new Shown[](8);
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 8, 7));
    }

    function test_AnOpeningThatIsHeldBackIsWaitedFor() public {
        _commitSome(ALL);
        Shown[] memory shown = _openings(_right());
        shown[5].showing = Showing.Nothing;
        uint256 deadline = market.deadlineOf(id);
        vm.warp(deadline);
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, id, deadline + 1));
        vm.warp(deadline + 1);
        _settle(id, shown);
        assertEq(_outcomeOf(5), uint256(Outcome.Withheld), "withheld");
        _finalise(id);
        assertEq(_stakeOf(members[5]), STAKE - 1 ether, "as dear as a wrong one");
    }

    /// @dev All openings can be shown after the deadline too; what is late is only the right to be waited for.
    function test_ALateOpeningCountsIfSomebodyShowsIt() public {
        _commitSome(ALL);
        vm.warp(market.deadlineOf(id) + 1 days);
        _settle(id, _openings(_right()));
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(_outcomeOf(i), uint256(Outcome.Paid), "paid");
        }
    }

    /* ALONE, AFTER THE BATCH */

    function test_AMemberOfABatchCanRevealAlone() public {
        _commitSome(ALL);
        _reveal(id, members[3], _right());
        assertEq(market.ballotOf(id, 3), keccak256(abi.encode(_right())) | bytes32(uint256(1) << 255), "ballot");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyRevealed.selector, id, members[3]));
        _reveal(id, members[3], _right());
        Shown[] memory shown = _openings(_right());
        uint256 state = vm.snapshotState();
        _settle(id, shown); // by its opening
        assertEq(_outcomeOf(3), uint256(Outcome.Paid), "paid");
        vm.revertToState(state);
        vm.recordLogs();
        shown[3] = Shown(Showing.Revealed, _right(), 0);
        _settle(id, shown); // or by what it revealed
        assertStatus(id, JobStatus.Settled);
    }

    function test_AMemberOfABatchRevealsOnlyWhatItSigned() public {
        _commitSome(ALL);
        bytes32 salt = _salt(id, members[3]);
        Commitment have = market.commitmentOf(id, 0, members[3], _wrong(), salt);
        Commitment want = _progressIn(id).batch[3];
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongOpening.selector, id, members[3], have, want));
        _reveal(id, members[3], _wrong());
    }

    function test_WhoWasLeftOutAndDidNotCommitCannotReveal() public {
        _commitSome(0x3f);
        _afterDeadline(id);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotCommitted.selector, id, members[6]));
        _reveal(id, members[6], _right());
        // Nor does anybody else's opening help it.
        Shown[] memory shown = _openings(_right());
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_NotCommitted.selector, id, members[6]));
        shown[6].showing = Showing.Nothing;
        _settle(id, shown); // no reveal to wait for
        assertEq(_outcomeOf(6), uint256(Outcome.Absent), "absent");
    }

    /* LYING SETTLERS */

    function test_ARevealCannotBeHidden() public {
        _commitSome(0x3f);
        _commit(id, members[6], _right());
        _reveal(id, members[6], _right()); // alone in both
        _reveal(id, members[2], _right()); // in the batch
        vm.warp(market.deadlineOf(id) + 1);
        Shown[] memory shown = _openings(_right());
        shown[2].showing = Showing.Nothing;
        shown[6] = Shown(Showing.Revealed, _right(), 0);
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_NotShown.selector, id, members[2]));
        shown[2].showing = Showing.Revealed;
        shown[6].showing = Showing.Nothing;
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_NotShown.selector, id, members[6]));
        shown[6].showing = Showing.Revealed;
        _settle(id, shown);
        assertEq(_outcomeOf(2) + _outcomeOf(6), 2 * uint256(Outcome.Paid), "both");
    }

    function test_ARevealCannotBeChanged() public {
        _commitSome(ALL);
        _reveal(id, members[2], _right());
        Shown[] memory shown = _openings(_right());
        shown[2] = Shown(Showing.Revealed, _wrong(), 0);
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongReveal.selector, id, members[2]));
        shown[2].attestation = _right();
        shown[2].attestation.environment = RecordDigest.wrap("another");
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongReveal.selector, id, members[2]));
    }

    function test_ARevealCannotBeMadeUp() public {
        _commitSome(0x3f);
        _commit(id, members[6], _right());
        Shown[] memory shown = _openings(_right());
        shown[2].showing = Showing.Revealed;
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongReveal.selector, id, members[2]));
        shown[2].showing = Showing.Opening;
        shown[6].showing = Showing.Revealed;
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_WrongReveal.selector, id, members[6]));
    }

    function test_AnOpeningCannotBeMadeUp() public {
        _commitSome(ALL);
        Shown[] memory shown = _openings(_right());
        shown[2].attestation = _wrong();
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _settle(id, shown);
        shown = _openings(_right());
        shown[2].salt = shown[3].salt; // another's
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _settle(id, shown);
    }

    /// @dev Works, if a member lets it: whoever counts after the deadline chooses which openings it shows. So a member reveals
    ///      alone when it has not seen a settlement by half of the window, and then nobody can leave it out.
    function test_OpeningsThatWereHandedOverCanBeHeldBackUntilTheirOwnerReveals() public {
        _commitSome(ALL);
        _reveal(id, members[0], _right());
        vm.warp(market.deadlineOf(id) + 1);
        Shown[] memory shown = _openings(_right());
        shown[1].showing = Showing.Nothing;
        _settle(id, shown);
        assertEq(_outcomeOf(0), uint256(Outcome.Paid), "revealed alone");
        assertEq(_outcomeOf(1), uint256(Outcome.Withheld), "trusted the settler");
    }

    /* NO STUCK STATE */

    /// @dev A refusal with an answer cannot be opened; its owner alone pays for that.
    function test_ACommitmentThatCannotBeOpenedHoldsUpNobodyForLong() public {
        Attestation[] memory said = _says7(_right());
        said[0] = _says(RecordDigest.wrap(0), LABEL);
        _commitBatch(id, said);
        Shown[] memory shown = _openings(_right());
        shown[0].attestation = said[0];
        _refused(shown, abi.encodeWithSelector(IJobMarket.JobMarket_RefusalNotEmpty.selector, id));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_RefusalNotEmpty.selector, id));
        _reveal(id, members[0], said[0]);
        shown[0].showing = Showing.Nothing;
        _afterDeadline(id);
        _settle(id, shown);
        assertEq(_outcomeOf(0), uint256(Outcome.Withheld), "withheld");
        assertEq(_outcomeOf(1), uint256(Outcome.Paid), "the others");
    }

    /// @dev To reveal while a settlement is under way makes that settlement fail once, and the next goes through.
    function test_ARevealInBetweenCostsASettlerOneTry() public {
        _commitSome(0x3f);
        _commit(id, members[6], _right());
        Shown[] memory shown = _openings(_right());
        _reveal(id, members[6], _right());
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _settle(id, shown);
        shown[6].showing = Showing.Revealed;
        _settle(id, shown);
        assertStatus(id, JobStatus.Settled);
    }

    /// @dev However each seat commits and however it is shown, the count is the same.
    function testFuzz_HowASeatSpeaksDoesNotMatter(uint256 random) public {
        Attestation[] memory said = new Attestation[](7);
        for (uint256 i = 0; i < 7; ++i) {
            uint256 kind = (random >> (4 * i)) % 8;
            said[i] = kind < 5 ? _right() : kind < 7 ? _wrong() : _refusal();
        }
        uint256 state = vm.snapshotState();
        _playEach(id, said);
        _settle(id);
        (JobStatus status, bytes32 want) = (market.statusOf(id), keccak256(abi.encode(_progressIn(id).result, _progressIn(id).outcomes)));
        vm.revertToState(state);
        vm.recordLogs();

        uint256 together = (random >> 32) % 128;
        uint256 count = 0;
        for (uint256 i = 0; i < 7; ++i) {
            count += (together >> i) & 1;
        }
        if (count < 4) together = 0;
        if (together != 0) {
            (Commitment[] memory batch, bytes memory signatures) = _batchOf(id, said, together);
            _commitBatch(id, batch, signatures);
        }
        for (uint256 i = 0; i < 7; ++i) {
            if ((together >> i) & 1 == 0) _commit(id, members[i], said[i]);
        }
        assertStatus(id, JobStatus.Revealing);
        Shown[] memory shown = new Shown[](7);
        for (uint256 i = 0; i < 7; ++i) {
            bool alone = (random >> (64 + i)) % 2 == 0;
            if (alone) _reveal(id, members[i], said[i]);
            shown[i] = Shown(alone ? Showing.Revealed : Showing.Opening, said[i], _salt(id, members[i]));
        }
        _settle(id, shown);
        assertStatus(id, status);
        JobProgress memory progress = _progressIn(id);
        assertEq(keccak256(abi.encode(progress.result, progress.outcomes)), want, "the same result and the same outcomes");
    }
}
