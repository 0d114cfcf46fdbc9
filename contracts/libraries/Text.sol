// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Text that every reader can decode and show.
/// @notice Printable ASCII, 0x20 to 0x7E: valid UTF-8, without control characters that would act on a terminal or a log.
library Text {
    bytes32 private constant SPACES = 0x2020202020202020202020202020202020202020202020202020202020202020;
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant BIT_6 = 0x4040404040404040404040404040404040404040404040404040404040404040;
    uint256 private constant BIT_7 = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @notice Whether every byte is in 0x20..0x7E; true for the empty string.
    /// @dev Reads a word at a time; a manifest has up to 10 kB of text. The last word is filled up with spaces. Callers bound the length.
    function isPrintable(string calldata text) internal pure returns (bool) {
        bytes calldata data = bytes(text);
        uint256 length = data.length;
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 word = length - i < 32 ? bytes32(data[i:]) | (SPACES >> (8 * (length - i))) : bytes32(data[i:i + 32]);
            if (!_printable(uint256(word))) return false;
        }
        return true;
    }

    /// @dev All 32 bytes at once: each below 0x80, each plus one below 0x80 (so none is 0x7F; no byte carries into the next),
    ///      and each with bit 5 or bit 6 set (so none is below 0x20; what the shift moves across a border lands in bit 0).
    function _printable(uint256 word) private pure returns (bool) {
        if (word & BIT_7 != 0) return false;
        // Cannot overflow: every byte is below 0x80.
        return (word + ONES) & BIT_7 == 0 && (word | (word << 1)) & BIT_6 == BIT_6;
    }
}
