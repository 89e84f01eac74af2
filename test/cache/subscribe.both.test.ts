// subscribe. Goal: who listens hears of all that others evict or find expired, once, with key and length, or how many it missed; who does not listen any more, or is
// dead, costs nobody anything; a listener may do anything, and what it throws stops nobody. Method: two or three attachments of one thread. A
// thread that dies: fetch-threads.test.ts.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Cache, type CacheKey, type CacheOptions, Region, type RemoteEviction } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { reported } from "../reclaim-scene.js";
import { turn } from "./held.js";
import { type Clock, texts, thrown } from "./scene.js";

afterEach(() => vi.unstubAllGlobals());

const RECORDS = 1024;

interface Pair {
  readonly r: Region;
  readonly region: Region;
  readonly mine: Cache<string>;
  readonly theirs: Cache<string>;
  readonly clock: Clock;
}

/** A cache of two texts, at two attachments. */
function pair(options: CacheOptions<string> = {}): Pair {
  const { r, cache, clock } = texts({ maxItems: 2, policy: "fifo", ...options });
  const region = Region.attachSync(r.handle());
  return { r, region, mine: cache, theirs: region.cache("cache", { codec: "utf8", now: clock.now }), clock };
}

function listen(cache: Cache<string>, options?: { signal?: AbortSignal }): { told: unknown[]; stop: () => void } {
  const told: unknown[] = [];
  const hear = ({ key, bytes, missed }: RemoteEviction, reason: string): void =>
    void told.push(missed > 0 ? [key, bytes, reason, missed] : [key, bytes, reason]);
  return { told, stop: cache.subscribe(hear, options) };
}

const heard = (told: unknown[], count: number): Promise<void> =>
  vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(count));

describe("who subscribes", () => {
  it("hears what another thread evicts, and finds expired, and evicts by hand; not what this one does", async () => {
    const { r, mine, theirs, clock } = pair();
    const { told } = listen(mine);
    for (const key of ["a", "b", "c"]) theirs.set(key, key.repeat(3));
    mine.set("d", "mine evicts b");
    theirs.set("e", "v", { ttl: 5 });
    clock.ms += 5;
    theirs.set("f", "v");
    theirs.evict(Number.MAX_SAFE_INTEGER);
    theirs.set("g", "long", { ttl: 5 });
    clock.ms += 5;
    theirs.get("g");
    await heard(told, 6);
    expect(told).toEqual([
      ["a", 3, "evicted"],
      ["c", 3, "evicted"],
      ["e", 1, "expired"],
      ["d", 13, "evicted"],
      ["f", 1, "evicted"],
      ["g", 4, "expired"],
    ]);
    expectSound(r);
  });

  it("is not told of what was replaced, deleted or cleared", async () => {
    const { mine, theirs } = pair();
    const { told } = listen(mine);
    theirs.set("a", "v");
    theirs.set("a", "w");
    theirs.delete("a");
    theirs.set("b", "v");
    theirs.clear();
    for (const key of ["c", "d", "e"]) theirs.set(key, "v");
    await heard(told, 1);
    expect(told).toEqual([["c", 1, "evicted"]]);
  });

  it("gets keys of every kind as they were", async () => {
    const { mine, theirs } = pair({ maxItems: 1 });
    const keys: CacheKey[] = ["", "ä€𝄞", "\ud800", 1.5, Number.NaN, new Uint8Array([1, 2, 3]), "x".repeat(5000), "end"];
    const got: CacheKey[] = [];
    mine.subscribe(({ key }) => got.push(key));
    for (const key of keys) theirs.set(key, "v");
    await vi.waitFor(() => expect(got).toHaveLength(keys.length - 1));
    expect(got).toEqual(keys.slice(0, -1));
  });

  it("in several threads and several times is told each time", async () => {
    const { r, mine, theirs } = pair();
    const third = Region.attachSync(r.handle()).cache<string>("cache", { codec: "utf8" });
    const all = [listen(mine), listen(mine), listen(r.cache<string>("cache", { codec: "utf8" })), listen(third)];
    for (const key of ["a", "b", "c"]) theirs.set(key, "v");
    for (const { told } of all) await heard(told, 1);
    expect(all.map(({ told }) => told)).toEqual(all.map(() => [["a", 1, "evicted"]]));
    third.set("d", "v");
    for (const { told } of all.slice(0, 3)) await heard(told, 2);
    expect(all.map(({ told }) => told.length)).toEqual([2, 2, 2, 1]);
  });

  it("is told how many it missed, when more went than there is room for on the way", async () => {
    const { mine, theirs } = pair({ maxItems: 1 });
    const { told } = listen(mine);
    theirs.set("first", "v");
    for (let i = 0; i < RECORDS + 100; i++) theirs.set(i, "v");
    await heard(told, RECORDS);
    expect([told.length, told[0], told.at(-1)]).toEqual([
      RECORDS,
      [99, 1, "evicted", 100],
      [RECORDS + 98, 1, "evicted"],
    ]);
  });

  it("is told how many it missed for want of memory, and nobody's set fails for it", async () => {
    const { r, mine, theirs } = pair({ maxItems: 1 });
    const { told } = listen(mine);
    for (const key of ["a", "b"]) theirs.set(key, "v");
    await heard(told, 1);
    const taken: number[] = [];
    for (let bytes = 65_536; bytes >= 8; bytes /= 2)
      for (let at = r.heap.alloc(bytes); at !== 0; at = r.heap.alloc(bytes)) taken.push(at);
    for (let i = 0; i < 10; i++) theirs.set("x".repeat(3000) + String(i), "v");
    for (const at of taken) r.heap.free(at);
    for (const key of ["c", "d"]) theirs.set(key, "v");
    await vi.waitFor(() => expect(told.some((one) => (one as unknown[])[0] === "c")).toBe(true));
    const missed = told.reduce<number>((sum, one) => sum + ((one as number[])[3] ?? 0), 0);
    expect(told.length + missed).toBe(theirs.stats().evictions);
  });

  it("may throw, and do anything with the cache", async () => {
    const errors = reported();
    const { r, mine, theirs } = pair();
    const told: CacheKey[] = [];
    let stop = (): void => {};
    mine.subscribe(({ key }) => {
      told.push(key);
      mine.set(`again ${String(key)}`, "v");
      mine.evict(1);
      if (told.length === 2) stop();
      throw new Error(`heard ${String(key)}`);
    });
    const second = listen(mine);
    stop = second.stop;
    for (const key of ["a", "b", "c", "d", "e"]) theirs.set(key, "v");
    await vi.waitFor(() => expect(told).toHaveLength(3));
    await turn();
    expect([told, errors.map((error) => (error as Error).message)]).toEqual([
      ["a", "b", "c"],
      ["heard a", "heard b", "heard c"],
    ]);
    expect(second.told.length).toBeLessThanOrEqual(2);
    expectSound(r);
  });

  it("with what is no function, or no signal, is told so", () => {
    const { mine } = pair();
    expect(thrown(() => mine.subscribe(5 as never)).message).toMatch(/subscribe needs a function.*5/);
    expect(thrown(() => mine.subscribe(() => {}, { signal: 5 as never }))).toBeInstanceOf(TypeError);
    expect(thrown(() => mine.subscribe(() => {}, { once: true } as never))).toBeInstanceOf(TypeError);
    mine.close();
    expect(thrown(() => mine.subscribe(() => {}))).toMatchObject({ code: "ERR_CACHE_CLOSED" });
  });
});

