// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The grammar of handles, names, labels and versions.
/// @dev Callers of `isVersion` and `isName` get false, at the cost of a comparison, for anything longer than the limit.
library Names {
    uint256 internal constant LIMIT = 64;
    uint256 internal constant HANDLE_LIMIT = 39;

    /// @notice Whether `text` is `[a-z0-9]([a-z0-9-]*[a-z0-9])?` of at most `limit` bytes.
    function isName(string calldata text, uint256 limit) internal pure returns (bool) {
        bytes calldata data = bytes(text);
        uint256 length = data.length;
        if (length == 0 || length > limit) return false;
        if (data[0] == "-" || data[length - 1] == "-") return false;
        for (uint256 i = 0; i < length; ++i) {
            if (!_isDigit(data[i]) && !_isLetter(data[i]) && data[i] != "-") return false;
        }
        return true;
    }

    /// @notice Whether `text` is a name that begins with a letter, of at most LIMIT bytes. No label is a version.
    function isLabel(string calldata text) internal pure returns (bool) {
        return isName(text, LIMIT) && _isLetter(bytes(text)[0]);
    }

    /// @notice Whether `text` is `MAJOR.MINOR.PATCH`, decimal numbers without leading zeros, of at most LIMIT bytes.
    function isVersion(string calldata text) internal pure returns (bool) {
        bytes calldata data = bytes(text);
        uint256 length = data.length;
        if (length > LIMIT) return false;
        uint256 dots = 0;
        uint256 start = 0; // of the current number
        for (uint256 i = 0; i < length; ++i) {
            if (data[i] == ".") {
                if (i == start) return false;
                ++dots;
                start = i + 1;
            } else if (!_isDigit(data[i]) || (i > start && data[start] == "0")) {
                return false;
            }
        }
        return dots == 2 && start < length;
    }

    function _isDigit(bytes1 char) private pure returns (bool) {
        return char >= "0" && char <= "9";
    }

    function _isLetter(bytes1 char) private pure returns (bool) {
        return char >= "a" && char <= "z";
    }
}
