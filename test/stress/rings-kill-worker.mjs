// A thread of rings-kill.test.ts, which works on three rings at once: a ring that blocks, one that drops the oldest, and one that delivers again what a
// dead thread had in hand. A victim works until it is terminated, a survivor until it is told to pause. What it sent, and what it received, it notes
// outside the region: right after the call, so that a death in between leaves at most one record in doubt.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";
import { fill, isFirst, isWhole, randomBelow, WORDS_MAX } from "./rings-records.mjs";

const { handle, role, side, signals, board } = workerData;
/** What main and the survivors tell each other: pause, and how often each side succeeded on each ring. */
const words = new Int32Array(signals);
const PAUSE = 0;
const PROGRESS = 1;
const RINGS = 3;
const AGAIN = 2;
const RETRY = new Set(["ERR_RING_TIMEOUT", "ERR_REGION_BUSY"]);

const region = await Region.attach(handle);
const { i32 } = region.heap;
const target = new Int32Array(WORDS_MAX);
const targetBytes = new Uint8Array(target.buffer);
const found = {};

/** What a source sent, and who received it, as shared memory says. */
function openBoard({ accepted, marks, span, faults }) {
  return { accepted: new Int32Array(accepted), marks: new Int32Array(marks), span, faults: new Int32Array(faults) };
}
const { accepted, marks, span, faults } = openBoard(board);
const [TORN, REORDERED, DOUBLED, AGAIN_TWICE, BUSY] = [0, 1, 2, 3, 4];

function createActor({ names, source, seed }) {
  const rings = names.map((name) => region.ring(name));
  const below = randomBelow(seed);
  const own = Array.from({ length: 4 }, () => new Int32Array(WORDS_MAX));
  const last = Array.from({ length: RINGS }, () => new Map());
  const next = new Int32Array(RINGS);
  const did = (ring, sideIs) => role === "survivor" && Atomics.add(words, PROGRESS + 2 * ring + sideIs, 1);

  const make = (ring, number, place = 0) => new Uint8Array(own[place].buffer, 0, fill(own[place], 0, source, number));
  const sent = (ring, count) => {
    if (count === 0) return;
    next[ring] += count;
    Atomics.store(accepted, source * RINGS + ring, next[ring]);
    did(ring, 0);
  };
  /** Looks at what came; a record that came again must say so. */
  const look = (ring, i, at, bytes, isAgain) => {
    if (!isWhole(i, at, bytes, found)) return void Atomics.add(faults, TORN, 1);
    const { source: from, number } = found;
    if (!isAgain) {
      if (number <= (last[ring].get(from) ?? -1)) Atomics.add(faults, REORDERED, 1);
      last[ring].set(from, number);
    }
    if (!isFirst(marks, (from * RINGS + ring) * span + number)) Atomics.add(faults, isAgain ? AGAIN_TWICE : DOUBLED, 1);
    did(ring, 1);
  };

  const SENDS = [
    (ring, k) => sent(k, +ring.push(make(k, next[k]))),
    (ring, k) => {
      const place = ring.reserve(4 * WORDS_MAX);
      if (place === undefined) return;
      const isIn = place.commit(fill(i32, place.offset >>> 2, source, next[k]));
      sent(k, +isIn);
    },
    (ring) => ring.reserve(8 + below(2000))?.abort(),
    (ring, k) => sent(k, ring.pushMany([0, 1, 2].map((i) => make(k, next[k] + i, i)))),
    (ring, k) => sent(k, +ring.sendSync(make(k, next[k]), { timeout: 2 })),
  ];
  const RECEIVES = [
    (ring, k) => {
      const bytes = ring.popInto(targetBytes);
      if (bytes >= 0) look(k, target, 0, bytes, false);
    },
    (ring, k) => {
      const record = ring.pop();
      if (record !== undefined) look(k, new Int32Array(record.buffer), 0, record.length, false);
    },
    (ring, k) => {
      const record = ring.receiveSync({ timeout: 2 });
      if (record !== undefined) look(k, new Int32Array(record.buffer), 0, record.length, false);
    },
  ];
  const take = (ring, k) => {
    const record = ring.take();
    if (record === undefined) return;
    look(k, i32, record.offset >>> 2, record.size, record.isRedelivered);
    record.release();
  };

  const step = () => {
    const k = below(RINGS);
    const ring = rings[k];
    try {
      if (side === 0) {
        if (next[k] + 4 < span) SENDS[below(SENDS.length)](ring, k);
      }
      // Only by a lease can it be told that a record came again; and it is noted before the lease ends.
      else if (k === AGAIN || below(3) === 0) take(ring, k);
      else RECEIVES[below(RECEIVES.length)](ring, k);
    } catch (error) {
      if (!RETRY.has(error.code)) throw error;
      if (error.code === "ERR_REGION_BUSY") Atomics.add(faults, BUSY, 1);
    }
  };
  return { step, leave: () => rings.forEach((ring) => ring.leave()) };
}

/** Works on the rings of a round until it is told to pause, leaves them, and says so. */
async function survive() {
  for (;;) {
    const [order] = await once(parentPort, "message");
    if (order === "end") break;
    const actor = createActor(order);
    while (Atomics.load(words, PAUSE) === 0) actor.step();
    actor.leave();
    parentPort.postMessage("paused");
  }
  region.close();
}

// What a thread needs for any ring it keeps.
region.ring("before").close();
parentPort.postMessage(region.ownerId);
if (role === "survivor") await survive();
else {
  const actor = createActor(workerData);
  for (;;) actor.step();
}
