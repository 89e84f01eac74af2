// Rings under real threads. Goal: of what two producers put in, two consumers get every record once, whole, and in each producer's order, under every
// policy; and what is dropped is counted to the record. Method: every word of a record follows from its producer and number, and each has a
// bit of its own outside the region, set by whoever receives it. The interleaving is the machine's, so a seed makes a failure likelier to
// come back, not certain.
//
//   CISTERN_RING_RECORDS  records of each test; 200 000 unless told, 1 000 000 in CI
//   CISTERN_RING_SEED     seed of the first thread
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import type { Ring, RingOptions } from "../../src/index.js";
import { MIB, region } from "../lib/regions.js";
import { Baseline, type Counts, sum, Team } from "./rings-team.js";

const TOLD = process.env.CISTERN_RING_RECORDS ?? (process.env.CI ? "1000000" : "200000");
const RECORDS = wholeNumber("CISTERN_RING_RECORDS", TOLD, 100, 1_000_000_000);
const SEED = wholeNumber("CISTERN_RING_SEED", process.env.CISTERN_RING_SEED ?? `${Date.now() % 1e9}`, 0, 0xffff_ffff);
const PRODUCERS = 2;
const CONSUMERS = 2;
const EACH = Math.floor(RECORDS / PRODUCERS);
// Some microseconds a record on a machine at other work.
const STUCK_MS = 60_000 + RECORDS / 50;

const totals: Record<string, unknown> = {};
afterAll(() => console.log(`rings under threads, seed ${SEED}: ${JSON.stringify(totals)}`));

/** What the threads came to, and what the ring says of it. */
interface Outcome {
  produced: Counts[];
  consumed: Counts[];
  metrics: ReturnType<Ring["metrics"]>;
  /** How many records came, by their bits. */
  marked: number;
}

