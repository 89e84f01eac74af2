// Worker: explores one scenario, or hunts one mutant, for each message. Keeps one machine for the core and one for all mutants.

import { parentPort, workerData } from "node:worker_threads";
import { mutantBundle, releaseBundle } from "./bundle.mjs";
import { Exploration, kindOf } from "./explore.mjs";
import { killAgain } from "./killers.mjs";
import { Machine } from "./machine.mjs";
import { loadScenarios } from "./registry.mjs";
import { selfTest } from "./selftest.mjs";

const scenarios = new Map((await loadScenarios()).map((scenario) => [scenario.name, scenario]));
const bundles = {};
let machine;
let subject;

const release = async () => (bundles.release ??= await releaseBundle(workerData.core));
const mutated = async () => (bundles.mutants ??= await mutantBundle(workerData.core));

async function explore({ name, seed, milliseconds, schedules, fill }) {
  machine ??= new Machine(await release());
  const exploration = new Exploration(machine, scenarios.get(name), { seed, milliseconds, schedules });
  return exploration.run({ fill });
}

/**
 * Tries the schedule that killed the mutant last, then runs its scenarios until one shows what the core does not, in rounds of so many schedules
 * each: what decides is how much was tried, not how fast the machine is. Only when the time allowed is over before that, it stays undecided.
 */
async function hunt({ mutant, number, names, seed, milliseconds, rounds, isBrief, killer }) {
  const started = performance.now();
  const deadline = started + milliseconds;
  subject ??= new Machine({ ...(await mutated()) });
  const passed = () => performance.now() - started;
  const killed = (found) => ({
    mutant,
    killed: true,
    by: found.scenario,
    message: kindOf(found.message),
    found,
    milliseconds: passed(),
  });
  const known = killer && scenarios.get(killer.scenario);
  const again = known && killAgain(subject, number, killer, known);
  if (again) return killed(again);
  subject.setMutant(number);
  for (const schedules of rounds) {
    for (const name of names) {
      const options = { seed, schedules, isBrief, milliseconds: deadline - performance.now(), stopAt: () => true };
      const exploration = new Exploration(subject, scenarios.get(name), options);
      exploration.runForMutant();
      const [found] = exploration.violations;
      if (found) return killed({ scenario: name, ...found });
      if (performance.now() >= deadline) return { mutant, killed: false, isUndecided: true, milliseconds: passed() };
    }
  }
  return { mutant, killed: false, milliseconds: passed() };
}

async function test() {
  const bundle = await release();
  machine ??= new Machine(bundle);
  return { problems: selfTest(machine, bundle, scenarios) };
}

/** Instruments the core, or its copy with the mutants, if nobody has yet. */
async function prepare({ prepare: what }) {
  await (what === "mutants" ? mutated() : release());
}

function answer(task) {
  if (task.prepare) return prepare(task);
  if (task.selfTest) return test();
  return task.mutant ? hunt(task) : explore(task);
}

parentPort.on("message", async (task) => {
  try {
    parentPort.postMessage({ result: await answer(task) });
  } catch (error) {
    parentPort.postMessage({
      error: `${task.name ?? task.mutant ?? task.prepare ?? "self-test"}: ${error.message}\n${error.stack}`,
    });
  }
});
parentPort.postMessage({ ready: true });
