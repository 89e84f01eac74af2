// Kills worker threads in the middle of random operations and checks what the survivors find: test/stress/kill.test.ts, by hand.
//
//   npm run kill -- [--count N] [--seed S]
import { bin } from "./lib/paths.mjs";
import { runNode } from "./lib/run.mjs";

const VARIABLES = { "--count": "CISTERN_KILLS", "--seed": "CISTERN_KILL_SEED" };

function environment(args) {
  const env = { ...process.env };
  for (let i = 0; i < args.length; i += 2) {
    const name = Object.hasOwn(VARIABLES, args[i]) ? VARIABLES[args[i]] : undefined;
    if (name === undefined || !/^\d+$/.test(args[i + 1] ?? "")) throw new Error("usage: kill [--count N] [--seed S]");
    env[name] = args[i + 1];
  }
  return env;
}

try {
  const args = ["run", "--project", "node", "test/stress/kill.test.ts"];
  const { code } = await runNode([bin("vitest"), ...args], { env: environment(process.argv.slice(2)), echo: true });
  process.exitCode = code;
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
