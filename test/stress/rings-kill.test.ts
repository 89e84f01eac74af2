// Real kills in the middle of work on rings. Goal: a producer or consumer that is terminated at any moment holds up nobody, with nothing repaired
// before the others go on; no record is torn, or out of its producer's order; each is accounted for, but for at most one per killed consumer;
// and after the recovery every byte is back. Method: victims do random operations on three rings beside a surviving producer and a surviving
// consumer. After each kill both survivors have to succeed on each ring before anybody hears of the death; then the dead is
// recovered, and at the end of a round, when all is drained, what was sent, what came, and what the rings' counters say must agree.
//
//   CISTERN_RING_KILLS      how many; 20 unless told, 60 in CI; by hand: npm run kill -- --rings --count 500 [--seed S]
//   CISTERN_RING_KILL_SEED  seed of all that is random, the moments too
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import { type RecoveryReport, type Region, RegionBusyError, type Ring } from "../../src/index.js";
import { type Random, random } from "../lib/random.js";
import { expectSound, MIB, region } from "../lib/regions.js";
import { isFirst, isWhole } from "./rings-records.mjs";
import { Baseline } from "./rings-team.js";

const TOLD = process.env.CISTERN_RING_KILLS ?? (process.env.CI ? "60" : "20");
const KILLS = wholeNumber("CISTERN_RING_KILLS", TOLD, 1, 1_000_000);
const SEED_TOLD = process.env.CISTERN_RING_KILL_SEED ?? `${Date.now() % 1e9}`;
const SEED = wholeNumber("CISTERN_RING_KILL_SEED", SEED_TOLD, 0, 0xffff_ffff);
const STUCK_MS = 20_000;
const ROUND_MOST = 6;
const NAMES = ["block", "drop", "again"] as const;
const RINGS = NAMES.length;
const [BLOCK, DROP, AGAIN] = [0, 1, 2] as const;
/** Records that a source sends at most on one ring in a round. */
const SPAN = 2 ** 21;
const SOURCES = 2 + ROUND_MOST;
/** On each ring, by each survivor, after each death. */
const SUCCESSES = 20;
const [PAUSE, PROGRESS] = [0, 1] as const;
const FAULTS = ["torn", "reordered", "doubled", "deliveredAgain", "busy"] as const;
const [PRODUCER, CONSUMER] = [0, 1] as const;
type Side = typeof PRODUCER | typeof CONSUMER;

const figures = {
  kills: 0,
  consumers: 0,
  rounds: 0,
  stalls: 0,
  torn: 0,
  reordered: 0,
  doubled: 0,
  deliveredAgain: 0,
  busy: 0,
  sent: 0,
  came: 0,
  dropped: 0,
  lost: 0,
  missing: 0,
  unacknowledged: 0,
  recoveries: 0,
};
afterAll(() => console.log(`kills at work on rings, seed ${SEED}: ${JSON.stringify(figures)}`));

interface Thread {
  worker: Worker;
  ownerId: number;
}

class Arena {
  readonly r: Region = region({ size: 8 * MIB, maxOwners: 8, busyMs: 20 });
  readonly #signals = new SharedArrayBuffer(64);
  readonly #words = new Int32Array(this.#signals);
  readonly #accepted = new Int32Array(new SharedArrayBuffer(4 * SOURCES * RINGS));
  readonly #marks = new Int32Array(new SharedArrayBuffer((SOURCES * RINGS * SPAN) / 8));
  readonly #faults = new Int32Array(new SharedArrayBuffer(4 * FAULTS.length));
  readonly #threads = new Set<Worker>();
  readonly #errors: unknown[] = [];
  readonly #by: Random;
  #survivors: Thread[] = [];
  /** What the region has while the three are attached and there is no ring. */
  #baseline: Baseline | undefined;
  #rings: Ring[] = [];
  #sources = 0;
  #killedConsumers = 0;

  constructor(by: Random) {
    this.#by = by;
  }

