// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {Commitment, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobFailure, JobProgress, JobStatus, Outcome, Showing, Shown} from "../../types/Job.sol";
import {Aggregation, AggregationRule, Manifest} from "../../types/Manifest.sol";
import {Signatures} from "../../libraries/Signatures.sol";
import {House} from "../integration/House.sol";
import {TestBase} from "../support/TestBase.sol";

/// @title A whole round in one transaction, and those who would rather not be bound by it.
contract TogetherTest is House {
    function setUp() public {
        _build(20);
    }

    function test_ARoundSettlesInOneTransaction() public {
        JobId id = _opened(5);
        address[] memory members = _members(id);
        uint256[] memory before = new uint256[](5);
        for (uint256 seat = 0; seat < 5; ++seat) {
            before[seat] = market.creditOf(members[seat]);
        }
        _settleTogether(id, _unanimous(5, _right()));
        assertStatus(id, JobStatus.Settled);
        assertEq(RecordDigest.unwrap(_progressIn(id).result.digest), RecordDigest.unwrap(OUTPUT), "digest");
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "what the events say is what the chain keeps");
        _finalise(id);
        for (uint256 seat = 0; seat < 5; ++seat) {
            assertEq(market.creditOf(members[seat]) - before[seat], 0.01 ether, "paid");
            assertEq(market.ballotOf(id, seat), 0, "nothing was written for it");
        }
    }

    /// @dev Who votes what decides, and not how it came to the chain.
    function testFuzz_TheOutcomesAreThoseOfWhoActsAlone(uint256 random, bool tolerant, bool unanimous) public {
        if (tolerant) _askForSketches();
        JobId id = _opened(5);
        assertEq(_members(id).length, 5, "known before time is turned back");
        uint256 snapshot = vm.snapshotState();
        Attestation[] memory said = new Attestation[](5);
        for (uint256 i = 0; i < 5; ++i) {
            uint256 choice = (random >> (8 * i)) % 4;
            said[i] = choice == 0 ? _wrong() : choice == 1 ? _refusal() : _right();
            // Far from the others' now and then, and without a meaning under the exact rule.
            if (choice != 1) said[i].sketch = bytes32((random >> (8 * i + 4)) & 0xffff);
        }
        if (unanimous) said = _unanimous(5, said[0]);
        _playEach(id, said);
        _settle(id);
        (JobStatus status, bytes32 want) = (market.statusOf(id), keccak256(abi.encode(_progressIn(id).result, _progressIn(id).outcomes)));
        vm.revertToState(snapshot);
        _settleTogether(id, said);
        assertStatus(id, status);
        if (status != JobStatus.Settled) return;
        assertEq(keccak256(abi.encode(_progressIn(id).result, _progressIn(id).outcomes)), want, "result and outcomes");
    }

    function _askForSketches() private {
        Manifest memory manifest = _manifest("embedder", 0.05 ether);
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "sign of each dimension", 8);
        kernel = _register(manifest);
        _approve(kernel);
    }

    function test_TheEventOfARoundNamesWhatEachSaid() public {
        JobId id = _opened(3);
        Attestation[] memory said = _disagreement(3);
        (Shown[] memory shown, bytes memory signatures) = _together(id, said, type(uint256).max);
        vm.expectEmit(address(market));
        emit IJobMarket.RoundOpened(id, 0, said);
        _settleTogether(id, shown, signatures);
    }

    function test_ThoseWhoAllRefuseFailTheJob() public {
        JobId id = _opened(5);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(5, _refusal()), type(uint256).max);
        vm.expectEmit(address(market));
        emit IJobMarket.JobFailed(id, JobFailure.Refused);
        _settleTogether(id, shown, signatures);
        assertStatus(id, JobStatus.Failed);
        assertEq(market.creditOf(requester), _escrowOf(id), "refunded");
    }

    function test_ThoseWhoAllSayTheSameEmptyWordsAreRefused() public {
        JobId id = _opened(3);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _says(RecordDigest.wrap(0), LABEL)), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_RefusalNotEmpty.selector, id));
        _settleTogether(id, shown, signatures);
    }

    function test_WithoutAMajorityTheCommitteeGrowsAndSettlesTogether() public {
        JobId id = _opened(3);
        _settleTogether(id, _disagreement(3));
        assertStatus(id, JobStatus.Committing);
        assertEq(_members(id).length, 4, "new members");
        _settleTogether(id, _unanimous(4, _right()));
        assertStatus(id, JobStatus.Settled);
        for (uint256 seat = 0; seat < 7; ++seat) {
            Outcome want = seat < 3 ? Outcome.Deviated : Outcome.Paid;
            assertEq(uint256(_progressIn(id).outcomes.outcomeOf(seat)), uint256(want), "outcome");
        }
    }

    /* SIGNATURES */

    /// @dev A member that would sign two lists, the second when it knows the others' openings, needs everybody else to do so too.
    function testFuzz_EveryMemberSignsTheWholeList(uint256 seat, bytes32 other) public {
        seat = bound(seat, 0, 2);
        JobId id = _opened(3);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        vm.assume(other != shown[seat].salt);
        shown[seat].salt = other;
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, _members(id)[0]));
        _settleTogether(id, shown, signatures);
    }

    function testFuzz_EveryBitOfASignatureCounts(uint256 bit) public {
        JobId id = _opened(3);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        bit = bound(bit, 0, 8 * signatures.length - 1);
        signatures[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, _members(id)[bit / 512]));
        _settleTogether(id, shown, signatures);
    }

    /// @dev As after a reorganisation that has drawn the same members again, by another seed.
    function testFuzz_SignaturesForAnotherSeedAreRefused(bytes32 seed) public {
        JobId id = _opened(3);
        vm.assume(seed != _progressIn(id).seed);
        Attestation[] memory said = _unanimous(3, _right());
        (Shown[] memory shown, bytes memory signatures) = _together(id, said, type(uint256).max);
        (Commitment[] memory list,) = _batchOf(id, said, type(uint256).max);
        address[] memory members = _members(id);
        bytes memory others;
        for (uint256 i = 0; i < 3; ++i) {
            others = bytes.concat(others, _sign(members[i], market.roundDigest(id, 0, seed, list)));
        }
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, members[0]));
        _settleTogether(id, shown, others);
        _settleTogether(id, shown, signatures);
    }

    function test_AMajorityIsNotEverybody() public {
        JobId id = _opened(3);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        bytes memory two = new bytes(128);
        for (uint256 i = 0; i < 128; ++i) {
            two[i] = signatures[i];
        }
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 128, 192));
        _settleTogether(id, shown, two);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongBatch.selector, id, 2, 3));
        _settleTogether(id, new Shown[](2), two);
    }

    function test_SignaturesForABatchAreNotForTheList() public {
        JobId id = _opened(3);
        (Shown[] memory shown,) = _together(id, _unanimous(3, _right()), type(uint256).max);
        (, bytes memory signatures) = _batchOf(id, _unanimous(3, _right()), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongSignature.selector, id, _members(id)[0]));
        _settleTogether(id, shown, signatures);
    }

    /* WHO HOLDS SOMETHING BACK */

    function test_AnOpeningThatIsHeldBackIsWithheldInTheEnd() public {
        JobId id = _opened(3);
        Attestation[] memory said = _unanimous(3, _right());
        (Shown[] memory shown, bytes memory signatures) = _together(id, said, 3);
        _settleTogether(id, shown, signatures);
        assertStatus(id, JobStatus.Revealing);
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "what the events say is what the chain keeps");
        shown[2].salt = 0;
        uint256 deadline = market.deadlineOf(id);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooEarly.selector, id, deadline + 1));
        _settle(id, shown);
        vm.warp(deadline + 1);
        _settle(id, shown);
        assertStatus(id, JobStatus.Settled);
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(2)), uint256(Outcome.Withheld), "withheld");
    }

    /// @dev The attack that the list is for: sign nonsense, see what the others open, and commit to that quickly on chain.
    function test_WhoCommitsAgainAfterTheOpeningsIsHeldToTheList() public {
        JobId id = _opened(3);
        Attestation[] memory said = _unanimous(3, _right());
        said[2] = _wrong();
        (Shown[] memory shown, bytes memory signatures) = _together(id, said, 3);
        address lazy = _members(id)[2];
        _commit(id, lazy, _right());
        _settleTogether(id, shown, signatures);
        assertStatus(id, JobStatus.Revealing);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongOpening.selector);
        _reveal(id, lazy, _right());
        _reveal(id, lazy, _wrong());
        Shown[] memory all = _revealedIn(id);
        (all[0], all[1]) = (shown[0], shown[1]);
        _settle(id, all);
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(2)), uint256(Outcome.Deviated), "what it had signed");
    }

    function test_WhatWasCommittedToAloneDoesNotHoldUpTheRound() public {
        JobId id = _opened(3);
        _commit(id, _members(id)[1], _wrong());
        _settleTogether(id, _unanimous(3, _right()));
        assertStatus(id, JobStatus.Settled);
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(1)), uint256(Outcome.Paid), "the list counts");
    }

    /// @dev Zero is the word for a seat that is left out. So nobody signs a list with an empty place: its member would be free to commit
    ///      alone to what the others have opened. Boards refuse to be told zero.
    function test_AnEmptyPlaceInTheListBindsNobody() public {
        JobId id = _opened(3);
        JobProgress memory progress = _progressIn(id);
        Commitment[] memory list = _listOf(id, progress, _unanimous(3, _right()));
        list[2] = Commitment.wrap(0);
        address[] memory members = _members(id);
        Shown[] memory shown = new Shown[](3);
        bytes memory signatures;
        for (uint256 i = 0; i < 3; ++i) {
            shown[i].salt = Commitment.unwrap(list[i]);
            signatures = bytes.concat(signatures, _sign(members[i], market.roundDigest(id, 0, progress.seed, list)));
        }
        _commit(id, members[2], _right());
        _settleTogether(id, shown, signatures);
        _settleBatch(id, _unanimous(3, _right()));
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(2)), uint256(Outcome.Paid), "what it committed to alone");
    }

    /* TIME AND SHAPE */

    function test_TheDeadlinesSecondIsTheLast() public {
        JobId id = _opened(3);
        uint256 deadline = market.deadlineOf(id);
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_TooLate.selector, id, deadline));
        _settleTogether(id, shown, signatures);
        vm.warp(deadline);
        _settleTogether(id, shown, signatures);
        assertStatus(id, JobStatus.Settled);
    }

    function test_AfterABatchTheRoundIsItsOwn() public {
        JobId id = _opened(3);
        _commitBatch(id, _unanimous(3, _wrong()));
        (Shown[] memory shown, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_WrongStatus.selector, id, JobStatus.Revealing, JobStatus.Committing));
        _settleTogether(id, shown, signatures);
    }

    function test_ARefusalIsEmpty() public {
        JobId id = _opened(3);
        Attestation[] memory said = _unanimous(3, _right());
        said[1] = _says(RecordDigest.wrap(0), LABEL);
        (Shown[] memory shown, bytes memory signatures) = _together(id, said, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_RefusalNotEmpty.selector, id));
        _settleTogether(id, shown, signatures);
    }

    function test_AnotherRoundsSignaturesAreOfNoUse() public {
        JobId id = _opened(3);
        (, bytes memory signatures) = _together(id, _unanimous(3, _right()), type(uint256).max);
        JobId other = _opened(3);
        (Shown[] memory shown,) = _together(other, _unanimous(3, _right()), type(uint256).max);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongSignature.selector);
        _settleTogether(other, shown, signatures);
    }
}

