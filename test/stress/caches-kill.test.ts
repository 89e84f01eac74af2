// Real kills in the middle of work on a cache. Goal: a thread that is terminated at any moment, with the cache's latch in hand too, holds up nobody, with
// nothing repaired before the others go on; nobody ever reads a value that is torn, another key's or older than one that was in before; and after
// the recovery every byte is back. Method: a victim does random operations beside two survivors. After each kill both have to go on before anybody
// hears of the death; then the dead is recovered beside them; at the end of a round all leave, and the region is as it was.
//
//   CISTERN_CACHE_KILLS      how many; 30 unless told, 60 in CI; by hand: npm run kill -- --caches --count 500 [--seed S]
//   CISTERN_CACHE_KILL_SEED  seed of all that is random, the moments too
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import { type Cache, type CacheOptions, type RecoveryReport, type Region, RegionBusyError } from "../../src/index.js";
import { type Random, random } from "../lib/random.js";
import { expectSound, KIB, MIB, region } from "../lib/regions.js";
import { FAULTS } from "./caches-actor.mjs";

const TOLD = process.env.CISTERN_CACHE_KILLS ?? (process.env.CI ? "60" : "30");
const KILLS = wholeNumber("CISTERN_CACHE_KILLS", TOLD, 1, 1_000_000);
const SEED_TOLD = process.env.CISTERN_CACHE_KILL_SEED ?? `${Date.now() % 1e9}`;
const SEED = wholeNumber("CISTERN_CACHE_KILL_SEED", SEED_TOLD, 0, 0xffff_ffff);
const STUCK_MS = 20_000;
const ROUND_MOST = 6;
const KEYS = 300;
const SURVIVORS = 2;
/** Steps of each survivor, after each death. */
const STEPS = 300;
const POLICIES = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"] as const;

const figures = {
  kills: 0,
  rounds: 0,
  stalls: 0,
  torn: 0,
  foreign: 0,
  stale: 0,
  busy: 0,
  recoveries: 0,
  notDoneAtOnce: 0,
  puts: 0,
};
afterAll(() => console.log(`kills at work on a cache, seed ${SEED}: ${JSON.stringify(figures)}`));

interface Thread {
  worker: Worker;
  ownerId: number;
}

const shared = (words: number): SharedArrayBuffer => new SharedArrayBuffer(4 * words);

class Arena {
  readonly r: Region = region({ size: 2 * MIB, maxOwners: 8, busyMs: 20 });
  readonly #signals = shared(16);
  readonly #words = new Int32Array(this.#signals);
  readonly #board = { started: shared(KEYS), done: shared(KEYS), faults: shared(FAULTS.length) };
  readonly #threads = new Set<Worker>();
  readonly #errors: unknown[] = [];
  readonly #by: Random;
  readonly #survivors: Thread[] = [];
  #whole = 0;
  #cache: Cache | undefined;

  constructor(by: Random) {
    this.#by = by;
  }