  async #start(role: "survivor" | "victim", side: Side, part: object = {}): Promise<Thread> {
    const [accepted, marks, faults] = [this.#accepted.buffer, this.#marks.buffer, this.#faults.buffer];
    const board = { accepted, marks, faults, span: SPAN };
    const workerData = { handle: this.r.handle(), role, side, signals: this.#signals, board, ...part };
    const worker = new Worker(new URL("rings-kill-worker.mjs", import.meta.url), { workerData });
    this.#threads.add(worker);
    worker.on("error", (error) => this.#errors.push(error));
    worker.on("exit", () => this.#threads.delete(worker));
    const [ownerId] = (await once(worker, "message")) as [number];
    return { worker, ownerId };
  }

  async open(): Promise<void> {
    this.#survivors = await Promise.all([this.#start("survivor", PRODUCER), this.#start("survivor", CONSUMER)]);
    this.#baseline = new Baseline(this.r);
  }

  /** New rings, of capacities that make them full and empty often. */
  begin(): void {
    figures.rounds++;
    this.#sources = 0;
    this.#killedConsumers = 0;
    this.#marks.fill(0);
    this.#accepted.fill(0);
    const capacity = this.#by.pick([1, 2, 7, 64]);
    const [block, drop, again] = NAMES;
    this.#rings = [
      this.r.ring(block, { capacity, overflow: "block" }),
      this.r.ring(drop, { capacity, overflow: "drop-oldest" }),
      this.r.ring(again, { capacity, overflow: "block", delivery: "at-least-once" }),
    ];
    Atomics.store(this.#words, PAUSE, 0);
    for (const { worker } of this.#survivors)
      worker.postMessage({ names: NAMES, source: this.#sources++, seed: this.#by.next() });
  }

  requireHealthy(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  /** One victim, terminated at a random moment; nobody hears of its death before the survivors have gone on. */
  async kill(side: Side): Promise<void> {
    const part = { names: NAMES, source: this.#sources++, seed: this.#by.next() };
    const { worker, ownerId } = await this.#start("victim", side, part);
    for (const end = performance.now() + (this.#by.next() / 2 ** 32) * 8; performance.now() < end;);
    await worker.terminate();
    figures.kills++;
    if (side === CONSUMER) {
      figures.consumers++;
      this.#killedConsumers++;
    }
    await this.#requireProgress();
    expect(this.r.markDead(ownerId)).toBe(true);
    await this.#recover(ownerId);
    await this.#requireProgress();
  }

  async #requireProgress(): Promise<void> {
    const counts = (): number[] => Array.from({ length: 2 * RINGS }, (_, i) => Atomics.load(this.#words, PROGRESS + i));
    const from = counts();
    for (const end = performance.now() + STUCK_MS; ;) {
      this.requireHealthy();
      const now = counts();
      if (now.every((count, i) => count - from[i]! >= SUCCESSES)) return;
      if (performance.now() > end) {
        figures.stalls++;
        throw new Error(`the survivors hang: ${now.map((count, i) => count - from[i]!)} successes in ${STUCK_MS} ms`);
      }
      await new Promise(setImmediate);
    }
  }

  async #recover(ownerId: number): Promise<void> {
    for (const end = performance.now() + STUCK_MS; performance.now() < end;) {
      if (this.#tryRecover(ownerId)?.done) return void figures.recoveries++;
      await new Promise(setImmediate);
    }
    throw new Error(`owner ${ownerId} was not recovered within ${STUCK_MS} ms`);
  }

  #tryRecover(ownerId: number): RecoveryReport | undefined {
    try {
      return this.r.recover(ownerId);
    } catch (error) {
      if (error instanceof RegionBusyError) return undefined;
      throw error;
    }
  }

  /** All is drained, looked at and compared; the rings are closed, and every byte they had is back. */
  async end(): Promise<void> {
    const paused = this.#survivors.map(({ worker }) => once(worker, "message"));
    Atomics.store(this.#words, PAUSE, 1);
    await Promise.all(paused);
    this.requireHealthy();
    this.#rings.forEach((ring, k) => this.#drain(ring, k));
    FAULTS.forEach((fault, i) => (figures[fault] += Atomics.exchange(this.#faults, i, 0)));
    expect(figures).toMatchObject({ torn: 0, reordered: 0, doubled: 0 });
    const missing = this.#rings.map((ring, k) => this.#settle(ring, k));
    expect(missing[BLOCK]! + missing[DROP]!, "records in doubt").toBeLessThanOrEqual(this.#killedConsumers);
    for (const ring of this.#rings) ring.close();
    this.#baseline?.expectBack(3);
  }

  #drain(ring: Ring, k: number): void {
    const found = {} as { source: number; number: number };
    for (let record = ring.take(); record !== undefined; record = ring.take()) {
      const { bytes, isRedelivered } = record;
      if (!isWhole(this.r.heap.i32, record.offset >>> 2, bytes.length, found)) figures.torn++;
      else if (!isFirst(this.#marks, (found.source * RINGS + k) * SPAN + found.number)) {
        if (isRedelivered) figures.deliveredAgain++;
        else figures.doubled++;
      }
      record.release();
    }
  }

  /** What was sent, what came and what the ring counted; how many records neither came nor were dropped or lost. */
  #settle(ring: Ring, k: number): number {
    const { pushes, pops, droppedOldest, lost, size } = ring.metrics();
    expect(size).toBe(0);
    expect(pushes, "pushed = popped + dropped + lost").toBe(pops + droppedOldest + lost);
    let [sent, came, gone] = [0, 0, 0];
    for (let source = 0; source < this.#sources; source++) {
      const accepted = this.#accepted[source * RINGS + k]!;
      sent += accepted;
      const marked = this.#marked(source, k, accepted);
      came += marked.all;
      gone += accepted - marked.acknowledged;
      figures.unacknowledged += marked.all - marked.acknowledged;
    }
    // A producer that died right after its call had not noted what that put in.
    expect(pushes).toBeGreaterThanOrEqual(sent);
    expect(pushes - sent).toBeLessThanOrEqual(3 * (this.#sources - 2));
    figures.sent += sent;
    figures.came += came;
    figures.dropped += droppedOldest;
    figures.lost += lost;
    if (k === AGAIN) {
      expect([gone, lost, droppedOldest], "nothing is lost that is delivered again").toEqual([0, 0, 0]);
      return 0;
    }
    expect(lost).toBeLessThanOrEqual(this.#killedConsumers);
    const missing = k === DROP ? pushes - came - droppedOldest : pushes - came;
    if (k === BLOCK) expect(gone).toBeLessThanOrEqual(missing);
    figures.missing += missing;
    return missing;
  }

  /** How many of a source's records came: of those that it knew were in, and of all. */
  #marked(source: number, k: number, accepted: number): { all: number; acknowledged: number } {
    const first = (source * RINGS + k) * SPAN;
    let [all, acknowledged] = [0, 0];
    for (let number = 0; number < Math.min(SPAN, accepted + 4); number++) {
      if (((this.#marks[(first + number) >>> 5]! >>> ((first + number) & 31)) & 1) === 0) continue;
      all++;
      if (number < accepted) acknowledged++;
    }
    return { all, acknowledged };
  }

  async close(): Promise<void> {
    const gone = this.#survivors.map(({ worker }) => once(worker, "exit"));
    for (const { worker } of this.#survivors) worker.postMessage("end");
    await Promise.all(gone);
    this.requireHealthy();
    expect(this.r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
    expectSound(this.r);
    this.r.close();
  }

  /** Ends what still runs, after a failure too. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#threads].map((worker) => worker.terminate()));
  }
}

describe("kills of producers and consumers", () => {
  it(
    `${KILLS} of them hold up nobody, tear and reorder nothing, and cost no byte`,
    async () => {
      const by = random(SEED);
      const arena = new Arena(by);
      try {
        await arena.open();
        for (let left = KILLS; left > 0;) {
          arena.begin();
          const kills = Math.min(left, 1 + by.below(ROUND_MOST));
          for (let i = 0; i < kills; i++) await arena.kill(by.below(2) as Side);
          await arena.end();
          left -= kills;
        }
        await arena.close();
        expect(figures).toMatchObject({ kills: KILLS, stalls: 0, torn: 0, reordered: 0, doubled: 0 });
      } catch (cause) {
        const replay = `npm run kill -- --rings --count ${KILLS} --seed ${SEED}`;
        const message = `${(cause as Error).message}\n  after ${figures.kills} kills, seed ${SEED}; replay: ${replay}`;
        throw new Error(message, { cause });
      } finally {
        await arena.abandon();
      }
    },
    60_000 + KILLS * 1000,
  );
});
