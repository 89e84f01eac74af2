// Conformance: the cache beside a reference. A folder has traces and a `reference.json` with the hit ratios that simulators found in them: strict `lru` and `fifo` must
// have the same to four digits, `hybrid` must be as good as it is said to be.
//
//   npm run conformance -- DIR [--json] [--trace NAME]
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { meansOf, PEERS, problemsOf, STRICT } from "./judge.mjs";

const THREADS = 2;
/** Room for the largest capacity and its fragments; only what is used is ever there. */
const REGION_SIZE = "512MiB";
const POLICIES = [...STRICT, "hybrid"];
const USAGE = "usage: npm run conformance -- DIR [--json] [--trace NAME]";

function readOptions() {
  const { values, positionals } = parseArgs({
    options: { json: { type: "boolean", default: false }, trace: { type: "string" } },
    allowPositionals: true,
  });
  if (positionals.length !== 1) throw new Error(USAGE);
  return { ...values, folder: positionals[0] };
}

/** One for each trace and capacity of the reference, the longest first. */
function readRows({ folder, trace: only }) {
  const { traces } = JSON.parse(readFileSync(join(folder, "reference.json"), "utf8"));
  const chosen = Object.entries(traces).filter(([name]) => only === undefined || name === only);
  if (chosen.length === 0) throw new Error(`the reference has no trace${only === undefined ? "" : ` "${only}"`}`);
  return chosen
    .sort(([, a], [, b]) => b.requests - a.requests)
    .flatMap(([name, { file, sized, results }]) =>
      results.map(({ fraction, capacity, policies }) => ({
        trace: name,
        file: join(folder, file),
        isSized: sized,
        fraction,
        capacity,
        reference: policies,
        ours: {},
      })),
    );
}

/** Runs all jobs in their order; a worker that fails fails the run. */
async function runJobs(jobs) {
  let next = 0;
  const problems = [];
  const work = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: { regionSize: REGION_SIZE } });
      let job;
      const give = () => {
        job = jobs[next++];
        worker.postMessage(
          job && { file: job.row.file, isSized: job.row.isSized, capacity: job.row.capacity, policy: job.policy },
        );
      };
      worker.on("message", (result) => {
        if (job === undefined) return problems.push(...result.problems);
        job.row.ours[job.policy] = result;
        give();
      });
      worker.on("error", reject);
      worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))));
      give();
    });
  await Promise.all(Array.from({ length: THREADS }, work));
  return problems;
}

const percent = (ratio) => (ratio === undefined ? "-" : (100 * ratio).toFixed(2)).padStart(7);

function print(rows, means) {
  const columns = [...POLICIES, "hybrid there", ...PEERS];
  console.log(`${"trace".padEnd(16)}${"capacity".padStart(10)}  ${columns.map((name) => name.padStart(12)).join(" ")}`);
  for (const { trace, capacity, ours, reference } of rows) {
    const ratios = [...POLICIES.map((name) => ours[name]), ...["hybrid", ...PEERS].map((name) => reference[name])];
    const cells = ratios.map((ratio) => percent(ratio?.ohr).padStart(12));
    console.log(`${trace.padEnd(16)}${String(capacity).padStart(10)}  ${cells.join(" ")}`);
  }
  console.log("\nhybrid's mean object hit ratio beside the reference's:");
  for (const [name, { rows: count, hybrid, reference }] of Object.entries(means))
    console.log(`  ${name.padEnd(12)} ${percent(hybrid)} to ${percent(reference)} (${count} capacities)`);
}

const round = (ratio) => Number(ratio.toFixed(6));

async function main() {
  const options = readOptions();
  const rows = readRows(options);
  const started = performance.now();
  const found = await runJobs(rows.flatMap((row) => POLICIES.map((policy) => ({ row, policy }))));
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const problems = [...problemsOf(rows), ...found];
  const means = {};
  for (const name of ["hybrid", ...PEERS]) {
    const both = meansOf(rows, name);
    if (both !== undefined)
      means[name] = { rows: both.rows, hybrid: round(both.hybrid), reference: round(both.reference) };
  }
  if (options.json) {
    const told = rows.map(({ trace, fraction, capacity, isSized, ours }) => {
      const policies = POLICIES.map((name) => {
        const { ohr, bhr } = ours[name];
        return [name, isSized ? { ohr: round(ohr), bhr: round(bhr) } : { ohr: round(ohr) }];
      });
      return { trace, fraction, capacity, policies: Object.fromEntries(policies) };
    });
    console.log(JSON.stringify({ results: told, means, seconds, problems }));
  } else {
    print(rows, means);
    console.log(problems.length === 0 ? `\nall of it holds (${seconds} s)` : `\n${problems.join("\n")}`);
  }
  if (problems.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`conformance: ${error.message.split("\n")[0]}`);
  process.exitCode = 2;
}