describe("who subscribes no more", () => {
  it.each<[string, (all: Pair & { stop: () => void; abort: AbortController }) => void]>([
    ["as it said so", ({ stop }) => stop()],
    ["by its signal", ({ abort }) => abort.abort()],
    ["as it left the cache", ({ mine }) => mine.close()],
  ])("%s, is told nothing more, and its ring is gone with the next set of the others", async (_, end) => {
    const all = pair();
    const { region, mine, theirs } = all;
    for (const key of ["a", "b"]) theirs.set(key, "v");
    const before = region.usedBytes;
    const abort = new AbortController();
    const { told, stop } = listen(mine, { signal: abort.signal });
    for (const key of ["c", "d"]) theirs.set(key, "v");
    await heard(told, 2);
    expect(region.usedBytes).toBeGreaterThan(before);
    end({ ...all, stop, abort });
    theirs.set("e", "v");
    theirs.set("f", "v");
    await turn();
    expect(told).toHaveLength(2);
    expect(region.usedBytes).toBeLessThanOrEqual(before);
    expectSound(region);
  });

  it("may begin again, and hears only what went since", async () => {
    const { mine, theirs } = pair({ maxItems: 1 });
    const first = listen(mine);
    for (const key of ["a", "b", "c"]) theirs.set(key, "v");
    first.stop();
    const second = listen(mine);
    for (const key of ["d", "e"]) theirs.set(key, "v");
    await heard(second.told, 2);
    expect([first.told, second.told]).toEqual([
      [],
      [
        ["c", 1, "evicted"],
        ["d", 1, "evicted"],
      ],
    ]);
  });

  it("gives back every byte, however often, and whoever leaves last", async () => {
    const { r, region, mine, theirs } = pair({ maxItems: 1 });
    for (const key of ["a", "b"]) theirs.set(key, "v");
    const before = r.usedBytes;
    for (let i = 0; i < 20; i++) {
      const { told, stop } = listen(mine);
      theirs.set("c", "v");
      theirs.set("d", "v");
      await heard(told, 1);
      if (i % 3 === 0) stop();
      if (i % 3 === 0) theirs.set("e", "v");
      stop();
    }
    theirs.set("e", "v");
    expect(r.usedBytes).toBe(before);
    listen(mine);
    theirs.set("f", "v");
    for (const one of [theirs, mine]) one.close();
    region.close();
    expectSound(r, 0);
  });

  it("while those it heard of do nothing more: it may still begin again, as long as names are left", async () => {
    const { mine, theirs } = pair({ maxItems: 1 });
    for (const key of ["a", "b"]) theirs.set(key, "v");
    for (let i = 0; i < 30; i++) listen(mine).stop();
    const { told, stop } = listen(mine);
    theirs.set("c", "v");
    await heard(told, 1);
    stop();
  });

  it("before it began, by a signal that was aborted, is told nothing", async () => {
    const { r, mine, theirs } = pair();
    const used = r.usedBytes;
    const { told, stop } = listen(mine, { signal: AbortSignal.abort() });
    stop();
    expect(r.usedBytes).toBe(used);
    for (const key of ["a", "b", "c"]) theirs.set(key, "v");
    await turn();
    expect(told).toEqual([]);
  });
});
