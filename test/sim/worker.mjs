// Worker: explores one scenario, or hunts one mutant, for each message. Keeps one machine for the core and one for each mutant.

import { parentPort, workerData } from "node:worker_threads";
import { mutantBundle, releaseBundle } from "./bundle.mjs";
import { Exploration, kindOf } from "./explore.mjs";
import { Machine } from "./machine.mjs";
import { loadScenarios } from "./registry.mjs";
import { selfTest } from "./selftest.mjs";

const scenarios = new Map((await loadScenarios()).map((scenario) => [scenario.name, scenario]));
const bundles = {};
let machine;

const release = async () => (bundles.release ??= await releaseBundle(workerData.core));
const mutated = async () => (bundles.mutants ??= await mutantBundle(workerData.core));

async function explore({ name, seed, milliseconds, schedules, fill }) {
  machine ??= new Machine(await release());
  const exploration = new Exploration(machine, scenarios.get(name), { seed, milliseconds, schedules });
  return exploration.run({ fill });
}

/** Runs a mutant's scenarios until one shows what the core itself does not. */
async function hunt({ mutant, number, names, seed, milliseconds, known }) {
  const started = performance.now();
  const subject = new Machine({ ...(await mutated()), mutant: number });
  const share = milliseconds / names.length;
  for (const name of names) {
    const options = { seed, milliseconds: share, stopAt: (message) => !known.includes(message) };
    const exploration = new Exploration(subject, scenarios.get(name), options);
    exploration.runForMutant();
    const found = exploration.violations.find(({ message }) => options.stopAt(kindOf(message)));
    if (found)
      return { mutant, killed: true, by: name, message: found.message, milliseconds: performance.now() - started };
  }
  return { mutant, killed: false, milliseconds: performance.now() - started };
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
    parentPort.postMessage({ error: `${task.name ?? task.mutant}: ${error.stack}` });
  }
});
parentPort.postMessage({ ready: true });
