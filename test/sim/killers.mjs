// Killers: for each mutant the schedule that killed it last, kept in killers.json from run to run. It says only what is tried first: a mutant is
// killed by a violation that is seen in this run, with the mutant, and not without it. A schedule that shows nothing any more (the core has
// changed, so its hooks are counted otherwise) costs some milliseconds, and the search begins as if there were none.
//
//   npm run sim -- --learn [--mutant NAME]     searches for each mutant anew and writes the table

import { readFileSync, writeFileSync } from "node:fs";
import { kindOf } from "./explore.mjs";
import { Stage } from "./stage.mjs";
import { Script } from "./strategies.mjs";
import { Violation } from "./thread.mjs";

const FILE = new URL("killers.json", import.meta.url);

/** Mutant → { scenario, schedule, deaths }. */
export const readKillers = () => JSON.parse(readFileSync(FILE, "utf8"));

/** Puts what was found into the table; mutants that are no more leave it. */
export function writeKillers(hunted, names) {
  const table = readKillers();
  for (const { mutant, found } of hunted) {
    if (!found?.schedule) continue;
    const { scenario, schedule, deaths } = found;
    table[mutant] = { scenario, schedule: schedule.join(","), ...(deaths ? { deaths } : {}) };
  }
  const kept = names.filter((name) => table[name]).map((name) => [name, table[name]]);
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
}

/** The violation that these decisions lead to. Twice: of a race both sides must have been seen, and the first time shows what is shared. */
function violationOf(machine, scenario, decisions, deaths) {
  const stage = new Stage(machine, scenario);
  machine.setDeep(true);
  let message;
  for (let i = 0; i < 2 && message === undefined; i++) {
    try {
      stage.run(new Script(decisions), { deaths });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      message = error.message;
    }
  }
  return message;
}

/** Whether the schedule that killed the mutant last kills it again; what it found, as Exploration says it. */
export function killAgain(machine, mutant, { schedule: text, deaths = false }, scenario) {
  const schedule = text.split(",").filter(Boolean);
  machine.setMutant(mutant);
  const message = violationOf(machine, scenario, schedule, deaths);
  if (message === undefined) return undefined;
  machine.setMutant(0);
  const without = violationOf(machine, scenario, schedule, deaths);
  if (without !== undefined && kindOf(without) === kindOf(message)) return undefined;
  return { scenario: scenario.name, message, deaths, schedule };
}
