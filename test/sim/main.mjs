// Main: `npm run sim`. Shares the time out among the scenarios and the mutants, over two workers, and prints what came of it.
//
//   npm run sim -- [--json] [--quick] [--scenario NAME] [--seed S] [--schedules N]
//                  [--mutant NAME] [--schedule DECISIONS [--deaths] [--trace]] [--list] [--core DIRECTORY] [--no-edges]
//
// --quick takes at most a minute; without it every form is carried to its bound, and then N schedules for each scenario are filled
// up with random ones. --schedule replays one schedule, as a violation prints it.

import { parseArgs } from "node:util";
import { releaseBundle } from "./bundle.mjs";
import { MUTANTS } from "./mutants/list.mjs";
import { Pool } from "./pool.mjs";
import { loadScenarios } from "./registry.mjs";
import { replay } from "./replay.mjs";
import { Progress, printReport, toJson } from "./report.mjs";

// Of the minute: room for instrumenting on a machine that has done nothing yet, and for starting and ending.
const QUICK_MS = 56_000;
const QUICK_RESERVE_MS = 2_000;
const MUTANT_SHARE = 0.4;
const MUTANT_MS = 10_000;
// An equivalent mutant is looked at no longer than this.
const EQUIVALENT_MS = 1_500;
const WORKERS = 2;

const OPTIONS = {
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  scenario: { type: "string" },
  seed: { type: "string", default: "1" },
  schedules: { type: "string" },
  mutant: { type: "string" },
  schedule: { type: "string" },
  deaths: { type: "boolean", default: false },
  trace: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  core: { type: "string" },
  "no-edges": { type: "boolean", default: false },
};

function chosen(items, wanted, what) {
  if (wanted === undefined) return items;
  const exact = items.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : items.filter(({ name }) => name.includes(wanted));
  if (found.length === 0) throw new Error(`no ${what} is called ${wanted}; --list names them`);
  return found;
}

/** Runs the scenarios, each with an equal share of the time that is left when it begins. */
async function runScenarios(pool, scenarios, run, progress) {
  const results = [];
  const tasks = scenarios.map(({ name }) => (left) => ({
    name,
    seed: run.seed,
    schedules: run.schedules ?? Infinity,
    fill: run.schedules !== undefined,
    milliseconds: run.until === Infinity ? Infinity : Math.max(20, ((run.until - performance.now()) * WORKERS) / left),
  }));
  await pool.run(tasks, (result) => {
    results.push(result);
    progress.scenario(result);
  });
  return results.sort((one, two) => (one.name < two.name ? -1 : 1));
}

async function runMutants(pool, mutants, scenarios, known, run, progress) {
  const results = [];
  // Those that take long come last: what the others leave of their shares is theirs.
  const ordered = mutants.toSorted((one, two) => Number(one.isSlow ?? false) - Number(two.isSlow ?? false));
  const tasks = ordered.map((mutant) => (left) => ({
    mutant: mutant.name,
    number: 1 + MUTANTS.indexOf(mutant),
    names: mutant.scenarios.map((name) => chosen(scenarios, name, "scenario")[0].name),
    seed: run.seed,
    known,
    milliseconds: Math.max(
      50,
      Math.min(mutant.equivalent ? EQUIVALENT_MS : MUTANT_MS, ((run.until - performance.now()) * WORKERS) / left),
    ),
  }));
  await pool.run(tasks, (result) => {
    results.push({ ...result, equivalent: mutants.find(({ name }) => name === result.mutant).equivalent });
    progress.mutant(results.at(-1));
  });
  return results;
}

async function simulate(options) {
  const started = performance.now();
  const scenarios = await loadScenarios();
  const asked = options.mutant ? [] : chosen(scenarios, options.scenario, "scenario");
  const mutants = options.scenario ? [] : chosen(MUTANTS, options.mutant, "mutant");
  const end = options.quick ? started + QUICK_MS - QUICK_RESERVE_MS : Infinity;
  const progress = new Progress(options.json, asked.length + mutants.length);
  const pool = new Pool(WORKERS, options.core);
  try {
    const run = { seed: Number(options.seed), schedules: options.schedules && Number(options.schedules) };
    const mutantMs = mutants.length > 0 && asked.length > 0 ? (end - performance.now()) * MUTANT_SHARE : 0;
    const parts = mutants.length > 0 ? ["release", "mutants"] : ["release"];
    await pool.run(
      parts.map((prepare) => () => ({ prepare })),
      () => {},
    );
    const problems = [];
    if (!options.scenario && !options.mutant) {
      await pool.run([() => ({ selfTest: true })], (result) => problems.push(...result.problems));
    }
    const exploring = performance.now();
    const results = await runScenarios(pool, asked, { ...run, until: end - (mutantMs || 0) }, progress);
    const explored = performance.now() - exploring;
    const known = [...new Set(results.flatMap(({ kinds }) => kinds))];
    const hunted = await runMutants(pool, mutants, scenarios, known, { ...run, until: end }, progress);
    progress.end();
    return { results, hunted, problems, explored, workers: WORKERS };
  } finally {
    await pool.close();
  }
}

async function main() {
  const { values: options } = parseArgs({ options: OPTIONS });
  const scenarios = await loadScenarios();
  if (options.list) {
    for (const { name } of [...scenarios, ...MUTANTS]) console.log(name);
    return;
  }
  if (options.schedule !== undefined) {
    await replay(options, chosen(scenarios, options.scenario, "scenario")[0]);
    return;
  }
  const outcome = await simulate(options);
  const { sites } = await releaseBundle(options.core);
  printReport(outcome, sites, options);
  if (options.json) console.log(JSON.stringify(toJson(outcome, sites)));
  // An equivalent mutant that is told apart is as wrong as one that lives.
  const wrong = outcome.hunted.filter(({ killed, equivalent }) => killed === Boolean(equivalent));
  const isViolated = outcome.results.some(({ violations }) => violations > 0);
  if (isViolated || wrong.length > 0 || outcome.problems.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`sim: ${error.message}`);
  process.exitCode = 2;
}
