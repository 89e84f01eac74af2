// Watching threads in a cross-origin isolated page. Goal: a worker of the page that ended, however, is noticed by its Web Lock, and
// what it held is back without anybody asking. Method: real module workers, and the lock manager's own list of who holds what.
// Events are waited for, never time. The same in Node: watch.test.ts.
import { afterEach, describe, expect, it } from "vitest";
import { OwnerAliveError, type RecoveryReport, Region, type RegionHandle } from "../src/index.js";
import { MIB, expectSound } from "./lib/regions.js";

const BLOCKS = [100, 5000, 20_000];

const threads: Worker[] = [];
afterEach(() => {
  for (const thread of threads.splice(0)) thread.terminate();
});

const message = <T>(thread: Worker): Promise<T> =>
  new Promise((resolve, reject) => {
    thread.addEventListener("message", ({ data }: MessageEvent<T>) => resolve(data), { once: true });
    thread.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
  });

/** A worker that is attached to the region, and its owner's id. */
async function attached(r: Region, sync = false): Promise<{ thread: Worker; ownerId: number }> {
  const thread = new Worker(new URL("watch-page-worker.ts", import.meta.url), { type: "module" });
  threads.push(thread);
  const told = message<number>(thread);
  thread.postMessage({ handle: r.handle(), sync, blocks: BLOCKS });
  return { thread, ownerId: await told };
}

const recovered = (r: Region, ownerId: number, signal?: AbortSignal): Promise<RecoveryReport> =>
  new Promise((resolve) => r.watch(ownerId, { onRecovered: resolve, ...(signal && { signal }) }));

/** The names of the Web Locks of a region that are held. */
async function held({ id }: RegionHandle): Promise<string[]> {
  const { held = [] } = await navigator.locks.query();
  return held.map(({ name = "" }) => name).filter((name) => name.startsWith(`cistern/${id}/`));
}

/** Resolves once the browser has let a worker's lock go: whoever asks for it next gets it then. */
const ended = (name: string): Promise<void> => navigator.locks.request(name, async () => {});

describe("a watched worker of the page that", () => {
  it("is terminated is recovered, and its Blocks are back", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    const whole = r.stats().largestFreeBytes;
    const { thread, ownerId } = await attached(r);
    const report = recovered(r, ownerId);
    const bytes = r.usedBytes;
    expect(bytes).toBeGreaterThan(25_000);
    thread.terminate();
    expect(await report).toEqual({
      ownerId,
      done: true,
      blocks: BLOCKS.length,
      blockBytes: bytes,
      inFlightBytes: 0,
      reservations: 0,
      reservedBytes: 0,
      ringRecords: 0,
      heldLock: false,
      undecided: null,
    });
    expectSound(r, 0);
    expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
    expect(r.heap.alloc(whole)).not.toBe(0);
    r.close();
  });

  it("ends itself without close is recovered", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    const { thread, ownerId } = await attached(r);
    const report = recovered(r, ownerId);
    thread.postMessage("end");
    expect(await report).toMatchObject({ ownerId, done: true, blocks: BLOCKS.length });
    expectSound(r, 0);
  });

  it("is recovered again and again, in the same slot", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    const [own] = await held(r.handle());
    for (let round = 0; round < 5; round++) {
      const { thread, ownerId } = await attached(r);
      const report = recovered(r, ownerId);
      thread.terminate();
      expect(await report).toMatchObject({ ownerId, done: true, blocks: BLOCKS.length });
      expectSound(r, 0);
      // The notice is the lock itself, held by who watches until it has done its work.
      for (const name of await held(r.handle())) if (name !== own) await ended(name);
    }
    expect(await held(r.handle())).toEqual([own]);
  });

  it("has died before it was watched is recovered at once", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    const [own] = await held(r.handle());
    const { thread, ownerId } = await attached(r);
    const [name] = (await held(r.handle())).filter((name) => name !== own);
    thread.terminate();
    await ended(name!);
    expect(await recovered(r, ownerId)).toMatchObject({ ownerId, done: true, blocks: BLOCKS.length });
    expectSound(r, 0);
  });

  it("closed its region is not recovered, and holds no lock, though it lives on", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    const handle = r.handle();
    const [own] = await held(handle);
    const { thread, ownerId } = await attached(r);
    const [name] = (await held(handle)).filter((name) => name !== own);
    let reports = 0;
    r.watch(ownerId, { onRecovered: () => reports++ });
    const told = message(thread);
    thread.postMessage("close, stay");
    expect(await told).toBe("told");
    await ended(name!);
    expect(await held(handle)).toEqual([own]);
    expect(reports).toBe(0);
    expectSound(r, 0);
    expect(r.stats().owners).toBe(1);
    r.close();
    await ended(own!);
    expect(await held(handle)).toEqual([]);
  });

  it("is one of two leaves the other alone", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 3 });
    const [one, two] = [await attached(r), await attached(r)];
    const used = r.usedBytes;
    const report = recovered(r, one.ownerId);
    let reports = 0;
    r.watch(two.ownerId, { onRecovered: () => reports++ });
    one.thread.terminate();
    expect(await report).toMatchObject({ ownerId: one.ownerId, done: true });
    expectSound(r, used / 2);
    expect(reports).toBe(0);
    expect(() => r.recover(two.ownerId)).toThrow(OwnerAliveError);
  });
});

