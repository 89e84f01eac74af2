// A thread of budgets.test.ts and budgets-kill.test.ts: does what its role says, and tells what came of it.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";
import { createActor } from "./budgets-actor.mjs";
import { brokenBudget } from "./budgets-broken.mjs";

const { handle, role, seed = 1, shared, ...part } = workerData;
/** What the threads of a test count together, without the region: [granted, stop, closed, what a broken budget uses]. */
const words = new Int32Array(shared ?? new SharedArrayBuffer(16));
const [GRANTED, STOP, CLOSED, USED] = [0, 1, 2, 3];

let state = seed >>> 0;
function below(limit) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % limit;
}

const isBusy = (error) => error.code === "ERR_REGION_BUSY";

/** The budget at the end of these names; the first is a root. A control has a broken one. */
const follow = (region, names) =>
  part.broken === undefined
    ? names.slice(1).reduce((budget, name) => budget.child(name), region.budget(names[0]))
    : brokenBudget(part.broken, words, USED, part.limit);

const turn = () => new Promise((resolve) => setImmediate(resolve));

const ROLES = {
  /** Takes and gives back so often; whatever is granted is added to a counter that knows nothing of the region. */
  hammer(region) {
    const { names, attempts, limit, most, keep } = part;
    const budget = follow(region, names);
    const held = [];
    const counts = { attempts, granted: 0, refused: 0, busy: 0, over: 0, most: 0 };
    const giveBack = () => {
      const [reservation] = held.splice(below(held.length), 1);
      const { size } = reservation;
      Atomics.sub(words, GRANTED, size);
      if (!reservation.release()) throw new Error("a held reservation was not released");
    };
    for (let i = 0; i < attempts; i++) {
      const bytes = 1 + below(most);
      let reservation = null;
      try {
        reservation = budget.tryReserve(bytes);
      } catch (error) {
        if (!isBusy(error)) throw error;
        counts.busy++;
      }
      if (reservation === null) counts.refused++;
      else {
        counts.granted++;
        const sum = Atomics.add(words, GRANTED, bytes) + bytes;
        counts.most = Math.max(counts.most, sum);
        if (sum > limit) counts.over++;
        held.push(reservation);
      }
      while (held.length > keep || (held.length > 0 && below(3) === 0)) giveBack();
    }
    while (held.length > 0) giveBack();
    return counts;
  },

  /** Asks for what always fits. */
  small(region) {
    const { names, attempts, bytes } = part;
    const budget = follow(region, names);
    const counts = { granted: 0, refused: 0, busy: 0 };
    for (let i = 0; i < attempts; i++) {
      try {
        const reservation = budget.tryReserve(bytes);
        if (reservation === null) counts.refused++;
        else {
          counts.granted++;
          reservation.release();
        }
      } catch (error) {
        if (!isBusy(error)) throw error;
        counts.busy++;
      }
    }
    return counts;
  },

  /** Asks for what never fits, until it is told to stop. */
  hopeless(region) {
    const { names, bytes } = part;
    const budget = follow(region, names);
    const counts = { granted: 0, refused: 0, busy: 0 };
    while (Atomics.load(words, STOP) === 0) {
      try {
        const reservation = budget.tryReserve(bytes);
        if (reservation === null) counts.refused++;
        else {
          counts.granted++;
          reservation.release();
        }
      } catch (error) {
        if (!isBusy(error)) throw error;
        counts.busy++;
      }
    }
    return counts;
  },

  /** For each budget that it is told of: takes and gives back until that is closed; none may be granted once the closer has said so. */
  async untilClosed(region) {
    const counts = { granted: 0, late: 0, rounds: 0 };
    const useUntilClosed = (budget) => {
      for (;;) {
        const wasClosed = Atomics.load(words, CLOSED) !== 0;
        try {
          const reservation = budget.tryReserve(1 + below(5));
          if (reservation === null) continue;
          if (wasClosed) counts.late++;
          counts.granted++;
          if (below(2)) reservation.release();
        } catch (error) {
          if (error.code === "ERR_BUDGET_CLOSED") return;
          if (!isBusy(error)) throw error;
        }
      }
    };
    await new Promise((resolve) => {
      parentPort.on("message", (name) => {
        if (name === "end") {
          resolve();
          return;
        }
        const budget = follow(region, ["root", name]);
        parentPort.postMessage("ready");
        useUntilClosed(budget);
        counts.rounds++;
        parentPort.postMessage("closed");
      });
    });
    return counts;
  },

  /** Waits its turn for all of a budget, again and again, and looks that it is alone. */
  async turns(region) {
    const { names, attempts, limit } = part;
    const budget = follow(region, names);
    const counts = { granted: 0, over: 0 };
    for (let i = 0; i < attempts; i++) {
      const bytes = 1 + below(limit);
      const reservation = await budget.reserve(bytes, { timeout: 60_000 });
      if (Atomics.add(words, GRANTED, bytes) + bytes > limit) counts.over++;
      counts.granted++;
      Atomics.sub(words, GRANTED, bytes);
      reservation.release();
    }
    return counts;
  },

  /** Works until it is terminated. */
  async victim(region) {
    const actor = createActor(region, { seed, kind: part.kind });
    parentPort.postMessage(region.ownerId);
    for (;;) {
      for (let i = 0; i < 400; i++) actor.step();
      await turn();
    }
  },
};

const region = await Region.attach(handle);
// All begin together.
if (role !== "victim") {
  parentPort.postMessage("attached");
  await once(parentPort, "message");
}
const counts = await ROLES[role](region);
region.close();
parentPort.postMessage(counts);
parentPort.close();
