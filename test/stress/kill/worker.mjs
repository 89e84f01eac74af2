// A thread of kill.test.ts. A victim works until it is terminated. A survivor works until it is told to pause, says what it holds, and
// goes on. A recoverer waits for the dead owner it is to recover, and is terminated in the middle of that.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../../dist/node/index.js";
import { createActor } from "./actor.mjs";

const { handle, role, signals, ...part } = workerData;
/** What main and its threads tell each other: [pause, steps of the survivor, the recoverer has begun]. */
const words = new Int32Array(signals);
const [PAUSE, STEPS, RECOVERER] = [0, 1, 2];

const HOARD = 6000;

const region = await Region.attach(handle);
const actor = createActor(region, { ...part, mayDie: role !== "survivor" });

async function survive() {
  let longestMs = 0;
  for (;;) {
    while (Atomics.load(words, PAUSE) === 0) {
      const before = performance.now();
      actor.step();
      longestMs = Math.max(longestMs, performance.now() - before);
      Atomics.add(words, STEPS, 1);
    }
    parentPort.postMessage({ ...actor.holdings(), counts: actor.counts, longestMs });
    const [order] = await once(parentPort, "message");
    if (order === "drain") actor.drain();
    else if (order === "close") break;
  }
  region.close();
}

function recover(dead) {
  Atomics.store(words, RECOVERER, 1);
  for (let done = false; !done;) {
    try {
      ({ done } = region.recover(dead));
    } catch (error) {
      if (error.code !== "ERR_REGION_BUSY") throw error;
    }
  }
  for (;;) actor.step();
}

// Who hoards has its hoard before it says that it runs.
if (part.kind === "hoard") while (actor.counts.steps < HOARD) actor.step();
parentPort.postMessage(region.ownerId);
if (role === "victim") for (;;) actor.step();
else if (role === "survivor") await survive();
else recover((await once(parentPort, "message"))[0]);
