// A prover for tests, on nothing but ethers' curve functions and node's SHA-256. Its nonces are random: a verifier cannot
// tell, and the output does not depend on them.
import { createHash } from "node:crypto";

import { SigningKey, concat, getBytes, hexlify, randomBytes, toBeHex } from "ethers";

const PRIME = 2n ** 256n - 2n ** 32n - 977n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const sha256 = (...parts) => hexlify(createHash("sha256").update(getBytes(concat(parts))).digest());
const compress = (point) => SigningKey.computePublicKey(point, true);
/** scalar · point: what a Diffie-Hellman exchange computes. */
const multiply = (scalar, point) => compress(new SigningKey(toBeHex(scalar, 32)).computeSharedSecret(point));
const publicKeyOf = (scalar) => new SigningKey(toBeHex(scalar, 32)).compressedPublicKey;

const word = (value) => toBeHex(value, 32);
const power = (base, exponent) => {
  let result = 1n;
  for (let square = base % PRIME; exponent > 0n; exponent >>= 1n, square = (square * square) % PRIME) {
    if (exponent & 1n) result = (result * square) % PRIME;
  }
  return result;
};
/** x and y of a point. */
const affine = (point) => {
  const both = SigningKey.computePublicKey(point, false); // 04 | x | y
  return [BigInt(`0x${both.slice(4, 68)}`), BigInt(`0x${both.slice(68)}`)];
};

/** The even roots of -(x³ + 7) of the candidates that are no points. */
function roots(key, alpha) {
  const list = [];
  for (let counter = 0; counter < 256; counter++) {
    const x = BigInt(sha256("0xfe01", key, alpha, toBeHex(counter, 1), "0x00"));
    if (x >= PRIME) continue;
    const negative = PRIME - ((x ** 3n + 7n) % PRIME);
    const root = power(negative, (PRIME + 1n) / 4n);
    if ((root * root) % PRIME !== negative) return list;
    list.push(word(root % 2n === 0n ? root : PRIME - root));
  }
  throw new Error("no point");
}

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
  return affine(publicKeyOf(secret));
}

/** The proof (81 bytes), its witness and its output, all as hex. */
export function prove(secret, alpha) {
  const key = publicKeyOf(secret);
  const h = encodeToCurve(key, alpha);
  const gamma = multiply(secret, h);
  const k = (BigInt(hexlify(randomBytes(32))) % (ORDER - 1n)) + 1n;
  const u = publicKeyOf(k);
  const c = sha256("0xfe02", key, h, gamma, u, multiply(k, h), "0x00").slice(0, 34);
  const s = (k + BigInt(c) * secret) % ORDER;
  const [sh, cGamma] = [affine(multiply(s, h)), affine(multiply(BigInt(c), gamma))];
  const inverse = power(sh[0] - cGamma[0] + PRIME, PRIME - 2n);
  const witness = concat([...[...affine(u), ...sh, ...cGamma, inverse].map(word), ...roots(key, alpha)]);
  return { proof: concat([gamma, c, word(s)]), witness, beta: sha256("0xfe03", gamma, "0x00") };
}
