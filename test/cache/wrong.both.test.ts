// What is wrong. Goal: it is refused as a TypeError or a RangeError that says what was given and what may be, before anything changed. Method: each
// argument and option of each method with values of wrong kinds and beyond both bounds; what is in, the counters and the bytes compared.
import { describe, expect, it } from "vitest";
import { type CacheOptions, CacheClosedError, Region } from "../../src/index.js";
import { bytes, KIB, MIB, scene, texts, thrown } from "./scene.js";

const NO_KEYS: unknown[] = [
  undefined,
  null,
  true,
  {},
  [],
  [1, 2],
  Symbol("s"),
  () => 1,
  5n,
  new Uint16Array(2),
  new ArrayBuffer(2),
];

describe("a key that is none", () => {
  it("is a TypeError of every method, which says what it was", async () => {
    const { cache, expectExact } = texts();
    cache.set("k", "v");
    const before = cache.stats();
    for (const key of NO_KEYS as never[]) {
      const uses = [
        () => cache.get(key),
        () => cache.getInto(key, new Uint8Array(1)),
        () => cache.peek(key),
        () => cache.has(key),
        () => cache.pin(key),
        () => cache.set(key, "v"),
        () => cache.delete(key),
      ];
      for (const use of uses) expect(thrown(use), String(use)).toBeInstanceOf(TypeError);
      expect(thrown(uses[0]!).message).toMatch(/a key is a text, a number or a Uint8Array, got /);
      await expect(cache.fetch(key, () => "v")).rejects.toThrow(TypeError);
    }
    expect(cache.stats()).toEqual(before);
    expectExact();
  });
});

describe("wrong options of region.cache", () => {
  const WRONG: [object | number | null, typeof TypeError | typeof RangeError, RegExp][] = [
    [5, TypeError, /options must be an object, got 5/],
    [null, TypeError, /got null/],
    [{ maxSize: 5 }, TypeError, /unknown option "maxSize"/],
    [{ maxBytes: 23_551 }, RangeError, /maxBytes must be at least 23552 here, got 23551/],
    [{ maxBytes: -1 }, RangeError, /-1/],
    [{ maxBytes: "lots" }, TypeError, /"lots"/],
    [{ maxBytes: Number.NaN }, TypeError, /NaN/],
    [{ maxBytes: {} }, TypeError, /an object/],
    [{ maxValueBytes: -1 }, RangeError, /-1/],
    [{ maxValueBytes: [] }, TypeError, /an object/],
    [{ maxItems: 0 }, RangeError, /maxItems must be an integer from 1 .* got 0/],
    [{ maxItems: 1.5 }, RangeError, /1\.5/],
    [{ maxItems: "5" }, TypeError, /"5"/],
    [{ policy: "mru" }, RangeError, /policy must be one of hybrid, lru.* got "mru"/],
    [{ policy: {} }, TypeError, /an object/],
    [{ policy: 1 }, TypeError, /got 1/],
    [{ favour: "speed" }, RangeError, /both, bytes, requests, got "speed"/],
    [{ ttl: 0 }, RangeError, /ttl must be above 0 .* got 0/],
    [{ ttl: -5 }, RangeError, /-5/],
    [{ ttl: Number.NaN }, RangeError, /NaN/],
    [{ ttl: "1s" }, TypeError, /"1s"/],
    [{ minRetention: -1 }, RangeError, /minRetention must be an integer from 0/],
    [{ minRetention: "1" }, TypeError, /"1"/],
    [{ namespaces: 5 }, TypeError, /got 5/],
    [{ namespaces: null }, TypeError, /null/],
    [{ namespaces: { a: 5 } }, TypeError, /namespace "a"/],
    [{ namespaces: { a: { max: 5 } } }, TypeError, /unknown option "max"/],
    [{ namespaces: { a: { maxItems: -1 } } }, RangeError, /-1/],
    [{ namespaces: { a: { maxBytes: "x" } } }, TypeError, /"x"/],
    [
      { namespaces: Object.fromEntries(Array.from({ length: 13 }, (_, i) => [i, {}])) },
      RangeError,
      /at most 12 .* got 13/,
    ],
    [{ onEvict: 5 }, TypeError, /onEvict must be a function, got 5/],
    [{ onInsert: {} }, TypeError, /onInsert/],
    [{ now: 5 }, TypeError, /now must be a function/],
    [{ codec: "xml" }, TypeError, /codec is one of .* got "xml"/],
    [{ codec: { encode: () => bytes(1) } }, TypeError, /encode and decode/],
    [{ budget: {} }, TypeError, /budget must be a Budget of this region/],
  ];

  it.each(WRONG)("%j", (options, type, message) => {
    const r = Region.createSync({ size: MIB });
    const used = r.usedBytes;
    const error = thrown(() => r.cache("cache", options as CacheOptions));
    expect([error.constructor, r.usedBytes]).toEqual([type, used]);
    expect(error.message).toMatch(message);
    r.cache("cache", { maxBytes: 64 * KIB, maxItems: 3 }).close();
  });

  it("an inherited option is none, and a name that is no text is a TypeError", () => {
    const r = Region.createSync({ size: MIB });
    const cache = r.cache("cache", Object.create({ maxBytes: 5 }) as CacheOptions);
    expect(cache.stats().maxBytes).toBe(r.capacityBytes >>> 1);
    for (const name of [undefined, 5, null, {}]) expect(() => r.cache(name as never)).toThrow(TypeError);
  });

  it("a budget of another region is a TypeError", () => {
    const r = Region.createSync({ size: MIB });
    const other = Region.createSync({ size: MIB }).budget("b", { limit: 256 * KIB });
    expect(() => r.cache("cache", { budget: other })).toThrow(TypeError);
  });
});

