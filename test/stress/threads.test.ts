// Real threads over one region. Goal: what no interleaving of theirs may break: every block keeps its bytes while it lives, whoever
// frees it; at rest all counters are exact; nothing is stranded in a thread. Method: worker threads run seeded random operations and
// hand half of their blocks, raw ones and Blocks, to each other, who verify and free them. The interleaving is the machine's, so
// a seed makes a failure likelier to come back, not certain.
//
//   CISTERN_STRESS_MS    how long in all; 10 s unless told, 30 s in CI
//   CISTERN_STRESS_SEED  seed of the first round
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { KIB, MIB, expectSound, fillUp, region } from "../lib/regions.js";

const TOTAL_MS = Number(process.env.CISTERN_STRESS_MS ?? (process.env.CI ? 30_000 : 10_000));
const SEED = Number(process.env.CISTERN_STRESS_SEED ?? Date.now() % 1e9);
const PLACES = 256;

interface Counts {
  operations: number;
  refused: number;
  busy: number;
  handedOver: number;
  freedForOthers: number;
  live: number;
}

const ROUNDS = [
  { name: "two threads in a region they fill", threads: 2, size: 256 * KIB, most: 30_000 },
  { name: "three threads in a region with room", threads: 3, size: 16 * MIB, most: 60_000 },
  { name: "four threads in a region they fill", threads: 4, size: MIB, most: 100_000 },
  { name: "four threads in the smallest region", threads: 4, size: 128 * KIB, most: 4000 },
];

const totals: Counts = { operations: 0, refused: 0, busy: 0, handedOver: 0, freedForOthers: 0, live: 0 };
afterAll(() => console.log(`stress, seed ${SEED}: ${JSON.stringify(totals)}`));

/** The next message of each thread; fails with the first error of any. */
async function all<T>(threads: readonly Worker[], send?: unknown): Promise<T[]> {
  const answers = threads.map(async (thread) => ((await once(thread, "message")) as [T])[0]);
  if (send !== undefined) for (const thread of threads) thread.postMessage(send);
  return Promise.all(answers);
}

describe("stress", () => {
  it.each(ROUNDS)(
    "$name: every byte stays, every block comes back",
    async ({ threads: count, size, most }) => {
      const r = region({ size, maxOwners: count + 1 });
      const whole = r.stats().largestFreeBytes;
      const table = new SharedArrayBuffer(PLACES * 4);
      const stop = new SharedArrayBuffer(4);
      const threads = Array.from({ length: count }, (_, index) => {
        const workerData = { handle: r.handle(), table, stop, seed: SEED + index, most };
        return new Worker(new URL("worker.mjs", import.meta.url), { workerData });
      });
      try {
        const finished = all<Counts>(threads);
        // The end comes from a clock: it is what bounds the run, not what it waits for.
        const timer = setTimeout(() => Atomics.store(new Int32Array(stop), 0, 1), TOTAL_MS / ROUNDS.length);
        const counts = await finished.finally(() => {
          clearTimeout(timer);
          Atomics.store(new Int32Array(stop), 0, 1);
        });
        expectSound(r);
        for (const key of Object.keys(totals) as (keyof Counts)[]) {
          totals[key] += counts.reduce((sum, count) => sum + count[key], 0);
        }
        for (const { operations } of counts) expect(operations).toBeGreaterThan(0);
        // On a busy machine a single thread may come to little.
        expect(counts.reduce((sum, { handedOver }) => sum + handedOver, 0)).toBeGreaterThan(0);
        expect(await all(threads, "drain")).toEqual(threads.map(() => "drained"));
        expectSound(r, 0);
        const block = r.heap.alloc(whole);
        expect(block, "one block of all that was free").not.toBe(0);
        expect(r.heap.free(block)).toBe(true);
        expect(await all(threads, "close")).toEqual(threads.map(() => "closed"));
        expect(r.stats().owners).toBe(1);
        for (const offset of fillUp(r)) expect(r.heap.free(offset)).toBe(true);
        expectSound(r, 0);
        r.close();
      } catch (cause) {
        const replay = `CISTERN_STRESS_SEED=${SEED} npx vitest run --project node test/stress/threads.test.ts`;
        throw new Error(`${(cause as Error).message}\n  seed ${SEED}; replay: ${replay}`, { cause });
      } finally {
        await Promise.all(threads.map((thread) => thread.terminate()));
      }
    },
    TOTAL_MS + 60_000,
  );
});
