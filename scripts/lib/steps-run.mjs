// Steps that run tests: vitest in Node and in Chromium, as-pect for the core, the simulator. Their own tests are counted one by one.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { at, bin, readJson } from "./paths.mjs";
import { failed, skipped } from "./report.mjs";
import { runNode } from "./run.mjs";

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The counts in vitest's JSON report. A file that could not be loaded has no tests, and is one failure. */
function vitestCounts(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    if (file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed")) counts.failed++;
    for (const { status } of file.assertionResults) {
      counts[status === "passed" || status === "failed" ? status : "skipped"]++;
    }
  }
  return counts;
}

async function vitest(project, env = {}) {
  const reportFile = at("build", "report", `${project}.json`);
  rmSync(reportFile, { force: true });
  mkdirSync(at("build", "report"), { recursive: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const { code } = await runNode([bin("vitest"), "run", "--project", project, ...reporters], {
    env: { ...process.env, ...env },
    echo: true,
  });
  if (!existsSync(reportFile)) return failed(`vitest wrote no report; exit status ${code}`);
  const counts = vitestCounts(readJson(reportFile));
  if (counts.passed + counts.failed === 0) return failed("vitest ran no test");
  if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1, why: `vitest's exit status is ${code}` };
  return counts;
}

async function chromium() {
  const candidates = process.env.CHROMIUM ? [process.env.CHROMIUM] : BROWSERS;
  const browser = candidates.find((path) => existsSync(path));
  if (!browser && !process.env.CI) return skipped("no Chromium found; set CHROMIUM to its path");
  return vitest("chromium", browser ? { CHROMIUM: browser } : {});
}

/** The counts in as-pect's summary. A file that traps outside a test leaves no failed test, but a failed run. */
async function aspect() {
  const { code, output: coloured } = await runNode([bin("@as-pect/cli", "asp"), "--summary"], { quiet: true });
  const output = stripVTControlCharacters(coloured);
  console.log(output.slice(Math.max(0, output.indexOf("ASC Version"))).trim());
  const [, pass, total] = /\[Tests\]: (\d+) \/ (\d+)/.exec(output) ?? [];
  if (total === undefined) return failed(`as-pect did not finish; exit status ${code}`);
  if (total === "0") return failed("as-pect ran no test");
  const todos = [...output.matchAll(/ Todo: (\d+) /g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const counts = { passed: Number(pass), failed: Number(total) - Number(pass), skipped: todos };
  if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1, why: `as-pect's exit status is ${code}` };
  return counts;
}

/** The simulator's quick form: each scenario is a test, each mutant is one, and its self-test. */
async function sim() {
  const { code, output } = await runNode([at("test/sim/main.mjs"), "--quick", "--json"], { quiet: true });
  const lines = output.trim().split("\n");
  let report;
  try {
    report = JSON.parse(lines.pop());
  } catch {
    return failed(output.trim() || `the simulator's exit status is ${code}`);
  }
  const { scenarios, mutants, selfTest } = report;
  const wrong = scenarios.filter(({ violations }) => violations > 0).length;
  const wrongMutants = mutants.alive.length + mutants.toldApart.length;
  const counts = {
    passed: scenarios.length - wrong + mutants.total - wrongMutants + (selfTest.length === 0 ? 1 : 0),
    failed: wrong + wrongMutants + (selfTest.length === 0 ? 0 : 1),
    skipped: 0,
  };
  if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1, why: `the simulator's exit status is ${code}` };
  return counts.failed === 0 ? counts : { ...counts, why: lines.join("\n").trim() };
}

export const runSteps = { node: () => vitest("node"), aspect, sim, chromium };
