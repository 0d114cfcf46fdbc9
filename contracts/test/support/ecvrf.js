// A prover for tests, on nothing but ethers' curve functions and node's SHA-256. Its nonces are random: a verifier cannot
// tell, and the output does not depend on them.
import { createHash } from "node:crypto";

import { SigningKey, concat, getBytes, hexlify, randomBytes, toBeHex } from "ethers";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const sha256 = (...parts) => hexlify(createHash("sha256").update(getBytes(concat(parts))).digest());
const compress = (point) => SigningKey.computePublicKey(point, true);
/** scalar · point: what a Diffie-Hellman exchange computes. */
const multiply = (scalar, point) => compress(new SigningKey(toBeHex(scalar, 32)).computeSharedSecret(point));
const publicKeyOf = (scalar) => new SigningKey(toBeHex(scalar, 32)).compressedPublicKey;

function encodeToCurve(key, alpha) {
  for (let counter = 0; counter < 256; counter++) {
    try {
      return compress(concat(["0x02", sha256("0xfe01", key, alpha, toBeHex(counter, 1), "0x00")]));
    } catch {
      // no point has this x
    }
  }
  throw new Error("no point");
}

/** Affine coordinates of a secret key's public key. */
export function coordinates(secret) {
  const point = new SigningKey(toBeHex(secret, 32)).publicKey; // 04 | x | y
  return [BigInt(`0x${point.slice(4, 68)}`), BigInt(`0x${point.slice(68)}`)];
}

/** The proof (81 bytes) and its output, both as hex. */
export function prove(secret, alpha) {
  const key = publicKeyOf(secret);
  const h = encodeToCurve(key, alpha);
  const gamma = multiply(secret, h);
  const k = (BigInt(hexlify(randomBytes(32))) % (ORDER - 1n)) + 1n;
  const c = sha256("0xfe02", key, h, gamma, publicKeyOf(k), multiply(k, h), "0x00").slice(0, 34);
  const s = (k + BigInt(c) * secret) % ORDER;
  return { proof: concat([gamma, c, toBeHex(s, 32)]), beta: sha256("0xfe03", gamma, "0x00") };
}