describe("wrong arguments of a cache", () => {
  it("change nothing", async () => {
    const { cache, expectExact } = texts({ namespaces: { a: {} } });
    cache.set("k", "v");
    const before = cache.stats();
    const wrong: [() => unknown, typeof TypeError | typeof RangeError, RegExp][] = [
      [() => cache.set("k", "w", 5 as never), TypeError, /options must be an object, got 5/],
      [() => cache.set("k", "w", { tll: 5 } as never), TypeError, /unknown option "tll"/],
      [() => cache.set("k", "w", { ttl: 0 }), RangeError, /ttl .* got 0/],
      [() => cache.set("k", "w", { ttl: "5" as never }), TypeError, /ttl .* got "5"/],
      [() => cache.set("k", "w", { priority: 101 }), RangeError, /priority .* got 101/],
      [() => cache.set("k", "w", { priority: 0.5 }), RangeError, /0\.5/],
      [() => cache.set("k", "w", { priority: "urgent" as never }), TypeError, /low, normal.* got "urgent"/],
      [() => cache.set("k", "w", { priority: "toString" as never }), TypeError, /"toString"/],
      [() => cache.set("k", "w", { namespace: "b" }), RangeError, /has no namespace "b"; there are "a"/],
      [() => cache.set("k", "w", { namespace: 5 as never }), RangeError, /has no namespace 5/],
      [() => cache.getInto("k", [] as never), TypeError, /needs a Uint8Array, got an object/],
      [() => cache.getInto("k", new Uint8Array(4), 5), RangeError, /offset .* from 0 to 4, got 5/],
      [() => cache.getInto("k", new Uint8Array(4), -1), RangeError, /got -1/],
      [() => cache.getInto("k", new Uint8Array(4), "1" as never), TypeError, /"1"/],
      [() => cache.canAdd("b", 5), RangeError, /no namespace "b"/],
      [() => cache.canAdd(undefined, -5), RangeError, /bytes .* got -5/],
      [() => cache.canAdd(undefined, "5" as never), TypeError, /"5"/],
      [() => cache.evict(-1), RangeError, /-1/],
      [() => cache.evict(undefined as never), TypeError, /undefined/],
      [() => cache.setLimits(5 as never), TypeError, /got 5/],
      [() => cache.setLimits({ maxBytes: 5 }), RangeError, /at least \d+, for the table and a page, got 5/],
      [() => cache.setLimits({ maxItems: 0 }), RangeError, /got 0/],
      [() => cache.setLimits({ items: 5 } as never), TypeError, /unknown option "items"/],
      [() => cache.setPolicy("mru" as never), RangeError, /"mru"/],
      [() => cache.setPolicy(null as never), TypeError, /null/],
      [() => cache.setPolicy("lru", { favour: "x" as never }), RangeError, /"x"/],
      [() => cache.setPolicy("lru", { minRetention: -1 }), RangeError, /-1/],
      [() => cache.setPolicy("lru", { gate: 1 } as never), TypeError, /unknown option "gate"/],
      [() => cache.setNamespace("b", {}), RangeError, /no namespace "b"/],
      [() => cache.setNamespace("a", { maxItems: -1 }), RangeError, /-1/],
      [() => cache.setNamespace("a", { maxBytes: "x" }), TypeError, /"x"/],
    ];
    for (const [act, type, message] of wrong) {
      const error = thrown(act);
      expect(error, String(act)).toBeInstanceOf(type);
      expect(error.message, String(act)).toMatch(message);
    }
    expect(cache.stats()).toEqual(before);
    expect(cache.peek("k")).toBe("v");
    expectExact();
  });

  it("of fetch reject before anything is loaded", async () => {
    const { cache } = texts();
    let loads = 0;
    const load = (): string => `${++loads}`;
    const wrong: [Parameters<typeof cache.fetch>[2], typeof TypeError | typeof RangeError][] = [
      [5 as never, TypeError],
      [{ ttl: -1 }, RangeError],
      [{ priority: 500 }, RangeError],
      [{ namespace: "none" }, RangeError],
      [{ signal: {} as never }, TypeError],
      [{ forceRefresh: true } as never, TypeError],
    ];
    for (const [options, type] of wrong) await expect(cache.fetch("k", load, options)).rejects.toThrow(type);
    await expect(cache.fetch("k", "load" as never)).rejects.toThrow(TypeError);
    await expect(cache.fetch("x".repeat(20_000), load)).rejects.toThrow(RangeError);
    expect([loads, cache.stats().misses]).toEqual([0, 0]);
  });

  it("are those that are too large for 32 bits, too", () => {
    const { cache } = scene();
    for (const size of [2 ** 31, 3_000_000_000, 2 ** 32, 2 ** 32 + 64, 2 ** 40, Number.MAX_SAFE_INTEGER])
      expect(cache.canAdd(undefined, size), `${size}`).toEqual({ ok: false, reason: "bytes" });
    cache.set("k", bytes(5));
    expect(cache.evict(2 ** 40)).toBeGreaterThan(0);
    cache.setLimits({ maxBytes: 2 ** 40, maxItems: 2 ** 32 - 1 });
    expect(cache.set("k", bytes(5))).toBe(true);
  });
});

