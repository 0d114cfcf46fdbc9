// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Names} from "../../libraries/Names.sol";
import {Text} from "../../libraries/Text.sol";
import {TestBase} from "../support/TestBase.sol";

/// @dev The grammars, callable with calldata.
contract Grammar {
    function isName(string calldata text, uint256 limit) external pure returns (bool) {
        return Names.isName(text, limit);
    }

    function isLabel(string calldata text) external pure returns (bool) {
        return Names.isLabel(text);
    }

    function isVersion(string calldata text) external pure returns (bool) {
        return Names.isVersion(text);
    }

    function isPrintable(string calldata text) external pure returns (bool) {
        return Text.isPrintable(text);
    }
}

contract GrammarTest is TestBase {
    Grammar private grammar;

    function setUp() public {
        grammar = new Grammar();
    }

    function test_Names() public view {
        string[7] memory good = ["a", "0", "digits", "a-b", "x--y", "0-9", "abcdefghijklmnopqrstuvwxyz-0123456789"];
        for (uint256 i = 0; i < good.length; ++i) {
            assertTrue(grammar.isName(good[i], 64), good[i]);
        }
        string[16] memory bad = ["", "-", "-a", "a-", "A", "aB", "a_b", "a.b", "a/b", "a@b", "a b", " a", "a\x00", unicode"ä", "a\n", "a`"];
        for (uint256 i = 0; i < bad.length; ++i) {
            assertFalse(grammar.isName(bad[i], 64), bad[i]);
        }
    }

    function testFuzz_ANameIsAtMostAsLongAsItsLimit(uint256 length, uint256 limit) public view {
        length = bound(length, 1, 200);
        limit = bound(limit, 0, 200);
        assertEq(grammar.isName(_repeat("a", length), limit), length <= limit, "length");
    }

    function test_LabelsBeginWithALetterSoNoneIsAVersion() public view {
        assertTrue(grammar.isLabel("latest"), "latest");
        assertTrue(grammar.isLabel("v1"), "v1");
        assertTrue(grammar.isLabel(_repeat("a", 64)), "64 bytes");
        assertFalse(grammar.isLabel(_repeat("a", 65)), "65 bytes");
        string[6] memory bad = ["", "1", "1a", "-a", "a-", "1.0.0"];
        for (uint256 i = 0; i < bad.length; ++i) {
            assertFalse(grammar.isLabel(bad[i]), bad[i]);
        }
    }

    function test_Versions() public view {
        string[5] memory good = ["0.0.0", "1.2.3", "10.20.30", "0.0.100", "123456789012345678901234567890.0.0"];
        for (uint256 i = 0; i < good.length; ++i) {
            assertTrue(grammar.isVersion(good[i]), good[i]);
        }
        string[20] memory bad = [
            "",
            ".",
            "..",
            "...",
            "1",
            "1.",
            "1.2",
            "1.2.",
            ".1.2",
            "1..2",
            "1.2.3.",
            "1.2.3.4",
            "01.2.3",
            "1.02.3",
            "1.2.03",
            "00.0.0",
            "v1.2.3",
            "1.2.3-rc1",
            "1.2.x",
            " 1.2.3"
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            assertFalse(grammar.isVersion(bad[i]), bad[i]);
        }
        assertTrue(grammar.isVersion(string.concat("1.2.", _repeat("3", 60))), "64 bytes");
        assertFalse(grammar.isVersion(string.concat("1.2.", _repeat("3", 61))), "65 bytes");
    }

    function testFuzz_NumbersMakeVersionsAndLeadingZerosDoNot(uint64 major, uint64 minor, uint64 patch) public view {
        string memory a = vm.toString(major);
        string memory b = vm.toString(minor);
        string memory c = vm.toString(patch);
        assertTrue(grammar.isVersion(string.concat(a, ".", b, ".", c)), "plain");
        assertFalse(grammar.isVersion(string.concat("0", a, ".", b, ".", c)), "major");
        assertFalse(grammar.isVersion(string.concat(a, ".0", b, ".", c)), "minor");
        assertFalse(grammar.isVersion(string.concat(a, ".", b, ".0", c)), "patch");
        assertFalse(grammar.isLabel(string.concat(a, ".", b, ".", c)), "label");
    }

    function test_EveryByteAloneIsPrintableOrNot() public view {
        for (uint256 value = 0; value < 256; ++value) {
            bytes memory text = abi.encodePacked(uint8(value));
            assertEq(grammar.isPrintable(string(text)), value >= 0x20 && value <= 0x7e, vm.toString(value));
        }
    }

    function testFuzz_OneBadByteAnywhereIsFound(uint256 length, uint256 place, uint8 value, bytes32 entropy) public view {
        bytes memory text = new bytes(bound(length, 1, 200));
        for (uint256 i = 0; i < text.length; ++i) {
            text[i] = bytes1(uint8(0x20 + uint256(keccak256(abi.encode(entropy, i))) % 0x5f));
        }
        assertTrue(grammar.isPrintable(string(text)), "printable");
        text[place % text.length] = bytes1(value);
        assertEq(grammar.isPrintable(string(text)), value >= 0x20 && value <= 0x7e, "one byte");
    }

    function testFuzz_AnyBytesAsByteByByte(bytes calldata text) public view {
        bool want = true;
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] < 0x20 || text[i] > 0x7e) want = false;
        }
        assertEq(grammar.isPrintable(string(text)), want, "printable");
    }

    function test_NothingIsPrintable() public view {
        assertTrue(grammar.isPrintable(""), "empty");
    }

    function _repeat(bytes1 char, uint256 count) private pure returns (string memory) {
        bytes memory text = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            text[i] = char;
        }
        return string(text);
    }
}
