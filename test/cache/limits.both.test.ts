// Time and limits. Goal: a value is there until its time is over and not a millisecond longer; nothing goes that must stay; no limit is ever passed;
// what is full answers false, says why in the counters, and has nothing older of that key. Method: a clock that the test moves; each limit reached
// alone, by the least that passes it.
import { describe, expect, it } from "vitest";
import { type CachePolicyName, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { bytes, Clock, KIB, MIB, present, scene, texts, thrown } from "./scene.js";

const POLICIES: CachePolicyName[] = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"];

describe("a time to live", () => {
  it("ends at its millisecond: for every way to look", () => {
    const { cache, clock, expectExact } = texts();
    const target = new Uint8Array(9);
    const ways: [(key: string) => unknown, unknown][] = [
      [(key) => cache.get(key), undefined],
      [(key) => cache.getInto(key, target), -1],
      [(key) => cache.peek(key), undefined],
      [(key) => cache.has(key), false],
      [(key) => cache.pin(key), undefined],
      [(key) => [...cache.keys()].includes(key), false],
      [(key) => [...cache].length > 0 && key === "", false],
    ];
    for (const [look, none] of ways) {
      cache.set("k", "v", { ttl: 1000 });
      clock.ms += 999;
      const found = look("k") as { release?: () => void };
      found?.release?.();
      if (look !== ways[6]![0]) expect(found, String(look)).not.toEqual(none);
      clock.ms += 1;
      expect(look("k"), String(look)).toEqual(none);
      expectExact();
    }
    expect(cache.stats().hits).toBe(3);
    expect(cache.stats().misses).toBe(3);
  });

  it("is the cache's unless the value's own; Infinity is for ever; a new value begins anew", () => {
    const { cache, clock } = texts({ ttl: 100 });
    cache.set("cache's", "v");
    cache.set("own", "v", { ttl: 500 });
    cache.set("ever", "v", { ttl: Number.POSITIVE_INFINITY });
    cache.set("short", "v", { ttl: 0.5 });
    clock.ms += 1;
    expect(cache.has("short")).toBe(false);
    clock.ms += 98;
    cache.set("again", "v");
    expect(present(cache, ["cache's", "own", "ever", "again"])).toEqual(["cache's", "own", "ever", "again"]);
    clock.ms += 1;
    expect(present(cache, ["cache's", "own", "ever", "again"])).toEqual(["own", "ever", "again"]);
    clock.ms += 1e12;
    expect([...cache.keys()]).toEqual(["ever"]);
    expect(present(cache, ["own", "again"])).toEqual([]);
    expect(cache.stats()).toMatchObject({ expirations: 4, evictions: 0, items: 1 });
  });

  it("stands for all that open the cache, each with its own clock", () => {
    const r = Region.createSync({ size: MIB });
    const [clock, late] = [new Clock(), new Clock()];
    late.ms += 100;
    const cache = r.cache<string>("c", { maxBytes: 64 * KIB, ttl: 100, codec: "utf8", now: clock.now });
    const theirs = Region.attachSync(r.handle()).cache<string>("c", { codec: "utf8", now: late.now });
    theirs.set("theirs", "v");
    cache.set("k", "v");
    clock.ms += 150;
    expect([cache.get("theirs"), cache.get("k"), theirs.get("theirs")]).toEqual(["v", undefined, "v"]);
    cache.set("k", "v");
    expect(theirs.get("k")).toBe("v");
    late.ms += 150;
    expect(theirs.get("k")).toBeUndefined();
  });

  it("that is over makes room before anything else goes, by every policy", () => {
    for (const policy of POLICIES) {
      const { cache, clock, expectExact } = texts({ maxItems: 10, policy });
      for (let i = 0; i < 5; i++) cache.set(`mortal ${i}`, "v", { ttl: 1000 });
      for (let i = 0; i < 5; i++) cache.set(`lasting ${i}`, "v");
      clock.ms += 1000;
      for (let i = 5; i < 10; i++) expect(cache.set(`lasting ${i}`, "v"), policy).toBe(true);
      expect(cache.stats(), policy).toMatchObject({ items: 10, expirations: 5, evictions: 0 });
      expect(
        [...cache.keys()].every((key) => String(key).startsWith("lasting")),
        policy,
      ).toBe(true);
      expectExact();
    }
  });

  it("that is over is told apart from what was evicted, and a clock that goes back brings nothing back that was met", () => {
    const told: string[] = [];
    const { cache, clock } = texts({
      maxItems: 2,
      policy: "fifo",
      onEvict: ({ key }, why) => told.push(`${String(key)} ${why}`),
    });
    cache.set("a", "v", { ttl: 10 });
    cache.set("b", "v");
    clock.ms += 10;
    cache.set("c", "v");
    cache.set("d", "v");
    expect(told).toEqual(["a expired", "b evicted"]);
    clock.ms -= 10;
    expect(cache.has("a")).toBe(false);
  });
});

describe("minRetention (M12)", () => {
  it("keeps what is younger, to the millisecond or a little longer; what is then full refuses", () => {
    for (const policy of POLICIES) {
      const { cache, clock } = texts({ maxItems: 2, policy, minRetention: 1000 });
      clock.ms += 99;
      cache.set("a", "v");
      cache.set("b", "v");
      for (const later of [0, 1, 99, 100, 799]) {
        clock.ms += later;
        expect([cache.set("c", "v"), cache.has("a"), cache.has("b")], policy).toEqual([false, true, true]);
      }
      expect(cache.stats().refused.protected, policy).toBe(5);
      clock.ms += 201;
      for (let i = 0; i < 3; i++) cache.set(`more ${i}`, "v");
      // By hybrid what comes in for the first time displaces nothing here.
      expect(cache.stats().evictions > 0 || policy === "hybrid", policy).toBe(true);
    }
  });

  it("does not hold in critical mode", () => {
    const { cache } = texts({ maxItems: 2, policy: "lru", minRetention: 1000 });
    for (const key of ["a", "b"]) cache.set(key, "v");
    cache.setPolicy("lru", { critical: true });
    expect([cache.set("c", "v"), cache.has("a")]).toEqual([true, false]);
    cache.setPolicy("lru");
    expect(cache.set("d", "v")).toBe(false);
  });
});

describe("limits", () => {
  it.each(POLICIES)("of bytes hold by %s at every moment, for keys and values of every length", (policy) => {
    const { r, cache, expectExact } = scene({ maxBytes: 96 * KIB, policy });
    for (let i = 0; i < 1500; i++) {
      cache.set(`${"k".repeat(i % 400)}${i}`, bytes((i * 53) % 5000, i));
      if (i % 3 === 0) cache.get(`${"k".repeat(i % 400)}${i}`);
      if (r.usedBytes > 96 * KIB + 22 * KIB) throw new Error(`over: ${r.usedBytes}`);
    }
    expect(cache.stats().peakBytes).toBeLessThanOrEqual(96 * KIB);
    expect(cache.stats().heldBytes).toBeGreaterThan(70 * KIB);
    expectExact();
  });

  it.each(POLICIES)("of items and of bytes of values hold by %s to the last one", (policy) => {
    const { cache, expectExact } = scene({ maxItems: 7, maxValueBytes: 1000, policy });
    for (let i = 0; i < 300; i++) {
      cache.set(i % 40, bytes((i * 37) % 400, i));
      const { items, valueBytes } = cache.stats();
      expect(items).toBeLessThanOrEqual(7);
      expect(valueBytes).toBeLessThanOrEqual(1000);
    }
    expectExact();
  });

  it("of values alone admit one that is exactly as long, and none that is longer", () => {
    const { cache } = scene({ maxValueBytes: 1000, policy: "lru" });
    expect([cache.set("k", bytes(1000)), cache.set("k", bytes(1001)), cache.has("k")]).toEqual([true, false, false]);
    expect(cache.stats().refused.tooLarge).toBe(1);
  });

  it("may be changed: what is too much goes at once, what is left out stays", () => {
    const { cache, expectExact } = scene({ maxBytes: 256 * KIB, maxItems: 150, policy: "lru" });
    for (let i = 0; i < 150; i++) cache.set(i, bytes(1000, i));
    cache.setLimits({ maxItems: 50 });
    expect(cache.stats()).toMatchObject({ items: 50, maxBytes: 256 * KIB });
    expect(present(cache, [99, 100, 149])).toEqual([100, 149]);
    cache.setLimits({ maxValueBytes: 10_000 });
    expect(cache.stats()).toMatchObject({ items: 10, valueBytes: 10_000 });
    cache.setLimits({ maxValueBytes: "1MiB", maxItems: 1000 });
    for (let i = 0; i < 150; i++) cache.set(i, bytes(1000, i));
    expect(cache.stats().items).toBe(150);
    cache.setLimits({ maxItems: Number.POSITIVE_INFINITY, maxValueBytes: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 1200; i++) cache.set(i, bytes(20, i));
    expect(cache.stats().items).toBe(1200);
    cache.setLimits({ maxBytes: 64 * KIB });
    expect(cache.stats().heldBytes).toBeLessThanOrEqual(64 * KIB);
    for (let i = 0; i < 500; i++) {
      cache.set(i, bytes(1000, i));
      expect(cache.stats().heldBytes).toBeLessThanOrEqual(64 * KIB);
    }
    cache.setLimits({ maxBytes: 256 * KIB });
    for (let i = 0; i < 150; i++) expect(cache.set(i, bytes(1000, i))).toBe(true);
    expectExact();
  });

  it("in the region's own memory: a cache that may have more than there is evicts, then refuses, and never throws", () => {
    const r = Region.createSync({ size: 256 * KIB });
    const cache = r.cache("c", { maxBytes: 256 * KIB, policy: "lru" });
    for (let i = 0; i < 500; i++) expect(cache.set(i, bytes(1000, i))).toBe(true);
    cache.clear();
    const taken: number[] = [];
    for (let offset = r.heap.allocUnsafe(1024); offset !== 0; offset = r.heap.allocUnsafe(1024)) taken.push(offset);
    expect([cache.set("k", bytes(3000)), cache.stats().refused.memory, cache.has("k")]).toEqual([false, 1, false]);
    expectSound(r);
    for (const offset of taken) r.heap.free(offset);
    expect(cache.set("k", bytes(3000))).toBe(true);
    cache.close();
    expectSound(r, 0);
  });
});

describe("a value that is refused", () => {
  it("leaves nothing older of its key, and is counted by why", () => {
    const { cache, expectExact } = texts({
      maxBytes: 64 * KIB,
      policy: "lru",
      minRetention: 100_000,
      namespaces: { none: { maxItems: 0 }, small: { maxBytes: 100 } },
    });
    const long = "x".repeat(64 * KIB);
    const refusals: [string, object][] = [
      [long, { tooLarge: 1 }],
      ["v", { tooLarge: 1, namespace: 1 }],
      ["x".repeat(500), { tooLarge: 1, namespace: 2 }],
    ];
    const spaces = [undefined, "none", "small"];
    for (const [i, [value, refused]] of refusals.entries()) {
      cache.set("k", "old");
      const namespace = spaces[i];
      expect(cache.set("k", value, namespace === undefined ? {} : { namespace })).toBe(false);
      expect([cache.get("k"), cache.has("k")]).toEqual([undefined, false]);
      expect(cache.stats().refused).toMatchObject(refused);
    }
    let count = 0;
    while (cache.set(`fill ${count}`, "x".repeat(900))) count++;
    expect([count > 20, cache.stats().refused.protected, cache.size]).toEqual([true, 1, count]);
    expect(cache.set("fill 3", "x".repeat(3000))).toBe(false);
    expect(cache.has("fill 3")).toBe(false);
    expect(cache.stats().sets).toBe(count + 3);
    expectExact();
  });

  it("by hybrid for what it would displace is counted as not admitted", () => {
    const { cache } = texts({ maxItems: 20 });
    for (let i = 0; i < 20; i++) cache.set(i, "v");
    for (let turn = 0; turn < 20; turn++) for (let i = 0; i < 20; i++) cache.get(i);
    for (let i = 0; i < 200; i++) cache.set(`once ${i}`, "v");
    expect(
      present(
        cache,
        Array.from({ length: 20 }, (_, i) => i),
      ).length,
    ).toBeGreaterThanOrEqual(15);
    expect(cache.size).toBeLessThanOrEqual(20);
  });
});

describe("namespaces (C04–C06, C25)", () => {
  it("have their own limits, and who is over its own pushes out its own", () => {
    for (const policy of POLICIES) {
      const { cache, expectExact } = texts({
        maxBytes: 128 * KIB,
        policy,
        namespaces: { tenant: { maxItems: 5 }, mimir: { maxBytes: 2 * KIB } },
      });
      for (let i = 0; i < 20; i++) cache.set(`free ${i}`, "v".repeat(100));
      for (let i = 0; i < 50; i++) {
        cache.set(`tenant ${i}`, "v".repeat(100), { namespace: "tenant" });
        cache.set(`mimir ${i}`, "v".repeat(100), { namespace: "mimir" });
        const { tenant, mimir } = cache.stats().namespaces;
        expect(tenant!.items, policy).toBeLessThanOrEqual(5);
        expect(mimir!.bytes, policy).toBeLessThanOrEqual(2 * KIB);
      }
      expect(
        present(
          cache,
          Array.from({ length: 20 }, (_, i) => `free ${i}`),
        ).length,
        policy,
      ).toBe(20);
      const counted = [...cache.keys()].filter((key) => String(key).startsWith("mimir")).length;
      expect(cache.stats().namespaces["mimir"]!.items, policy).toBe(counted);
      expectExact();
    }
  });

  it("are left and entered by a key that is put in anew, and their limits change", () => {
    const { cache } = texts({ namespaces: { a: {}, b: { maxItems: 2 } } });
    cache.set("k", "v", { namespace: "a" });
    expect(cache.stats().namespaces).toMatchObject({ a: { items: 1 }, b: { items: 0, bytes: 0, maxItems: 2 } });
    cache.set("k", "v", { namespace: "b" });
    expect(cache.stats().namespaces).toMatchObject({ a: { items: 0, bytes: 0 }, b: { items: 1 } });
    cache.set("k", "v");
    expect(cache.stats().namespaces).toMatchObject({ a: { items: 0 }, b: { items: 0 } });
    cache.setNamespace("b", { maxItems: 5, maxBytes: "1KiB" });
    for (let i = 0; i < 9; i++) cache.set(i, "v", { namespace: "b" });
    expect(cache.stats().namespaces["b"]).toMatchObject({ items: 5, maxItems: 5, maxBytes: 1024 });
    cache.setNamespace("b", { maxItems: 0 });
    expect([cache.set(9, "v", { namespace: "b" }), cache.stats().refused.namespace]).toEqual([false, 1]);
    expect(cache.stats().namespaces["a"]!.maxItems).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the smallest cache", () => {
  it("says how large it must be, by owners and namespaces, and as large it holds something, by every policy", () => {
    for (const maxOwners of [1, 4, 64, 128, 250]) {
      const r = Region.createSync({ size: 4 * MIB, maxOwners });
      for (const namespaces of [{}, { a: {}, b: {}, c: {} }]) {
        const refusal = thrown(() => r.cache("cache", { maxBytes: 1, namespaces }));
        expect(refusal).toBeInstanceOf(RangeError);
        const least = Number(/at least (\d+) here, got 1$/.exec(refusal.message)?.[1]);
        expect(thrown(() => r.cache("cache", { maxBytes: least - 1, namespaces }))).toBeInstanceOf(RangeError);
        for (const policy of POLICIES) {
          const cache = r.cache("cache", { maxBytes: least, policy, namespaces });
          for (let i = 0; i < 500; i++) {
            expect(cache.set(i, bytes(100, i)), `${maxOwners} owners, ${policy}, ${i}`).toBe(true);
            expect(cache.stats().heldBytes).toBeLessThanOrEqual(least);
          }
          expect(cache.size, `${maxOwners} owners, ${policy}`).toBeGreaterThan(20);
          expect(() => cache.setLimits({ maxBytes: cache.stats().tableBytes + 4095 })).toThrow(RangeError);
          cache.close();
        }
      }
      expectSound(r, 0);
    }
  });
});

describe("canAdd (C19)", () => {
  it("is right to the entry: what it says there is room for comes in and pushes nothing out, what not, does", () => {
    for (const length of [1, 100, 700, 3000, 20_000]) {
      const { cache } = scene({ maxBytes: 200 * KIB, policy: "fifo" });
      let wrong = 0;
      for (let i = 0; cache.stats().evictions === 0; i++) {
        const { tableBytes } = cache.stats();
        const { ok } = cache.canAdd(undefined, 8 + length);
        expect(cache.set(i, bytes(length, i))).toBe(true);
        if (ok !== (cache.stats().evictions === 0) && cache.stats().tableBytes === tableBytes) wrong++;
      }
      expect(wrong, `${length}`).toBe(0);
    }
  });

  it("says which limit: of items, of a namespace's items, of bytes, of its bytes, of values", () => {
    const { cache } = texts({
      maxBytes: 64 * KIB,
      maxItems: 3,
      maxValueBytes: 5000,
      namespaces: { few: { maxItems: 1 }, small: { maxBytes: 200 } },
    });
    expect(cache.canAdd("few", 10)).toEqual({ ok: true });
    cache.set("a", "v", { namespace: "few" });
    expect(cache.canAdd("few", 10)).toEqual({ ok: false, reason: "items" });
    expect(cache.canAdd("small", 500)).toEqual({ ok: false, reason: "bytes" });
    expect(cache.canAdd("small", 50)).toEqual({ ok: true });
    expect(cache.canAdd(undefined, 5001)).toEqual({ ok: false, reason: "bytes" });
    expect(cache.canAdd(undefined, 60_000)).toEqual({ ok: false, reason: "bytes" });
    for (const key of ["b", "c"]) cache.set(key, "v");
    expect(cache.canAdd(undefined, 1)).toEqual({ ok: false, reason: "items" });
  });
});

describe("canAdd where the region or a budget is what is full (C19)", () => {
  const holes = [3 * KIB, 5 * KIB, 8 * KIB, 11 * KIB, 21 * KIB];

  /** A region of which only these holes are free, and a cache in it that may have all of it. */
  function fullBut(left: readonly number[], policy: CachePolicyName = "fifo") {
    const made = scene({ maxBytes: MIB, policy });
    const { heap } = made.r;
    const between: number[] = [];
    const placed = left.map((bytes) => {
      const at = heap.alloc(bytes);
      between.push(heap.alloc(16 * KIB));
      return at;
    });
    for (let size = 256 * KIB; size >= KIB; size /= 2) while (heap.alloc(size) !== 0);
    while (heap.alloc(8) !== 0);
    for (const at of placed) expect(heap.free(at)).toBe(true);
    expect(between).not.toContain(0);
    return made;
  }

  it("is right to the entry with free memory in holes of every length, for values in pages, in runs and in pieces", () => {
    for (const length of [1, 700, 1900, 3000, 7000, 12_000, 19_000, 30_000, 60_000]) {
      const { r, cache } = fullBut(holes);
      expect(cache.canAdd(undefined, 8 + length, 8).ok, `${length}`).toBe(length < 40_000);
      let wrong = 0;
      for (let i = 0; cache.stats().evictions === 0 && cache.stats().refused.memory === 0; i++) {
        const { ok } = cache.canAdd(undefined, 8 + length, 8);
        const isIn = cache.set(i, bytes(length, i));
        if (ok !== (isIn && cache.stats().evictions === 0)) wrong++;
      }
      expect(wrong, `${length}`).toBe(0);
      expectSound(r);
    }
  });

  it("asks the budget that the cache is in, whoever opened it with that", () => {
    const r = Region.createSync({ size: MIB });
    const budget = r.budget("few", { limit: 80 * KIB });
    const first = r.cache("cache", { maxBytes: 512 * KIB, policy: "fifo", budget });
    const second = r.cache("cache");
    expect(second.canAdd(undefined, 60_000)).toEqual({ ok: true });
    const other = budget.reserve(60_000);
    return other.then((reservation) => {
      for (const cache of [first, second])
        expect(cache.canAdd(undefined, 60_000)).toEqual({ ok: false, reason: "bytes" });
      reservation.release();
      expect(second.canAdd(undefined, 60_000)).toEqual({ ok: true });
      expectSound(r);
    });
  });

  it("counts for maxValueBytes all of it, unless it is told how much the key is", () => {
    const { cache } = scene({ maxValueBytes: 1000 });
    expect(cache.canAdd(undefined, 1008)).toEqual({ ok: false, reason: "bytes" });
    expect(cache.canAdd(undefined, 1008, 8)).toEqual({ ok: true });
    expect(cache.canAdd(undefined, 1009, 8)).toEqual({ ok: false, reason: "bytes" });
    expect(() => cache.canAdd(undefined, 8, 9)).toThrow(RangeError);
  });
});

describe("evict", () => {
  it("frees at least what it was asked for, in the policy's order, and says how much", () => {
    const { cache, expectExact } = scene({ policy: "fifo" });
    for (let i = 0; i < 200; i++) cache.set(i, bytes(1000, i));
    for (const wanted of [1, 4096, 10_000, "20KiB", "10%"] as const) {
      const before = cache.stats().heldBytes;
      const freed = cache.evict(wanted);
      expect(before - cache.stats().heldBytes).toBe(freed);
      const least = wanted === "10%" ? before / 10 : wanted === "20KiB" ? 20_480 : wanted;
      expect(freed).toBeGreaterThanOrEqual(Math.floor(least));
      expect(freed).toBeLessThan(least + 8192);
      expectExact();
    }
    const left = [...cache.keys()].map(Number).sort((a, b) => a - b);
    expect(left.at(-1)).toBe(199);
    expect(left.length).toBe(200 - left[0]!);
    expect(cache.evict(0)).toBe(0);
    cache.evict(Number.MAX_SAFE_INTEGER);
    expect(cache.stats()).toMatchObject({ items: 0, entryBytes: 0 });
    expect(cache.stats().heldBytes).toBe(cache.stats().tableBytes);
  });
});
