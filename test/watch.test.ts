// Watching threads in Node. Goal: however a thread ends, what it held is back without anybody asking, once, and the report says what
// it was; a watch that was ended does nothing. Method: real workers that end in every way there is; for what real ones do not do
// on demand, emitters with a thread id. Events are waited for, never time. The same in a browser: watch.browser.test.ts.
import { EventEmitter, getEventListeners, once, setMaxListeners } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { J_BLOCK } from "../assembly/shared/layout.js";
import { Core } from "../bindings/core.js";
import { instantiateSync } from "../bindings/module.js";
import {
  OwnerAliveError,
  type RecoveryReport,
  Region,
  RegionInUseError,
  type WatchOptions,
  type WorkerLike,
} from "../src/index.js";
import { expectSound, region } from "./lib/regions.js";
import { Words } from "./lib/words.js";

const BLOCKS = [100, 5000, 20_000];

type End = "process.exit" | "throw" | "close" | "no close";

const worker = (regions: Region[], end: End, silent = false): Worker =>
  new Worker(new URL("watch-worker.mjs", import.meta.url), {
    workerData: { handles: regions.map((r) => r.handle()), end, blocks: BLOCKS, silent },
  });

const ownerIds = async (thread: Worker): Promise<number[]> => ((await once(thread, "message")) as [number[]])[0];

/** Watches, and resolves with the first `count` reports. */
function reports(r: Region, thread: WorkerLike, count = 1): Promise<RecoveryReport[]> {
  const all: RecoveryReport[] = [];
  return new Promise((resolve) => {
    r.watch(thread, { onRecovered: (report) => void (all.push(report) === count && resolve(all)) });
  });
}

/** What stands for a worker where a real one would not do on demand what the test needs. */
class Thread extends EventEmitter implements WorkerLike {
  static #last = 1_000_000;
  readonly threadId = ++Thread.#last;

  /** An owner of this thread. */
  attach(r: Region): Core {
    const { module, memory, busyMs } = r.handle();
    return Core.attach(instantiateSync(module, memory), memory, busyMs, this.threadId);
  }

  end(): void {
    this.emit("exit");
  }
}

describe("a watched worker that", () => {
  it.each([
    ["is terminated", async (thread: Worker) => void (await thread.terminate())],
    ["ends by process.exit", (thread: Worker) => thread.postMessage("end"), "process.exit"],
    ["throws", (thread: Worker) => thread.postMessage("end"), "throw"],
    ["ends without close", (thread: Worker) => thread.postMessage("end"), "no close"],
  ] as [string, (thread: Worker) => unknown, End?][])(
    "%s is recovered, and its Blocks are back",
    async (_, end, how) => {
      const r = region({ maxOwners: 2 });
      const whole = r.stats().largestFreeBytes;
      const thread = worker([r], how ?? "close");
      thread.on("error", (error) => expect(error.message).toBe("thrown in the worker"));
      const recovered = reports(r, thread);
      const [ownerId] = await ownerIds(thread);
      const bytes = r.usedBytes;
      expect(bytes).toBeGreaterThan(25_000);
      await end(thread);
      expect(await recovered).toEqual([
        {
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
        },
      ]);
      expectSound(r, 0);
      expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
      expect(r.heap.alloc(whole)).not.toBe(0);
      r.close();
    },
  );

  it("closed its region before it ended is not recovered: nothing is left of it", async () => {
    const r = region();
    const thread = worker([r], "close");
    const onRecovered = vi.fn<(report: RecoveryReport) => void>();
    r.watch(thread, { onRecovered });
    await ownerIds(thread);
    thread.postMessage("end");
    await once(thread, "exit");
    expect(onRecovered).not.toHaveBeenCalled();
    expectSound(r, 0);
    r.close();
  });

  it("dies after it attached and before it told anyone its owner's id is recovered", async () => {
    const r = region({ maxOwners: 2 });
    const recovered = reports(r, worker([r], "process.exit", true));
    expect(await recovered).toMatchObject([{ done: true, blocks: BLOCKS.length }]);
    expectSound(r, 0);
    r.close();
  });

  it("attached to several regions, and to one of them twice, is recovered in each that watches it", async () => {
    const [a, b, c] = [region({ name: "a" }), region({ name: "b" }), region({ name: "c" })];
    const thread = worker([a, b, b, c], "close");
    const recovered = [reports(a, thread), reports(b, thread, 2)];
    const ids = await ownerIds(thread);
    await thread.terminate();
    const [ofA, ofB] = await Promise.all(recovered);
    expect(ofA!.map(({ ownerId }) => ownerId)).toEqual([ids[0]]);
    expect(ofB!.map(({ ownerId }) => ownerId).sort()).toEqual([ids[1], ids[2]].sort());
    for (const r of [a, b]) {
      expectSound(r, 0);
      r.close();
    }
    expect(() => c.close()).toThrow(RegionInUseError);
    expect(c.markDead(ids[3]!)).toBe(true);
    expect(c.recover(ids[3]!).done).toBe(true);
    c.close();
  });

  it("is watched twice is recovered once", async () => {
    const r = region();
    const thread = worker([r], "close");
    const seen = vi.fn<(report: RecoveryReport) => void>();
    r.watch(thread, { onRecovered: seen });
    r.watch(thread, { onRecovered: seen });
    await ownerIds(thread);
    await thread.terminate();
    expect(seen).toHaveBeenCalledTimes(1);
    expectSound(r, 0);
  });

  it("is one of two leaves the other alone", async () => {
    const r = region({ maxOwners: 3 });
    const [one, two] = [worker([r], "close"), worker([r], "close")];
    const recovered = reports(r, one);
    await Promise.all([ownerIds(one), ownerIds(two)]);
    const used = r.usedBytes;
    await one.terminate();
    expect(await recovered).toMatchObject([{ done: true, blocks: BLOCKS.length }]);
    expectSound(r, used / 2);
    two.postMessage("end");
    await once(two, "exit");
    expectSound(r, 0);
    r.close();
  });
});

