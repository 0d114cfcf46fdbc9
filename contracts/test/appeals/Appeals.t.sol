// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppeals} from "../../interfaces/IAppeals.sol";
import {IInferenceConsumer} from "../../interfaces/IInferenceConsumer.sol";
import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IMarketParameters} from "../../interfaces/IMarketParameters.sol";
import {EnvironmentClass, JobId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobProgress, JobStatus, JobTerms, Outcome} from "../../types/Job.sol";
import {Manifest, SeedPolicy} from "../../types/Manifest.sol";
import {Taker} from "../fixtures/HostileConsumers.sol";
import {House} from "../integration/House.sol";

/// @dev Tries, from inside its callback, everything that there is about appeals.
contract Abandoner is IInferenceConsumer {
    IAppeals private immutable _appeals;
    bytes[] private _attempts;
    bytes private _abandon;
    bool public abandoned;
    uint256 public refused;

    constructor(IAppeals appeals) {
        _appeals = appeals;
    }

    function prepare(
        JobId id,
        JobTerms calldata terms,
        JobProgress calldata progress,
        JobId other,
        JobTerms calldata otherTerms,
        JobProgress calldata otherProgress
    ) external {
        _attempts.push(abi.encodeCall(IAppeals.appeal, (other, otherTerms, otherProgress, EnvironmentClass.wrap(0))));
        _attempts.push(abi.encodeCall(IAppeals.resolve, (id, terms, progress, otherTerms, otherProgress)));
        _abandon = abi.encodeCall(IAppeals.abandon, (id, terms, progress));
    }

    function onInference(JobId, RecordDigest, bytes32) external {
        for (uint256 i = 0; i < _attempts.length; ++i) {
            (bool done,) = address(_appeals).call(_attempts[i]);
            if (!done) ++refused;
        }
        (abandoned,) = address(_appeals).call(_abandon);
    }
}

