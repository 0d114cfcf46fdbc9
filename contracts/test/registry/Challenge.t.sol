// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, KernelId, RecordDigest} from "../../types/Ids.sol";
import {JobStatus} from "../../types/Job.sol";
import {Outcomes} from "../../types/Outcomes.sol";
import {AggregationRule, DeterminismClass, Manifest, SeedPolicy} from "../../types/Manifest.sol";
import {PastJobs} from "./PastJobs.sol";
import {RegistryBase} from "./RegistryBase.sol";

/// @dev Trees 0 and 1 are two classes: 0x4 are four votes of the first, 0x40 four of the second.
contract ChallengeTest is RegistryBase, PastJobs {
    KernelId private kernel;
    JobId private admission;

    function setUp() public override {
        super.setUp();
        vm.deal(stranger, 100 ether);
        kernel = registerGood();
        admission = _ask(kernel, ANY);
        deliver(admission, YES);
    }

    function _ask(KernelId id, EnvironmentClass environmentClass) private returns (JobId) {
        vm.prank(stranger);
        return registry.requestValidation{value: 1 ether}(id, environmentClass, 5);
    }

    function _challenge(IKernelRegistry.Evidence memory one, IKernelRegistry.Evidence memory other) private {
        vm.prank(stranger);
        registry.challenge(kernel, one, other);
    }

    function _challenge(uint256 votes, uint256 otherVotes) private {
        _challenge(_end(market, _inference(kernel, "one", votes)), _end(market, _inference(kernel, "other", otherVotes)));
    }

    function _refused(IKernelRegistry.Evidence memory one, IKernelRegistry.Evidence memory other, bytes memory reason) private {
        vm.expectRevert(reason);
        _challenge(one, other);
        vm.expectRevert(reason);
        _challenge(other, one);
    }

    function assertClass(DeterminismClass want) private view {
        assertEq(uint256(registry.kernelOf(kernel).determinism), uint256(want), "kernelOf");
        assertEq(uint256(registry.termsOf(kernel, ANY).determinism), uint256(want), "what jobs are told");
        assertEq(uint256(registry.manifestOf(kernel).determinism), uint256(DeterminismClass.Bitwise), "the claim stays");
    }

    /* WHAT IS SHOWN */

    function test_ResultsOfTwoClassesThatDifferMakeAKernelPinned() public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x40));
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelDemoted(kernel, one.job, other.job);
        _challenge(one, other);
        assertClass(DeterminismClass.Pinned);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
        assertFalse(registry.isAdmitted(kernel, X86), "until a committee of that class has looked");
        deliver(_ask(kernel, X86), YES, 0x3);
        assertTrue(registry.isAdmitted(kernel, X86), "then it takes jobs again");
    }

    function test_ResultsOfOneClassThatDifferEndAKernelForThatClassAlone() public {
        deliver(_ask(kernel, X86), YES, 0x4);
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelDemoted(kernel, one.job, other.job);
        vm.expectEmit(address(registry));
        emit IKernelRegistry.ClassBarred(kernel, X86, one.job, other.job);
        _challenge(one, other);
        assertClass(DeterminismClass.Pinned);
        assertStatus(kernel, IKernelRegistry.Status.Approved);
        assertFalse(registry.isAdmitted(kernel, X86), "what it was admitted for before");
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ClassBarred.selector, kernel, X86));
        _ask(kernel, X86);
        deliver(_ask(kernel, ARM), YES, 0x40);
        assertTrue(registry.isAdmitted(kernel, ARM), "another class is not concerned");
    }

    /// @dev A committee that was asked before can say yes after.
    function test_ABarredClassIsNotAdmittedByACommitteeThatWasUnderWay() public {
        JobId under = _ask(kernel, X86);
        _challenge(0x4, 0x4);
        deliver(under, YES, 0x4);
        assertTrue(registry.isBarred(kernel, X86), "barred");
        assertFalse(registry.isAdmitted(kernel, X86), "admitted");
    }

    /// @dev One class in common is enough, but single members of it are not.
    function testFuzz_HowFarItFallsFollowsFromWhoIsBehindBoth(uint256 a, uint256 b, uint256 c, uint256 d) public {
        (a, b, c, d) = (bound(a, 0, 7), bound(b, 0, 7), bound(c, 0, 7), bound(d, 0, 7));
        if (a + b < 4) a = 4;
        if (c + d < 4) d = 4;
        _challenge(a | b << 36, c | d << 36);
        bool within = (a >= 4 && c >= 4) || (b >= 4 && d >= 4);
        assertClass(DeterminismClass.Pinned);
        bool barred = registry.isBarred(kernel, X86) || registry.isBarred(kernel, market.classOf(9));
        assertEq(barred, within, "barred");
    }

    function test_AVerdictAgainstTheAdmissionCounts() public {
        // With the three votes of its own admission, and four of an examination.
        IKernelRegistry.Evidence memory admitted = _end(market, _validation(kernel, true, SPAN), admission);
        _challenge(admitted, _end(market, _validation(kernel, false, 0x40)));
        assertClass(DeterminismClass.Pinned);
    }

    function test_TheClassThatAdmittedAKernelCanTakeItBack() public {
        IKernelRegistry.Evidence memory admitted = _end(market, _validation(kernel, true, SPAN), admission);
        _challenge(admitted, _end(market, _validation(kernel, false, 0x4)));
        assertTrue(registry.isBarred(kernel, X86), "barred");
    }

    function test_APinnedKernelFallsClassByClass() public {
        _challenge(0x4, 0x40);
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x40));
        bytes memory nothing = abi.encodeWithSelector(
            IKernelRegistry.KernelRegistry_NothingToDemote.selector, kernel, DeterminismClass.Pinned
        );
        _refused(one, other, nothing); // that is what pinned means
        deliver(_ask(kernel, X86), YES, 0x4);
        deliver(_ask(kernel, ARM), YES, 0x40);
        _challenge(one, _end(market, _inference(kernel, "a third", 0x4)));
        assertFalse(registry.isAdmitted(kernel, X86), "the class that contradicts itself");
        assertTrue(registry.isAdmitted(kernel, ARM), "the one that does not");
    }

    function test_WhatIsOverCannotBeChallengedAgain() public {
        _challenge(0x4, 0x4);
        bytes memory over = abi.encodeWithSelector(
            IKernelRegistry.KernelRegistry_NothingToDemote.selector, kernel, DeterminismClass.Pinned
        );
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        _refused(one, _end(market, _inference(kernel, "other", 0x4)), over);
    }

    /* WHAT IS NOT */

    /// @dev A class that somebody has to itself is its every committee.
    function test_ALightClassShowsNothingAboutOthers() public {
        Past memory light = _inference(kernel, "one", 0x40);
        light.tree = 1;
        IKernelRegistry.Evidence memory one = _end(market, light);
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        market.lighten(1);
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ClassTooLight.selector, one.job, 99, 800));
        assertClass(DeterminismClass.Bitwise);
    }

    function testFuzz_AClassWhoseTreeWasGivenAwayWeighsNothing(uint256 assigned) public {
        assigned = bound(assigned, 0, 20);
        market.assign(1, assigned);
        Past memory past = _inference(kernel, "one", 0x40); // in epoch 10
        past.tree = 1;
        IKernelRegistry.Evidence memory one = _end(market, past);
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        if (assigned >= 10) {
            _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_ClassTooLight.selector, one.job, 0, 800));
        } else {
            _challenge(one, other);
            assertClass(DeterminismClass.Pinned);
        }
    }

    function test_AnEighthOfAllWeightIsEnough() public {
        Past memory heavy = _inference(kernel, "one", 0x40);
        heavy.tree = 1;
        _challenge(_end(market, heavy), _end(market, _inference(kernel, "other", 0x4)));
        assertClass(DeterminismClass.Pinned);
    }

    function test_ALightClassCanBarItselfFromAPinnedKernel() public {
        _challenge(0x4, 0x40);
        market.lighten(1);
        Past memory light = _inference(kernel, "one", 0x40);
        light.tree = 1;
        Past memory another = _inference(kernel, "other", 0x40);
        another.tree = 1;
        _challenge(_end(market, light), _end(market, another));
        assertTrue(registry.isBarred(kernel, ARM), "barred");
        assertFalse(registry.isBarred(kernel, X86), "another class");
    }

    /// @dev They may have been of two classes.
    function test_VotesFromTheTreeThatClassesShareAreNotOfOneClass() public {
        _challenge(4 << 252, 4 << 252);
        assertClass(DeterminismClass.Pinned);
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 4 << 252));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 4 << 252));
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NothingToDemote.selector, kernel, DeterminismClass.Pinned));
    }

    /// @dev As many as a party may own by chance are no evidence, on either side.
    function testFuzz_FewerThanFourSeatsShowNothing(uint256 votes) public {
        votes = bound(votes, 0, 3);
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", votes));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewVotes.selector, one.job, votes, 4));
        assertClass(DeterminismClass.Bitwise);
    }

    /// @dev Nobody agrees on a result that an appeal has put in the place of another: it is the appeal's job that shows it.
    function test_ResultsThatWereOverturnedHaveNoVotes() public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        one.progress.outcomes = one.progress.outcomes.overturned(15, AggregationRule.Exact);
        market.end(one.job, keccak256(abi.encode(one.terms)), one.progress);
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_TooFewVotes.selector, one.job, 0, 4));
    }

    function test_AForgedStateShowsNothing() public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x3));
        IKernelRegistry.Evidence memory forged = abi.decode(abi.encode(other), (IKernelRegistry.Evidence));
        forged.progress.outcomes = Outcomes.wrap(0x1111111);
        vm.expectRevert("another state");
        _challenge(one, forged);
        forged = abi.decode(abi.encode(one), (IKernelRegistry.Evidence));
        forged.progress.result.digest = RecordDigest.wrap("other");
        vm.expectRevert("another state");
        _challenge(one, forged);
        forged = abi.decode(abi.encode(one), (IKernelRegistry.Evidence));
        forged.terms.input = RecordDigest.wrap("another input");
        vm.expectRevert("another state");
        _challenge(one, forged);
    }

    function testFuzz_OnlyFinalResultsCount(uint8 status) public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
        market.setStatus(one.job, JobStatus(bound(status, 0, uint256(JobStatus.Settled))));
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotFinal.selector, one.job));
    }

    function test_EqualResultsContradictNothing() public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "one", 0x40));
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NoContradiction.selector, one.job, other.job));
        _challenge(one, other);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NoContradiction.selector, one.job, one.job));
        _challenge(one, one);
    }

    /// @dev Two verdicts that a kernel conforms say the same, whatever else is in their records.
    function test_RecordsOfTheSameVerdictContradictNothing() public {
        IKernelRegistry.Evidence memory one = _end(market, _validation(kernel, true, 0x4));
        Past memory later = _validation(kernel, true, 0x4);
        later.digest = "as the next release writes it";
        IKernelRegistry.Evidence memory other = _end(market, later);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NoContradiction.selector, one.job, other.job));
        _challenge(one, other);
    }

    function _notComparable(Past memory a, Past memory b) private {
        IKernelRegistry.Evidence memory one = _end(market, a);
        IKernelRegistry.Evidence memory other = _end(market, b);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotComparable.selector, one.job, other.job));
        _challenge(one, other);
    }

    function test_JobsThatDidNotAskTheSameAreNotCompared() public {
        Past memory one = _inference(kernel, "one", 0x4);
        Past memory other = _inference(kernel, "other", 0x4);
        other.input = "another input";
        _notComparable(one, other);
        _notComparable(one, _validation(kernel, false, 0x4));
        other = _inference(kernel, "other", 0x4);
        other.rule = AggregationRule.Hamming; // the record is one member's word
        _notComparable(one, other);
        _notComparable(other, one);
    }

    function test_ASeedFromOutsideIsAnotherInEachInference() public {
        Manifest memory manifest = goodManifest();
        manifest.version = "3.0.0";
        (manifest.seeds.policy, manifest.seeds.fixedSeed) = (SeedPolicy.Verifiable, 0);
        kernel = registerAs(publisher, manifest);
        deliver(_ask(kernel, ANY), YES);
        _notComparable(_inference(kernel, "one", 0x4), _inference(kernel, "other", 0x4));
        // Its cases have a seed that everybody knows.
        _challenge(_end(market, _validation(kernel, true, 0x4)), _end(market, _validation(kernel, false, 0x40)));
        assertClass(DeterminismClass.Pinned);
    }

    function test_AnotherKernelsJobsShowNothing() public {
        IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
        IKernelRegistry.Evidence memory other = _end(market, _inference(KernelId.wrap("another"), "other", 0x4));
        _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotOfKernel.selector, other.job, kernel));
    }

    function test_WhatPromisesLessCannotBreakIt() public {
        DeterminismClass[2] memory claims = [DeterminismClass.None, DeterminismClass.Tolerant];
        for (uint256 i = 0; i < 2; ++i) {
            Manifest memory manifest = goodManifest();
            (manifest.version, manifest.determinism) = (i == 0 ? "4.0.0" : "5.0.0", claims[i]);
            kernel = registerAs(publisher, manifest);
            deliver(_ask(kernel, ANY), YES);
            IKernelRegistry.Evidence memory one = _end(market, _inference(kernel, "one", 0x4));
            IKernelRegistry.Evidence memory other = _end(market, _inference(kernel, "other", 0x4));
            _refused(one, other, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NothingToDemote.selector, kernel, claims[i]));
        }
    }

    /// @dev Otherwise whoever gets a tree that a class has left could have been that class.
    function testFuzz_ATreeThatWasGivenAwaySinceIsNotTheSameClass(uint256 epoch, uint256 assigned) public {
        epoch = bound(epoch, 1, 30);
        assigned = bound(assigned, 0, 40);
        market.assign(0, assigned);
        Past memory older = _inference(kernel, "one", 0x4);
        older.epoch = epoch;
        Past memory newer = _inference(kernel, "other", 0x4);
        newer.epoch = 30;
        _challenge(_end(market, older), _end(market, newer));
        assertClass(DeterminismClass.Pinned);
        assertEq(registry.isBarred(kernel, X86), assigned < epoch, "barred");
    }

    function test_AnUnknownKernelIsNotChallenged() public {
        KernelId unknown = KernelId.wrap("unknown");
        IKernelRegistry.Evidence memory one = _end(market, _inference(unknown, "one", 0x4));
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnknownKernel.selector, unknown));
        registry.challenge(unknown, one, one);
    }
}
