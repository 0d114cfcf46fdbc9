// Prints the gas snapshots as one JSON object: {"fma_average": 541, "JobMarket, 3 seats": {"commit": 61598, …}, …,
// "osaka": {"fma_average": 501, …}}. What there is a goal for (contracts/snapshots/goals.json) stands on top.
import { readFileSync, readdirSync } from "node:fs";

const numbers = (text) => Object.fromEntries(Object.entries(JSON.parse(text)).map(([step, gas]) => [step, Number(gas)]));

/** All snapshots of a folder, and those of the folders in it by their names. */
function snapshots(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const goals = {};
  const rest = {};
  for (const entry of entries) {
    const group = entry.name.replace(/\.json$/, "");
    if (entry.isDirectory()) rest[group] = snapshots(new URL(`${entry.name}/`, folder));
    else if (group === "goals") Object.assign(goals, numbers(readFileSync(new URL(entry.name, folder), "utf8")));
    else if (group !== entry.name) rest[group] = numbers(readFileSync(new URL(entry.name, folder), "utf8"));
  }
  return { ...goals, ...rest };
}

console.log(JSON.stringify(snapshots(new URL("../contracts/snapshots/", import.meta.url)), null, 2));
