// Coverage of the bindings and the public nouns by the tests in Node, and of the core by its own unit tests.
import { bin } from "./lib/paths.mjs";
import { runNode } from "./lib/run.mjs";

const tests = await runNode([bin("vitest"), "run", "--project", "node", "--coverage"], { echo: true });
const core = await runNode([bin("@as-pect/cli", "asp"), "--summary"], {
  env: { ...process.env, CISTERN_ASPECT_COVERAGE: "1" },
  echo: true,
});
process.exitCode = Math.max(tests.code, core.code);
