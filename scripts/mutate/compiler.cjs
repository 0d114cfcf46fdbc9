#!/usr/bin/env node
// A compiler that stays: one standard-JSON input a line on standard input, one output a line on standard output.
// Loading the WebAssembly takes half a second and its first compilations run unoptimised, which thousands of mutants would all pay for.
"use strict";

const readline = require("node:readline");
const { compile } = require("solc");

readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (input) => {
  process.stdout.write(`${compile(input)}\n`);
});
