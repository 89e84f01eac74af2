// The whole test run, step by step, and one closing line: `N passed, N failed, N skipped`.
//
//   node scripts/test.mjs [--only name,name]
//
// With CI set, a skipped test is a failed one: there, everything must have run.
import { sourceSteps, tidySteps } from "./lib/steps-source.mjs";
import { runSteps } from "./lib/steps-run.mjs";
import { packageSteps } from "./lib/steps-package.mjs";
import { failed } from "./lib/report.mjs";

const STEPS = { ...sourceSteps, ...runSteps, ...packageSteps, ...tidySteps };

function chosenSteps(args) {
  const only = args.indexOf("--only");
  if (only < 0 && args.length > 0) throw new Error(`unknown argument ${args[0]}`);
  if (only < 0) return Object.keys(STEPS);
  const names = (args[only + 1] ?? "").split(",").filter(Boolean);
  const unknown = names.find((name) => !Object.hasOwn(STEPS, name));
  if (unknown || names.length === 0) {
    throw new Error(`--only takes some of: ${Object.keys(STEPS).join(", ")}`);
  }
  return names;
}

async function runStep(name) {
  try {
    return await STEPS[name]();
  } catch (error) {
    return failed(error.message);
  }
}

/** In CI a skipped test counts as failed. */
function strict(result) {
  if (!process.env.CI || result.skipped === 0) return result;
  const why = `${result.skipped} skipped, which CI does not allow${result.why ? `: ${result.why}` : ""}`;
  return { ...result, failed: result.failed + result.skipped, skipped: 0, why };
}

async function main(args) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const notices = [];
  for (const name of chosenSteps(args)) {
    const started = performance.now();
    const result = strict(await runStep(name));
    for (const key of Object.keys(total)) total[key] += result[key];
    const mark = result.failed > 0 ? "FAIL" : result.skipped > 0 ? "SKIP" : "ok  ";
    const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${mark} ${name.padEnd(12)} ${seconds.padStart(6)} s  ${result.note ?? counts}`);
    if (result.why) {
      console.log(result.why.replace(/^/gm, "     "));
      notices.push(`${mark} ${name}: ${result.why.split("\n")[0]}`);
    } else if (result.failed + result.skipped > 0) {
      notices.push(`${mark} ${name}: ${counts}`);
    }
  }
  if (notices.length > 0) console.log(`\n${notices.join("\n")}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
