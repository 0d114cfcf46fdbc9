// The life of a random number in Hardhat's own EVM, with proofs made by a prover that shares no code with ours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { concat, id, parseEther } from "ethers";
import hre from "hardhat";

import { coordinates, prove } from "../support/ecvrf.js";

const FEE = parseEther("0.01");
const BOND = parseEther("5");
const SLASH = parseEther("1");
const WINDOW = 60;

const { ethers } = await hre.network.create();
const [treasury, requester, payee, stranger, ...operators] = await ethers.getSigners();

const mine = async (blocks, seconds = 0) => {
  if (seconds > 0) await ethers.provider.send("evm_increaseTime", [seconds]);
  for (let i = 0; i < blocks; i++) await ethers.provider.send("evm_mine", []);
};

/** What the coordinator takes. */
const witnessed = ({ proof, witness }) => concat([proof, witness]);

async function deployWithOperators(count) {
  const coordinator = await ethers.deployContract("VrfCoordinator", [treasury.address, FEE, BOND, SLASH, WINDOW, 2, 3600, 1]);
  const secrets = [];
  for (let i = 0; i < count; i++) {
    const secret = BigInt(id(`operator ${i}`)) >> 1n;
    const [x, y] = coordinates(secret);
    const alpha = await coordinator.possessionAlpha(operators[i].address, x, y);
    await coordinator.connect(operators[i]).registerOperator(x, y, witnessed(prove(secret, alpha)), { value: BOND });
    secrets.push(secret);
  }
  await mine(2);
  return { coordinator, secrets };
}

async function request(coordinator) {
  const sent = await coordinator.connect(requester).request(payee.address, { value: FEE });
  const receipt = await sent.wait();
  const event = receipt.logs.map((log) => coordinator.interface.parseLog(log)).find((log) => log.name === "RandomnessRequested");
  await mine(1);
  return event.args.id;
}

const refuses = (coordinator, error, call) =>
  assert.rejects(call, (thrown) => {
    const data = thrown.data?.data ?? thrown.data ?? thrown.error?.data ?? thrown.info?.error?.data;
    const reason = typeof data === "string" ? coordinator.interface.parseError(data)?.name : undefined;
    assert.ok(reason === error || String(thrown.message).includes(error), `wanted ${error}, got ${thrown.message}`);
    return true;
  });

test("the prover gives the outputs of the published vectors", () => {
  const file = new URL("../../../tests/vectors/ecvrf-secp256k1-sha256-tai.json", import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(vectors.length, 26);
  for (const vector of vectors) {
    assert.equal(prove(BigInt(`0x${vector.sk}`), `0x${vector.alpha}`).beta, `0x${vector.beta}`, vector.label);
  }
});

test("a request is answered, paid and withdrawn", async () => {
  const { coordinator, secrets } = await deployWithOperators(3);
  const randomness = await request(coordinator);
  const [index, alpha] = await coordinator.challengeOf(randomness);
  const made = prove(secrets[Number(index)], alpha);
  const [proof, beta] = [witnessed(made), made.beta];
  await coordinator.connect(stranger).fulfil(randomness, proof);
  assert.equal(await coordinator.statusOf(randomness), 3n);
  assert.ok(await coordinator.isOutput(randomness, beta));

  const winner = operators[Number(index)];
  assert.equal(await coordinator.creditOf(winner.address), FEE);
  const before = await ethers.provider.getBalance(winner.address);
  const receipt = await (await coordinator.connect(winner).withdraw()).wait();
  const after = await ethers.provider.getBalance(winner.address);
  assert.equal(after + receipt.gasUsed * receipt.gasPrice - before, FEE);
  await refuses(coordinator, "VrfCoordinator_NotPending", coordinator.reassign(randomness));
});

test("another operator's proof is refused, and silence is slashed", async () => {
  const { coordinator, secrets } = await deployWithOperators(2);
  const randomness = await request(coordinator);
  const [index, alpha] = await coordinator.challengeOf(randomness);
  const other = prove(secrets[1 - Number(index)], alpha);
  await refuses(coordinator, "VrfCoordinator_InvalidProof", coordinator.fulfil(randomness, witnessed(other)));
  await refuses(coordinator, "VrfCoordinator_NotStalled", coordinator.reassign(randomness));
  await mine(1, WINDOW + 1);
  await coordinator.connect(stranger).reassign(randomness);
  assert.equal(await coordinator.creditOf(treasury.address), SLASH);
  const [next, nextAlpha] = await coordinator.challengeOf(randomness);
  assert.equal(next, 1n - index);
  await coordinator.fulfil(randomness, witnessed(prove(secrets[Number(next)], nextAlpha)));
  assert.equal(await coordinator.statusOf(randomness), 3n);
});
