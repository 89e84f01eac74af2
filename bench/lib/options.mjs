// The command line of the bench: which suites and workloads, how long, and whether JSON is wanted.
import { parseArgs } from "node:util";

const SPEC = {
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  suite: { type: "string", multiple: true, default: [] },
  workload: { type: "string", multiple: true, default: [] },
};

export function readOptions(args) {
  const { values } = parseArgs({ args, options: SPEC, strict: true });
  const { json, quick, suite, workload } = values;
  return { json, quick, wantsSuite: oneOf(suite), wantsWorkload: oneOf(workload), timing: quick ? QUICK : FULL };
}

// An empty list means "all".
const oneOf = (names) => (name) => names.length === 0 || names.includes(name);

// Slices stay short in both modes: a short slice is likely to be undisturbed. Quick only takes fewer of them.
const FULL = { warmupMs: 400, sliceMs: 3, repetitions: 101, rowMs: 20_000 };
const QUICK = { warmupMs: 150, sliceMs: 2, repetitions: 61, rowMs: 6_000 };
