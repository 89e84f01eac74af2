// Levels under real threads. Goal: another thread hears of a crossing within a millisecond (median), of each one that stands, and without polling.
// Method: a worker that writes the time at which its listener ran; this thread crosses, asleep until then. A machine at other work is
// late now and then, so the best of three rounds counts.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { take } from "../budget-scene.js";
import { region } from "../lib/regions.js";

const CROSSINGS = 200;
const ROUNDS = 3;
const MEDIAN_MS_MAX = 1;

const medians: number[] = [];
afterAll(() =>
  console.log(`another thread hears of a level after ${medians.map((ms) => ms.toFixed(3)).join(", ")} ms (medians)`),
);

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe("a level that one thread's request crosses", () => {
  it(`is heard of in another thread within ${MEDIAN_MS_MAX} ms (median of ${CROSSINGS}), each time`, async () => {
    const r = region();
    const budget = r.budget("root", { limit: 100 });
    const shared = new SharedArrayBuffer(16);
    const [heard, at] = [new Int32Array(shared, 0, 1), new BigInt64Array(shared, 8, 1)];
    const worker = new Worker(new URL("levels-worker.mjs", import.meta.url), {
      workerData: { handle: r.handle(), shared },
    });
    try {
      await once(worker, "message");
      const held = take(budget, 0);
      for (let round = 0; round < ROUNDS; round++) {
        const waits: number[] = [];
        for (let i = 0; i < CROSSINGS; i++) {
          const before = Atomics.load(heard, 0);
          const started = process.hrtime.bigint();
          held.tryResize(i % 2 === 0 ? 60 : 0);
          expect(Atomics.wait(heard, 0, before, 5000)).not.toBe("timed-out");
          waits.push(Number(at[0]! - started) / 1e6);
        }
        medians.push(median(waits));
        if (medians.at(-1)! <= MEDIAN_MS_MAX) break;
      }
      expect(Math.min(...medians)).toBeLessThanOrEqual(MEDIAN_MS_MAX);
    } finally {
      worker.postMessage("end");
      await once(worker, "exit");
    }
  });
});
