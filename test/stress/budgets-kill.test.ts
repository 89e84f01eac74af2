// Real kills in the middle of work on budgets. Goal: a worker that is terminated while it reserves, gives back, moves, waits, names or
// closes stops nobody; after its recovery what is used is what the living hold, to the byte, the report says what it held, and
// whoever waited behind it is served (D06, D46, D47). Method: victims of every kind beside the main thread, terminated at random moments; the
// records of the region are read word by word and compared with what the living know that they hold.
//
//   CISTERN_BUDGET_KILLS      how many; 64 unless told, 300 in CI
//   CISTERN_BUDGET_KILL_SEED  seed of all that is random, the moments too
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import * as L from "../../assembly/shared/layout.js";
import { type Budget, type RecoveryReport, type Region, RegionBusyError, type Reservation } from "../../src/index.js";
import { type Random, random } from "../lib/random.js";
import { expectSound, region } from "../lib/regions.js";
import { createActor, longName, type Kind } from "./budgets-actor.mjs";

const KILLS = Number(process.env.CISTERN_BUDGET_KILLS ?? (process.env.CI ? 300 : 64));
const SEED = Number(process.env.CISTERN_BUDGET_KILL_SEED ?? Date.now() % 1e9);
const STUCK_MS = 10_000;
const NAMES = 300;
const KINDS: readonly Kind[] = [
  "mixed",
  "mixed",
  "reserving",
  "waiting",
  "waiting",
  "moving",
  "closing",
  "naming",
  "naming",
];

/** One record of a reservation, as its words say. */
interface Held {
  state: number;
  owner: number;
  bytes: number;
  node: number;
}

const figures = {
  kills: 0,
  heldLatch: 0,
  inCharge: 0,
  cutInClose: 0,
  leaving: 0,
  heldNothing: 0,
  waiters: 0,
  recovered: 0,
  recoveredBytes: 0,
  notDoneAtOnce: 0,
  exactReports: 0,
  audits: 0,
  servedBehindDead: 0,
};
afterAll(() => console.log(`kills at work on budgets, seed ${SEED}: ${JSON.stringify(figures)}`));

/** A region, the main thread's part in it, and who is killed. */
class Arena {
  readonly r: Region = region({ maxOwners: 6, busyMs: 20 });
  readonly actor = createActor(this.r, { seed: SEED, kind: "mixed" });
  readonly #threads = new Set<Worker>();
  readonly #errors: unknown[] = [];

  constructor() {
    // So that whoever looks for a name is often met while it has the latch.
    for (let i = 0; i < NAMES; i++) this.actor.tree!.root.tryReserve(0, longName(i))?.release();
  }

