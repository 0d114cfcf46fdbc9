// For people of the Hardhat ecosystem: `npx hardhat build`, `npx hardhat test`. Nothing is downloaded: the compiler is
// npm's solc, and `npx` finds the Node 22 that Hardhat 3 wants in node_modules/.bin, whatever Node started it.
import { createRequire } from "node:module";

import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import nodeTestRunner from "@nomicfoundation/hardhat-node-test-runner";
import { defineConfig } from "hardhat/config";

export default defineConfig({
  plugins: [hardhatEthers, nodeTestRunner],
  solidity: {
    version: "0.8.37",
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    // The same in foundry.toml, where the reasons are, and in scripts/build_artifacts.py.
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 160 },
      viaIR: false,
      metadata: { bytecodeHash: "none" },
    },
  },
  paths: {
    sources: "./contracts",
    tests: { nodejs: "./contracts/test/hardhat", solidity: "./contracts/test" },
    cache: "./cache/hardhat",
    artifacts: "./out/hardhat",
  },
  test: {
    solidity: {
      isolate: true,
      fsPermissions: { readDirectory: ["./tests", "./contracts"] },
      fuzz: { runs: 64, seed: "0x61" },
      invariant: { runs: 16, depth: 32, failOnRevert: true },
    },
  },
});
