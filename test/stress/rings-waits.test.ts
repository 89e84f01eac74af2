// Waits on rings under real threads. Goal: who sleeps for room or for a record is woken, whatever the order, also when the ring is closed meanwhile;
// nobody hangs, and nothing is lost on the way. Method: many rounds on rings of one to three records, where nearly every call sleeps: ping-pong
// over two rings, and crowds of producers and consumers, blocking and not, closed when all is sent or at a random moment. A thread that does not
// come to its end fails the round; a wake-up that is lost would be made up for by a sleep's end, so whole slices slept through are counted.
//
//   CISTERN_RING_WAIT_ROUNDS  how many rounds; 60 unless told, 300 in CI
//   CISTERN_RING_WAIT_SEED    seed of the first round
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import type { Region } from "../../src/index.js";
import { type Random, random } from "../lib/random.js";
import { MIB, region } from "../lib/regions.js";
import { Baseline, type Counts, sum, Team } from "./rings-team.js";

const TOLD = process.env.CISTERN_RING_WAIT_ROUNDS ?? (process.env.CI ? "300" : "60");
const ROUNDS = wholeNumber("CISTERN_RING_WAIT_ROUNDS", TOLD, 1, 1_000_000);
const SEED_TOLD = process.env.CISTERN_RING_WAIT_SEED ?? `${Date.now() % 1e9}`;
const SEED = wholeNumber("CISTERN_RING_WAIT_SEED", SEED_TOLD, 0, 0xffff_ffff);
const THREADS = 6;
const STUCK_MS = 20_000;
const RECORDS_MOST = 400;
/** Of all sleeps so many may last a whole slice: on a machine at other work a thread that was woken has to wait for a core. */
const SLOW_SHARE_MAX = 0.01;

const figures = { rounds: 0, records: 0, waits: 0, slow: 0, closedEarly: 0 };
afterAll(() => console.log(`waits on rings, seed ${SEED}: ${JSON.stringify(figures)}`));

const OPTIONS = (by: Random) => ({ capacity: 1 + by.below(3), overflow: "block" as const });

/** Numbers sent one way and back, each waited for. */
async function pingPong(r: Region, team: Team, by: Random): Promise<void> {
  const count = 1 + by.below(RECORDS_MOST);
  const [there, back] = [r.ring("there", OPTIONS(by)), r.ring("back", OPTIONS(by))];
  const rings = { ring: "there", back: "back" };
  const jobs = [
    { role: "ping", count, ...rings },
    { role: "pong", ...rings },
  ];
  const closesAt = by.below(3) === 0 ? by.below(count) : undefined;
  const [ping] = await run(team, jobs, closesAt, () => void (by.below(2) ? there : back).close());
  there.leave();
  back.leave();
  expect(ping!.wrong).toBe(0);
  if (closesAt === undefined) expect(ping!.got).toBe(count);
  else figures.closedEarly++;
}

/** Some that send and some that receive, on one ring. */
async function crowd(r: Region, team: Team, by: Random): Promise<void> {
  const count = 1 + by.below(RECORDS_MOST);
  const [senders, receivers] = [1 + by.below(3), 1 + by.below(3)];
  const ring = r.ring("there", OPTIONS(by));
  const sleeps = (): boolean => by.below(2) === 0;
  const jobs = [
    ...Array.from({ length: senders }, (_, source) => ({
      role: "send",
      ring: "there",
      source,
      count,
      sleeps: sleeps(),
    })),
    ...Array.from({ length: receivers }, () => ({ role: "receive", ring: "there", sleeps: sleeps() })),
  ];
  const isEarly = by.below(3) === 0;
  const closesAt = isEarly ? by.below(senders * count) : senders * count;
  const counts = await run(team, jobs, closesAt, () => void ring.close());
  ring.leave();
  const [sent, got] = [sum(counts, "sent"), sum(counts, "got")];
  expect(got, "what was sent came").toBe(sent);
  expect(sum(counts, "reordered")).toBe(0);
  if (isEarly) figures.closedEarly++;
  else expect(sent).toBe(senders * count);
}

/** Runs jobs; once `closesAt` records have come, closes. */
async function run(team: Team, jobs: object[], closesAt: number | undefined, close: () => void): Promise<Counts[]> {
  const ends = team.start(jobs, STUCK_MS);
  if (closesAt !== undefined) {
    if (!team.awaitReceived(closesAt, STUCK_MS)) {
      throw new Error(
        `threads hang: ${team.received} of ${closesAt} records in ${STUCK_MS} ms, ${JSON.stringify(jobs)}`,
      );
    }
    close();
  }
  const counts = await Promise.all(ends);
  figures.rounds++;
  figures.records += sum(counts, "got");
  figures.waits += sum(counts, "waits");
  figures.slow += sum(counts, "slow");
  return counts;
}

describe("threads that sleep at rings of one to three records", () => {
  it(
    `are all woken, and lose nothing, in ${ROUNDS} rounds with closes at random moments`,
    async () => {
      const r = region({ size: 4 * MIB, maxOwners: 8, busyMs: 1000 });
      const team = await Team.open(r, THREADS);
      let seed = SEED;
      try {
        const baseline = new Baseline(r);
        for (let round = 0; round < ROUNDS; round++, seed++) {
          const by = random(seed);
          await (by.below(3) === 0 ? pingPong : crowd)(r, team, by);
        }
        expect(figures.slow / figures.waits, "sleeps of a whole slice").toBeLessThanOrEqual(SLOW_SHARE_MAX);
        baseline.expectBack(1 + THREADS);
        await team.close();
      } catch (cause) {
        const replay = `CISTERN_RING_WAIT_SEED=${seed} CISTERN_RING_WAIT_ROUNDS=1 npx vitest run --project node test/stress/rings-waits.test.ts`;
        throw new Error(`${(cause as Error).message}\n  seed ${seed}; replay: ${replay}`, { cause });
      } finally {
        await team.abandon();
      }
    },
    60_000 + ROUNDS * 2000,
  );
});
