// Kills worker threads in the middle of random operations and checks what the survivors find: test/stress/kill.test.ts, or with --rings
// test/stress/rings-kill.test.ts, with --caches test/stress/caches-kill.test.ts, by hand.
//
//   npm run kill -- [--rings | --caches] [--count N] [--seed S]
import { wholeNumber } from "./lib/numbers.mjs";
import { bin } from "./lib/paths.mjs";
import { runNode } from "./lib/run.mjs";

const USAGE = "usage: npm run kill -- [--rings | --caches] [--count N] [--seed S]";

const TESTS = {
  heap: { file: "test/stress/kill.test.ts", prefix: "CISTERN_KILL" },
  rings: { file: "test/stress/rings-kill.test.ts", prefix: "CISTERN_RING_KILL" },
  caches: { file: "test/stress/caches-kill.test.ts", prefix: "CISTERN_CACHE_KILL" },
};

// A kill is given a second, and the longest time that a timer waits is some 24 days.
const OPTIONS = {
  "--count": { variable: "S", least: 1, most: 1_000_000 },
  "--seed": { variable: "_SEED", least: 0, most: 0xffff_ffff },
};

function environment(args, prefix) {
  const env = { ...process.env };
  for (let i = 0; i < args.length; i += 2) {
    const option = Object.hasOwn(OPTIONS, args[i]) ? OPTIONS[args[i]] : undefined;
    if (option === undefined || i + 1 === args.length) throw new Error(USAGE);
    env[prefix + option.variable] = String(wholeNumber(args[i], args[i + 1], option.least, option.most));
  }
  return env;
}

try {
  const args = process.argv.slice(2);
  const what = ["rings", "caches"].find((name) => args.includes(`--${name}`)) ?? "heap";
  const { file, prefix } = TESTS[what];
  const env = environment(
    args.filter((arg) => arg !== `--${what}`),
    prefix,
  );
  const { code } = await runNode([bin("vitest"), "run", "--project", "node", file], { env, echo: true });
  process.exitCode = code;
} catch (error) {
  console.error(`kill: ${error.message}`);
  process.exitCode = 2;
}
