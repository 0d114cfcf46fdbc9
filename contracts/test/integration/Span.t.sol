// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobMarket} from "../../interfaces/IJobMarket.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {Attestation, JobStatus, Outcome} from "../../types/Job.sol";
import {DeterminismClass} from "../../types/Manifest.sol";
import {Seat} from "../../types/Seat.sol";
import {House} from "./House.sol";

/// @notice Admissions by committees of two classes, and challenges, with every contract at work.
/// @dev Sixteen machines of one class, sixteen of another, of which each member is drawn to be what a test needs.
contract SpanTest is House {
    RecordDigest private constant CERTIFICATE = RecordDigest.wrap(keccak256("certificate"));
    RecordDigest private constant DIFFERENT = RecordDigest.wrap(keccak256("what another class found"));
    bytes32 private constant YES = bytes32(uint256(1));

    function setUp() public {
        _build(17);
        for (uint256 i = 0; i < 15; ++i) {
            _addValidator(STAKE, ARM);
        }
        _nextEpoch();
    }

    function _classOf(address member) private view returns (EnvironmentClass) {
        return staking.validator(member).environmentClass;
    }

    function _isArm(address member) private view returns (bool) {
        return EnvironmentClass.unwrap(_classOf(member)) == EnvironmentClass.unwrap(ARM);
    }

    /// @dev Each member says what machines of its class compute.
    function _byClass(JobId id, Attestation memory x86, Attestation memory arm) private returns (Attestation[] memory said) {
        address[] memory members = _members(id);
        said = new Attestation[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            said[i] = _isArm(members[i]) ? arm : x86;
        }
    }

    function _arms(JobId id) private returns (uint256 count) {
        address[] memory members = _committee(id);
        for (uint256 i = 0; i < members.length; ++i) {
            if (_isArm(members[i])) ++count;
        }
    }

    /// @dev An admission whose committee has `arms` of three. Requests are made until one has, as a publisher would.
    function _drawnWith(uint256 arms) private returns (KernelId fresh, JobId id) {
        for (uint256 i = 0;; ++i) {
            fresh = _register(string.concat("fresh-", vm.toString(i)), 0);
            id = _requestValidation(fresh, 3);
            _open(id);
            if (_arms(id) == arms) return (fresh, id);
        }
    }

    function _outcome(JobId id, uint256 seat) private returns (Outcome) {
        return _progressIn(id).outcomes.outcomeOf(seat);
    }

    function _statusOf(KernelId id) private view returns (IKernelRegistry.Status) {
        return registry.kernelOf(id).status;
    }

    /* ADMISSION */

    function test_EveryAdmissionsCommitteeIsOfTwoClasses() public {
        for (uint256 i = 0; i < 12; ++i) {
            JobId id = _requestValidation(_register(string.concat("fresh-", vm.toString(i)), 0), uint8(3 + 2 * (i % 3)));
            _open(id);
            Seat[] memory seats = _progressIn(id).seats;
            assertTrue(seats[0].treeOf() != seats[1].treeOf(), "the first two");
        }
    }

    function test_AKernelThatIsTheSameInBothClassesIsApproved() public {
        (KernelId fresh, JobId id) = _drawnWith(1);
        _play(id, _says(CERTIFICATE, YES));
        _settle(id);
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ValidationConcluded(fresh, id, ANY, CERTIFICATE, true, 2);
        assertTrue(_deliver(id), "delivered");
        assertEq(uint256(_statusOf(fresh)), uint256(IKernelRegistry.Status.Approved), "status");
        assertEq(registry.kernelOf(fresh).classes, 2, "classes");
    }

    /// @dev The minority of an admission is of the class that finds the kernel out, and must not pay for it.
    function test_AKernelThatDiffersBetweenClassesIsNotApprovedAndTheHonestMinorityKeepsItsStake() public {
        (KernelId fresh, JobId id) = _drawnWith(1);
        Attestation[] memory said = _byClass(id, _says(CERTIFICATE, YES), _says(DIFFERENT, 0));
        _playEach(id, said);
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        assertEq(uint256(_statusOf(fresh)), uint256(IKernelRegistry.Status.Registered), "undecided");
        assertEq(registry.kernelOf(fresh).classes, 1, "because one class alone agreed");
        address[] memory members = _committee(id);
        _finalise(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(uint256(_outcome(id, i)), uint256(_isArm(members[i]) ? Outcome.Unpaid : Outcome.Paid), "outcome");
            assertEq(_stakeOf(members[i]), STAKE, "stake");
        }
        _requestValidation(fresh, 3); // another committee may be asked
    }

    function test_AKernelThatDiffersIsRejectedWhereTheOtherClassIsTheMajority() public {
        (KernelId fresh, JobId id) = _drawnWith(2);
        _playEach(id, _byClass(id, _says(CERTIFICATE, YES), _says(DIFFERENT, 0)));
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        assertEq(uint256(_statusOf(fresh)), uint256(IKernelRegistry.Status.Rejected), "status");
    }

    /// @dev Who says otherwise than its own class has no excuse: it guessed, or its machine is not what it announced.
    function test_WhoDeviatesFromItsOwnClassIsSlashed() public {
        (, JobId id) = _drawnWith(1);
        address[] memory members = _committee(id);
        uint256 cheat = _isArm(members[2]) ? 0 : 2; // one of the two of x86
        Attestation[] memory said = _unanimous(3, _says(CERTIFICATE, YES));
        said[cheat] = _says(DIFFERENT, 0);
        _playEach(id, said);
        _settle(id);
        assertEq(uint256(_outcome(id, cheat)), uint256(Outcome.Deviated), "outcome");
        _finalise(id);
        assertEq(_stakeOf(members[cheat]), STAKE - 1 ether, "stake");
    }

    /// @dev A manifest can rule a class out; its members say so, and lose nothing.
    function test_AClassThatCannotRunTheKernelMayRefuse() public {
        (KernelId fresh, JobId id) = _drawnWith(1);
        _playEach(id, _byClass(id, _says(CERTIFICATE, YES), _refusal()));
        _settle(id);
        assertTrue(_deliver(id), "delivered");
        assertEq(uint256(_statusOf(fresh)), uint256(IKernelRegistry.Status.Registered), "one class does not carry it");
        address[] memory members = _committee(id);
        _finalise(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_stakeOf(members[i]), STAKE, "stake");
        }
    }

    /// @dev An inference is another matter: a kernel that was admitted gives all of them the same.
    function test_InAnInferenceAnotherClassIsNoExcuse() public {
        JobId id;
        do {
            id = _request(3);
            _open(id);
        } while (_arms(id) != 1);
        address[] memory members = _committee(id);
        _playEach(id, _byClass(id, _right(), _says(OTHER, LABEL)));
        _settle(id);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(uint256(_outcome(id, i)), uint256(_isArm(members[i]) ? Outcome.Deviated : Outcome.Paid), "outcome");
        }
    }

    function test_AnAdmissionWaitsForASecondClass() public {
        for (uint256 i = 0; i < validators.length; ++i) {
            if (!_isArm(validators[i])) continue;
            vm.prank(validators[i]);
            staking.thaw(uint128(STAKE));
        }
        KernelId fresh = _register("fresh", 0);
        uint256 price = market.quoteValidation(3);
        _nextEpoch();
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewClasses.selector, 1, 2));
        vm.prank(publisher);
        registry.requestValidation{value: price}(fresh, ANY, 3);
        address late = _addValidator(STAKE, EnvironmentClass.wrap("riscv64"));
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewClasses.selector, 1, 2));
        registry.requestValidation{value: price}(fresh, ANY, 3);
        _nextEpoch();
        JobId id = _requestValidation(fresh, 3);
        _open(id);
        assertEq(_committee(id)[1] == late || _committee(id)[0] == late, true, "the only one of its class is drawn");
    }

    /* CHALLENGES */

    function _evidence(JobId id) private returns (IKernelRegistry.Evidence memory) {
        return IKernelRegistry.Evidence({job: id, terms: _termsIn(id), progress: _progressIn(id)});
    }

    /// @dev A job of seven of one class, who all say the same.
    function _resultOf(EnvironmentClass environmentClass, Attestation memory said) private returns (JobId id) {
        id = _request(7, environmentClass);
        _open(id);
        _play(id, said);
        _settle(id);
    }

    function _challenge(IKernelRegistry.Evidence memory one, IKernelRegistry.Evidence memory other) private {
        vm.prank(anyone);
        registry.challenge(kernel, one, other);
    }

    function test_AKernelThatDiffersBetweenClassesIsDemotedAndItsJobsGoOn() public {
        JobId x86 = _resultOf(X86, _right());
        JobId arm = _resultOf(ARM, _says(OTHER, LABEL));
        JobId running = _request(3);
        _finalise(x86);
        IKernelRegistry.Evidence memory one = _evidence(x86);
        IKernelRegistry.Evidence memory other = _evidence(arm);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotFinal.selector, arm));
        _challenge(one, other);
        _finalise(arm);

        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelDemoted(kernel, x86, arm);
        _challenge(one, other);
        // It stands by its terms: any class, as it was asked for.
        bytes32 terms = _termsHashIn(running);
        assertTrue(market.isState(running, terms, _progressIn(running)), "a running job's terms");
        _open(running);
        _play(running, _right());
        _settle(running);
        _finalise(running);
        assertStatus(running, JobStatus.Finalised);
        // New ones wait for a class that it is admitted for.
        uint256 price = market.quote(kernel, 3, 0);
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        for (uint256 i = 0; i < 2; ++i) {
            wanted.environmentClass = i == 0 ? ANY : X86;
            vm.prank(requester);
            vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_ClassNeeded.selector, kernel));
            market.request{value: price}(wanted);
        }
        _approve(kernel, X86);
        vm.prank(requester);
        market.request{value: price}(wanted);
    }

    function test_AKernelThatDiffersWithinAClassTakesNoMoreJobsOfThatClass() public {
        JobId first = _resultOf(X86, _right());
        JobId second = _resultOf(X86, _says(OTHER, LABEL));
        _finalise(first);
        _finalise(second);
        _challenge(_evidence(first), _evidence(second));
        _approve(kernel, ARM);
        uint256 price = market.quote(kernel, 3, 0);
        IJobMarket.JobRequest memory wanted = _wanted(3, address(0), 0);
        wanted.environmentClass = X86;
        vm.prank(requester);
        vm.expectRevert(abi.encodeWithSelector(IJobMarket.JobMarket_ClassNeeded.selector, kernel));
        market.request{value: price}(wanted);
        wanted.environmentClass = ARM;
        vm.prank(requester);
        market.request{value: price}(wanted);
    }

    function test_AVerdictAgainstItsAdmissionDemotesAKernel() public {
        JobId admission = registry.kernelOf(kernel).validationJob;
        JobId again = _requestValidation(kernel, ARM, 7);
        _open(again);
        _play(again, _says(DIFFERENT, 0));
        _settle(again);
        assertTrue(_deliver(again), "delivered");
        assertEq(uint256(_statusOf(kernel)), uint256(IKernelRegistry.Status.Approved), "by itself it changes nothing");
        _finalise(again);
        _challenge(_evidence(admission), _evidence(again));
        assertEq(uint256(registry.kernelOf(kernel).determinism), uint256(DeterminismClass.Pinned), "determinism");
    }

    /// @dev What a single member says on purpose stands in no result, and a result that was changed is no state of its job.
    function test_OneLiarCannotFakeAChallenge() public {
        JobId id = _request(7);
        _open(id);
        Attestation[] memory said = _unanimous(7, _right());
        said[3] = _says(OTHER, LABEL);
        _playEach(id, said);
        _settle(id);
        _finalise(id);
        IKernelRegistry.Evidence memory truth = _evidence(id);
        IKernelRegistry.Evidence memory forged = _evidence(id);
        forged.progress.result.digest = OTHER;
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
        _challenge(truth, forged);
        forged = _evidence(id);
        forged.terms.kernel = KernelId.wrap("another");
        vm.expectPartialRevert(IJobMarket.JobMarket_WrongState.selector);
        _challenge(truth, forged);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NoContradiction.selector, id, id));
        _challenge(truth, truth);
    }

    /// @dev A committee of three is won by chance, sooner or later; its three votes show nothing.
    function test_ASmallCommitteeThatAgreesToLieShowsNothing() public {
        JobId small = _request(3);
        _open(small);
        _play(small, _says(OTHER, LABEL));
        _settle(small);
        _finalise(small);
        JobId id = _resultOf(X86, _right());
        _finalise(id);
        IKernelRegistry.Evidence memory one = _evidence(small);
        IKernelRegistry.Evidence memory other = _evidence(id);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewVotes.selector, small, 3, 4));
        _challenge(one, other);
    }

    function test_GasOfAChallenge() public {
        JobId x86 = _resultOf(X86, _right());
        JobId arm = _resultOf(ARM, _says(OTHER, LABEL));
        _finalise(x86);
        _finalise(arm);
        _challenge(_evidence(x86), _evidence(arm));
        vm.snapshotGasLastCall("KernelRegistry", "challenge");
    }
}