describe("a cache that was closed", () => {
  it("throws CacheClosedError from everything but close", async () => {
    const { r, cache } = texts();
    cache.set("k", "v");
    cache.close();
    cache.close();
    const uses = [
      () => cache.size,
      () => cache.get("k"),
      () => cache.getInto("k", new Uint8Array(9)),
      () => cache.peek("k"),
      () => cache.has("k"),
      () => cache.pin("k"),
      () => cache.set("k", "v"),
      () => cache.delete("k"),
      () => cache.clear(),
      () => cache.keys(),
      () => cache.entries(),
      () => cache[Symbol.iterator](),
      () => cache.canAdd(undefined, 5),
      () => cache.candidates(),
      () => cache.evict(5),
      () => cache.setLimits({}),
      () => cache.setPolicy("lru"),
      () => cache.setNamespace("a", {}),
      () => cache.stats(),
    ];
    for (const use of uses) {
      expect(thrown(use), String(use)).toBeInstanceOf(CacheClosedError);
      expect(thrown(use)).toMatchObject({ code: "ERR_CACHE_CLOSED", message: 'cache "cache" was left by this thread' });
    }
    await expect(cache.fetch("k", () => "v")).rejects.toThrow(CacheClosedError);
    expect(r.usedBytes).toBe(0);
  });
});