describe("a watch that was ended does nothing:", () => {
  const ways: [string, (r: Region, thread: WorkerLike, options: WatchOptions) => void][] = [
    ["by the function it returned", (r, thread, options) => r.watch(thread, options)()],
    [
      "by its signal",
      (r, thread, options) => {
        const end = new AbortController();
        r.watch(thread, { ...options, signal: end.signal });
        end.abort();
      },
    ],
    [
      "by a signal that was aborted before",
      (r, thread, options) => void r.watch(thread, { ...options, signal: AbortSignal.abort() }),
    ],
  ];

  it.each(ways)("%s", (_, watchAndEnd) => {
    const r = region();
    const thread = new Thread();
    const owner = thread.attach(r);
    const onRecovered = vi.fn<(report: RecoveryReport) => void>();
    watchAndEnd(r, thread, { onRecovered });
    expect(thread.listenerCount("exit")).toBe(0);
    thread.end();
    expect(onRecovered).not.toHaveBeenCalled();
    expect(r.stats()).toMatchObject({ owners: 2, deadOwners: 0 });
    expect(() => r.recover(owner.ownerId)).toThrow(OwnerAliveError);
  });

  it("by the close of the region that watches; the region of another thread recovers", async () => {
    const r = region();
    const watcher = Region.attachSync(r.handle());
    const thread = new Thread();
    thread.attach(r);
    const onRecovered = vi.fn<(report: RecoveryReport) => void>();
    watcher.watch(thread, { onRecovered });
    watcher.close();
    expect(thread.listenerCount("exit")).toBe(0);
    const recovered = vi.fn<(report: RecoveryReport) => void>();
    r.watch(thread, { onRecovered: recovered });
    thread.end();
    await Promise.resolve();
    expect(onRecovered).not.toHaveBeenCalled();
    expect(recovered).toHaveBeenCalledTimes(1);
    expect(r.stats().owners).toBe(1);
  });

  it("a watch that is ended twice, and after the end of the thread, ends once", async () => {
    const r = region();
    const thread = new Thread();
    thread.attach(r);
    const onRecovered = vi.fn<(report: RecoveryReport) => void>();
    const stop = r.watch(thread, { onRecovered });
    thread.end();
    stop();
    stop();
    await Promise.resolve();
    expect(onRecovered).toHaveBeenCalledTimes(1);
  });
});

describe("a recovery that cannot be done at once is tried again until it is:", () => {
  it("while a living thread holds the page lock", async () => {
    const r = region({ maxOwners: 3, busyMs: 0 });
    const words = new Words(r);
    const holder = Region.attachSync(r.handle());
    const thread = new Thread();
    thread.attach(r).exports.blockAlloc(100, 8);
    const recovered = reports(r, thread);
    words.lock = holder.ownerId;
    thread.end();
    expect([r.usedBytes > 0, words.lock]).toEqual([true, holder.ownerId]);
    words.lock = 0;
    expect(await recovered).toMatchObject([{ done: true, blocks: 1, heldLock: false }]);
    expectSound(r, 0);
  });

  it("while a living thread is in the very block that the dead one was in; the report adds all attempts up", async () => {
    const r = region({ maxOwners: 3 });
    const words = new Words(r);
    const living = Region.attachSync(r.handle());
    const thread = new Thread();
    const dead = thread.attach(r);
    dead.exports.blockAlloc(20_000, 8);
    dead.exports.blockAlloc(3000, 8);
    const block = living.allocate(100);
    const { offset } = block;
    const bytes = r.heap.usableSize(offset);
    const claim = words.claim(offset);
    words.setClaim(offset, 0n);
    words.take(living.ownerId, offset | J_BLOCK, bytes);
    words.take(dead.ownerId, offset | J_BLOCK);
    const recovered = reports(r, thread);
    thread.end();
    expect(r.stats()).toMatchObject({ deadOwners: 1, owners: 3 });
    words.setClaim(offset, claim);
    words.take(living.ownerId, 0, -bytes);
    expect(await recovered).toMatchObject([{ done: true, blocks: 2, inFlightBytes: 0, undecided: null }]);
    expectSound(r, bytes);
    expect(block.isLive).toBe(true);
  });

  it("and not once the watch was ended", async () => {
    vi.useFakeTimers();
    const r = region({ maxOwners: 3, busyMs: 0 });
    const words = new Words(r);
    const holder = Region.attachSync(r.handle());
    const thread = new Thread();
    const { ownerId } = thread.attach(r);
    const onRecovered = vi.fn<(report: RecoveryReport) => void>();
    const stop = r.watch(thread, { onRecovered });
    words.lock = holder.ownerId;
    thread.end();
    stop();
    words.lock = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(onRecovered).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
    expect(r.recover(ownerId).done).toBe(true);
  });
});

