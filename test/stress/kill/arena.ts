// The arena of kill.test.ts: one region, a survivor thread that never ends, the main thread, and an exchange table between all of them
// and the victims. Its audit says at rest whose each live block is: what nobody knows and no dead thread may leave is lost.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { type RecoveryReport, type Region, RegionBusyError } from "../../../src/index.js";
import { expectSound, region } from "../../lib/regions.js";
import { Words } from "../../lib/words.js";
import { type Actor, type ActorCounts, createActor, type Holdings, type Kind } from "./actor.mjs";

const PLACES = 48;
const [PAUSE, STEPS, RECOVERER] = [0, 1, 2] as const;
const STUCK_MS = 10_000;

interface Paused extends Holdings {
  counts: ActorCounts;
  longestMs: number;
}

/** What the kills and the audits found. */
export interface Figures {
  kills: number;
  heldLock: number;
  pendingJournals: number;
  undecided: number;
  cutInRecovery: number;
  notDoneAtOnce: number;
  blocksRecovered: number;
  blockBytes: number;
  inFlightBytes: number;
  audits: number;
  /** Raw blocks that the dead left, found and freed. */
  rawLeft: number;
  rawLeftBytes: number;
  /** Blocks of living threads, or shared ones, whose handle was in a dead thread's hands. */
  strayBlocks: number;
  lostBytes: number;
  stuckSurvivors: number;
  survivorSteps: number;
  survivorBusy: number;
  survivorLongestMs: number;
}

const NONE: Figures = {
  kills: 0,
  heldLock: 0,
  pendingJournals: 0,
  undecided: 0,
  cutInRecovery: 0,
  notDoneAtOnce: 0,
  blocksRecovered: 0,
  blockBytes: 0,
  inFlightBytes: 0,
  audits: 0,
  rawLeft: 0,
  rawLeftBytes: 0,
  strayBlocks: 0,
  lostBytes: 0,
  stuckSurvivors: 0,
  survivorSteps: 0,
  survivorBusy: 0,
  survivorLongestMs: 0,
};

/** A thread that may be terminated, and the id of its owner. */
export interface Thread {
  worker: Worker;
  ownerId: number;
}

export class Arena {
  readonly r: Region;
  readonly words: Words;
  readonly figures: Figures = { ...NONE };
  readonly #whole: number;
  readonly #table = new SharedArrayBuffer(PLACES * 4);
  readonly #signals = new SharedArrayBuffer(12);
  readonly #signal = new Int32Array(this.#signals);
  readonly #actor: Actor;
  readonly #threads = new Set<Worker>();
  readonly #errors: unknown[] = [];
  #survivor!: Thread;

  private constructor(size: number, seed: number) {
    this.r = region({ size, maxOwners: 6, busyMs: 20 });
    this.words = new Words(this.r);
    this.#whole = this.r.stats().largestFreeBytes;
    this.#actor = createActor(this.r, { table: this.#table, seed, kind: "mixed", mayDie: false });
  }

  static async open(size: number, seed: number): Promise<Arena> {
    const arena = new Arena(size, seed);
    arena.#survivor = await arena.start("survivor", "mixed", seed + 1);
    return arena;
  }

