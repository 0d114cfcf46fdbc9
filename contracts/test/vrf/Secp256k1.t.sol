// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Secp256k1} from "../../libraries/Secp256k1.sol";
import {PlainSecp256k1} from "../support/PlainSecp256k1.sol";
import {TestBase} from "../support/TestBase.sol";

contract Secp256k1Test is TestBase {
    using PlainSecp256k1 for PlainSecp256k1.Point;

    function testFuzz_MultiplesOfTheBasePointAreTheClientsOwn(uint256 scalar) public view {
        scalar = bound(scalar, 1, Secp256k1.N - 1);
        PlainSecp256k1.Point memory a = _multiple(scalar);
        assertTrue(a.isOnCurve(), "on the curve");
        // The address of a key is a hash of its point: the EVM's own curve arithmetic is the oracle.
        assertEq(address(uint160(uint256(keccak256(abi.encode(a.x, a.y))))), vm.addr(scalar), "address");
    }

    function testFuzz_CombiningIsLinear(uint256 m, uint256 a, uint256 n, uint256 b) public view {
        m = bound(m, 0, Secp256k1.N - 1);
        n = bound(n, 0, Secp256k1.N - 1);
        a = bound(a, 1, Secp256k1.N - 1);
        b = bound(b, 1, Secp256k1.N - 1);
        uint256 scalar = addmod(mulmod(m, a, Secp256k1.N), mulmod(n, b, Secp256k1.N), Secp256k1.N);
        (bool finite, PlainSecp256k1.Point memory sum) = PlainSecp256k1.combine(m, _multiple(a), n, _multiple(b));
        assertEq(finite, scalar != 0, "finite");
        if (finite) _assertSame(sum, _multiple(scalar));
    }

    function testFuzz_EqualAndOppositePointsAreTold(uint256 m, uint256 n, uint256 a) public view {
        m = bound(m, 0, Secp256k1.N - 1);
        n = bound(n, 0, Secp256k1.N - 1);
        PlainSecp256k1.Point memory point = _multiple(bound(a, 1, Secp256k1.N - 1));
        (bool same, PlainSecp256k1.Point memory sum) = PlainSecp256k1.combine(m, point, n, point);
        assertEq(same, addmod(m, n, Secp256k1.N) != 0, "same point");
        if (same) _assertSame(sum, _times(addmod(m, n, Secp256k1.N), point));
        (bool opposite, PlainSecp256k1.Point memory difference) = PlainSecp256k1.combine(m, point, n, point.negate());
        assertEq(opposite, m != n, "opposite point");
        if (opposite) _assertSame(difference, _times(addmod(m, Secp256k1.N - n, Secp256k1.N), point));
    }

    function testFuzz_CompressionIsUndoneByLifting(uint256 scalar) public view {
        PlainSecp256k1.Point memory a = _multiple(bound(scalar, 1, Secp256k1.N - 1));
        bytes memory compressed = a.compress();
        (bool found, PlainSecp256k1.Point memory b) = PlainSecp256k1.lift(a.x, compressed[0] == 0x03);
        assertTrue(found, "found");
        assertEq(compressed.length, 33, "length");
        _assertSame(b, a);
        (, b) = PlainSecp256k1.lift(a.x, compressed[0] == 0x02);
        _assertSame(b, a.negate());
    }

    function testFuzz_LiftingFindsAPointOrThereIsNone(uint256 x) public view {
        x = bound(x, 0, Secp256k1.P - 1);
        (bool found, PlainSecp256k1.Point memory a) = PlainSecp256k1.lift(x, true);
        if (found) {
            assertTrue(a.isOnCurve() && a.x == x && a.y & 1 == 1, "a point");
        } else {
            // -1 is no square modulo P, so of a number and its negative exactly one is.
            uint256 square = Secp256k1.P - addmod(mulmod(mulmod(x, x, Secp256k1.P), x, Secp256k1.P), 7, Secp256k1.P);
            (bool other, uint256 root) = _root(square);
            assertTrue(other && mulmod(root, root, Secp256k1.P) == square, "the negative has a root");
        }
    }

    function test_TheOrderOfTheBasePointIsN() public view {
        (bool finite, PlainSecp256k1.Point memory last) = PlainSecp256k1.combine(Secp256k1.N - 1, PlainSecp256k1.generator(), 0, PlainSecp256k1.generator());
        assertTrue(finite, "(N - 1)B");
        _assertSame(last, PlainSecp256k1.generator().negate());
        (finite,) = PlainSecp256k1.combine(Secp256k1.N - 1, PlainSecp256k1.generator(), 1, PlainSecp256k1.generator());
        assertFalse(finite, "NB");
    }

    function _root(uint256 square) private pure returns (bool, uint256) {
        // By hand, so as not to ask the library about itself: square^((P + 1) / 4).
        uint256 root = 1;
        for (uint256 bit = 255; bit <= 255; bit = bit == 0 ? 256 : bit - 1) {
            root = mulmod(root, root, Secp256k1.P);
            if ((((Secp256k1.P + 1) / 4) >> bit) & 1 == 1) root = mulmod(root, square, Secp256k1.P);
        }
        return (mulmod(root, root, Secp256k1.P) == square, root);
    }

    function _multiple(uint256 scalar) private view returns (PlainSecp256k1.Point memory) {
        return _times(scalar, PlainSecp256k1.generator());
    }

    function _times(uint256 scalar, PlainSecp256k1.Point memory a) private view returns (PlainSecp256k1.Point memory product) {
        bool finite;
        (finite, product) = PlainSecp256k1.combine(scalar, a, 0, a);
        assertTrue(finite, "finite");
    }

    function _assertSame(PlainSecp256k1.Point memory have, PlainSecp256k1.Point memory want) private pure {
        assertEq(have.x, want.x, "x");
        assertEq(have.y, want.y, "y");
    }
}
