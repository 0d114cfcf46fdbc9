// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Secp256k1} from "../../libraries/Secp256k1.sol";

/// @title The group of the curve y² = x³ + 7 over the integers modulo P: what the tests compute with.
/// @dev Sums are computed in Jacobian coordinates: (X, Y, Z) stands for (X/Z², Y/Z³), Z = 0 for the point at infinity.
///      Nothing here is constant in time: no secret may come near it. The group's order N is prime, so every point but
///      infinity has order N, none has y = 0, and there are no small subgroups to exclude.
///      Arithmetic is unchecked because every operand is below P and is only ever negated (P - a) or reduced.
library PlainSecp256k1 {
    struct Point {
        uint256 x;
        uint256 y;
    }

    uint256 private constant P = Secp256k1.P;

    /// @return The base point.
    function generator() internal pure returns (Point memory) {
        return Point({
            x: 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
            y: 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8
        });
    }

    /// @return Whether the coordinates are canonical (below P) and on the curve. Infinity has no such coordinates.
    function isOnCurve(Point memory a) internal pure returns (bool) {
        return Secp256k1.isOnCurve(a.x, a.y);
    }

    /// @dev The point with this x and this parity of y. Costs a modular exponentiation.
    /// @return found false when `x` is not below P or belongs to no point
    function lift(uint256 x, bool odd) internal view returns (bool found, Point memory a) {
        if (x >= P) return (false, a);
        uint256 square = Secp256k1.right(x);
        uint256 y = Math.modExp(square, (P + 1) / 4, P); // a root of `square` if it has one, since P mod 4 = 3
        if (mulmod(y, y, P) != square) return (false, a);
        return (true, Point({x: x, y: (y & 1 == 1) == odd ? y : P - y}));
    }

    /// @return The negative of a point.
    function negate(Point memory a) internal pure returns (Point memory) {
        return Point({x: a.x, y: P - a.y});
    }

    /// @return SEC1 compressed form, 33 bytes.
    function compress(Point memory a) internal pure returns (bytes memory) {
        return abi.encodePacked(a.y & 1 == 1 ? bytes1(0x03) : bytes1(0x02), a.x);
    }

    /// @dev m·a + n·b, both scalars below N, by one pass over the bits of both (Straus).
    /// @return finite false when the sum is the point at infinity
    function combine(uint256 m, Point memory a, uint256 n, Point memory b) internal view returns (bool finite, Point memory sum) {
        // addends[1] = a, addends[2] = b, addends[3] = a + b if that is not infinity
        Point[4] memory addends;
        addends[1] = a;
        addends[2] = b;
        bool meet;
        {
            (uint256 x3, uint256 y3, uint256 z3) = _add(a.x, a.y, 1, b);
            (meet, addends[3]) = _affine(x3, y3, z3);
        }
        uint256 x;
        uint256 y;
        uint256 z; // infinity
        unchecked {
            // As many turns as the longer scalar has bits.
            for (uint256 bit = Math.log2(m | n) + 1; bit-- > 0;) {
                (x, y, z) = _double(x, y, z);
                uint256 which = ((m >> bit) & 1) | (((n >> bit) & 1) << 1);
                if (which == 0 || (which == 3 && !meet)) continue;
                (x, y, z) = _add(x, y, z, addends[which]);
            }
        }
        return _affine(x, y, z);
    }

    function _affine(uint256 x, uint256 y, uint256 z) private view returns (bool finite, Point memory a) {
        if (z == 0) return (false, a);
        uint256 inverse = Math.modExp(z, P - 2, P);
        uint256 square = mulmod(inverse, inverse, P);
        return (true, Point({x: mulmod(x, square, P), y: mulmod(y, mulmod(square, inverse, P), P)}));
    }

    /// @dev Twice a point. Infinity stays infinity.
    function _double(uint256 x, uint256 y, uint256 z) private pure returns (uint256 x3, uint256 y3, uint256 z3) {
        unchecked {
            uint256 yy = mulmod(y, y, P);
            uint256 s = mulmod(4, mulmod(x, yy, P), P);
            uint256 m = mulmod(3, mulmod(x, x, P), P);
            x3 = addmod(mulmod(m, m, P), P - addmod(s, s, P), P);
            y3 = addmod(mulmod(m, addmod(s, P - x3, P), P), P - mulmod(8, mulmod(yy, yy, P), P), P);
            z3 = mulmod(2, mulmod(y, z, P), P);
        }
    }

    /// @dev (x, y, z) plus an affine point, complete: infinity, equal and opposite points are told apart.
    function _add(uint256 x, uint256 y, uint256 z, Point memory b) private pure returns (uint256 x3, uint256 y3, uint256 z3) {
        if (z == 0) return (b.x, b.y, 1);
        unchecked {
            uint256 zz = mulmod(z, z, P);
            uint256 h = addmod(mulmod(b.x, zz, P), P - x, P);
            uint256 r = addmod(mulmod(b.y, mulmod(zz, z, P), P), P - y, P);
            if (h == 0) return r == 0 ? _double(x, y, z) : (0, 0, 0);
            uint256 hh = mulmod(h, h, P);
            uint256 hhh = mulmod(hh, h, P);
            uint256 v = mulmod(x, hh, P);
            x3 = addmod(addmod(mulmod(r, r, P), P - hhh, P), P - addmod(v, v, P), P);
            y3 = addmod(mulmod(r, addmod(v, P - x3, P), P), P - mulmod(y, hhh, P), P);
            z3 = mulmod(z, h, P);
        }
    }
}
