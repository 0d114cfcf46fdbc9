#!/usr/bin/env node
// The Solidity compiler as a command: npm's `solc` (WebAssembly) behind the part of the native command line that
// forge, py-solc-x and slither use: `--version` and `--standard-json`. One compiler for every tool, none downloaded.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const FLAGS_WITH_A_VALUE = new Set(["--base-path", "--include-path", "--allow-paths"]);
const CACHE = path.join(__dirname, "..", "cache");

function fail(message) {
  process.stderr.write(`solc.cjs: ${message}\n`);
  process.exit(1);
}

/** What the arguments ask for; unknown flags are errors, so that nothing is silently compiled otherwise than asked. */
function parse(args) {
  const asked = { version: false, standardJson: false, roots: [], input: null };
  const includes = [];
  for (let i = 0; i < args.length; i++) {
    const [flag, inline] = args[i].startsWith("--") ? args[i].split(/=(.*)/s) : [args[i]];
    if (FLAGS_WITH_A_VALUE.has(flag)) {
      const value = inline ?? args[++i];
      if (value === undefined) fail(`${flag} needs a value`);
      if (flag === "--base-path") asked.roots = [path.resolve(value)];
      if (flag === "--include-path") includes.push(path.resolve(value));
    } else if (flag === "--version") asked.version = true;
    else if (flag === "--standard-json") asked.standardJson = true;
    else if (flag.startsWith("-") && flag !== "-") fail(`${flag} is not supported, only --version and --standard-json are`);
    else if (asked.input === null) asked.input = flag;
    else fail(`one input at most, have ${asked.input} and ${flag}`);
  }
  if (asked.roots.length === 0) asked.roots = [process.cwd()];
  asked.roots.push(...includes);
  return asked;
}

/** The compiler's long version. Loading 9 MB of WebAssembly takes half a second and tools ask at every run: remembered. */
function version() {
  const release = require("solc/package.json").version;
  const remembered = path.join(CACHE, `solc-${release}.version`);
  try {
    return fs.readFileSync(remembered, "utf8");
  } catch {
    // not asked before on this checkout
  }
  // The tools parse the platform at the end and know only those of the native builds.
  const long = require("solc").version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  try {
    fs.mkdirSync(CACHE, { recursive: true });
    const draft = `${remembered}.${process.pid}`;
    fs.writeFileSync(draft, long);
    fs.renameSync(draft, remembered); // two tools may ask at once
  } catch {
    // a read-only checkout only costs the half second again
  }
  return long;
}

/** Answers the compiler's imports from the roots, never from outside them. */
function importer(roots) {
  return (name) => {
    for (const root of roots) {
      const file = path.resolve(root, name);
      if (!file.startsWith(root + path.sep)) continue;
      try {
        return { contents: fs.readFileSync(file, "utf8") };
      } catch {
        // the next root may have it
      }
    }
    return { error: `File not found: ${name} (looked under ${roots.join(", ")})` };
  };
}

/** Writes all of it: standard output may be a pipe that takes a part at a time. */
function write(text) {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const asked = parse(process.argv.slice(2));
if (asked.version) {
  write(`solc, the solidity compiler commandline interface\nVersion: ${version()}\n`);
} else if (asked.standardJson) {
  const input = fs.readFileSync(asked.input === null || asked.input === "-" ? 0 : asked.input, "utf8");
  write(`${require("solc").compile(input, { import: importer(asked.roots) })}\n`);
} else {
  fail("nothing to do: give --version or --standard-json");
}
