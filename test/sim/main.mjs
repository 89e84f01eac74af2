// Main: `npm run sim`. Shares the time out among the scenarios and the mutants, over two workers, and prints what came of it.
//
//   npm run sim -- [--json] [--quick] [--scenario NAME] [--seed S] [--schedules N]
//                  [--mutant NAME] [--schedule DECISIONS [--deaths] [--trace]] [--list] [--learn] [--core DIRECTORY] [--no-edges]
//
// --quick takes at most a minute; without it every form is carried to its bound, and then N schedules for each scenario are filled up with
// random ones. --schedule replays one schedule, as a violation prints it. --learn is told of in killers.mjs.

import { releaseBundle } from "./bundle.mjs";
import { readKillers, writeKillers } from "./killers.mjs";
import { MUTANTS } from "./mutants/list.mjs";
import { readOptions } from "./options.mjs";
import { Pool } from "./pool.mjs";
import { loadScenarios } from "./registry.mjs";
import { replay } from "./replay.mjs";
import { Progress, isWrong, printReport, toJson, unhit } from "./report.mjs";

// Of the minute: room for starting and ending.
const QUICK_MS = 53_000;
// Mutants come first and take seconds, where the table of what killed them is of this core; else what is not found by then is undecided.
const MUTANTS_MS = 38_000;
// Schedules that each scenario of a mutant is given, from round to round. The slowest mutant of all needs some 7,000.
const ROUNDS = [400, 4_000, 40_000];
const EQUIVALENT_ROUNDS = [1_500];
const WORKERS = 2;

function chosen(items, wanted, what) {
  if (wanted === undefined) return items;
  const exact = items.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : items.filter(({ name }) => name.includes(wanted));
  if (found.length === 0) throw new Error(`no ${what} is called ${wanted}; --list names them`);
  return found;
}

/** Runs the scenarios, each with its share of the time that is left when it begins: as much as any, or as many times that as it says. */
async function runScenarios(pool, scenarios, run, progress) {
  const results = [];
  let left = scenarios.reduce((sum, { share = 1 }) => sum + share, 0);
  const tasks = scenarios.map(({ name, share = 1 }) => () => {
    const time = run.until - performance.now();
    const milliseconds = run.until === Infinity ? Infinity : Math.max(5, (time * WORKERS * share) / left);
    left -= share;
    return {
      name,
      seed: run.seed,
      schedules: run.schedules ?? Infinity,
      fill: run.schedules !== undefined,
      milliseconds,
    };
  });
  await pool.run(tasks, (result) => {
    results.push(result);
    progress.scenario(result);
  });
  return results.sort((one, two) => (one.name < two.name ? -1 : 1));
}

/** The self-test and the mutants, each until it is decided. */
async function runMutants(pool, mutants, scenarios, run, progress) {
  const results = [];
  const problems = [];
  const tasks = mutants.map((mutant) => () => ({
    mutant: mutant.name,
    number: 1 + MUTANTS.indexOf(mutant),
    names: mutant.scenarios.map((name) => chosen(scenarios, name, "scenario")[0].name),
    seed: run.seed,
    rounds: mutant.equivalent ? EQUIVALENT_ROUNDS : ROUNDS,
    isBrief: mutants.length > 1 && !run.isLearning,
    killer: run.killers[mutant.name],
    milliseconds: run.until - performance.now(),
  }));
  if (mutants.length > 1) tasks.unshift(() => ({ selfTest: true }));
  await pool.run(tasks, (result) => {
    if (result.problems) problems.push(...result.problems);
    else {
      results.push({ ...result, equivalent: mutants.find(({ name }) => name === result.mutant).equivalent });
      progress.mutant(result);
    }
  });
  return { results, problems };
}

/** What the core does as well says nothing of a mutant. */
function undoubted(hunted, results) {
  const known = new Set(results.flatMap(({ kinds }) => kinds));
  return hunted.map((result) =>
    result.killed && known.has(result.message) ? { ...result, killed: false, isUndecided: true } : result,
  );
}

/** Instruments the core, unless that was done before; the places it has. */
async function prepare(pool, options) {
  await pool.run([() => ({ prepare: "release" })], () => {});
  const { sites } = await releaseBundle(options.core);
  return sites;
}

/** Instruments the copy of the core with the mutants; why that cannot be, when the core is not the one they were written for. */
async function prepareMutants(pool) {
  try {
    await pool.run([() => ({ prepare: "mutants" })], () => {});
    return undefined;
  } catch (error) {
    return error.message.split("\n")[0];
  }
}

async function simulate(options) {
  const started = performance.now();
  const scenarios = await loadScenarios();
  // What shows a mistake of the core that is known and not mended yet is run by name only.
  const due = options.scenario ? scenarios : scenarios.filter(({ pending }) => !pending);
  const asked = options.mutant || options.learn ? [] : chosen(due, options.scenario, "scenario");
  const mutants = options.scenario ? [] : chosen(MUTANTS, options.mutant, "mutant");
  const end = (milliseconds) => (options.quick ? started + milliseconds : Infinity);
  const run = {
    seed: options.seed,
    schedules: options.schedules,
    isLearning: options.learn,
    killers: options.learn ? {} : readKillers(),
  };
  const progress = new Progress(options.json, asked.length + mutants.length);
  const pool = new Pool(WORKERS, options.core);
  try {
    const sites = await prepare(pool, options);
    const until = end(MUTANTS_MS);
    const unfit = mutants.length > 0 ? await prepareMutants(pool) : undefined;
    const fit = unfit === undefined ? mutants : [];
    const { results: hunted, problems } = await runMutants(pool, fit, scenarios, { ...run, until }, progress);
    if (unfit !== undefined) problems.push(`no mutant was tried: ${unfit}`);
    const exploring = performance.now();
    const before = process.cpuUsage();
    const results = await runScenarios(pool, asked, { ...run, until: end(QUICK_MS) }, progress);
    const explored = performance.now() - exploring;
    const { user, system } = process.cpuUsage(before);
    progress.end();
    for (const name of unhit(results, sites))
      problems.push(`${name} was passed, but nobody could be made to die there`);
    return {
      results,
      hunted: undoubted(hunted, results),
      problems,
      explored,
      cpu: (user + system) / 1000,
      sites,
      workers: WORKERS,
    };
  } finally {
    await pool.close();
  }
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  const scenarios = await loadScenarios();
  if (options.list) {
    for (const { name } of [...scenarios, ...MUTANTS]) console.log(name);
    return;
  }
  if (options.schedule !== undefined) {
    const named = chosen(scenarios, options.scenario, "scenario");
    if (named.length > 1)
      throw new Error(`--schedule is of one scenario, and ${named.length} have "${options.scenario}" in their names`);
    await replay(options, named[0]);
    return;
  }
  const outcome = await simulate(options);
  if (options.learn)
    writeKillers(
      outcome.hunted.filter((result) => !isWrong(result)),
      MUTANTS.map(({ name }) => name),
    );
  printReport(outcome, options);
  if (options.json) console.log(JSON.stringify(toJson(outcome)));
  const isViolated = outcome.results.some(({ violations }) => violations > 0);
  if (isViolated || outcome.hunted.some(isWrong) || outcome.problems.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`sim: ${error.message}`);
  process.exitCode = 2;
}
