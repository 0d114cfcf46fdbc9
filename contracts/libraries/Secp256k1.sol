// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The curve y² = x³ + 7 over the integers modulo P.
/// @dev The group's order N is prime, so every point but infinity has order N, none has y = 0 and x³ + 7 is never zero, and there
///      are no small subgroups to exclude. P mod 4 = 3, so -1 has no root, and of a number and its negative exactly one has.
library Secp256k1 {
    /// @dev The field's prime.
    uint256 internal constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    /// @dev The group's order.
    uint256 internal constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// @return Whether the coordinates are canonical (below P) and on the curve. Infinity has no such coordinates.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        return x < P && y < P && mulmod(y, y, P) == right(x);
    }

    /// @dev x³ + 7, the right side of the curve's equation.
    function right(uint256 x) internal pure returns (uint256) {
        return addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
    }
}
