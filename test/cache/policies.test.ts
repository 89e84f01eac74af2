// What goes, by each policy. Goal: strict lru, fifo, sieve and lfu are, request by request, what their plain models are; the others let go in the order
// that they promise; hybrid hits more often than lru. Method: the shipped trace (sizes by sixteen, so that it is quick) and random ones, beside models
// that know nothing of the product; scripts of a few keys.
//
//   CISTERN_CACHE_SEED  seed of the first random trace
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import { readTrace } from "../../src/demo/trace.js";
import { type Cache, CACHE_PRIORITIES, type CacheOptions, type CachePolicyName } from "../../src/index.js";
import { random } from "../lib/random.js";
import { AgingLfu, Fifo, Lru, type PolicyModel, Sieve } from "./policy-models.js";
import { bytes, KIB, MIB, scene, texts } from "./scene.js";

const SEED = wholeNumber("CISTERN_CACHE_SEED", process.env.CISTERN_CACHE_SEED ?? "20260701", 0, 0xffff_ffff);
const TRACE = readTrace(fileURLToPath(new URL("../../bench/traces/build-reads.csv.gz", import.meta.url)));
const SHRUNK = TRACE.sizes.map((size) => Math.ceil(size / 16));
const UNIQUE = new Set(TRACE.ids).size;
const UNIQUE_BYTES = [...new Map([...TRACE.ids].map((id, i) => [id, SHRUNK[i]!])).values()].reduce((a, b) => a + b);
const CONTENT = bytes(2 * MIB);

type Limit = "maxItems" | "maxValueBytes";
const MODELS: Partial<Record<CachePolicyName, new (most: number) => PolicyModel>> = {
  lru: Lru,
  fifo: Fifo,
  sieve: Sieve,
  lfu: AgingLfu,
};

const sizeOf = (limit: Limit, i: number): number => (limit === "maxItems" ? 1 : SHRUNK[i]!);
const capacityOf = (limit: Limit, fraction: number): number =>
  Math.floor((limit === "maxItems" ? UNIQUE : UNIQUE_BYTES) * fraction);

/** Replays the shipped trace; the first request at which the model answers another way, or how many hits there were. */
function replay(cache: Cache, limit: Limit, model?: PolicyModel): { hits: number; differs: number } {
  const target = new Uint8Array(2 * MIB);
  let hits = 0;
  for (const [i, id] of TRACE.ids.entries()) {
    const isHit = cache.getInto(id, target) >= 0;
    if (isHit) hits++;
    else cache.set(id, CONTENT.subarray(0, sizeOf(limit, i)));
    if (model === undefined) continue;
    if (model.get(id) !== isHit) return { hits, differs: i };
    if (!isHit) model.set(id, sizeOf(limit, i));
  }
  return { hits, differs: -1 };
}

function open(limit: Limit, fraction: number, policy: CachePolicyName) {
  const limits = { [limit]: capacityOf(limit, fraction) } as CacheOptions;
  return scene({ ...limits, policy }, 16 * MIB);
}

describe("on the shipped trace", () => {
  const CASES: [CachePolicyName, Limit, number][] = (["lru", "fifo"] as const).flatMap((policy) =>
    (["maxItems", "maxValueBytes"] as const).flatMap((limit) =>
      [0.005, 0.05, 0.3].map((fraction): [CachePolicyName, Limit, number] => [policy, limit, fraction]),
    ),
  );

  it.each(CASES)("strict %s by %s at %d of all is the model, request by request", (policy, limit, fraction) => {
    const { cache, expectExact } = open(limit, fraction, policy);
    const model = new MODELS[policy]!(capacityOf(limit, fraction));
    expect(replay(cache, limit, model).differs).toBe(-1);
    expect([...cache.keys()].sort()).toEqual(model.keys.sort());
    expectExact();
  });

  it("hybrid hits more often than lru, by items, by bytes of values, and by bytes of everything", () => {
    const ratios: Record<string, number[]> = { hybrid: [], lru: [] };
    for (const policy of ["hybrid", "lru"] as const) {
      for (const limit of ["maxItems", "maxValueBytes"] as const)
        for (const fraction of [0.01, 0.05, 0.2])
          ratios[policy]!.push(replay(open(limit, fraction, policy).cache, limit).hits / TRACE.ids.length);
      const all = scene({ maxBytes: 512 * KIB, policy }, 16 * MIB);
      ratios[policy]!.push(replay(all.cache, "maxValueBytes").hits / TRACE.ids.length);
      all.expectExact();
    }
    console.log(`hit ratios on the shipped trace: ${JSON.stringify(ratios)}`);
    const mean = (of: number[]): number => of.reduce((a, b) => a + b) / of.length;
    expect(mean(ratios["hybrid"]!)).toBeGreaterThan(mean(ratios["lru"]!) + 0.02);
  });
});

