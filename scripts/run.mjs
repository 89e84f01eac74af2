// What the npm scripts start: sets the clone up if need be, then runs the command with the arguments it was given.
//
//   node scripts/run.mjs start|test|bench|sim|conformance|coverage|kill [arguments]
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { at } from "./lib/paths.mjs";
import { setup } from "./setup.mjs";

/** Command → its script, and whether it needs the type declarations. */
const COMMANDS = {
  start: { script: "dist/demo/main.js", types: false },
  test: { script: "scripts/test.mjs", types: true },
  bench: { script: "bench/run.mjs", types: false },
  sim: { script: "test/sim/main.mjs", types: false },
  conformance: { script: "test/conformance/main.mjs", types: false },
  coverage: { script: "scripts/coverage.mjs", types: false },
  kill: { script: "scripts/kill.mjs", types: false },
};

/** Runs the script as if it were this process: same streams, signals and exit status. */
function become(script, args) {
  const child = spawn(process.execPath, [at(script), ...args], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // A terminal sends its interrupt to the child as well.
  const { stdin, stdout, stderr } = process;
  process.on("SIGINT", () => stdin.isTTY || stdout.isTTY || stderr.isTTY || child.kill("SIGINT"));
  child.on("close", (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else {
      process.exitCode = code;
    }
  });
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name] : undefined;
if (!command) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
  process.exit(2);
}
try {
  await setup({ types: command.types });
  if (!existsSync(at(command.script))) throw new Error(`${command.script} does not exist`);
  become(command.script, args);
} catch (error) {
  console.error(`${name}: ${error.message}`);
  process.exitCode = 1;
}
