// Self-test: what the simulator's verdicts rest on, shown anew in each run.
//
// - the reduction loses nothing: with and without it, all schedules within a bound lead to the same set of end states
// - the race detector sees: without its happens-before edges it reports races, with them none

import { createHash } from "node:crypto";
import { Machine } from "./machine.mjs";
import { Violation } from "./thread.mjs";
import { Stage } from "./stage.mjs";
import { Exhaustive, Random } from "./strategies.mjs";

const REDUCED = ["pair/alloc-hinted+alloc-hinted", "pair/alloc-run+free-run", "full/two want the last block"];
const WARM_UP = 24;
const BOUND = 2;

/** The states in which the schedules within the bound end. */
function endsOf(machine, scenario, prunes) {
  const stage = new Stage(machine, { ...scenario, finish() {}, verify: undefined });
  machine.setDeep(false);
  for (let i = 0; i < WARM_UP; i++) stage.run(new Random({ preemptions: 1 + (i % 8) }, i, 40));
  while (true) {
    const strategy = new Exhaustive({ preemptions: BOUND });
    strategy.prunes = prunes;
    machine.sharing.grown = false;
    const ends = new Set();
    do {
      const isWhole = stage.run(strategy) === "done";
      const region = machine.bytes.subarray(0, machine.regionBytes);
      if (isWhole) ends.add(createHash("sha256").update(region).digest("base64"));
    } while (!machine.sharing.grown && strategy.advance());
    if (!machine.sharing.grown) return [...ends].sort().join();
  }
}

/** How many of a few random schedules of a scenario without edges end in a report of a race. */
function racesWithoutEdges(bundle, scenario) {
  const machine = new Machine({ ...bundle, edges: false });
  const stage = new Stage(machine, scenario);
  let races = 0;
  for (let i = 0; i < WARM_UP; i++) {
    try {
      stage.run(new Random({ preemptions: 4 }, i, 40));
    } catch (error) {
      if (!(error instanceof Violation) || !error.message.startsWith("race")) throw error;
      races++;
    }
  }
  return races;
}

/** What is wrong with the simulator; empty when nothing is. */
export function selfTest(machine, bundle, scenarios) {
  const problems = [];
  for (const name of REDUCED) {
    const scenario = scenarios.get(name);
    if (endsOf(machine, scenario, true) !== endsOf(machine, scenario, false)) {
      problems.push(`the reduction loses end states of ${name}`);
    }
  }
  if (racesWithoutEdges(bundle, scenarios.get("pair/alloc-run+alloc-run")) === 0) {
    problems.push("without happens-before edges no race is reported");
  }
  return problems;
}