function bitsOf(marks: Int32Array): number {
  let count = 0;
  for (const word of marks) for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

/** Two producers and two consumers at one ring, to its end. All bytes are back then. */
async function exchange(options: RingOptions, part: object = {}): Promise<Outcome> {
  const r = region({ size: 8 * MIB, maxOwners: 8, busyMs: 1000 });
  const baseline = new Baseline(r);
  const team = await Team.open(r, PRODUCERS + CONSUMERS, PRODUCERS * EACH);
  const job = { ring: "ring", count: EACH, ...part };
  const producers = Array.from({ length: PRODUCERS }, (_, i) => ({
    ...job,
    role: "produce",
    source: i,
    seed: SEED + i,
  }));
  const consumers = Array.from({ length: CONSUMERS }, (_, i) => ({ ...job, role: "consume", seed: SEED + 100 + i }));
  try {
    const outcome = await untilEnd(team, r.ring("ring", options), producers, consumers);
    await team.close();
    baseline.expectBack(1);
    return outcome;
  } catch (cause) {
    const replay = `CISTERN_RING_SEED=${SEED} CISTERN_RING_RECORDS=${RECORDS} npx vitest run --project node test/stress/rings.test.ts`;
    throw new Error(`${(cause as Error).message}\n  seed ${SEED}; replay: ${replay}`, { cause });
  } finally {
    await team.abandon();
  }
}

/** The ring is closed when the producers are done; what is in it then still comes. */
async function untilEnd(team: Team, ring: Ring, producers: object[], consumers: object[]): Promise<Outcome> {
  const ends = team.start([...producers, ...consumers], STUCK_MS);
  const produced = await Promise.race([Promise.all(ends.slice(0, PRODUCERS)), failed(ends)]);
  // A lease keeps this thread in the ring, whose metrics are read after its end.
  const lease = ring.reserve(8)!;
  ring.close();
  const consumed = await Promise.all(ends.slice(PRODUCERS));
  const metrics = ring.metrics();
  lease.abort();
  ring.leave();
  return { produced, consumed, metrics, marked: bitsOf(team.marks) };
}

/** Rejects with the first of these that fails. */
const failed = (ends: readonly Promise<Counts>[]): Promise<never> =>
  new Promise((_, reject) => ends.forEach((end) => end.catch(reject)));

/** Every record came whole, once, and in its producer's order. */
function expectFaithful({ produced, consumed }: Outcome): void {
  for (const what of ["torn", "doubled", "reordered"]) expect(sum([...produced, ...consumed], what), what).toBe(0);
}

describe(`${PRODUCERS} producers and ${CONSUMERS} consumers`, () => {
  it.each([1, 7, 64, 1024])(
    "lose, tear, double and reorder nothing through a ring of %i that blocks",
    async (capacity) => {
      const outcome = await exchange({ capacity, overflow: "block" });
      expectFaithful(outcome);
      expect(sum(outcome.consumed, "popped")).toBe(PRODUCERS * EACH);
      expect(outcome.marked, "records that came").toBe(PRODUCERS * EACH);
      expect(outcome.metrics).toMatchObject({ droppedOldest: 0, lost: 0 });
      const [popped, unreserved] = [sum(outcome.consumed, "popped"), sum(outcome.produced, "unreserved")];
      totals[`block, ${capacity}`] = { popped, unreserved, waits: outcome.metrics.waits };
    },
    STUCK_MS + 10_000,
  );
});

describe(`${PRODUCERS} producers that do not wait, and ${CONSUMERS} consumers`, () => {
  it.each([2, 64])(
    "have each record of a drop-oldest ring of %i once: taken by a consumer, or handed to the producer that dropped it",
    async (capacity) => {
      const outcome = await exchange({ capacity, overflow: "drop-oldest" }, { listens: true });
      expectFaithful(outcome);
      const { produced, consumed, metrics, marked } = outcome;
      const dropped = sum(produced, "handedOut");
      expect(sum(produced, "accepted")).toBe(PRODUCERS * EACH);
      expect(marked, "records that came or were handed out").toBe(PRODUCERS * EACH);
      expect(sum(consumed, "popped") + dropped).toBe(PRODUCERS * EACH);
      expect(metrics).toMatchObject({ pushes: PRODUCERS * EACH, pops: sum(consumed, "popped"), size: 0 });
      expect(metrics).toMatchObject({ droppedOldest: dropped, refused: 0, lost: 0 });
      totals[`drop-oldest, ${capacity}, handed out`] = { popped: sum(consumed, "popped"), dropped };
    },
    STUCK_MS + 10_000,
  );

  it.each([1, 64])(
    "have what a drop-oldest ring of %i dropped counted to the record: pushed = popped + dropped",
    async (capacity) => {
      const outcome = await exchange({ capacity, overflow: "drop-oldest" });
      expectFaithful(outcome);
      const { produced, consumed, metrics, marked } = outcome;
      const popped = sum(consumed, "popped");
      expect(sum(produced, "accepted")).toBe(PRODUCERS * EACH);
      expect(marked).toBe(popped);
      expect(metrics).toMatchObject({ pushes: PRODUCERS * EACH, pops: popped, size: 0, refused: 0, lost: 0 });
      expect(metrics.droppedOldest).toBe(PRODUCERS * EACH - popped);
      totals[`drop-oldest, ${capacity}`] = { popped, dropped: metrics.droppedOldest };
    },
    STUCK_MS + 10_000,
  );

  it.each([1, 64])(
    "have what a drop-newest ring of %i refused counted to the record, and all that it took comes",
    async (capacity) => {
      const outcome = await exchange({ capacity, overflow: "drop-newest" });
      expectFaithful(outcome);
      const { produced, consumed, metrics, marked } = outcome;
      const [accepted, refused] = [sum(produced, "accepted"), sum(produced, "refused")];
      expect(accepted + refused).toBe(PRODUCERS * EACH);
      expect(sum(consumed, "popped")).toBe(accepted);
      expect(marked).toBe(accepted);
      expect(metrics).toMatchObject({ pushes: accepted, pops: accepted, size: 0, refused, droppedOldest: 0, lost: 0 });
      totals[`drop-newest, ${capacity}`] = { accepted, refused };
    },
    STUCK_MS + 10_000,
  );
});
