// Prints the gas snapshots as one JSON object: {"JobMarket, 3 seats": {"commit": 61598, …}, …}.
import { readFileSync, readdirSync } from "node:fs";

const folder = new URL("../contracts/snapshots/", import.meta.url);
const numbers = (text) => Object.fromEntries(Object.entries(JSON.parse(text)).map(([step, gas]) => [step, Number(gas)]));
const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
const all = files.map((name) => [name.replace(/\.json$/, ""), numbers(readFileSync(new URL(name, folder), "utf8"))]);
console.log(JSON.stringify(Object.fromEntries(all), null, 2));