/// @title Who knows the answer can take a committee to a larger one.
contract AppealsTest is House {
    uint256 private constant BOND = 1 ether;

    address private knower;

    function setUp() public {
        _build(20);
        knower = makeFunded("knower", 100 ether);
    }

    /* STEPS */

    /// @dev A job whose whole committee said the same.
    function _agreed(Attestation memory said) private returns (JobId id) {
        id = _opened(3);
        _settleTogether(id, _unanimous(3, said));
    }

    function _appeal(JobId id) private returns (JobId) {
        return _appeal(id, ANY, appeals.quote(_termsIn(id)));
    }

    function _appeal(JobId id, EnvironmentClass environmentClass, uint256 value) private returns (JobId) {
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        vm.prank(knower);
        return appeals.appeal{value: value}(id, terms, progress, environmentClass);
    }

    /// @dev The other committee says this, and its job becomes final.
    function _rerun(JobId other, Attestation memory said) private {
        _open(other);
        _settleTogether(other, _unanimous(7, said));
        _finalise(other);
    }

    function _resolve(JobId id, JobId other) private {
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        (JobTerms memory otherTerms, JobProgress memory otherProgress) = (_termsIn(other), _progressIn(other));
        vm.prank(anyone);
        appeals.resolve(id, terms, progress, otherTerms, otherProgress);
    }

    function _abandon(JobId id) private {
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        vm.prank(anyone);
        appeals.abandon(id, terms, progress);
    }

    function _assertFinal(JobId id, RecordDigest digest) private {
        assertStatus(id, JobStatus.Finalised);
        assertTrue(market.isState(id, _termsHashIn(id), _progressIn(id)), "what the events say is what the chain keeps");
        assertEq(RecordDigest.unwrap(_progressIn(id).result.digest), RecordDigest.unwrap(digest), "result");
    }

    /* A CANARY */

    function test_ACommitteeThatGuessedPaysForIt() public {
        JobId id = _agreed(_wrong());
        address[] memory lazy = _committee(id);
        uint256 refund = market.creditOf(requester);
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);

        _assertFinal(id, OUTPUT);
        uint256 left = 0.15 ether; // what it was charged for seats: nobody has earned any of it
        assertEq(market.creditOf(requester) - refund, left, "the requester has its seat fees back");
        for (uint256 seat = 0; seat < 3; ++seat) {
            assertEq(uint256(_progressIn(id).outcomes.outcomeOf(seat)), uint256(Outcome.Deviated), "outcome");
            assertEq(_blamesOf(lazy[seat]), 0, "free to go");
        }
        assertEq(appeals.creditOf(knower), BOND, "the bond");
        uint256 slashed = 3 * 1 ether;
        assertEq(staking.creditOf(knower), slashed * staking.REPORTER_SHARE() / 10_000, "the reporter's share");
    }

    function test_TheSlashIsTakenFromTheStakes() public {
        JobId id = _agreed(_wrong());
        address[] memory lazy = _committee(id);
        uint256[3] memory before = [_stakeOf(lazy[0]), _stakeOf(lazy[1]), _stakeOf(lazy[2])];
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        for (uint256 seat = 0; seat < 3; ++seat) {
            assertEq(before[seat] - _stakeOf(lazy[seat]), 1 ether, "slashed");
        }
    }

    function test_WhoWasOutvotedByTheWrongIsNotSlashed() public {
        JobId id = _opened(3);
        Attestation[] memory said = _unanimous(3, _wrong());
        said[1] = _right();
        _settleTogether(id, said);
        address honest = _committee(id)[1];
        assertEq(_blamesOf(honest), 1, "blamed at first");
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        assertEq(_stakeOf(honest), STAKE, "not slashed");
        assertEq(_blamesOf(honest), 0, "free to go");
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(1)), uint256(Outcome.Unpaid), "outcome");
    }

    function test_WhoNeverCommittedIsAbsentUnderEitherResult() public {
        JobId id = _opened(3);
        address[] memory members = _members(id);
        _commit(id, members[0], _wrong());
        _commit(id, members[2], _wrong());
        _afterDeadline(id);
        _reveal(id, members[0], _wrong());
        _reveal(id, members[2], _wrong());
        _settle(id);
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        assertEq(uint256(_progressIn(id).outcomes.outcomeOf(1)), uint256(Outcome.Absent), "outcome");
        assertEq(STAKE - _stakeOf(members[1]), 0.25 ether, "slashed for absence");
    }

    function test_AConsumerThatTookTheFirstResultCanBeToldTheOther() public {
        Taker taker = new Taker();
        JobId id = _request(3, address(taker), 100_000);
        _open(id);
        _settleTogether(id, _unanimous(3, _wrong()));
        assertTrue(_deliver(id), "delivered");
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        assertTrue(_deliver(id), "delivered again");
        assertEq(taker.taken(), 2, "calls");
        assertEq(RecordDigest.unwrap(taker.digest()), RecordDigest.unwrap(OUTPUT), "digest");
        assertEq(address(market).balance, _owed() + market.creditOf(knower), "the delivery is paid once");
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_AlreadyDelivered.selector, id));
        _deliver(id);
    }

    /// @dev The one way into the market that a consumer finds open: it ends the wait that the appeal began, as anybody may.
    function test_AnAppealThatEndsInsideACallbackChangesNothingElse() public {
        Abandoner consumer = new Abandoner(appeals);
        JobId id = _request(3, address(consumer), 500_000);
        _open(id);
        _settleTogether(id, _unanimous(3, _right()));
        JobId other = _appeal(id);
        _open(other);
        _settleTogether(other, _unanimous(7, _refusal()));
        consumer.prepare(id, _termsIn(id), _progressIn(id), other, _termsIn(other), _progressIn(other));
        assertTrue(_deliver(id), "delivered");
        assertTrue(consumer.abandoned(), "the appeal is over");
        assertEq(consumer.refused(), 2, "no other is made, and none decided");
        (bool paid, bool delivered) = market.deliveryOf(id);
        assertTrue(paid && delivered, "the flags of the delivery stand");
        assertStatus(id, JobStatus.Settled);
        assertEq(market.deadlineOf(id), vm.getBlockTimestamp(), "it waits no longer");
        assertEq(appeals.creditOf(knower), BOND, "the bond goes back");
        nextBlock();
        _finaliseNow(id);
        _assertFinal(id, OUTPUT);
        assertEq(address(market).balance, _owed() + market.creditOf(knower), "to the wei");
    }

    /* AN APPEAL THAT IS WRONG */

    function test_WhoAppealsARightResultLosesItsBond() public {
        JobId id = _agreed(_right());
        JobId other = _appeal(id);
        _rerun(other, _right());
        uint256 credit = appeals.creditOf(treasury);
        vm.expectEmit(address(appeals));
        emit IAppeals.AppealRejected(id, knower);
        _resolve(id, other);
        assertEq(appeals.creditOf(treasury) - credit, BOND, "the treasury's");
        assertEq(appeals.creditOf(knower), 0, "not the appellant's");
        assertStatus(id, JobStatus.Settled);
        nextBlock();
        _finaliseNow(id);
        _assertFinal(id, OUTPUT);
        for (uint256 seat = 0; seat < 3; ++seat) {
            assertEq(uint256(_progressIn(id).outcomes.outcomeOf(seat)), uint256(Outcome.Paid), "outcome");
        }
    }

    function test_AJobThatIsAppealedWaits() public {
        JobId id = _agreed(_right());
        uint256 deadline = market.deadlineOf(id);
        _appeal(id);
        vm.warp(deadline + 1);
        vm.expectPartialRevert(IJobMarket.JobMarket_TooEarly.selector);
        _finaliseNow(id);
    }

    /// @dev Nobody has to do anything for a job to end.
    function test_AnAppealThatNobodyResolvesEndsWithTheFirstResult() public {
        JobId id = _agreed(_right());
        JobId other = _appeal(id);
        _rerun(other, _wrong());
        _finalise(id);
        _assertFinal(id, OUTPUT);
        _resolve(id, other);
        _assertFinal(id, OUTPUT);
        assertEq(appeals.creditOf(knower), BOND, "the bond goes back");
    }

    function test_AnAppealIsDroppedWhenTheOtherJobFails() public {
        JobId id = _agreed(_right());
        JobId other = _appeal(id);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_RerunPending.selector, other));
        _abandon(id);
        _open(other);
        _play(other, _refusal());
        _settle(other);
        assertStatus(other, JobStatus.Failed);
        _abandon(id);
        assertEq(appeals.creditOf(knower), BOND, "the bond goes back");
        nextBlock();
        _finaliseNow(id);
        _assertFinal(id, OUTPUT);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_NotOpen.selector, id));
        _abandon(id);
    }

    /// @dev Whoever owns the parameters cannot save a wrong result by a pause.
    function test_APauseDoesNotTakeTheRightToAppeal() public {
        JobId id = _agreed(_wrong());
        uint256 price = market.quote(kernel, 7, 0);
        vm.prank(owner);
        parameters.setPaused(true);
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        _assertFinal(id, OUTPUT);
        vm.expectRevert(abi.encodeWithSelector(IMarketParameters.MarketParameters_Paused.selector));
        vm.prank(knower);
        market.request{value: price}(_wanted(7, address(0), 0));
    }

    /// @dev The other committee is drawn from all, whoever judged before: a second seat is one vote of seven, not of three.
    function test_WhoWasInTheFirstCommitteeCanBeDrawnAgain() public {
        uint256 both = 0;
        for (uint256 i = 0; i < 8 && both == 0; ++i) {
            JobId id = _agreed(_wrong());
            JobId other = _appeal(id);
            _open(other);
            both = _inBoth(_committee(id), _committee(other));
        }
        assertGt(both, 0, "drawn again");
    }

    function _inBoth(address[] memory some, address[] memory others) private pure returns (uint256 count) {
        for (uint256 i = 0; i < some.length * others.length; ++i) {
            if (some[i / others.length] == others[i % others.length]) ++count;
        }
    }

    /* WHAT IS REFUSED */

    function test_AnAppealIsOfASettledJob() public {
        JobId id = _opened(3);
        uint256 price = appeals.quote(_termsIn(id));
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongStatus.selector);
        _appeal(id, ANY, price);
    }

    function test_TheChallengeWindowsSecondIsTheLast() public {
        JobId id = _agreed(_right());
        uint256 price = appeals.quote(_termsIn(id));
        uint256 deadline = market.deadlineOf(id);
        uint256 snapshot = vm.snapshotState();
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_TooLate.selector, id, deadline));
        _appeal(id, ANY, price);
        vm.revertToState(snapshot);
        vm.warp(deadline);
        _appeal(id, ANY, price);
    }

    function test_AJobIsAppealedOnce() public {
        JobId id = _agreed(_right());
        uint256 price = appeals.quote(_termsIn(id));
        _appeal(id);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_AlreadyAppealed.selector, id));
        _appeal(id, ANY, price);
    }

    function test_ACommitteeAsLargeAsTheJudgesIsNotAppealed() public {
        JobId id = _opened(7);
        _settleTogether(id, _unanimous(7, _right()));
        uint256 price = appeals.quote(_termsIn(id));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_TooFewWouldJudge.selector, id, 7));
        _appeal(id, ANY, price);
    }

    function test_AnAdmissionIsNotAppealed() public {
        JobId id = _requestValidation(_register("another", 0), 3);
        _open(id);
        _settleTogether(id, _unanimous(3, _right()));
        uint256 price = appeals.quote(_termsIn(_request(3)));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_NotAnInference.selector, id));
        _appeal(id, ANY, price);
    }

    /// @dev Honest members of the other committee have another seed, and would overturn an honest result.
    function test_AKernelThatDrawsFromItsJobsSeedIsNotAppealed() public {
        Manifest memory manifest = _manifest("painter", 0);
        manifest.seeds.policy = SeedPolicy.Verifiable;
        kernel = _register(manifest);
        _approve(kernel);
        JobId id = _agreed(_right());
        uint256 price = appeals.quote(_termsIn(id));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_SeededByTheJob.selector, id));
        _appeal(id, ANY, price);
    }

    function test_TheBondIsBroughtAlong() public {
        JobId id = _agreed(_right());
        uint256 price = appeals.quote(_termsIn(id));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_FeeTooLow.selector, price - 1, price));
        _appeal(id, ANY, price - 1);
        uint256 credit = market.creditOf(knower);
        _appeal(id, ANY, price + 5);
        assertEq(market.creditOf(knower) - credit, 5, "the excess comes back");
        assertEq(address(appeals).balance, BOND, "the bond is held");
    }

    function test_WhatIsBroughtTooMuchComesBackHoweverMuchItIs() public {
        JobId id = _agreed(_right());
        uint256 credit = market.creditOf(knower);
        _appeal(id, ANY, appeals.quote(_termsIn(id)) + 3 * BOND);
        assertEq(market.creditOf(knower) - credit, 3 * BOND, "the excess comes back");
        assertEq(address(appeals).balance, BOND, "the bond is held");
    }

    /// @dev Other machines may rightly say something else.
    function test_TheJudgesAreOfTheSameClass() public {
        JobId id = _agreed(_right());
        uint256 price = appeals.quote(_termsIn(id));
        EnvironmentClass one = X86;
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_WrongClass.selector, id, one));
        _appeal(id, one, price);
        EnvironmentClass none = EnvironmentClass.wrap(keccak256("nobody's"));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_WrongClass.selector, id, none));
        _appeal(id, none, price);
    }

    function test_TheOtherCommitteesResultMustBeFinal() public {
        JobId id = _agreed(_wrong());
        JobId other = _appeal(id);
        _open(other);
        _settleTogether(other, _unanimous(7, _right()));
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_RerunPending.selector, other));
        _resolve(id, other);
    }

    function test_AnotherJobIsNotTheOtherCommittees() public {
        JobId id = _agreed(_wrong());
        JobId other = _appeal(id);
        _rerun(other, _right());
        JobId third = _agreed(_right());
        _finalise(third);
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
        _resolve(id, third);
    }

    function test_WhatWasNotAppealedIsNotResolved() public {
        JobId id = _agreed(_right());
        JobId other = _agreed(_right());
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_NotOpen.selector, id));
        _resolve(id, other);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_NotOpen.selector, id));
        _abandon(id);
    }

    function test_AnAppealIsResolvedOnce() public {
        JobId id = _agreed(_wrong());
        JobId other = _appeal(id);
        _rerun(other, _right());
        _resolve(id, other);
        vm.expectRevert(abi.encodeWithSelector(IAppeals.Appeals_NotOpen.selector, id));
        _resolve(id, other);
    }

    function test_NobodyElseChangesAResult() public {
        JobId id = _agreed(_right());
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(id), _progressIn(id));
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotAppeals.selector, address(this)));
        market.hold(id, 0);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_NotAppeals.selector, address(this)));
        market.overturn(id, terms, progress, progress.result, address(this));
    }

    /* MONEY */

    function testFuzz_EveryWeiIsSomebodys(uint256 random) public {
        Attestation[] memory said = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) {
            said[i] = (random >> i) % 2 == 0 ? _wrong() : _right();
        }
        JobId id = _opened(3);
        _settleTogether(id, said);
        JobId other = _appeal(id);
        _rerun(other, (random >> 3) % 2 == 0 ? _wrong() : _right());
        _resolve(id, other);
        if (market.statusOf(id) == JobStatus.Settled) {
            nextBlock();
            _finaliseNow(id);
        }
        assertEq(address(market).balance, _owed() + market.creditOf(knower), "the market's");
        assertEq(address(appeals).balance, appeals.creditOf(knower) + appeals.creditOf(treasury), "the appeals'");
    }
}
