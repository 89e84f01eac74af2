// One cache under real threads. Goal: whatever four threads do with it at once, nobody ever reads a value that is torn, another key's, or older than one
// that was put in before; the counters add up; every byte comes back. Method: values that say whose they are, with a version that its one writer
// notes outside the region. The interleaving is the machine's, so a seed makes a failure likelier to come back, not certain.
//
//   CISTERN_CACHE_OPS          operations of each test; 200 000 unless told, 2 000 000 in CI; 10 000 000 take some minutes
//   CISTERN_CACHE_STRESS_SEED  seed of the first thread
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import type { CacheOptions, Region } from "../../src/index.js";
import { expectSound, KIB, MIB, region } from "../lib/regions.js";
import { FAULTS } from "./caches-actor.mjs";

const OPS = wholeNumber(
  "CISTERN_CACHE_OPS",
  process.env.CISTERN_CACHE_OPS ?? (process.env.CI ? "2000000" : "200000"),
  100,
  1_000_000_000,
);
const TOLD = process.env.CISTERN_CACHE_STRESS_SEED ?? `${Date.now() % 1e9}`;
const SEED = wholeNumber("CISTERN_CACHE_STRESS_SEED", TOLD, 0, 0xffff_ffff);
const THREADS = 4;
const KEYS = 600;
const STUCK_MS = 60_000 + OPS / 10;

const CASES: [string, CacheOptions][] = [
  ["hybrid", { maxBytes: 160 * KIB }],
  ["lru", { maxBytes: 96 * KIB, policy: "lru" }],
  ["s3-fifo of 100 items", { maxItems: 100, policy: "s3-fifo" }],
];
const EACH = Math.floor(OPS / THREADS / CASES.length);
const totals: Record<string, unknown> = {};
afterAll(() => console.log(`caches under threads, seed ${SEED}: ${JSON.stringify(totals)}`));

type Counts = Record<string, number>;

async function run(r: Region, board: Record<string, SharedArrayBuffer>): Promise<Counts> {
  const workerData = { handle: r.handle(), role: "worker", signals: new SharedArrayBuffer(64), board };
  const threads = Array.from(
    { length: THREADS },
    () => new Worker(new URL("caches-worker.mjs", import.meta.url), { workerData }),
  );
  for (const thread of threads) thread.on("error", () => {});
  try {
    await Promise.all(threads.map((thread) => once(thread, "message")));
    const signal = AbortSignal.timeout(STUCK_MS);
    const answers = threads.map((thread) => once(thread, "message", { signal }) as Promise<[Counts]>);
    threads.forEach((thread, part) =>
      thread.postMessage({ keys: KEYS, part, parts: THREADS, seed: SEED + part, count: EACH }),
    );
    const sum: Counts = {};
    for (const [counts] of await Promise.all(answers))
      for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
    const gone = threads.map((thread) => once(thread, "exit"));
    for (const thread of threads) thread.postMessage("end");
    await Promise.all(gone);
    return sum;
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

describe(`${THREADS} threads at one cache`, () => {
  it.each(CASES)(
    "by %s read nothing torn, foreign or stale, and every byte comes back",
    async (name, options) => {
      const r = region({ size: MIB, maxOwners: 8, busyMs: 1000 });
      const shared = (words: number): SharedArrayBuffer => new SharedArrayBuffer(4 * words);
      const board = { started: shared(KEYS), done: shared(KEYS), faults: shared(FAULTS.length) };
      const cache = r.cache("shared", options);
      try {
        const counts = await run(r, board);
        const faults = Object.fromEntries(FAULTS.map((fault, i) => [fault, new Int32Array(board.faults)[i]]));
        expect(faults).toEqual({ torn: 0, foreign: 0, stale: 0, busy: 0 });
        const stats = cache.stats();
        const { sets, replaced, evictions, expirations, deletions, refused, heldBytes, peakBytes, maxBytes, items } =
          stats;
        expect(sets).toBe(counts["put"]);
        // What was pushed out in the moment in which it was deleted counts as that.
        expect(deletions).toBeLessThanOrEqual(counts["deleted"]!);
        expect(deletions).toBeGreaterThan(counts["deleted"]! * 0.9);
        expect(Object.values(refused).reduce((a, b) => a + b)).toBe(counts["refused"]);
        expect(peakBytes).toBeLessThanOrEqual(maxBytes);
        expect(sets - replaced - evictions - expirations - deletions).toBeGreaterThanOrEqual(items);
        expect([...cache.keys()].length).toBeLessThanOrEqual(items);
        expectSound(r);
        expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
        totals[name] = { ...counts, evictions, expirations, moved: stats.moved, heldBytes };
        cache.close();
        expectSound(r, 0);
      } catch (cause) {
        const replay = `CISTERN_CACHE_STRESS_SEED=${SEED} CISTERN_CACHE_OPS=${OPS} npx vitest run --project node test/stress/caches.test.ts`;
        throw new Error(`${(cause as Error).message}\n  seed ${SEED}; replay: ${replay}`, { cause });
      }
    },
    STUCK_MS + 10_000,
  );
});
