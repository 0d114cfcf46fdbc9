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
const memory = process.env.MUTATE_MEMORY;
const args = process.argv.slice(2);

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
  const output = remembered(fs.readFileSync(0));
  for (let done = 0; done < output.length; ) {
    try {
      done += fs.writeSync(1, output, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
