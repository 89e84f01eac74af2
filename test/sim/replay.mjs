// Replay: one schedule again, as the decisions that a violation printed say; with --trace every hook on the way.

import { mutantBundle, releaseBundle } from "./bundle.mjs";
import { wordName } from "./allowed.mjs";
import { ENTRY } from "./instrument.mjs";
import { Machine } from "./machine.mjs";
import { DIE, GO_ON, THROW, Violation } from "./thread.mjs";
import { MUTANTS } from "./mutants/list.mjs";
import { Stage } from "./stage.mjs";
import { Script } from "./strategies.mjs";

/** Follows a script and prints each hook as it is passed. */
class Tracer extends Script {
  at(machine, thread, site, ...rest) {
    const action = super.at(machine, thread, site, ...rest);
    const { name, kind } = machine.sites[site];
    const where = kind < ENTRY ? ` ${wordName(machine.view, machine.address)} (${machine.address})` : "";
    const mark =
      action === GO_ON ? "" : action === DIE ? "  ← dies" : action === THROW ? "  ← exception" : `  → ${action}`;
    console.log(`${thread.index}@${thread.steps} ${thread.call.name}(${thread.call.args}): ${name}${where}${mark}`);
    return action;
  }
}

export async function replay(options, scenario) {
  const number = options.mutant ? 1 + MUTANTS.findIndex(({ name }) => name === options.mutant) : 0;
  const bundle = options.mutant ? await mutantBundle(options.core) : await releaseBundle(options.core);
  const machine = new Machine({ ...bundle, mutant: number, edges: !options["no-edges"] });
  const stage = new Stage(machine, scenario);
  machine.setDeep(true);
  const decisions = options.schedule.split(",").filter(Boolean);
  const hasDeath = options.deaths || decisions.some((decision) => decision.endsWith("!"));
  try {
    stage.run(options.trace ? new Tracer(decisions) : new Script(decisions), { deaths: hasDeath });
    console.log("no violation");
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    console.log(`violation: ${error.message}`);
    process.exitCode = 1;
  }
}