  /** A thread at work, once it says so. */
  async start(role: "victim" | "survivor" | "recoverer", kind: Kind, seed: number): Promise<Thread> {
    const { r } = this;
    const workerData = { handle: r.handle(), table: this.#table, signals: this.#signals, role, kind, seed };
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData });
    this.#threads.add(worker);
    worker.on("error", (error) => this.#errors.push(error));
    worker.on("exit", () => this.#threads.delete(worker));
    const [ownerId] = (await once(worker, "message")) as [number];
    return { worker, ownerId };
  }

  /** The first error of any thread. */
  requireHealthy(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  /** Works for `ms` milliseconds, without a look at the events. */
  work(ms: number): void {
    for (const end = performance.now() + ms; performance.now() < end;) this.#actor.step();
  }

  /** Lets `ms` milliseconds pass that no event and no work of this thread makes longer. */
  spin(ms: number): void {
    for (const end = performance.now() + ms; performance.now() < end;);
  }

  /** Lets the recoverer loose on a dead owner, and comes back when it has begun. */
  beginRecovery({ worker }: Thread, dead: number): void {
    Atomics.store(this.#signal, RECOVERER, 0);
    worker.postMessage(dead);
    for (const end = performance.now() + STUCK_MS; Atomics.load(this.#signal, RECOVERER) === 0;)
      if (performance.now() > end) throw new Error("the recoverer did not begin");
  }

  /** Terminates threads, all at once, notes where they were and marks them dead. A watched one may be recovered by then. */
  async kill(...threads: readonly Thread[]): Promise<void> {
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    this.figures.kills += threads.length;
    for (const { ownerId } of threads) {
      if (this.words.lock === ownerId) this.figures.heldLock++;
      if (this.words.taking(ownerId) !== 0 || this.words.giving(ownerId) !== 0) this.figures.pendingJournals++;
    }
    for (const { ownerId } of threads) this.r.markDead(ownerId);
  }

  /** Recovers an owner that is marked dead, beside the survivor. */
  async recover({ ownerId }: Thread): Promise<void> {
    for (const end = performance.now() + STUCK_MS; performance.now() < end;) {
      const report = this.#tryRecover(ownerId);
      if (report?.done) return this.count(report);
      if (report !== undefined) this.figures.notDoneAtOnce++;
      this.#actor.step();
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

  count(report: RecoveryReport): void {
    if (report.undecided !== null) this.figures.undecided++;
    this.figures.blocksRecovered += report.blocks;
    this.figures.blockBytes += report.blockBytes;
    this.figures.inFlightBytes += report.inFlightBytes;
  }

  /** Waits until the survivor has made a hundred steps from here on: the dead stop nobody. */
  requireProgress(): void {
    const from = Atomics.load(this.#signal, STEPS);
    for (const end = performance.now() + STUCK_MS; Atomics.load(this.#signal, STEPS) - from < 100;) {
      this.#actor.step();
      if (performance.now() < end) continue;
      this.figures.stuckSurvivors++;
      throw new Error(`the survivor made ${Atomics.load(this.#signal, STEPS) - from} steps in ${STUCK_MS} ms`);
    }
  }

  async #pause(): Promise<Paused> {
    const paused = once(this.#survivor.worker, "message");
    Atomics.store(this.#signal, PAUSE, 1);
    const [state] = (await paused) as [Paused];
    const { steps, busy } = state.counts;
    const { survivorLongestMs } = this.figures;
    this.figures.survivorSteps = steps;
    this.figures.survivorBusy = busy;
    this.figures.survivorLongestMs = Math.max(survivorLongestMs, Math.round(state.longestMs));
    return state;
  }

  #resume(order: "go" | "drain"): void {
    if (order === "go") Atomics.store(this.#signal, PAUSE, 0);
    this.#survivor.worker.postMessage(order);
  }

  /**
   * At rest: every invariant holds, each live block is somebody's, and nothing of the dead is left but raw blocks, which are freed. Only
   * while no victim is attached.
   */
  async audit(): Promise<void> {
    const survivor = await this.#pause();
    this.requireHealthy();
    this.#settle(survivor);
    this.#resume("go");
  }

  #settle(survivor: Holdings): void {
    const { r, figures } = this;
    figures.audits++;
    expectSound(r);
    expect(r.stats()).toMatchObject({ owners: 2, deadOwners: 0, undecidedBytes: 0 });
    const live = this.#liveBlocks();
    let sum = 0;
    for (const bytes of live.values()) sum += bytes;
    expect(r.usedBytes, "used bytes are those of the live blocks").toBe(sum);
    for (const offset of this.#known(survivor)) {
      expect(live.delete(offset), `the block at ${offset} lives, and is one thread's`).toBe(true);
    }
    for (const [offset, bytes] of live) this.#sweep(offset, bytes);
    expect(figures.lostBytes, "lost bytes").toBe(0);
    expectSound(r);
  }

  /** Offset and granted bytes of each live block. */
  #liveBlocks(): Map<number, number> {
    const { heap, capacityBytes } = this.r;
    const live = new Map<number, number>();
    for (let offset = 0; offset < capacityBytes;) {
      const bytes = heap.usableSize(offset);
      if (bytes !== 0) live.set(offset, bytes);
      offset += bytes || 8;
    }
    return live;
  }

  /** Offsets of what the living hold, and of the messages in the table. */
  #known(survivor: Holdings): number[] {
    const ours = this.#actor.holdings();
    const messages = [...new Int32Array(this.#table)].filter((offset) => offset !== 0);
    return [...survivor.raw, ...survivor.blocks, ...ours.raw, ...ours.blocks, ...messages];
  }

  /** A block that none of the living holds: in the table by its envelope, or left by the dead. */
  #sweep(offset: number, bytes: number): void {
    const { r, words, figures } = this;
    if (!words.isBlock(offset)) {
      expect(r.heap.free(offset), `the raw block at ${offset} that the dead left`).toBe(true);
      figures.rawLeft++;
      figures.rawLeftBytes += bytes;
      return;
    }
    if (this.#envelopes().has(offset)) return;
    // Of a living thread or of the region, which is right: but its handle was in a dead thread's hands.
    const holder = words.holder(offset);
    if (![0, r.ownerId & 0xff, this.#survivor.ownerId & 0xff].includes(holder)) {
      figures.lostBytes += bytes;
      return;
    }
    const claim = words.claim(offset);
    const handle = { offset, size: bytes, claim: [Number(BigInt.asIntN(32, claim)), Number(claim >> 32n)] as const };
    expect(r.open(handle).release(), `the stray Block at ${offset}`).toBe(true);
    figures.strayBlocks++;
  }

  /** Offsets of the Blocks that envelopes in the table name. */
  #envelopes(): Set<number> {
    const { i32 } = this.r.heap;
    const named = [...new Int32Array(this.#table)].filter((offset) => offset !== 0 && i32[offset >>> 2] === 0x424c4f43);
    return new Set(named.map((offset) => i32[(offset >>> 2) + 3]! >>> 0));
  }

  /** Everybody gives everything back: then the region is as it was when it was made. */
  async drain(): Promise<void> {
    const survivor = await this.#pause();
    this.requireHealthy();
    this.#settle(survivor);
    const drained = once(this.#survivor.worker, "message");
    this.#resume("drain");
    await drained;
    this.requireHealthy();
    this.#actor.drain();
    const { r } = this;
    expectSound(r, 0);
    const all = r.heap.alloc(this.#whole);
    expect(all, "one block of all that was free at the start").not.toBe(0);
    expect(r.heap.free(all)).toBe(true);
    this.#resume("go");
  }

  async close(): Promise<void> {
    await this.drain();
    await this.#pause();
    const gone = once(this.#survivor.worker, "exit");
    this.#survivor.worker.postMessage("close");
    await gone;
    this.requireHealthy();
    expect(this.r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
    this.r.close();
  }

  /** Ends what still runs, after a failure too. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#threads].map((worker) => worker.terminate()));
  }
}