  #word(at: number): number {
    return Atomics.load(this.r.heap.i32, at >>> 2) >>> 0;
  }

  /** Elements of a pool, by address. */
  *#elements(pool: number, bytes: number): Generator<number> {
    for (let chunk = this.#word(pool + 4); chunk !== 0; chunk = this.#word(chunk + L.CHUNK_NEXT))
      for (let i = 0; i < this.#word(chunk + L.CHUNK_COUNT); i++) yield chunk + L.CHUNK_HEADER + i * bytes;
  }

  /** The records that are not free, read word by word. */
  records(): Held[] {
    const found: Held[] = [];
    for (const at of this.#elements(L.H_RECORDS, L.RESERVATION_BYTES)) {
      const [low, high] = [this.#word(at), this.#word(at + 4)];
      if (low === 0 && high === 0) continue;
      const bytes = this.#word(at + L.V_BYTES + 4) * 2 ** 32 + this.#word(at + L.V_BYTES);
      found.push({ state: high >>> 20, owner: low & 0xff, bytes, node: this.#word(at + L.V_BUDGET) });
    }
    return found;
  }

  /** How many budgets somebody began to close. */
  closing(): number {
    const states = [...this.#elements(L.H_NODES, L.NODE_BYTES)].map((node) => this.#word(node + L.B_STATE) & 3);
    return states.filter((state) => state === L.BUDGET_CLOSING).length;
  }

  get latch(): number {
    return this.#word(L.H_BUDGET_LOCK);
  }

  get isInCharge(): boolean {
    return this.#word(L.H_CHARGE) !== 0;
  }

  async start(kind: Kind, seed: number): Promise<{ worker: Worker; ownerId: number }> {
    const workerData = { handle: this.r.handle(), role: "victim", kind, seed };
    const worker = new Worker(new URL("budgets-worker.mjs", import.meta.url), { workerData });
    this.#threads.add(worker);
    worker.on("error", (error) => this.#errors.push(error));
    worker.on("exit", () => this.#threads.delete(worker));
    const [ownerId] = (await once(worker, "message")) as [number];
    return { worker, ownerId };
  }

  requireHealthy(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  /** Works for `ms` milliseconds, and hears between of what it waits for. */
  async work(ms: number): Promise<void> {
    for (const end = performance.now() + ms; performance.now() < end;) {
      for (let i = 0; i < 20; i++) this.actor.step();
      await new Promise(setImmediate);
    }
  }

  /** Lets `ms` milliseconds pass that no event and no work of this thread makes longer. */
  spin(ms: number): void {
    for (const end = performance.now() + ms; performance.now() < end;);
  }

  async kill({ worker, ownerId }: { worker: Worker; ownerId: number }): Promise<void> {
    await worker.terminate();
    figures.kills++;
    if (this.latch === ownerId) figures.heldLatch++;
    if (this.latch === ownerId && this.isInCharge) figures.inCharge++;
    const mine = this.records().filter(({ owner }) => owner === (ownerId & 0xff));
    if (mine.length === 0) figures.heldNothing++;
    figures.waiters += mine.filter(({ state }) => state === L.CLAIM_WAITING).length;
    figures.leaving += mine.filter(({ state }) => state === L.CLAIM_LEAVING).length;
    figures.cutInClose += this.closing();
    expect(this.r.markDead(ownerId)).toBe(true);
  }

  /** Recovers an owner that is marked dead; the sum of what the attempts report. */
  async recover(ownerId: number): Promise<RecoveryReport> {
    const sum = { reservations: 0, reservedBytes: 0 };
    for (const end = performance.now() + STUCK_MS; performance.now() < end;) {
      const report = this.#tryRecover(ownerId);
      if (report) {
        sum.reservations += report.reservations;
        sum.reservedBytes += report.reservedBytes;
      }
      if (report?.done) {
        figures.recovered += sum.reservations;
        figures.recoveredBytes += sum.reservedBytes;
        return { ...report, ...sum };
      }
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

  /** Only while no victim is attached: what is used is what this thread holds, in each budget. */
  async audit(): Promise<void> {
    figures.audits++;
    this.requireHealthy();
    const { actor, r } = this;
    actor.cancelAll();
    await new Promise(setImmediate);
    expectSound(r);
    expect(this.closing(), "budgets that a dead thread was closing").toBe(0);
    expect(this.latch, "the latch").toBe(0);
    const { root, safe, tight, deep, scratch } = actor.tree!;
    scratch.close();
    const records = this.records();
    expect(
      records.filter(({ owner }) => owner !== (r.ownerId & 0xff)),
      "records of the dead",
    ).toEqual([]);
    expect(
      records.filter(({ state }) => state !== L.CLAIM_LIVE),
      "records that nobody holds",
    ).toEqual([]);
    const held = actor.held.filter((reservation) => reservation.isLive);
    expect(records.length).toBe(held.length);
    const own = (budget: Budget): number => sumOf(held.filter(({ budgetPath }) => budgetPath === budget.path));
    const used = { deep: own(deep), tight: own(tight) + own(deep), safe: own(safe) };
    expect([deep.usedBytes, tight.usedBytes, safe.usedBytes]).toEqual([used.deep, used.tight, used.safe]);
    expect(root.usedBytes).toBe(own(root) + used.tight + Math.max(100, used.safe));
    expect(root.stats().items).toBe(held.length);
    for (const budget of [root, tight]) expect(budget.peakBytes).toBeLessThanOrEqual(budget.limitBytes);
    actor.tree!.scratch = root.child("scratch");
    // All that is free is there at once.
    const rest = root.tryReserve(root.availableBytes);
    expect(rest?.size).toBe(1000 - root.usedBytes + rest!.size);
    expect(rest!.release()).toBe(true);
  }

  /** Gives everything back: then only the minimum is used. */
  async close(): Promise<void> {
    this.actor.cancelAll();
    await new Promise(setImmediate);
    this.actor.releaseAll();
    const { root, scratch } = this.actor.tree!;
    scratch.close();
    expect([root.usedBytes, root.stats().items]).toEqual([100, 0]);
    root.close();
    expectSound(this.r, 0);
    expect(this.r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
    this.r.close();
  }

  async abandon(): Promise<void> {
    await Promise.all([...this.#threads].map((worker) => worker.terminate()));
  }
}

const sumOf = (reservations: readonly Reservation[]): number => reservations.reduce((sum, { size }) => sum + size, 0);

/** The moment of a death: 0 to 8 ms after the victim said that it works. */
const moment = (by: Random): number => (by.next() / 2 ** 32) * 8;

/** One victim beside nobody: its report must say exactly what its records said. */
async function killAlone(arena: Arena, by: Random): Promise<void> {
  const victim = await arena.start(by.pick(KINDS), by.next());
  arena.spin(moment(by));
  await arena.kill(victim);
  // Whoever has the latch next ends the charge that it was in.
  arena.actor.tree!.root.tryReserve(0)?.release();
  const held = arena
    .records()
    .filter(({ owner, state }) => owner === (victim.ownerId & 0xff) && state === L.CLAIM_LIVE);
  const report = await arena.recover(victim.ownerId);
  expect([report.reservations, report.reservedBytes], "what it held").toEqual([
    held.length,
    held.reduce((sum, { bytes }) => sum + bytes, 0),
  ]);
  figures.exactReports++;
  expect(await arena.recover(victim.ownerId), "a second recovery").toMatchObject({ reservations: 0, reservedBytes: 0 });
  await arena.audit();
}

/** Two victims beside the main thread, which works on; they die one after the other, and the other works on beside the recovery. */
async function killTwo(arena: Arena, by: Random): Promise<void> {
  const [one, two] = await Promise.all([
    arena.start(by.pick(KINDS), by.next()),
    arena.start(by.pick(KINDS), by.next()),
  ]);
  await arena.work(moment(by));
  await arena.kill(one);
  if (by.below(2)) await arena.work(moment(by) / 4);
  await arena.recover(one.ownerId);
  await arena.work(moment(by) / 2);
  await arena.kill(two);
  await arena.recover(two.ownerId);
  await arena.audit();
}

/** A victim that is watched, and a request of this thread that waits behind those of the victim. */
async function killWatched(arena: Arena, by: Random): Promise<void> {
  arena.actor.cancelAll();
  arena.actor.releaseAll();
  const { root } = arena.actor.tree!;
  const victim = await arena.start("waiting", by.next());
  const report = new Promise<RecoveryReport>((resolve) => arena.r.watch(victim.worker, { onRecovered: resolve }));
  const behind = root.reserve(850, { timeout: STUCK_MS });
  arena.spin(moment(by));
  await victim.worker.terminate();
  figures.kills++;
  expect(await report).toMatchObject({ done: true });
  (await behind).release();
  figures.servedBehindDead++;
  await arena.audit();
}

const WAYS = [killAlone, killAlone, killAlone, killTwo, killTwo, killWatched];

describe("kills at work on budgets", () => {
  it(
    `${KILLS} of them stop nobody, and what is used is what the living hold (D06, D46, D47)`,
    async () => {
      const by = random(SEED);
      const arena = new Arena();
      try {
        while (figures.kills < KILLS) await by.pick(WAYS)(arena, by);
        await arena.close();
        expect(figures.servedBehindDead).toBeGreaterThan(0);
        expect(figures.exactReports).toBeGreaterThan(0);
        if (KILLS >= 300) expect(figures.heldLatch, "deaths that held the latch").toBeGreaterThan(0);
      } catch (cause) {
        const replay = `CISTERN_BUDGET_KILL_SEED=${SEED} npx vitest run --project node test/stress/budgets-kill.test.ts`;
        const message = `${(cause as Error).message}\n  after ${figures.kills} kills, seed ${SEED}; replay: ${replay}`;
        throw new Error(message, { cause });
      } finally {
        await arena.abandon();
      }
    },
    60_000 + KILLS * 1000,
  );
});
