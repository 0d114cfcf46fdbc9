// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @title What every test contract inherits: cheat codes, assertions, fuzz ranges, invariant targets.
/// @dev forge and Hardhat 3 call `setUp`, then each of `test*` (fuzzed when it has parameters) and `invariant*`.
abstract contract TestBase {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    // forge's runner asks for this name.
    // forge-lint: disable-next-line(mixed-case-function)
    bool public constant IS_TEST = true;

    address[] private _targets;
    FuzzSelector[] private _selectors;
    address[] private _senders;

    // ---- invariants: what the runner may call, and as whom

    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    function targetSenders() public view returns (address[] memory) {
        return _senders;
    }

    function targetContract(address target) internal {
        _targets.push(target);
    }

    function targetSelector(address target, bytes4[] memory selectors) internal {
        _selectors.push(FuzzSelector({addr: target, selectors: selectors}));
    }

    function targetSender(address sender) internal {
        _senders.push(sender);
    }

    // ---- values

    /// @dev `x` itself where it fits; the first and last few values reach the ends of the range; the rest wraps.
    function bound(uint256 x, uint256 lowest, uint256 highest) internal pure returns (uint256) {
        require(lowest <= highest, "bound: empty range");
        if (x >= lowest && x <= highest) return x;
        uint256 size = highest - lowest + 1; // not zero: the full range returned above
        if (x < 4 && size > x) return lowest + x;
        uint256 fromTop = type(uint256).max - x;
        if (fromTop < 4 && size > fromTop) return highest - fromTop;
        return lowest + x % size;
    }

    /// @dev The address of a key, labelled in traces. The key is a function of the name.
    function makeAccount(string memory name) internal returns (address account, uint256 key) {
        key = uint256(keccak256(bytes(name)));
        account = vm.addr(key);
        vm.label(account, name);
    }

    function makeAddr(string memory name) internal returns (address account) {
        (account,) = makeAccount(name);
    }

    /// @dev An address with a label and `balance` wei.
    function makeFunded(string memory name, uint256 balance) internal returns (address account) {
        account = makeAddr(name);
        vm.deal(account, balance);
    }

    // ---- the clock

    /// @dev To the next block, 12 seconds later.
    function nextBlock() internal {
        skipBlocks(1);
    }

    function skipBlocks(uint256 count) internal {
        vm.roll(vm.getBlockNumber() + count);
        vm.warp(vm.getBlockTimestamp() + 12 * count);
    }

    /// @dev Time passes within the same block number: for windows that are counted in seconds.
    function skipTime(uint256 seconds_) internal {
        vm.warp(vm.getBlockTimestamp() + seconds_);
    }

    // ---- assertions

    function fail(string memory why) internal pure {
        vm.assertTrue(false, why);
    }

    function assertTrue(bool condition, string memory why) internal pure {
        vm.assertTrue(condition, why);
    }

    function assertTrue(bool condition) internal pure {
        vm.assertTrue(condition, "");
    }

    function assertFalse(bool condition, string memory why) internal pure {
        vm.assertFalse(condition, why);
    }

    function assertFalse(bool condition) internal pure {
        vm.assertFalse(condition, "");
    }

    function assertEq(bool have, bool want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(bool have, bool want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(uint256 have, uint256 want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(uint256 have, uint256 want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(int256 have, int256 want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(address have, address want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(address have, address want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(bytes32 have, bytes32 want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(bytes32 have, bytes32 want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(string memory have, string memory want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(string memory have, string memory want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(bytes memory have, bytes memory want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(bytes memory have, bytes memory want) internal pure {
        vm.assertEq(have, want, "");
    }

    function assertEq(address[] memory have, address[] memory want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertEq(uint256[] memory have, uint256[] memory want, string memory why) internal pure {
        vm.assertEq(have, want, why);
    }

    function assertNotEq(uint256 have, uint256 other, string memory why) internal pure {
        vm.assertNotEq(have, other, why);
    }

    function assertNotEq(address have, address other, string memory why) internal pure {
        vm.assertNotEq(have, other, why);
    }

    function assertNotEq(bytes32 have, bytes32 other, string memory why) internal pure {
        vm.assertNotEq(have, other, why);
    }

    function assertLt(uint256 have, uint256 limit, string memory why) internal pure {
        vm.assertLt(have, limit, why);
    }

    function assertLe(uint256 have, uint256 limit, string memory why) internal pure {
        vm.assertLe(have, limit, why);
    }

    function assertGt(uint256 have, uint256 limit, string memory why) internal pure {
        vm.assertGt(have, limit, why);
    }

    function assertGe(uint256 have, uint256 limit, string memory why) internal pure {
        vm.assertGe(have, limit, why);
    }

    function assertApproxEqAbs(uint256 have, uint256 want, uint256 tolerance, string memory why) internal pure {
        vm.assertApproxEqAbs(have, want, tolerance, why);
    }
}
