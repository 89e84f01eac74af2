// Report: what a run of the simulator says: a table for people, one line of JSON for programs, and for each violation the command
// that replays it.

import { unexecuted } from "./unexecuted.mjs";

const FIELDS = ["name", "schedules", "steps", "deaths", "deathSites", "deathSitesHit", "races", "violations", "seed"];
const SUMS = ["schedules", "equivalent", "steps", "deaths", "races", "violations"];

/** The names of places that were passed and where nobody died. */
export function unhit(results, sites) {
  const hit = union(results, "hit");
  return [...union(results, "sites")].filter((site) => !hit.has(site)).map((site) => sites[site].name);
}

const pick = (object, keys) => Object.fromEntries(keys.map((key) => [key, object[key]]));

const union = (results, key) => new Set(results.flatMap((result) => result[key]));

/** Schedules a second of one worker: set-ups, audits and all, but for what starting costs. */
function rateOf(results) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  return Math.round(sum("schedules") / (sum("milliseconds") / 1000)) || 0;
}

/** The sums over all scenarios; sites are counted once, however many scenarios pass them. */
function totals({ results, explored, cpu, workers }) {
  const total = Object.fromEntries(SUMS.map((key) => [key, results.reduce((sum, result) => sum + result[key], 0)]));
  total.deathSites = union(results, "sites").size;
  total.deathSitesHit = union(results, "hit").size;
  const seconds = explored / 1000;
  total.schedulesPerSecond = Math.round(total.schedules / seconds);
  total.schedulesPerSecondPerCore = Math.round(total.schedules / seconds / workers);
  // Of a core that others work on too, by what the workers had of it.
  total.schedulesPerCpuSecond = Math.round(total.schedules / (cpu / 1000));
  total.schedulesPerSecondPerCoreOnHeap = rateOf(results.filter(({ isHeapAlone }) => isHeapAlone));
  total.complete = results.filter(({ complete }) => complete).length;
  return total;
}

/** Whether a mutant lives that should not; an equivalent one that is told apart is as wrong. One that stayed undecided says nothing. */
export const isWrong = ({ killed, equivalent, isUndecided }) => !isUndecided && killed === Boolean(equivalent);

function mutantTotals(hunted) {
  const named = (list) => list.map(({ mutant }) => mutant);
  const decided = hunted.filter(({ isUndecided }) => !isUndecided);
  const wrong = decided.filter(isWrong);
  return {
    total: decided.length,
    killed: decided.filter(({ killed }) => killed).length,
    equivalent: decided.filter(({ killed, equivalent }) => !killed && equivalent).length,
    toldApart: named(wrong.filter(({ killed }) => killed)),
    alive: named(wrong.filter(({ killed }) => !killed)),
    undecided: named(hunted.filter(({ isUndecided }) => isUndecided)),
  };
}

export function toJson(outcome) {
  const scenarios = outcome.results.map((result) => ({
    ...pick(result, FIELDS),
    complete: result.complete,
    bounds: result.forms.map(({ form, complete, bound }) => `${form} ${complete ? "" : "only "}${bound}`).join(", "),
  }));
  return {
    scenarios,
    total: totals(outcome),
    mutants: mutantTotals(outcome.hunted),
    selfTest: outcome.problems,
    found: outcome.results.flatMap(({ found }) => found),
    unexecuted: unexecuted(outcome.sites, union(outcome.results, "passed")),
    unhit: unhit(outcome.results, outcome.sites),
  };
}

