// Kills worker threads in the middle of random operations and checks what the survivors find: test/stress/kill.test.ts, by hand.
//
//   npm run kill -- [--count N] [--seed S]
import { wholeNumber } from "./lib/numbers.mjs";
import { bin } from "./lib/paths.mjs";
import { runNode } from "./lib/run.mjs";

// A kill is given a second, and the longest time that a timer waits is some 24 days.
const OPTIONS = {
  "--count": { variable: "CISTERN_KILLS", least: 1, most: 1_000_000 },
  "--seed": { variable: "CISTERN_KILL_SEED", least: 0, most: 0xffff_ffff },
};

function environment(args) {
  const env = { ...process.env };
  for (let i = 0; i < args.length; i += 2) {
    const option = Object.hasOwn(OPTIONS, args[i]) ? OPTIONS[args[i]] : undefined;
    if (option === undefined || i + 1 === args.length) throw new Error("usage: npm run kill -- [--count N] [--seed S]");
    env[option.variable] = String(wholeNumber(args[i], args[i + 1], option.least, option.most));
  }
  return env;
}

try {
  const args = ["run", "--project", "node", "test/stress/kill.test.ts"];
  const env = environment(process.argv.slice(2));
  const { code } = await runNode([bin("vitest"), ...args], { env, echo: true });
  process.exitCode = code;
} catch (error) {
  console.error(`kill: ${error.message}`);
  process.exitCode = 2;
}