describe("a watch that was ended does nothing:", () => {
  it.each(["by the function it returned", "by its signal", "by a signal that was aborted before"])(
    "%s",
    async (way) => {
      const r = await Region.create({ size: MIB, maxOwners: 2 });
      const [own] = await held(r.handle());
      const { thread, ownerId } = await attached(r);
      const [name] = (await held(r.handle())).filter((name) => name !== own);
      let reports = 0;
      const end = new AbortController();
      if (way.endsWith("before")) end.abort();
      const stop = r.watch(ownerId, { onRecovered: () => reports++, signal: end.signal });
      if (way.endsWith("returned")) stop();
      else end.abort();
      thread.terminate();
      await ended(name!);
      expect(reports).toBe(0);
      expect(r.stats()).toMatchObject({ owners: 2, deadOwners: 0 });
      expect(r.markDead(ownerId)).toBe(true);
      expect(r.recover(ownerId)).toMatchObject({ done: true, blocks: BLOCKS.length });
    },
  );

  it("by the close of the region that watched; another watch of the same owner recovers", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 3 });
    const watcher = await Region.attach(r.handle());
    const { thread, ownerId } = await attached(r);
    let reports = 0;
    watcher.watch(ownerId, { onRecovered: () => reports++ });
    const report = recovered(r, ownerId);
    watcher.close();
    thread.terminate();
    expect(await report).toMatchObject({ ownerId, done: true });
    expect(reports).toBe(0);
    expectSound(r, 0);
  });
});

describe("watch refuses", () => {
  it("an owner that was attached by attachSync: it has no Web Lock, and the text says what takes one", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 3 });
    const { thread, ownerId } = await attached(r, true);
    expect(() => r.watch(ownerId)).toThrow(RangeError);
    expect(() => r.watch(ownerId)).toThrow(/no Web Lock.*Region\.attach, not their Sync forms/);
    expect(() => r.watch(Region.attachSync(r.handle()).ownerId)).toThrow(RangeError);
    thread.terminate();
  });

  it("numbers that are no living owner's, and what is neither number nor worker", async () => {
    const r = await Region.create({ size: MIB, maxOwners: 2 });
    for (const wrong of [0, 1, 255, r.ownerId + 256, -1, 1.5, Number.NaN])
      expect(() => r.watch(wrong)).toThrow(RangeError);
    const { thread } = await attached(r);
    for (const wrong of [undefined, null, {}, "5", thread])
      expect(() => r.watch(wrong as unknown as number)).toThrow(TypeError);
  });
});