/** An argument as a shell takes it. */
function quoted(text) {
  if (/^[\w/+@,-]+$/.test(text)) return text;
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

export function replayCommand({ scenario, schedule, deaths }, mutant, core) {
  const options = [`--scenario ${quoted(scenario)}`, `--schedule ${quoted(schedule.join(",") || ",")}`];
  if (mutant) options.push(`--mutant ${quoted(mutant)}`);
  if (core) options.push(`--core ${quoted(core)}`);
  if (deaths) options.push("--deaths");
  return `npm run sim -- ${options.join(" ")}`;
}

function printViolation(violation, core, print) {
  print(`\nVIOLATION in ${violation.scenario}: ${violation.message}`);
  if (violation.schedule) print(`  replay: ${replayCommand(violation, undefined, core)}`);
}

function printMutant({ mutant, killed, found }, core, print) {
  print(`\n${killed ? "EQUIVALENT MUTANT TOLD APART" : "MUTANT ALIVE"}: ${mutant}`);
  if (!found?.schedule) print(`  by hand: npm run sim -- --mutant ${quoted(mutant)}`);
  else print(`  replay: ${replayCommand(found, mutant, core)}`);
}

export function printReport(outcome, options) {
  const print = options.json ? (line) => console.error(line) : (line) => console.log(line);
  const { results, hunted, problems } = outcome;
  if (!options.json) printTable(outcome, options.core, print);
  for (const violation of results.flatMap(({ found }) => found)) printViolation(violation, options.core, print);
  for (const result of hunted.filter(isWrong)) printMutant(result, options.core, print);
  for (const problem of problems) print(`\nSELF-TEST: ${problem}`);
  const { total: all, killed, equivalent, undecided } = mutantTotals(hunted);
  if (undecided.length > 0) print(`\nUNDECIDED, for the time was over: ${undecided.join(", ")}`);
  if (options.json) return;
  if (results.length > 1) printSites(outcome, print);
  const total = totals(outcome);
  if (results.length > 0) {
    print(
      `\n${total.schedules} schedules (${total.equivalent} of them cut short as equivalent to another), ${total.steps} steps, ` +
        `${total.deaths} deaths at ${total.deathSitesHit} of ${total.deathSites} sites, ${total.races} races, ` +
        `${total.violations} violations; ${total.schedulesPerSecondPerCore} schedules/s per core ` +
        `(${total.schedulesPerSecondPerCoreOnHeap} where there are no budgets)`,
    );
  }
  if (all > 0) print(`${all} mutants: ${killed} killed, ${equivalent} equivalent, ${all - killed - equivalent} alive`);
}

function printTable({ results, hunted }, core, print) {
  const width = Math.max(10, ...results.map(({ name }) => name.length), ...hunted.map(({ mutant }) => mutant.length));
  for (const result of results) {
    const forms = result.forms.map(({ form, complete, bound }) => `${form} ${complete ? "" : "< "}${bound}`).join(", ");
    const sites = `${result.deathSitesHit}/${result.deathSites}`;
    const mark = result.violations > 0 ? "FAIL" : "ok  ";
    print(
      `${mark} ${result.name.padEnd(width)} ${String(result.schedules).padStart(8)} schedules  sites ${sites.padStart(8)}  ${forms}`,
    );
  }
  for (const result of hunted) {
    const { mutant, found, milliseconds } = result;
    print(
      `${isWrong(result) ? "FAIL" : "ok  "} ${mutant.padEnd(width)} ${Math.round(milliseconds)} ms  ${verdict(result)}`,
    );
    if (found?.schedule && !isWrong(result)) print(`     replay: ${replayCommand(found, mutant, core)}`);
  }
}

function verdict({ killed, isUndecided, by, message, equivalent }) {
  if (isUndecided) return "undecided";
  if (killed) return `killed by ${by}: ${message}`;
  return equivalent ? `equivalent: ${equivalent}` : "ALIVE";
}

function printSites({ results, sites }, print) {
  const never = unexecuted(sites, union(results, "passed"));
  const left = unhit(results, sites);
  if (left.length > 0) print(`\npassed, but nobody died there: ${left.join(", ")}`);
  print(
    `\n${sites.length} sites, ${sites.length - never.reduce((sum, { count }) => sum + count, 0)} executed; never executed:`,
  );
  for (const { functionName, count, reason } of never)
    print(`  ${String(count).padStart(4)} in ${functionName}: ${reason}`);
}

/** One line on the terminal that says how far the run is; nothing where nobody looks. */
export class Progress {
  constructor(isQuiet, count) {
    this.isShown = !isQuiet && process.stderr.isTTY === true;
    this.count = count;
    this.done = 0;
    this.schedules = 0;
  }

  /** A violation is said as soon as it is found: the rest of the run may take a while. */
  scenario({ name, schedules, found = [] }) {
    this.schedules += schedules;
    this.#show(name);
    for (const violation of found.slice(0, 1)) printViolation(violation, undefined, (line) => console.error(line));
  }

  mutant({ mutant }) {
    this.#show(`mutant ${mutant}`);
  }

  #show(what) {
    this.done++;
    if (!this.isShown) return;
    const text = `${this.done}/${this.count}  ${this.schedules} schedules  ${what}`;
    process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  end() {
    if (this.isShown) process.stderr.write("\r\u001b[K");
  }
}
