"""A second implementation of RFC 9381's ECVRF with TAI, written from the RFC on pure-Python curve arithmetic (`ecdsa`).

It shares no code with aivm.vrf, and is parametrised by curve and suite byte so that it can itself be held against the
RFC's own P-256 examples.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecdsa import NIST256p, SECP256k1, rfc6979
from ecdsa.ellipticcurve import Point
from ecdsa.numbertheory import SquareRootError, square_root_mod_prime

if TYPE_CHECKING:
    from ecdsa.curves import Curve


def sha256(data):
    return hashlib.sha256(data).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecvrf:
    curve: Curve
    suite: int

    @property
    def generator(self):
        g = self.curve.generator
        return Point(self.curve.curve, g.x(), g.y(), self.curve.order)

    def point_to_string(self, point):
        return bytes([2 + point.y() % 2]) + point.x().to_bytes(32, "big")

    def string_to_point(self, octets):
        """The point, or None."""
        curve = self.curve.curve
        x = int.from_bytes(octets[1:], "big")
        if len(octets) != 33 or octets[0] not in (2, 3) or x >= curve.p():
            return None
        square = (x * x * x + curve.a() * x + curve.b()) % curve.p()
        try:
            y = square_root_mod_prime(square, curve.p())
        except SquareRootError:
            return None
        return Point(curve, x, y if y % 2 == octets[0] % 2 else curve.p() - y, self.curve.order)

    def encode_to_curve(self, salt, alpha):
        for counter in range(256):
            digest = sha256(bytes([self.suite, 1]) + salt + alpha + bytes([counter, 0]))
            point = self.string_to_point(b"\x02" + digest)
            if point is not None:
                return point, counter
        raise AssertionError("no point found")

    def challenge(self, *points):
        octets = bytes([self.suite, 2]) + b"".join(map(self.point_to_string, points)) + b"\x00"
        return int.from_bytes(sha256(octets)[:16], "big")

    def public_key(self, secret):
        return self.point_to_string(self.generator * secret)

    def prove(self, secret, alpha):
        """All intermediate values, by the names that the vectors use."""
        order, y = self.curve.order, self.generator * secret
        h, counter = self.encode_to_curve(self.point_to_string(y), alpha)
        h_string = self.point_to_string(h)
        k = rfc6979.generate_k(order, secret, hashlib.sha256, sha256(h_string))
        gamma, u, v = h * secret, self.generator * k, h * k
        c = self.challenge(y, h, gamma, u, v)
        s = (k + c * secret) % order
        pi = self.point_to_string(gamma) + c.to_bytes(16, "big") + s.to_bytes(32, "big")
        return {
            "pk": self.public_key(secret),
            "h": h_string,
            "h_ctr": counter,
            "k": k.to_bytes(32, "big"),
            "gamma": self.point_to_string(gamma),
            "u": self.point_to_string(u),
            "v": self.point_to_string(v),
            "c": c.to_bytes(16, "big"),
            "s": s.to_bytes(32, "big"),
            "pi": pi,
            "beta": self.output(gamma),
        }

    def output(self, gamma):
        return sha256(bytes([self.suite, 3]) + self.point_to_string(gamma) + b"\x00")

    def verify(self, public_key, alpha, proof):
        """The output, or None."""
        order, y = self.curve.order, self.string_to_point(public_key)
        if y is None or len(proof) != 81:
            return None
        gamma, c, s = (
            self.string_to_point(proof[:33]),
            int.from_bytes(proof[33:49], "big"),
            int.from_bytes(proof[49:], "big"),
        )
        if gamma is None or s >= order:
            return None
        h, _ = self.encode_to_curve(public_key, alpha)
        # Both in one multiplication each; a scalar of 0 is the order, which ecdsa multiplies to its infinity.
        u = self.generator * s + y * (order - c % order)
        v = h * s + gamma * (order - c % order)
        if u.x() is None or v.x() is None or self.challenge(y, h, gamma, u, v) != c:
            return None
        return self.output(gamma)


SECP256K1 = Ecvrf(curve=SECP256k1, suite=0xFE)
P256 = Ecvrf(curve=NIST256p, suite=0x01)
