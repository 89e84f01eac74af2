// Options: the command line of the simulator, read and refused as a whole before anything runs: what is mistyped, or means nothing beside the
// rest, would otherwise run something else for minutes.

import { parseArgs } from "node:util";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import { Script } from "./strategies.mjs";

const OPTIONS = {
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  scenario: { type: "string" },
  seed: { type: "string" },
  schedules: { type: "string" },
  mutant: { type: "string" },
  schedule: { type: "string" },
  deaths: { type: "boolean", default: false },
  trace: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  learn: { type: "boolean", default: false },
  core: { type: "string" },
  "no-edges": { type: "boolean", default: false },
};

/** Options that say something about another, and that other. */
const NEEDS = { schedule: "scenario", deaths: "schedule", trace: "schedule", "no-edges": "schedule" };

/** Options that do something by themselves, and those that would not change it. */
const EXCLUDES = {
  list: Object.keys(OPTIONS).filter((name) => name !== "list"),
  schedule: ["quick", "json", "seed", "schedules"],
  mutant: ["schedules"],
  learn: ["quick", "scenario", "schedule", "schedules"],
};

const MOST = 0xffff_ffff;

/** `--name value` as `--name=value`: so a value may begin with a dash, and is refused for what it is. */
function joined([first, second, ...rest]) {
  if (first === undefined) return [];
  const takesValue = first.startsWith("--") && OPTIONS[first.slice(2)]?.type === "string";
  if (takesValue && second !== undefined) return [`${first}=${second}`, ...joined(rest)];
  return [first, ...joined(second === undefined ? [] : [second, ...rest])];
}

/** Each option is of use beside the others. */
function requireSense(values) {
  const has = (name) => values[name] !== undefined && values[name] !== false;
  for (const name of Object.keys(values).filter(has)) {
    if (values[name] === "") throw new Error(`--${name} needs a value`);
    if (NEEDS[name] && !has(NEEDS[name])) throw new Error(`--${name} needs --${NEEDS[name]}`);
    const idle = EXCLUDES[name]?.find(has);
    if (idle) throw new Error(`--${idle} means nothing beside --${name}`);
  }
  if (has("mutant") && has("scenario") && !has("schedule"))
    throw new Error("--scenario means nothing beside --mutant, which has its own, but with --schedule");
}

/** What the arguments say, with the numbers as numbers and the schedule as decisions; throws one line about what is wrong with them. */
export function readOptions(args) {
  const { values } = parseArgs({ args: joined(args), options: OPTIONS });
  requireSense(values);
  const { seed = "1", schedules, schedule } = values;
  return {
    ...values,
    seed: wholeNumber("--seed", seed, 0, MOST),
    schedules: schedules && wholeNumber("--schedules", schedules, 1, MOST),
    // A script says if one of its decisions is none.
    schedule: schedule && new Script(schedule.split(",").filter(Boolean)).decisions,
  };
}
