// Random commands over everything a cache can do. Goal: whatever comes after whatever, a key has the value that was put in last under it, or none; what
// was gone stays gone; counters add up; every byte is where the region's walk finds it. Method: a plain map of what was put in last, that learns
// from each answer what is not in any more and allows nothing else; two attachments of one region take turns; all policies, changed on the
// way; caches so small that entries go, pages change hands and the table grows all the time.
//
//   CISTERN_CACHE_SEED  seed of the first run; a failure prints its own
//   CISTERN_CACHE_RUNS  how many runs of each policy
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import type { CachePolicyName } from "../../src/index.js";
import { FuzzRun } from "./fuzz-run.js";

const RUNS = wholeNumber("CISTERN_CACHE_RUNS", process.env.CISTERN_CACHE_RUNS ?? "3", 1, 100_000);
const SEED = wholeNumber("CISTERN_CACHE_SEED", process.env.CISTERN_CACHE_SEED ?? "20260701", 0, 0xffff_ffff);
const COMMANDS = 2000;
const POLICIES: CachePolicyName[] = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"];

const totals = { evictions: 0, expirations: 0, moved: 0, refused: 0, long: 0, grown: 0, pinned: 0, hooks: 0 };
afterAll(() => console.log(`random commands on caches, seed ${SEED}: ${JSON.stringify(totals)}`));

describe("a cache under random commands", () => {
  it.each(POLICIES)("by %s has each key's last value or none, and counts right", (policy) => {
    for (let i = 0; i < RUNS; i++) {
      const seed = SEED + i;
      const run = new FuzzRun(policy, seed, totals);
      let done = 0;
      try {
        for (; done < COMMANDS; done++) run.step(done);
        run.end();
      } catch (cause) {
        const replay = `CISTERN_CACHE_SEED=${seed} CISTERN_CACHE_RUNS=1 npx vitest run --project node test/cache/fuzz.test.ts -t ${policy}`;
        const trail = run.trail.slice(-6).join("; ");
        throw new Error(`${(cause as Error).message}\n  command ${done} (${trail}); replay: ${replay}`, { cause });
      }
    }
  });

  it("has, over all of them, moved entries, grown tables, kept long values and refused some", () => {
    for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(0);
  });
});