describe("on random traces", () => {
  /** Requests that find or put in, and values that are put in anew. */
  function compare(policy: CachePolicyName, seed: number, setsAnew: boolean): void {
    const by = random(seed);
    const limit: Limit =
      policy === "lru" || policy === "fifo" ? by.pick(["maxItems", "maxValueBytes"] as const) : "maxItems";
    const most = limit === "maxItems" ? 1 + by.below(150) : 100 + by.below(20_000);
    const { cache, expectExact } = scene({ [limit]: most, policy }, 2 * MIB);
    const model = new MODELS[policy]!(most);
    const keys = 2 + by.below(400);
    for (let i = 0; i < 4000; i++) {
      const key = Math.floor((by.next() / 2 ** 32) ** 3 * keys);
      const length = by.below(40) === 0 ? by.below(30_000) : by.below(600);
      const size = limit === "maxItems" ? 1 : length;
      const same = (got: boolean, expected: boolean): void => {
        if (got !== expected) throw new Error(`${got} at request ${i}; replay: CISTERN_CACHE_SEED=${seed}`);
      };
      const isAnew = setsAnew && by.below(10) === 0;
      const isHit = !isAnew && cache.get(key) !== undefined;
      if (!isAnew) same(isHit, model.get(key));
      if (!isHit) same(cache.set(key, CONTENT.subarray(0, length)), model.set(key, size));
    }
    expect([...cache.keys()].sort(), `CISTERN_CACHE_SEED=${seed}`).toEqual(model.keys.sort());
    expectExact();
  }

  it.each(["lru", "fifo"] as const)("strict %s is the model, also where values are put in anew", (policy) => {
    for (let seed = SEED; seed < SEED + 12; seed++) compare(policy, seed, true);
  });

  it.each(["sieve", "lfu"] as const)("%s is the model", (policy) => {
    for (let seed = SEED; seed < SEED + 12; seed++) compare(policy, seed, false);
  });
});

