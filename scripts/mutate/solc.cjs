#!/usr/bin/env node
// scripts/solc.cjs with a memory, for forge in a bench of mutation testing: the same input is compiled once.
// forge asks for the same interfaces before every filtered run, and each bench is built from the same sources. What is
// kept, in the folder that MUTATE_MEMORY names, is also where the harness reads what forge makes of the tests before they are compiled.
"use strict";

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const COMPILER = path.join(__dirname, "..", "solc.cjs");
const VM = "0x7109709ECfa91a80626fF3989D68f67F5b1DD12D";
const DEPLOYMENT = new RegExp(`VmContractHelper(\\d+)\\(${VM}\\)\\.deployCode\\((?=\\{_artifact: "[^"]*", _args: )`, "g");
const memory = process.env.MUTATE_MEMORY;
const args = process.argv.slice(2);

/**
 * A deployment in a test by CREATE, as it was before forge put the cheat code `deployCode` there: of that one, `vm.expectRevert` does
 * not notice that it went well, and no test would miss what a constructor refuses.
 */
function created(input) {
  const request = JSON.parse(input);
  for (const source of Object.values(request.sources)) {
    const numbers = new Set();
    const content = source.content.replace(DEPLOYMENT, (_, number) => {
      numbers.add(number);
      return `created${number}(`;
    });
    source.content = content + [...numbers].map(creation).join("");
  }
  return JSON.stringify(request);
}

function creation(number) {
  return `
function created${number}(string memory _artifact, bytes memory _args) returns (address made) {
    bytes memory code = bytes.concat(VmContractHelper${number}(${VM}).getCode(_artifact), _args);
    assembly ("memory-safe") {
        made := create(0, add(code, 32), mload(code))
        if iszero(made) {
            returndatacopy(0, 0, returndatasize())
            revert(0, returndatasize())
        }
    }
}
`;
}

function run(input) {
  const done = spawnSync(process.execPath, [COMPILER, ...args], { input, maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "inherit"] });
  if (done.error) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
  return done.stdout;
}

/** Whole or not at all: two benches may be built at once. */
function keep(file, content) {
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, content);
  fs.renameSync(draft, file);
}

function remembered(input) {
  const name = path.join(memory, createHash("sha256").update(input).digest("hex"));
  if (!fs.existsSync(`${name}.output`)) {
    fs.mkdirSync(memory, { recursive: true });
    keep(`${name}.input`, input);
    keep(`${name}.output`, run(input));
  }
  return fs.readFileSync(`${name}.output`);
}

if (!args.includes("--standard-json")) {
  require(COMPILER); // it reads the same arguments
} else {
  if (!memory) throw new Error("MUTATE_MEMORY has to name a folder");
  const output = remembered(created(fs.readFileSync(0, "utf8")));
  for (let done = 0; done < output.length; ) {
    try {
      done += fs.writeSync(1, output, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
