// A thread of caches.test.ts and caches-kill.test.ts. One that has a number of operations to do does them and says what came of it; a survivor works
// until it is told to pause; a victim until it is terminated.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";
import { createActor } from "./caches-actor.mjs";

const { handle, role, signals, board } = workerData;
/** What main and the survivors tell each other: pause, and how many steps each survivor made. */
const words = new Int32Array(signals);
const PAUSE = 0;

const region = await Region.attach(handle);
parentPort.postMessage(region.ownerId);

/** Until it is done: who is busy with the cache for longer than a region waits may be a thread that has no core just now. */
function insist(act) {
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (error.code !== "ERR_REGION_BUSY") throw error;
    }
  }
}
const open = () => insist(() => region.cache("shared"));
const leave = (cache) => insist(() => cache.close());

async function work() {
  for (;;) {
    const [order] = await once(parentPort, "message");
    if (order === "end") break;
    const cache = open();
    const actor = createActor(cache, { ...order, board });
    for (let i = 0; i < order.count; i++) actor.step();
    leave(cache);
    parentPort.postMessage(actor.counts);
  }
  region.close();
}

async function survive() {
  for (;;) {
    const [order] = await once(parentPort, "message");
    if (order === "end") break;
    const cache = open();
    const actor = createActor(cache, { ...order, board });
    while (Atomics.load(words, PAUSE) === 0) {
      actor.step();
      Atomics.add(words, 1 + order.part, 1);
    }
    leave(cache);
    parentPort.postMessage(actor.counts);
  }
  region.close();
}

if (role === "worker") await work();
else if (role === "survivor") await survive();
else {
  const actor = createActor(open(), { ...workerData, board });
  for (;;) actor.step();
}