describe("scripts:", () => {
  /** What goes when all is to go, one after the other. */
  function orderOf(
    options: CacheOptions<string>,
    script: (cache: Cache<string>, later: (ms: number) => void) => void,
  ): unknown[] {
    const gone: unknown[] = [];
    const { cache, clock } = texts({ ...options, onEvict: ({ key }) => gone.push(key) });
    script(cache, (ms) => void (clock.ms += ms));
    cache.evict(Number.MAX_SAFE_INTEGER);
    return gone;
  }
  const KEYS = ["a", "b", "c", "d", "e"];
  const fill = (cache: Cache<string>): void => KEYS.forEach((key) => void cache.set(key, "v"));

  it("lru lets go what was used the longest ago; peek and has are no use", () => {
    const order = orderOf({ policy: "lru" }, (cache) => {
      fill(cache);
      cache.get("a");
      cache.pin("c")!.release();
      cache.getInto("b", new Uint8Array(9));
      cache.peek("d");
      cache.has("e");
    });
    expect(order).toEqual(["d", "e", "a", "c", "b"]);
  });

  it("fifo lets go what came the longest ago, used or not", () => {
    const order = orderOf({ policy: "fifo" }, (cache) => {
      fill(cache);
      for (const key of ["a", "a", "b"]) cache.get(key);
      cache.set("c", "anew");
    });
    expect(order).toEqual(["a", "b", "d", "e", "c"]);
  });

  it("lfu lets go what was used the least often, of those the longest ago; and what was popular once is not kept for ever", () => {
    const order = orderOf({ policy: "lfu" }, (cache) => {
      fill(cache);
      for (const key of ["a", "a", "a", "b", "c", "c", "e"]) cache.get(key);
    });
    expect(order).toEqual(["d", "b", "e", "c", "a"]);
    const { cache } = texts({ policy: "lfu", maxItems: 5 });
    fill(cache);
    for (let i = 0; i < 30; i++) cache.get("a");
    for (let i = 0; i < 500; i++) cache.set(i, "v");
    expect(cache.has("a")).toBe(false);
  });

  it.each(["hybrid", "s3-fifo"] as const)(
    "%s hits as often where another limit is reached than that by which it measures",
    (policy) => {
      const by = random(SEED);
      const keys = Array.from({ length: 40_000 }, () => Math.floor(5000 * (by.below(1_000_000) / 1_000_000) ** 3));
      const ratio = (options: CacheOptions<string>, size = 4 * MIB, space?: string): number => {
        const { cache } = texts({ policy, ...options }, size);
        for (const key of keys)
          if (cache.get(key) === undefined) cache.set(key, "v", space === undefined ? {} : { namespace: space });
        return cache.stats().hitRatio;
      };
      const measured = ratio({ maxItems: 300 });
      expect(measured - ratio({ maxItems: 300, policy: "fifo" })).toBeGreaterThan(0.03);
      expect(measured - ratio({ maxItems: 300, maxBytes: "2MiB" })).toBeLessThan(0.02);
      expect(measured - ratio({ maxBytes: "2MiB", namespaces: { a: { maxItems: 300 } } }, 4 * MIB, "a")).toBeLessThan(
        0.02,
      );
    },
  );

  it("size lets go the largest first", () => {
    const lengths = [100, 3000, 10, 900, 20_000, 0];
    const order = orderOf({ policy: "size" }, (cache) =>
      lengths.forEach((length) => void cache.set(length, "x".repeat(length))),
    );
    expect(order).toEqual([20_000, 3000, 900, 100, 10, 0]);
    const alike = [100, 104, 101, 119, 98, 110, 120];
    const near = orderOf({ policy: "size" }, (cache) =>
      alike.forEach((length) => void cache.set(length, "x".repeat(length))),
    );
    expect(near).toEqual([...alike].sort((one, two) => two - one));
  });

  it("ttl lets go first what expires first, and last what never does; at the time of today, too", () => {
    const order = orderOf({ policy: "ttl" }, (cache, later) => {
      cache.set("never", "v");
      for (const [key, ttl] of [
        ["day", 86_400_000],
        ["hour", 3_600_000],
        ["second", 1000],
        ["minute", 60_000],
        ["year", 3.2e10],
      ] as const)
        cache.set(key, "v", { ttl });
      later(500);
      cache.set("soon", "v", { ttl: 100 });
    });
    expect(order).toEqual(["soon", "second", "minute", "hour", "day", "year", "never"]);
    const same = orderOf({ policy: "ttl", ttl: 5000 }, (cache, later) =>
      KEYS.forEach((key) => (cache.set(key, "v"), later(7))),
    );
    expect(same).toEqual(KEYS);
    const lives = [60_000, 50_000, 55_000, 40_000, 64_000, 41_000];
    const near = orderOf({ policy: "ttl" }, (cache) => lives.forEach((ttl) => void cache.set(ttl, "v", { ttl })));
    expect(near).toEqual([...lives].sort((one, two) => one - two));
  });

  it("priority lets go the lowest first, of those the one that was used the longest ago; above 60 only in critical mode (M27)", () => {
    const names = ["keyframe", "p-frame", "b-frame", "metadata", "packet"] as const;
    expect(names.map((name) => CACHE_PRIORITIES[name])).toEqual([100, 80, 60, 40, 20]);
    const put = (cache: Cache<string>): void => {
      for (const name of names) for (const i of [1, 2]) cache.set(`${name} ${i}`, "v", { priority: name });
      cache.get("packet 1");
    };
    const first = ["packet 2", "packet 1", "metadata 1", "metadata 2", "b-frame 1", "b-frame 2"];
    expect(orderOf({ policy: "priority" }, put)).toEqual(first);
    const critical = orderOf({ policy: "priority" }, (cache) => {
      put(cache);
      cache.setPolicy("priority", { critical: true });
    });
    expect(critical).toEqual([...first, "p-frame 1", "p-frame 2", "keyframe 1", "keyframe 2"]);
    const high = [90, 61, 80, 75, 100, 62];
    const sorted = orderOf({ policy: "priority" }, (cache) => {
      for (const priority of high) cache.set(priority, "v", { priority });
      cache.setPolicy("priority", { critical: true });
    });
    expect(sorted).toEqual([...high].sort((one, two) => one - two));
  });

  it("priority tells every two priorities up to the gate apart, and refuses what only the protected could make room for", () => {
    const priorities = Array.from({ length: 61 }, (_, i) => (i * 37) % 61);
    const order = orderOf({ policy: "priority" }, (cache) =>
      priorities.forEach((priority) => cache.set(priority, "v", { priority })),
    );
    expect(order).toEqual(Array.from({ length: 61 }, (_, i) => i));
    const { cache } = texts({ policy: "priority", maxItems: 2 });
    for (const key of ["a", "b"]) cache.set(key, "v", { priority: 61 });
    expect([cache.set("c", "v", { priority: 100 }), cache.stats().refused.protected]).toEqual([false, 1]);
    cache.setPolicy("priority", { critical: true });
    expect(cache.set("c", "v")).toBe(true);
  });

  it("by every policy but priority what is critical stays, but in critical mode", () => {
    for (const policy of ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "sieve", "s3-fifo"] as const) {
      const { cache } = texts({ policy });
      cache.set("critical", "v", { priority: "critical" });
      for (const key of KEYS) cache.set(key, "v", { priority: 99 });
      cache.evict(Number.MAX_SAFE_INTEGER);
      expect([...cache.keys()], policy).toEqual(["critical"]);
      cache.setPolicy(policy, { critical: true });
      cache.evict(Number.MAX_SAFE_INTEGER);
      expect(cache.size, policy).toBe(0);
    }
  });

  it("sieve spares what was hit, once, and goes on where it stopped", () => {
    const { cache } = texts({ policy: "sieve", maxItems: 5 });
    fill(cache);
    for (const key of ["a", "c"]) cache.get(key);
    for (const key of ["f", "g"]) cache.set(key, "v");
    expect([...cache.keys()].sort()).toEqual(["a", "c", "e", "f", "g"]);
    cache.set("h", "v");
    expect(cache.has("e")).toBe(false);
  });

  it.each(["hybrid", "s3-fifo"] as const)(
    "%s keeps what is asked for again through a scan of what is not",
    (policy) => {
      const { cache } = texts({ policy, maxItems: 100 });
      const hot = Array.from({ length: 50 }, (_, i) => `hot ${i}`);
      const use = (): number => hot.filter((key) => cache.get(key) !== undefined || !cache.set(key, "v")).length;
      for (let turn = 0; turn < 10; turn++) use();
      for (let i = 0; i < 2000; i++) {
        cache.set(`scan ${i}`, "v");
        if (i % 40 === 0) use();
      }
      expect(use()).toBeGreaterThanOrEqual(45);
    },
  );

  it("a policy may be changed while there is something in: nothing is lost, and what goes then goes by the new one (C26)", () => {
    const policies: CachePolicyName[] = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"];
    for (const from of policies)
      for (const to of policies) {
        const { cache, expectExact } = texts({ policy: from, maxItems: 10 });
        for (let i = 0; i < 10; i++) cache.set(i, "v".repeat(i));
        for (let i = 0; i < 10; i += 3) cache.get(i);
        const { items } = cache.stats();
        cache.setPolicy(to);
        expect([cache.stats().policy, cache.size], `${from} to ${to}`).toEqual([to, items]);
        if (to === "lru" || to === "fifo") {
          for (let i = 20; i < 30; i++) expect(cache.set(i, "v")).toBe(true);
          expect([...cache.keys()].sort(), `${from} to ${to}`).toEqual(Array.from({ length: 10 }, (_, i) => 20 + i));
        }
        expectExact();
      }
  });
});
