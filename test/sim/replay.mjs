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

/** The message of the violation that a schedule leads to, if it does. */
function violationOf(stage, strategy, options) {
  try {
    stage.run(strategy, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return error.message;
  }
}

export async function replay(options, scenario) {
  const number = options.mutant ? 1 + MUTANTS.findIndex(({ name }) => name === options.mutant) : 0;
  if (options.mutant && number === 0) throw new Error(`no mutant is called ${options.mutant}; --list names them`);
  const bundle = options.mutant ? await mutantBundle(options.core) : await releaseBundle(options.core);
  const machine = new Machine({ ...bundle, mutant: number, edges: !options["no-edges"] });
  const stage = new Stage(machine, scenario);
  machine.setDeep(true);
  const decisions = options.schedule;
  const deaths = options.deaths || decisions.some((decision) => decision.endsWith("!"));
  // The first time only shows which words the threads share: of a race the detector must have seen both sides.
  violationOf(stage, new Script(decisions), { deaths });
  const message = violationOf(stage, options.trace ? new Tracer(decisions) : new Script(decisions), { deaths });
  console.log(message === undefined ? "no violation" : `violation: ${message}`);
  if (message !== undefined) process.exitCode = 1;
}
