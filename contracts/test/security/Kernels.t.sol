// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {EnvironmentClass, JobId, RecordDigest} from "../../types/Ids.sol";
import {JobProgress, JobTerms} from "../../types/Job.sol";
import {DeterminismClass} from "../../types/Manifest.sol";
import {House} from "../integration/House.sol";

/// @notice What five of the least stakes can do to a kernel, in a class that nobody else announces.
contract KernelAttacksTest is House {
    EnvironmentClass private constant OWN = EnvironmentClass.wrap("a class of one's own");
    EnvironmentClass private constant NEXT = EnvironmentClass.wrap("release 2");
    bytes32 private constant YES = bytes32(uint256(1));

    function setUp() public {
        _build(20);
        for (uint256 i = 0; i < 5; ++i) {
            _addValidator(1 ether, OWN); // of 205 ether
        }
        _nextEpoch();
    }

    function _examined(bytes32 verdict) private returns (JobId id) {
        uint256 price = market.quoteValidation(5);
        vm.deal(anyone, price);
        vm.prank(anyone);
        id = registry.requestValidation{value: price}(kernel, OWN, 5);
        _open(id);
        _settleTogether(id, _unanimous(5, _says(RecordDigest.wrap(keccak256("whatever")), verdict)));
        _finalise(id);
    }

    function _evidence(JobId id) private returns (IKernelRegistry.Evidence memory) {
        return IKernelRegistry.Evidence({job: id, terms: _termsIn(id), progress: _progressIn(id)});
    }

    function _challenge(JobId one, JobId other) private {
        (IKernelRegistry.Evidence memory first, IKernelRegistry.Evidence memory second) = (_evidence(one), _evidence(other));
        vm.prank(anyone);
        registry.challenge(kernel, first, second);
    }

    /// @dev Nobody else is drawn, so the committee is theirs for certain, and the fees come back to them.
    function test_AClassOfOnesOwnCannotEndAKernel() public {
        JobId one = _examined(YES);
        JobId other = _examined(0);
        vm.expectPartialRevert(IKernelRegistry.KernelRegistry_ClassTooLight.selector);
        this.challenge(one, other);
        for (uint256 i = 20; i < 25; ++i) {
            assertEq(_stakeOf(validators[i]), 1 ether, "none of it is lost");
        }
        assertEq(uint256(registry.kernelOf(kernel).status), uint256(IKernelRegistry.Status.Approved), "status");
    }

    function challenge(JobId one, JobId other) external {
        _challenge(one, other);
    }

    /// @dev With the admission on the other side, one examination is enough to take its users away.
    function test_AClassOfOnesOwnCannotDemoteAKernel() public {
        JobId other = _examined(0);
        JobId admission = registry.kernelOf(kernel).validationJob;
        vm.expectPartialRevert(IKernelRegistry.KernelRegistry_ClassTooLight.selector);
        this.challenge(admission, other);
        assertEq(uint256(registry.kernelOf(kernel).determinism), uint256(DeterminismClass.Bitwise), "determinism");
    }

    /// @dev And a lie that three were drawn to tell can no longer be appealed.
    function test_AClassOfOnesOwnCannotKeepAResultFromBeingAppealed() public {
        JobId one = _examined(YES);
        JobId other = _examined(0);
        JobId lie = _opened(3);
        _settleTogether(lie, _unanimous(3, _wrong()));
        (JobTerms memory terms, JobProgress memory progress) = (_termsIn(lie), _progressIn(lie));
        uint256 price = appeals.quote(terms);
        vm.expectPartialRevert(IKernelRegistry.KernelRegistry_ClassTooLight.selector);
        this.challenge(one, other);
        address knower = makeFunded("knower", price);
        vm.prank(knower);
        appeals.appeal{value: price}(lie, terms, progress, ANY);
    }

    /// @dev Works, with an eighth of all weight, for fees and gas: the kernel then takes jobs of the classes that admit it, one by one, and
    ///      of that one class no more.
    function test_AnEighthOfAllStakeCanHaveAKernelPinned() public {
        for (uint256 i = 25; i < 30; ++i) {
            _addValidator(STAKE, OWN);
        }
        _nextEpoch();
        JobId one = _examined(YES);
        JobId other = _examined(0);
        _challenge(one, other);
        assertEq(uint256(registry.kernelOf(kernel).status), uint256(IKernelRegistry.Status.Approved), "status");
        assertEq(uint256(registry.kernelOf(kernel).determinism), uint256(DeterminismClass.Pinned), "determinism");
        assertTrue(registry.isBarred(kernel, OWN), "their own class");
        _approve(kernel, X86);
        assertTrue(registry.isAdmitted(kernel, X86), "another");
    }

    /// @dev Nor with the weight of the class that is given their tree.
    function test_WhoLeftATreeDoesNotSpeakWithTheWeightOfTheClassThatGotIt() public {
        JobId one = _examined(bytes32(uint256(1)));
        JobId other = _examined(0);
        (uint256 left,) = staking.treeOf(OWN);
        for (uint256 i = 20; i < 25; ++i) {
            vm.prank(validators[i]);
            staking.thaw(1 ether);
        }
        _nextEpoch();
        _nextEpoch();
        // Half of the network takes the next release of its libraries.
        for (uint256 i = 0; i < 10; ++i) {
            vm.prank(validators[i]);
            staking.stake(NEXT, "");
        }
        _nextEpoch();
        (uint256 given,) = staking.treeOf(NEXT);
        assertEq(given, left, "the new class has their tree");
        vm.expectPartialRevert(IKernelRegistry.KernelRegistry_ClassTooLight.selector);
        this.challenge(one, other);
        assertEq(uint256(registry.kernelOf(kernel).determinism), uint256(DeterminismClass.Bitwise), "determinism");
    }
}