describe("watch refuses", () => {
  it("what is neither a worker nor an owner's id", () => {
    const r = region();
    for (const wrong of [
      undefined,
      null,
      {},
      "5",
      5n,
      [],
      { threadId: 5 },
      { once() {} },
      { threadId: "5", once() {} },
    ])
      expect(() => r.watch(wrong as unknown as WorkerLike)).toThrow(TypeError);
    for (const wrong of [0, 1, -1, 1.5, Number.NaN, 2 ** 31, r.ownerId + 256])
      expect(() => r.watch(wrong)).toThrow(RangeError);
  });

  it("a worker that has ended already, and says the way out", async () => {
    const r = region();
    const thread = worker([r], "close");
    const [ownerId] = await ownerIds(thread);
    await thread.terminate();
    expect(() => r.watch(thread)).toThrow(/ended already.*markDead and recover/);
    expect(() => r.watch(thread)).toThrow(RangeError);
    expect(r.markDead(ownerId!)).toBe(true);
    expect(r.recover(ownerId!)).toMatchObject({ done: true, blocks: BLOCKS.length });
  });

  it("wrong options, and then watches nothing", () => {
    const r = region();
    const thread = new Thread();
    for (const options of [5, "x", { onrecovered: () => {} }, { onRecovered: 5 }, { onRecovered: "f" }])
      expect(() => r.watch(thread, options as unknown as WatchOptions)).toThrow(TypeError);
    expect(thread.listenerCount("exit")).toBe(0);
  });

  it("an owner's id: Node tells the end of workers, not of owners", () => {
    const r = region();
    const thread = new Thread();
    const { ownerId } = thread.attach(r);
    expect(() => r.watch(ownerId)).toThrow(/markDead and recover/);
    expect(r.stats().deadOwners).toBe(0);
  });
});

describe("watching", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("an owner's id is refused too where Node has Web Locks, that no thread of ours holds", () => {
    const granted: string[] = [];
    const request = async (name: string, _: unknown, held: () => Promise<void>): Promise<void> => {
      granted.push(name);
      await held();
    };
    vi.stubGlobal("navigator", { locks: { request } });
    const r = region();
    const { ownerId } = new Thread().attach(r);
    expect(() => r.watch(ownerId)).toThrow(/markDead and recover/);
    expect(granted).toEqual([]);
    expect(() => r.recover(ownerId)).toThrow(OwnerAliveError);
  });

  it("goes on with the thread's other owners when onRecovered throws", () => {
    const r = region();
    const thread = new Thread();
    thread.attach(r);
    thread.attach(r);
    const onRecovered = vi.fn<(report: RecoveryReport) => void>(() => {
      throw new Error("thrown in onRecovered");
    });
    r.watch(thread, { onRecovered });
    const later: (() => void)[] = [];
    vi.stubGlobal("queueMicrotask", (run: () => void) => later.push(run));
    thread.end();
    expect(onRecovered).not.toHaveBeenCalled();
    expect(later).toHaveLength(2);
    for (const run of later) expect(run).toThrow("thrown in onRecovered");
    expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0 });
  });

  it("a thousand threads, twenty at a time, leaves no listener behind and causes no warning", () => {
    const r = region({ maxOwners: 24 });
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const warned = vi.spyOn(process, "emitWarning");
    for (let round = 0; round < 50; round++) {
      const threads = Array.from({ length: 20 }, () => new Thread());
      for (const thread of threads) {
        thread.attach(r);
        r.watch(thread, { signal });
      }
      for (const thread of threads) thread.end();
      for (const thread of threads) expect(thread.listenerCount("exit")).toBe(0);
    }
    expect(r.stats().owners).toBe(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(warned).not.toHaveBeenCalled();
  });
});
