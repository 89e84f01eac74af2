// A member of the team behind a row of threads: looks values up in its cache, and puts in what is not there, every tenth time in any case.
import { parentPort, workerData } from "node:worker_threads";
import { openThreadClock } from "../lib/clock.mjs";
import { libraryFor } from "../lib/library.mjs";
import { serveTeam } from "../lib/team.mjs";
import { keyOf } from "./loops.mjs";
import { zipf } from "./orders.mjs";
import { create } from "./subject.mjs";
import { TELL, WORK } from "./threads.mjs";

const { name, handle, entries, bytes, counts, index } = workerData;
const clock = await openThreadClock();
const cache = name === "cistern" ? await attached() : await create(name, { entries, bytes });
// Twice as many keys as there is room for, and each thread begins elsewhere in the same order.
const order = zipf(2 * entries);
const value = new Uint8Array(bytes);
let at = index * 65_537;
let hits = 0;
let misses = 0;

async function attached() {
  const { Region } = await libraryFor(import.meta.url);
  const shared = Region.attachSync(handle).cache("bench");
  const target = new Uint8Array(bytes);
  return { getInto: (key) => shared.getInto(key, target) === bytes, set: (key, given) => shared.set(key, given) };
}

function work(operations) {
  for (let i = 0; i < operations; i++) {
    const number = order[at++ % order.length];
    const key = keyOf(number);
    if (at % 10 !== 0) {
      if (cache.getInto(key)) {
        hits++;
        continue;
      }
      misses++;
    }
    value[0] = number & 0xff;
    cache.set(key, value);
  }
}

serveTeam(workerData, {
  clock,
  port: parentPort,
  jobs: {
    [WORK]: (operations) => work(operations),
    [TELL]() {
      counts[2 * index] = hits;
      counts[2 * index + 1] = misses;
    },
  },
});
