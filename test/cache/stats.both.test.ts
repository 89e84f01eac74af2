// What a cache says of itself, and how its policy is changed (C10, C13–C14, C26, M27). Goal: each figure is what was done, for all threads together, and a
// change of policy loses nothing. Method: caches of a few items, filled and used by hand; a clock that only the test moves.
import { describe, expect, it } from "vitest";
import { CACHE_PRIORITIES, type CacheOptions, Region } from "../../src/index.js";

const POLICIES = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"] as const;

function scene(options: CacheOptions) {
  const region = Region.createSync({ size: "1MiB", maxOwners: 4 });
  const time = { ms: 1_700_000_000_000 };
  const cache = region.cache("cache", { now: () => time.ms, ...options });
  const put = (key: string, bytes = 10, more = {}): boolean => {
    time.ms += 100;
    return cache.set(key, new Uint8Array(bytes), more);
  };
  const use = (...keys: string[]): void => {
    for (const key of keys) {
      time.ms += 100;
      expect(cache.get(key)).toBeDefined();
    }
  };
  const has = (keys: string): string => [...keys].filter((key) => cache.has(key)).join("");
  return { region, cache, time, put, use, has };
}

describe("an eviction (C13)", () => {
  it.each(POLICIES)("by hand, by %s, frees what it says and is counted", (policy) => {
    const { region, cache, put } = scene({ maxItems: 40, policy });
    for (let i = 0; i < 40; i++) put(`key ${i}`, 700);
    const before = cache.stats();
    const freed = cache.evict(8192);
    const after = cache.stats();
    expect(freed).toBeGreaterThanOrEqual(8192);
    expect(before.heldBytes - after.heldBytes).toBe(freed);
    expect(after.evictions - before.evictions).toBe(before.items - after.items);
    expect(after.evictionAges.reduce((sum, count) => sum + count)).toBe(after.evictions);
    expect(region.check().problems).toEqual([]);
  });
});

describe("setPolicy (C26)", () => {
  it("ranks what is in, for every attachment at once", () => {
    const { region, cache, put, use, has } = scene({ maxItems: 4, policy: "fifo" });
    const other = Region.attachSync(region.handle());
    const theirs = other.cache("cache");
    for (const key of "abcd") put(key);
    use("a");
    put("e");
    expect(has("abcde")).toBe("bcde");
    cache.setPolicy("lru");
    use("b");
    expect(theirs.stats().policy).toBe("lru");
    put("f");
    expect(has("bcdef")).toBe("bdef");
    expect(region.check().problems).toEqual([]);
    other.close();
  });

  it("from any to any keeps every entry and every book", () => {
    const { region, cache, put } = scene({ maxBytes: "256KiB" });
    let seed = 7;
    const random = (below: number): number => (seed = (Math.imul(seed, 48_271) >>> 0) % 2_147_483_647) % below;
    for (let i = 0; i < 100; i++) put(`key ${i}`, random(1500), { priority: random(60), ttl: 1e6 + random(1e6) });
    const all = [...cache.keys()].sort();
    for (const from of POLICIES) {
      for (const to of POLICIES) {
        cache.setPolicy(from);
        cache.setPolicy(to);
        expect(region.check().problems, `${from} to ${to}`).toEqual([]);
      }
    }
    expect([...cache.keys()].sort()).toEqual(all);
    expect(cache.stats().policy).toBe("s3-fifo");
  });
});

describe("stats (C10, C14)", () => {
  it("are what all attachments did together, each thing once", () => {
    const { region, cache, time, put } = scene({ maxItems: 4, policy: "fifo", namespaces: { few: { maxItems: 2 } } });
    const other = Region.attachSync(region.handle());
    const theirs = other.cache("cache", { now: () => time.ms, namespaces: { few: { maxItems: 2 } } });
    expect(cache.stats()).toMatchObject({ items: 0, hits: 0, misses: 0, hitRatio: 0, sets: 0 });
    for (const key of "abcde") put(key, 1000); // a goes
    theirs.set("b", new Uint8Array(500)); // in place of b
    expect([cache.get("a"), theirs.get("b")?.length, theirs.get("c")?.length, cache.peek("d")?.length]).toEqual([
      undefined,
      500,
      1000,
      1000,
    ]);
    theirs.delete("c");
    put("f", 10, { ttl: 50, namespace: "few" });
    time.ms += 100;
    expect(theirs.get("f")).toBeUndefined();
    const stats = theirs.stats();
    expect(stats).toEqual(cache.stats());
    expect(stats).toMatchObject({ policy: "fifo", items: 3, sets: 7, replaced: 1, evictions: 1, deletions: 1 });
    expect(stats).toMatchObject({ expirations: 1, hits: 2, misses: 2, hitRatio: 0.5, valueBytes: 2500 });
    expect(stats.namespaces).toEqual({ few: { items: 0, bytes: 0, maxItems: 2, maxBytes: Infinity } });
    expect(stats.refused).toEqual({ tooLarge: 0, protected: 0, notAdmitted: 0, namespace: 0, memory: 0, busy: 0 });
    expect(stats.peakBytes).toBeGreaterThanOrEqual(stats.heldBytes);
    expect(stats.maxBytes).toBe(region.capacityBytes);
    other.close();
  });

  it("add up: what came in less what went is what is there", () => {
    const { cache, put } = scene({ maxItems: 5, policy: "fifo" });
    for (let i = 0; i < 9; i++) put(`${i % 7}`, 10);
    cache.delete("6");
    put("1", 10);
    expect(cache.set("1", new Uint8Array(4 * 1024 * 1024))).toBe(false);
    put("x", 10);
    const went = (): number => {
      const { replaced, evictions, expirations, deletions, cleared, withdrawn } = cache.stats();
      return replaced + evictions + expirations + deletions + cleared + withdrawn;
    };
    expect(cache.stats().withdrawn).toBe(1);
    expect(cache.stats().sets - went()).toBe(cache.size);
    const before = cache.size;
    cache.clear();
    expect(cache.stats().cleared).toBe(before);
    expect(cache.stats().sets - went()).toBe(0);
  });

  it("keep the peak when everything has gone", () => {
    const { cache, put } = scene({ maxBytes: "256KiB" });
    for (let i = 0; i < 50; i++) put(`key ${i}`, 2000);
    const { peakBytes, tableBytes } = cache.stats();
    expect(peakBytes).toBeGreaterThan(100_000);
    cache.clear();
    expect(cache.stats()).toMatchObject({ items: 0, entryBytes: 0, valueBytes: 0, peakBytes });
    expect(cache.stats().heldBytes).toBeLessThanOrEqual(tableBytes + 4096);
  });
});

describe("the priorities by name (M27)", () => {
  it("are the specification's", () => {
    expect(CACHE_PRIORITIES).toMatchObject({ keyframe: 100, "p-frame": 80, "b-frame": 60, metadata: 40, packet: 20 });
  });
});
