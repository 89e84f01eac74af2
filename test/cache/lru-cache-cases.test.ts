// The cases that lru-cache's published tests cover, written anew for this cache. docs/cache-conformance.md lists what of them does not apply, and why.
import { describe, expect, it } from "vitest";
import type { Cache, CacheOptions } from "../../src/index.js";
import { KIB, present, type Scene, scene } from "./scene.js";

/** A strict lru of so many values of any kind. */
function lru(max: number, options: CacheOptions<unknown> = {}): Scene<unknown> {
  return scene<unknown>({ maxItems: max, policy: "lru", codec: "json", ...options });
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const fill = (cache: Cache<unknown>, from: number, to: number): void => range(from, to).forEach((i) => cache.set(i, i));
const keys = (cache: Cache<unknown>): unknown[] => [...cache.keys()].sort();
/** What goes, the least recently used first, when one comes in after the other. */
function order(cache: Cache<unknown>): unknown[] {
  const gone: unknown[] = [];
  let left = keys(cache);
  for (let i = 0; left.length > 0; i++) {
    cache.set(`new ${i}`, i);
    const now = left.filter((key) => cache.has(key as number));
    gone.push(...left.filter((key) => !now.includes(key)));
    left = now;
  }
  return gone;
}

describe("basic operation", () => {
  it("keeps as many as it may, and forgets the least recently used", () => {
    const { cache, expectExact } = lru(10);
    fill(cache, 0, 5);
    expect(range(0, 5).map((i) => cache.get(i))).toEqual(range(0, 5));
    expect(cache.size).toBe(5);
    fill(cache, 5, 10);
    fill(cache, 5, 10);
    expect([cache.size, keys(cache)]).toEqual([10, range(0, 10)]);
    range(0, 5).forEach((i) => cache.get(i));
    range(5, 10).forEach((i) => cache.get(i));
    fill(cache, 10, 15);
    expect(keys(cache)).toEqual([...range(10, 15), ...range(5, 10)]);
    fill(cache, 15, 20);
    expect(keys(cache)).toEqual(range(10, 20));
    expect(range(0, 10).map((i) => cache.get(i))).toEqual(Array(10).fill(undefined));
    fill(cache, 0, 9);
    expect(cache.size).toBe(10);
    expect([cache.delete(19), cache.delete(19), cache.size]).toEqual([true, false, 9]);
    cache.set(10, 10);
    expect(cache.size).toBe(10);
    cache.clear();
    expect(cache.size).toBe(0);
    fill(cache, 0, 10);
    expect([cache.size, cache.has(0), cache.size]).toEqual([10, true, 10]);
    expectExact();
  });

  it("puts in where something was deleted from the middle, and loses nothing else", () => {
    const { cache, expectExact } = lru(5);
    fill(cache, 0, 5);
    cache.delete(2);
    cache.set(5, 5);
    expect(keys(cache)).toEqual([0, 1, 3, 4, 5]);
    expect(order(cache)).toEqual([0, 1, 3, 4, 5]);
    expectExact();
  });

  it("leaves the order alone when it is peeked at or asked whether it has", () => {
    const { cache } = lru(5);
    fill(cache, 0, 5);
    expect([cache.peek(2), cache.has(1), cache.peek(99)]).toEqual([2, true, undefined]);
    expect(order(cache)).toEqual([0, 1, 2, 3, 4]);
  });

  it("has a value that comes anew before it is full as the most recent one", () => {
    const { cache } = lru(5);
    fill(cache, 0, 3);
    cache.set(1, 2);
    cache.set(3, 3);
    expect([...cache.entries()].sort()).toEqual([
      [0, 0],
      [1, 2],
      [2, 2],
      [3, 3],
    ]);
    cache.set(4, 4);
    expect(order(cache)).toEqual([0, 2, 1, 3, 4]);
  });

  it("of one holds one; of many a gigantic load goes through it with its limit kept", () => {
    const { cache } = lru(1);
    for (const i of range(0, 20)) {
      cache.set(i, i);
      expect([cache.size, cache.get(i), cache.get(i - 1)]).toEqual([1, i, undefined]);
    }
    const big = lru(100);
    for (const i of range(0, 10_000)) {
      big.cache.set(i, i);
      if (big.cache.size !== Math.min(i + 1, 100)) throw new Error(`${big.cache.size} at ${i}`);
    }
    expect(keys(big.cache)).toEqual(range(9900, 10_000));
    big.expectExact();
  });

  it('tells keys apart by kind: 1 and "1"; and names of Object\'s own are names like others', () => {
    const { cache } = lru(20);
    for (const key of [1, "1", "__proto__", "constructor", "hasOwnProperty", "toString", ""]) {
      expect(cache.has(key)).toBe(false);
      cache.set(key, `of ${typeof key} ${key}`);
    }
    expect([cache.get(1), cache.get("1"), cache.get("__proto__"), cache.size]).toEqual([
      "of number 1",
      "of string 1",
      "of string __proto__",
      7,
    ]);
  });
});

describe("sizes", () => {
  const sized = (max: number) => scene<string>({ maxValueBytes: max, policy: "lru", codec: "utf8" });

  it("are summed exactly through sets, deletes, replacing and clear", () => {
    const { cache, expectExact } = sized(100);
    const x = (count: number): string => "x".repeat(count);
    const sum = (): number => cache.stats().valueBytes;
    for (const size of [5, 10, 20]) cache.set(size, x(size));
    expect(sum()).toBe(35);
    cache.delete(20);
    cache.delete(5);
    expect(sum()).toBe(10);
    cache.clear();
    expect(sum()).toBe(0);
    for (const i of range(0, 5)) cache.set(i, x(10));
    expect(sum()).toBe(50);
    cache.set("big", x(100));
    expect([sum(), cache.size]).toEqual([100, 1]);
    cache.set("big", x(10));
    expect([sum(), cache.size]).toEqual([10, 1]);
    cache.delete("big");
    for (const letter of ["i", "j", "i", "j"]) cache.set("repeated", letter.repeat(10));
    expect([sum(), cache.size, cache.get("repeated")]).toEqual([10, 1, "j".repeat(10)]);
    expectExact();
  });

  it("stay as they are by a delete of nothing", () => {
    const { cache } = sized(10);
    cache.delete(1);
    cache.clear();
    cache.set(1, "xx");
    cache.set(1, "xx");
    cache.delete(99);
    expect([cache.size, cache.stats().valueBytes]).toEqual([1, 2]);
    cache.delete(1);
    cache.delete(1);
    expect([cache.size, cache.stats().valueBytes]).toEqual([0, 0]);
  });

  it("refuse what is larger than all: it is not in, the others stay, and what had its key is out", async () => {
    const { cache } = sized(10);
    cache.set(1, "xx");
    cache.set(2, "yy");
    expect([cache.set(1, "x".repeat(11)), cache.has(1), cache.get(2), cache.stats().valueBytes]).toEqual([
      false,
      false,
      "yy",
      2,
    ]);
    expect(await cache.fetch(3, () => "z".repeat(11))).toBe("z".repeat(11));
    expect([cache.has(3), cache.size]).toEqual([false, 1]);
  });

  it("push out as many as it takes, the least recently used first", () => {
    const { cache } = sized(100);
    for (const i of range(0, 10)) cache.set(i, "x".repeat(10));
    cache.get(0);
    cache.set("35", "x".repeat(35));
    expect(keys(cache as Cache<unknown>)).toEqual([0, "35", 5, 6, 7, 8, 9]);
  });
});

describe("onEvict, of dispose and onInsert", () => {
  it("tells of each that is pushed out, with its value, in order; and of none that is not there", () => {
    const told: unknown[] = [];
    const { cache } = lru(5, { onEvict: ({ key, value }, why) => told.push([key, value, why]) });
    fill(cache, 0, 9);
    expect(told).toEqual(range(0, 4).map((i) => [i, i, "evicted"]));
    told.length = 0;
    cache.set(9, 9);
    cache.set("asdf", "foo");
    cache.set("asdf", "asdf");
    expect(told).toEqual([
      [4, 4, "evicted"],
      [5, 5, "evicted"],
    ]);
    cache.delete("none");
    expect(told.length).toBe(2);
  });

  it("may put back what went, with another value", () => {
    const { cache, expectExact } = lru(5, {
      onEvict: ({ key, value }) => {
        if (key === 2) cache.set(key, (value as number) + 1);
      },
    });
    fill(cache, 0, 100);
    expect(cache.get(2)).toBeGreaterThan(15);
    expect(cache.size).toBe(5);
    expectExact();
  });

  it("says expired of what was pushed out because its time was over", () => {
    const told: unknown[] = [];
    const { cache, clock } = lru(5, { ttl: 100, onEvict: ({ key }, why) => told.push([key, why]) });
    cache.set(1, 1);
    cache.set(2, 2, { ttl: 10 });
    fill(cache, 3, 7);
    expect(told).toEqual([[1, "evicted"]]);
    clock.ms += 20;
    cache.set(7, 7);
    expect(told).toEqual([
      [1, "evicted"],
      [2, "expired"],
    ]);
  });

  it("onInsert tells of new values and of those that take another's place", () => {
    const told: unknown[] = [];
    const { cache } = lru(3, { onInsert: ({ key, value }) => told.push([key, value]) });
    fill(cache, 0, 4);
    cache.set(3, "again");
    expect(told).toEqual([...range(0, 4).map((i) => [i, i]), [3, "again"]]);
  });
});

describe("iteration", () => {
  const cases: [string, (cache: Cache<unknown>, key: number) => void, number[]][] = [
    ["evens", (cache, key) => key % 2 === 0 && cache.delete(key), [1, 3]],
    ["odds", (cache, key) => key % 2 === 1 && cache.delete(key), [0, 2, 4]],
    [
      "itself and another",
      (cache, key) => [3, 1].includes(key) && [key, key + (key === 3 ? 1 : -1)].map((k) => cache.delete(k)),
      [2],
    ],
    ["all", (cache) => cache.clear(), []],
  ];
  it.each(cases)("goes on while the loop deletes %s", (_, act, left) => {
    const { cache } = lru(5);
    fill(cache, 0, 5);
    for (const key of cache.keys()) act(cache, key as number);
    expect(keys(cache)).toEqual(left);
  });

  it("is by keys, by entries and by the cache itself, without what expired, and counts as no use", () => {
    const { cache, clock } = lru(5, { ttl: 100 });
    fill(cache, 0, 2);
    clock.ms += 60;
    fill(cache, 2, 5);
    clock.ms += 60;
    expect(keys(cache)).toEqual([2, 3, 4]);
    expect([...cache].sort()).toEqual([...cache.entries()].sort());
    expect([...cache].sort()).toEqual([2, 3, 4].map((i) => [i, i]));
    expect(order(cache).slice(-3)).toEqual([2, 3, 4]);
  });

  it("while values are read, and pushed out, ends", () => {
    const { cache } = lru(5);
    fill(cache, 0, 5);
    let turns = 0;
    for (const [key] of cache) {
      cache.get(key);
      cache.set(`new ${turns++}`, 1);
    }
    expect(turns).toBeLessThanOrEqual(5);
  });
});

describe("time to live", () => {
  it("is over at its end; until then it is there; a set begins it anew", () => {
    const { cache, clock, expectExact } = lru(5, { ttl: 10 });
    cache.set(1, 1);
    clock.ms += 5;
    expect(cache.get(1)).toBe(1);
    clock.ms += 4;
    expect([cache.get(1), cache.has(1)]).toEqual([1, true]);
    clock.ms += 2;
    expect([cache.has(1), cache.get(1), cache.peek(1), cache.size]).toEqual([false, undefined, undefined, 0]);
    cache.set(2, 2, { ttl: 100 });
    clock.ms += 50;
    cache.set(2, 3, { ttl: 100 });
    clock.ms += 99;
    expect(cache.get(2)).toBe(3);
    clock.ms += 1;
    expect(cache.get(2)).toBeUndefined();
    fill(cache, 0, 9);
    expect(cache.size).toBe(5);
    expectExact();
  });

  it("of one value does not touch the others', and none of a cache without lasts for ever", () => {
    const { cache, clock } = lru(5);
    cache.set(1, 1, { ttl: 10 });
    cache.set(2, 2);
    clock.ms += 10;
    expect(present(cache, [1, 2])).toEqual([2]);
    clock.ms += 1e11;
    expect(cache.get(2)).toBe(2);
  });

  it("is not made longer by a use", () => {
    const { cache, clock } = lru(5, { ttl: 10 });
    cache.set(1, 1);
    for (let i = 0; i < 9; i++) {
      clock.ms++;
      expect(cache.get(1)).toBe(1);
    }
    clock.ms++;
    expect(cache.get(1)).toBeUndefined();
  });

  it("of thousands that end at once takes none of the others along, and their memory comes back", () => {
    const { cache, clock, expectExact } = scene<unknown>({ maxBytes: 512 * KIB, codec: "json" });
    for (const i of range(0, 1000)) cache.set(i, "x".repeat(50), { ttl: i % 2 ? 10 : 1e6 });
    const { heldBytes, items } = cache.stats();
    clock.ms += 10;
    for (const i of range(0, 1000)) cache.has(i);
    expect(cache.stats()).toMatchObject({ items: 500, expirations: items - 500 });
    cache.evict(1);
    expect(cache.stats().heldBytes).toBeLessThan(heldBytes);
    expectExact();
  });
});

describe("fetch", () => {
  it("of several keys at once loads each once, and keeps them by the same rules", async () => {
    const { cache } = lru(3);
    let loads = 0;
    const load = async (key: unknown): Promise<unknown> => (loads++, key);
    const asked = [1, 2, 3, 4, 1, 2].map((key) => cache.fetch(key, load));
    expect([await Promise.all(asked), loads, cache.size]).toEqual([[1, 2, 3, 4, 1, 2], 4, 3]);
  });

  it("that fails leaves what others had, throws to who asked, and is tried again next time", async () => {
    const { cache } = lru(3);
    cache.set("other", 1);
    await expect(cache.fetch("k", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect([cache.has("k"), cache.get("other")]).toEqual([false, 1]);
    expect(await cache.fetch("k", () => "now")).toBe("now");
  });

  it("of a key whose time is over loads anew", async () => {
    const { cache, clock } = lru(3, { ttl: 5 });
    let count = 0;
    const load = (): number => ++count;
    expect([await cache.fetch("k", load), await cache.fetch("k", load)]).toEqual([1, 1]);
    clock.ms += 5;
    expect(await cache.fetch("k", load)).toBe(2);
  });
});
