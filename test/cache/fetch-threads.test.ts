// fetch and subscribe between real threads. Goal: of all threads one loads a key; the others go on when its thread is terminated; what another thread sets is
// not undone by a load; a listener that is terminated is cleared away. Method: workers, whose loads take turns of their event loops. What is waited for is a message.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { type Cache, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { KIB, MIB } from "./scene.js";

const THREADS = 3;
const KEYS = 40;

const worker = (r: Region, job: string, more = {}): Worker =>
  new Worker(new URL("fetch-worker.mjs", import.meta.url), { workerData: { handle: r.handle(), job, ...more } });

const message = async (thread: Worker): Promise<unknown> => ((await once(thread, "message")) as [unknown])[0];

function scene(maxItems?: number): { r: Region; cache: Cache<string> } {
  const r = Region.createSync({ size: 2 * MIB, maxOwners: 8 });
  const options = maxItems === undefined ? { maxBytes: 512 * KIB } : { maxItems, policy: "fifo" as const };
  return { r, cache: r.cache<string>("cache", { codec: "utf8", ...options }) };
}

/** Ends the thread, and resolves when all it had is back. */
async function terminate(r: Region, thread: Worker): Promise<void> {
  const recovered = new Promise<void>((resolve) => {
    r.watch(thread, { onRecovered: ({ done }) => (expect(done).toBe(true), resolve()) });
  });
  await thread.terminate();
  await recovered;
}

describe("threads that fetch the same keys", () => {
  it("have each loaded once, by one of them", async () => {
    const { r, cache } = scene();
    const loads = new SharedArrayBuffer(4 * KEYS);
    const threads = Array.from({ length: THREADS }, () => worker(r, "fetch", { keys: KEYS, loads }));
    expect(await Promise.all(threads.map(message))).toEqual(Array(THREADS).fill("right"));
    expect([...new Int32Array(loads)]).toEqual(Array(KEYS).fill(1));
    expect([cache.size, cache.stats().sets]).toEqual([KEYS, KEYS]);
    expectSound(r);
  });

  it("go on when the one that loads is terminated", async () => {
    const { r, cache } = scene();
    const thread = worker(r, "hold");
    expect(await message(thread)).toBe("loading");
    const load = vi.fn(() => "mine");
    const asked = cache.fetch("k", load);
    await terminate(r, thread);
    expect([await asked, load.mock.calls.length, cache.get("k")]).toEqual(["mine", 1, "mine"]);
    expectSound(r);
  });

  it("find a value of each key, though one thread after the other is terminated at work on them", async () => {
    const { r, cache } = scene();
    const keys = 6;
    const survivor = worker(r, "churn", { keys });
    for (let kills = 0; kills < 8; kills++) {
      const victim = worker(r, "churn", { keys });
      for (let heard = 0; heard <= kills; heard++) await Promise.all([message(victim), message(survivor)]);
      const asked = Array.from({ length: keys }, (_, i) => cache.fetch(`k${i}`, () => "mine"));
      await terminate(r, victim);
      for (const value of await Promise.all(asked)) expect(["mine", "set", "loaded"]).toContain(value);
    }
    await terminate(r, survivor);
    expectSound(r);
  });
});

describe("a load in one thread", () => {
  it("is not put in over what another set meanwhile", async () => {
    const { r, cache } = scene();
    const thread = worker(r, "load");
    expect(await message(thread)).toBe("loading");
    cache.set("k", "newer");
    thread.postMessage("go on");
    expect([await message(thread), cache.get("k")]).toEqual(["older", "newer"]);
    expectSound(r);
  });
});

describe("a thread that listens", () => {
  it("hears of what this one evicts, and costs nothing once it was terminated", async () => {
    const { r, cache } = scene(1);
    for (const key of ["a", "b"]) cache.set(key, "v");
    const before = r.usedBytes;
    const thread = worker(r, "listen");
    expect(await message(thread)).toBe("listening");
    cache.set("c", "v");
    expect(await message(thread)).toBe("b");
    expect(r.usedBytes).toBeGreaterThan(before);
    await terminate(r, thread);
    cache.set("d", "v");
    expect(r.usedBytes).toBe(before);
    expectSound(r);
  });

  it("that is terminated before it heard anything leaves nothing", async () => {
    const { r, cache } = scene(1);
    for (const key of ["a", "b"]) cache.set(key, "v");
    const before = r.usedBytes;
    const thread = worker(r, "listen");
    expect(await message(thread)).toBe("listening");
    await terminate(r, thread);
    expect(r.usedBytes).toBe(before);
    expectSound(r);
  });
});