/// @title Short signatures: the account's own, in the one form that counts.
contract SignaturesTest is TestBase {
    uint256 private constant N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function isBy(address account, bytes32 digest, bytes calldata signatures, uint256 place) external view returns (bool) {
        return Signatures.isBy(account, digest, signatures, place);
    }

    /// @dev The same of the first `length` bytes alone, with the others behind them in the calldata.
    function isByFirst(uint256 length, address account, bytes32 digest, bytes calldata signatures, uint256 place) external view returns (bool) {
        return Signatures.isBy(account, digest, signatures[:length], place);
    }

    function test_WhatIsBehindTheSignaturesIsNone() public {
        (address account, uint256 key) = makeAccount("signer");
        (uint8 v, bytes32 r, uint256 s) = _signed(key, "digest");
        bytes memory signature = abi.encodePacked(r, s | (uint256(v - 27) << 255));
        bytes memory all = bytes.concat(new bytes(64), signature);
        assertTrue(this.isByFirst(128, account, "digest", all, 1), "within");
        assertFalse(this.isByFirst(127, account, "digest", all, 1), "a byte is behind");
        assertFalse(this.isByFirst(64, account, "digest", all, 1), "behind");
    }

    function _signed(uint256 key, bytes32 digest) private pure returns (uint8 v, bytes32 r, uint256 s) {
        bytes32 word;
        (v, r, word) = vm.sign(key, digest);
        s = uint256(word);
    }

    function testFuzz_OnlyTheSignerSigned(bytes32 digest, bytes32 otherDigest, address other) public {
        (address account, uint256 key) = makeAccount("signer");
        (uint8 v, bytes32 r, uint256 s) = _signed(key, digest);
        bytes memory signature = abi.encodePacked(r, s | (uint256(v - 27) << 255));
        assertTrue(this.isBy(account, digest, signature, 0), "signed");
        assertTrue(this.isBy(account, digest, bytes.concat(new bytes(64), signature), 1), "at its place");
        vm.assume(other != account && otherDigest != digest);
        assertFalse(this.isBy(other, digest, signature, 0), "not by another");
        assertFalse(this.isBy(account, otherDigest, signature, 0), "nothing else");
        assertFalse(this.isBy(account, digest, signature, 1), "not beyond the end");
    }

    function testFuzz_TheOtherFormOfASignatureIsNone(bytes32 digest) public {
        (address account, uint256 key) = makeAccount("signer");
        (uint8 v, bytes32 r, uint256 s) = _signed(key, digest);
        // The same point with -s: a signature to ecrecover.
        assertEq(ecrecover(digest, v == 27 ? 28 : 27, r, bytes32(N - s)), account, "it recovers");
        assertFalse(this.isBy(account, digest, abi.encodePacked(r, (N - s) | (uint256(28 - v) << 255)), 0), "and does not count");
    }

    /// @dev Where nothing is recovered, ecrecover gives nobody; nobody signs nothing.
    function testFuzz_NobodySignsNothing(bytes32 digest, bytes32 r, bytes32 vs) public view {
        assertFalse(this.isBy(address(0), digest, abi.encodePacked(r, vs), 0), "random");
        assertFalse(this.isBy(address(0), digest, new bytes(64), 0), "zero");
    }
}
