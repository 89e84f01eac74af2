// Threads for the stress of rings: each does one job after the other. A watchdog ends what does not come to its end, and says with which seed.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import type { Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";

const [RECEIVED, OPENED, PARTY] = [0, 1, 2] as const;

/** What a job counts. */
export type Counts = Record<string, number>;

export const sum = (counts: readonly Counts[], what: string): number =>
  counts.reduce((all, one) => all + (one[what] ?? 0), 0);

/** What a region has when no ring is in it: to be compared with what it has once they are gone. */
export class Baseline {
  readonly #region: Region;
  readonly #used: number;
  readonly #overhead: number;
  /** The largest block there is place for: to take it, the heap gathers all it keeps at hand. */
  readonly #whole: number;

  /** This thread keeps what it needs for any ring: a place through which it copies short records. */
  constructor(region: Region) {
    region.ring("before").close();
    this.#region = region;
    this.#whole = region.stats().largestFreeBytes;
    this.#holds(this.#whole);
    this.#used = region.usedBytes;
    this.#overhead = region.overheadBytes;
  }

  #holds(bytes: number): boolean {
    const offset = this.#region.heap.allocUnsafe(bytes);
    return offset !== 0 && this.#region.heap.free(offset);
  }

  /** Every byte is back, and nobody else is attached. */
  expectBack(owners: number): void {
    const { usedBytes } = this.#region;
    expect(usedBytes, "used bytes").toBe(this.#used);
    expect(this.#holds(this.#whole), "one block of all that was free").toBe(true);
    expect(this.#region.overheadBytes, "overhead").toBe(this.#overhead);
    expect(this.#region.stats()).toMatchObject({ owners, deadOwners: 0 });
    expectSound(this.#region, this.#used);
  }
}

export class Team {
  readonly #threads: Worker[] = [];
  /** A bit for each record, set by who receives it. */
  readonly marks: Int32Array;
  /** What the threads count together: [records received, how many opened the rings of their job, of so many]. */
  readonly words = new Int32Array(new SharedArrayBuffer(16));

  private constructor(records: number) {
    this.marks = new Int32Array(new SharedArrayBuffer(Math.ceil(records / 32) * 4));
  }

  static async open(region: Region, size: number, records = 32): Promise<Team> {
    const team = new Team(records);
    const workerData = { handle: region.handle(), marks: team.marks.buffer, words: team.words.buffer };
    for (let i = 0; i < size; i++)
      team.#threads.push(new Worker(new URL("rings-worker.mjs", import.meta.url), { workerData }));
    // Whoever waits for its next message is told.
    for (const thread of team.#threads) thread.on("error", () => {});
    await Promise.all(team.#threads.map((thread) => once(thread, "message")));
    return team;
  }

  /** Gives each thread its job; what each comes to. Fails with the thread's error, or when it is not done in time. */
  start(jobs: readonly object[], stuckMs: number): Promise<Counts>[] {
    const signal = AbortSignal.timeout(stuckMs);
    Atomics.store(this.words, RECEIVED, 0);
    Atomics.store(this.words, OPENED, 0);
    Atomics.store(this.words, PARTY, jobs.length);
    const answers = jobs.map(async (job, i) => {
      const thread = this.#threads[i]!;
      const answer = once(thread, "message", { signal }) as Promise<[Counts]>;
      thread.postMessage(job);
      try {
        return (await answer)[0];
      } catch (cause) {
        if (!signal.aborted) throw cause;
        throw new Error(`a thread hangs: no answer in ${stuckMs} ms to ${JSON.stringify(job)}`, { cause });
      }
    });
    // One that fails is heard of by whoever waits for it, or for another.
    for (const answer of answers) answer.catch(() => {});
    return answers;
  }

  get received(): number {
    return Atomics.load(this.words, RECEIVED);
  }

  /** Waits, asleep, until all have opened the rings of their jobs and received `count` records; false: nothing came any more. */
  awaitReceived(count: number, patienceMs: number): boolean {
    return this.#await(OPENED, Atomics.load(this.words, PARTY), patienceMs) && this.#await(RECEIVED, count, patienceMs);
  }

  #await(index: number, count: number, patienceMs: number): boolean {
    for (let now = Atomics.load(this.words, index); now < count; now = Atomics.load(this.words, index))
      if (Atomics.wait(this.words, index, now, patienceMs) === "timed-out") return false;
    return true;
  }

  /** Lets the threads detach. */
  async close(): Promise<void> {
    const gone = this.#threads.map((thread) => once(thread, "exit"));
    for (const thread of this.#threads) thread.postMessage("end");
    await Promise.all(gone);
  }

  /** Ends what still runs, after a failure too. */
  async abandon(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
