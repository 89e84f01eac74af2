// The bench: runs every suite in suites/ (a file added there is a suite added) and prints a table to stderr and, with --json,
// one JSON object as the last line of stdout.  node bench/run.mjs [--json] [--quick] [--suite NAME] [--workload NAME]
import fs from "node:fs";
import { openThreadClock } from "./lib/clock.mjs";
import { describeMachine } from "./lib/machine.mjs";
import { readOptions } from "./lib/options.mjs";
import { formatTable } from "./lib/report.mjs";

const folder = new URL("./suites/", import.meta.url);
const options = readOptions(process.argv.slice(2));
const machine = describeMachine();
const context = { quick: options.quick, timing: options.timing, clock: await openThreadClock() };
console.error(`${machine}; Node ${process.versions.node}; clock: ${context.clock.kind}`);

const names = fs
  .readdirSync(folder)
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -4))
  .sort();
const rows = [];
for (const name of names.filter(options.wantsSuite)) rows.push(...(await runSuite(name)));

if (rows.length === 0) {
  console.error(`nothing to run; suites: ${names.join(" ")}`);
  process.exitCode = 1;
}
if (options.json) console.log(JSON.stringify({ machine, node: process.versions.node, suites: rows }));

async function runSuite(name) {
  const suite = await import(new URL(`${name}.mjs`, folder));
  const done = [];
  for (const workload of suite.workloads.filter(options.wantsWorkload)) {
    process.stderr.write(`${name} ${workload} … `);
    const start = performance.now();
    done.push(await suite.run(workload, context));
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  }
  console.error(`\n${formatTable(done)}\n`);
  return done;
}