  async #start(role: "survivor" | "victim", part: object = {}): Promise<Thread> {
    const workerData = { handle: this.r.handle(), role, signals: this.#signals, board: this.#board, ...part };
    const worker = new Worker(new URL("caches-worker.mjs", import.meta.url), { workerData });
    this.#threads.add(worker);
    worker.on("error", (error) => this.#errors.push(error));
    worker.on("exit", () => this.#threads.delete(worker));
    const [ownerId] = (await once(worker, "message")) as [number];
    return { worker, ownerId };
  }

  async open(): Promise<void> {
    for (let i = 0; i < SURVIVORS; i++) this.#survivors.push(await this.#start("survivor"));
    // What the region keeps for any cache and budget, it keeps from here on.
    const budget = this.r.budget("caches", { limit: 200 * KIB });
    this.r.cache("shared", { budget, maxBytes: 96 * KIB }).close();
    budget.close();
    this.#whole = this.r.stats().largestFreeBytes;
  }

  #job(part: number): object {
    return { keys: KEYS, part, parts: SURVIVORS + 1, seed: this.#by.next() };
  }

  /** A new cache, so small that all of it is at work, once both survivors are: who opens one waits for its latch. */
  async begin(): Promise<void> {
    figures.rounds++;
    // What came before is in no cache any more.
    for (const words of [this.#board.started, this.#board.done]) new Int32Array(words).fill(0);
    const options: CacheOptions = { maxBytes: this.#by.pick([48, 96, 256]) * KIB, policy: this.#by.pick(POLICIES) };
    if (this.#by.below(2)) options.budget = this.r.budget("caches", { limit: 200 * KIB });
    this.#cache = this.r.cache("shared", options);
    Atomics.store(this.#words, 0, 0);
    this.#survivors.forEach(({ worker }, part) => worker.postMessage(this.#job(part)));
    await this.#requireProgress();
  }

  /** One victim, terminated at a random moment; nobody hears of its death before the survivors have gone on. */
  async kill(): Promise<void> {
    const { worker, ownerId } = await this.#start("victim", this.#job(SURVIVORS));
    for (const end = performance.now() + (this.#by.next() / 2 ** 32) * 8; performance.now() < end;);
    await worker.terminate();
    figures.kills++;
    await this.#requireProgress();
    expect(this.r.markDead(ownerId)).toBe(true);
    await this.#recover(ownerId);
    await this.#requireProgress();
  }

  requireHealthy(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  async #requireProgress(): Promise<void> {
    const counts = (): number[] => this.#survivors.map((_, i) => Atomics.load(this.#words, 1 + i));
    const from = counts();
    for (const end = performance.now() + STUCK_MS; ;) {
      this.requireHealthy();
      const made = counts().map((count, i) => count - from[i]!);
      if (made.every((count) => count >= STEPS)) return;
      if (performance.now() > end) {
        figures.stalls++;
        throw new Error(`the survivors hang: ${made} steps in ${STUCK_MS} ms`);
      }
      await new Promise(setImmediate);
    }
  }

  async #recover(ownerId: number): Promise<void> {
    for (const end = performance.now() + STUCK_MS; performance.now() < end;) {
      if (this.#tryRecover(ownerId)?.done) return void figures.recoveries++;
      figures.notDoneAtOnce++;
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

  /** All leave, and every byte that the cache had is back. */
  async end(): Promise<void> {
    const paused = this.#survivors.map(({ worker }) => once(worker, "message"));
    Atomics.store(this.#words, 0, 1);
    await Promise.all(paused);
    this.requireHealthy();
    const faults = new Int32Array(this.#board.faults);
    FAULTS.forEach((fault, i) => (figures[fault] += Atomics.exchange(faults, i, 0)));
    expect(figures).toMatchObject({ torn: 0, foreign: 0, stale: 0 });
    const cache = this.#cache!;
    expectSound(this.r);
    const { peakBytes, maxBytes, sets, items } = cache.stats();
    expect(peakBytes).toBeLessThanOrEqual(maxBytes);
    expect([...cache.keys()].length).toBeLessThanOrEqual(items);
    figures.puts += sets;
    // All others have left; their threads sleep.
    cache.close();
    const budget = this.r.budget("caches", { limit: 200 * KIB });
    expect(budget.usedBytes).toBe(0);
    budget.close();
    expectSound(this.r, 0);
    const all = this.r.heap.alloc(this.#whole);
    expect(all, "one block of all that was free at the start").not.toBe(0);
    this.r.heap.free(all);
  }

  async close(): Promise<void> {
    const gone = this.#survivors.map(({ worker }) => once(worker, "exit"));
    for (const { worker } of this.#survivors) worker.postMessage("end");
    await Promise.all(gone);
    this.requireHealthy();
    expect(this.r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
    expectSound(this.r, 0);
    this.r.close();
  }

  /** Ends what still runs, after a failure too. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#threads].map((worker) => worker.terminate()));
  }
}

describe("kills of threads at a cache", () => {
  it(
    `${KILLS} of them hold up nobody, tear nothing, and cost no byte`,
    async () => {
      const by = random(SEED);
      const arena = new Arena(by);
      try {
        await arena.open();
        for (let left = KILLS; left > 0;) {
          await arena.begin();
          const kills = Math.min(left, 1 + by.below(ROUND_MOST));
          for (let i = 0; i < kills; i++) await arena.kill();
          await arena.end();
          left -= kills;
        }
        await arena.close();
        expect(figures).toMatchObject({ kills: KILLS, stalls: 0, torn: 0, foreign: 0, stale: 0 });
      } catch (cause) {
        const replay = `npm run kill -- --caches --count ${KILLS} --seed ${SEED}`;
        const message = `${(cause as Error).message}\n  after ${figures.kills} kills, seed ${SEED}; replay: ${replay}`;
        throw new Error(message, { cause });
      } finally {
        await arena.abandon();
      }
    },
    60_000 + KILLS * 1000,
  );
});
