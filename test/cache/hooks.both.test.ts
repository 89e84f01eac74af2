// Hooks and policies of the caller's own. Goal: each thing that goes or comes in is told once, with its value, when all is consistent again; a hook may
// do with the cache whatever it likes; what it throws stops nobody. Method: hooks that set, delete, evict, clear and close; hooks that throw, whose
// errors are caught where a host would report them.
import { afterEach, describe, expect, it, vi } from "vitest";
import { CACHE_PRIORITIES, type EvictionCandidate, Region } from "../../src/index.js";
import { random } from "../lib/random.js";
import { reported } from "../reclaim-scene.js";
import { KIB, present, texts, thrown } from "./scene.js";

afterEach(() => vi.unstubAllGlobals());

describe("onEvict and onInsert", () => {
  it("tell what went and what came, in this order, once each, with keys and values", () => {
    const told: string[] = [];
    const { cache, clock, expectExact } = texts({
      maxItems: 3,
      policy: "fifo",
      onEvict: ({ key, value }, why) => told.push(`${String(key)}=${value} ${why}`),
      onInsert: ({ key, value }) => told.push(`${String(key)}=${value}`),
    });
    for (const key of ["a", "b", "c", "d"]) cache.set(key, key.toUpperCase());
    cache.set("d", "new");
    cache.delete("d");
    cache.set("e", "E", { ttl: 5 });
    expect(told.splice(0)).toEqual(["a=A", "b=B", "c=C", "a=A evicted", "d=D", "d=new", "e=E"]);
    clock.ms += 5;
    cache.set("f", "F");
    cache.evict(Number.MAX_SAFE_INTEGER);
    expect(told).toEqual(["e=E expired", "f=F", "b=B evicted", "c=C evicted", "f=F evicted"]);
    cache.clear();
    expectExact();
  });

  it("tell of every value that was pushed out, also by one that is refused in the end", () => {
    const gone = new Map<unknown, string>();
    const { cache, expectExact } = texts({
      maxBytes: 64 * KIB,
      policy: "lru",
      onEvict: ({ key, value }) => gone.set(key, value),
    });
    const put = new Map<unknown, string>();
    for (let i = 0; i < 500; i++) {
      const value = String(i).repeat(1 + ((i * 7) % 400));
      if (cache.set(i, value)) put.set(i, value);
    }
    expect(gone.size).toBe(cache.stats().evictions);
    for (const [key, value] of put) expect(gone.get(key) ?? cache.get(key as number)).toBe(value);
    expect(cache.size + gone.size).toBe(put.size);
    expectExact();
  });

  it("are called when the call's work is done: the key is in, what went is out, and counted", () => {
    const seen: unknown[] = [];
    const { cache } = texts({
      maxItems: 2,
      policy: "fifo",
      onEvict: ({ key }) => seen.push([cache.has(key), cache.get("c"), cache.size]),
      onInsert: ({ key }) => seen.push([cache.get(key), cache.size]),
    });
    for (const key of ["a", "b", "c"]) cache.set(key, key);
    expect(seen).toEqual([
      ["a", 1],
      ["b", 2],
      [false, "c", 2],
      ["c", 2],
    ]);
  });

  it("are not told of what was deleted, replaced or cleared, nor of what another thread pushed out", () => {
    const told = vi.fn();
    const { r, cache } = texts({ maxItems: 2, policy: "fifo", onEvict: told });
    const theirs = Region.attachSync(r.handle()).cache<string>("cache", { codec: "utf8" });
    for (let i = 0; i < 9; i++) theirs.set(i, "v");
    cache.set(8, "w");
    cache.delete(8);
    cache.clear();
    expect(told).not.toHaveBeenCalled();
    for (let i = 0; i < 3; i++) cache.set(i, "v");
    expect(told).toHaveBeenCalledTimes(1);
  });

  it("that throw do so in a turn of their own: the others are told, and the call answers", async () => {
    const errors = reported();
    const told: unknown[] = [];
    const { cache, expectExact } = texts({
      maxItems: 1,
      policy: "fifo",
      onEvict: ({ key }) => {
        told.push(key);
        throw new Error(`evict ${String(key)}`);
      },
      onInsert: ({ key }) => {
        throw new Error(`insert ${String(key)}`);
      },
    });
    expect([cache.set("a", "v"), cache.set("b", "v"), cache.get("b")]).toEqual([true, true, "v"]);
    await Promise.resolve();
    expect(errors.map((error) => (error as Error).message)).toEqual(["insert a", "evict a", "insert b"]);
    expect(told).toEqual(["a"]);
    expectExact();
  });

  it("may do anything with the cache, however deep", () => {
    const by = random(5);
    let depth = 0;
    let calls = 0;
    const play = (): void => {
      calls++;
      if (depth > 4) return;
      depth++;
      const key = by.below(40);
      const acts = [
        () => cache.set(key, "x".repeat(by.below(3000))),
        () => cache.delete(key),
        () => cache.evict(by.below(9000)),
        () => cache.get(key),
        () => [...cache.keys()],
        () => cache.pin(key)?.release(),
        () => cache.setPolicy(by.pick(["lru", "hybrid", "fifo"])),
        () => by.below(10) || cache.clear(),
      ];
      by.pick(acts)();
      depth--;
    };
    const { cache, expectExact } = texts({ maxBytes: 48 * KIB, policy: "lru", onEvict: play, onInsert: play });
    for (let i = 0; i < 600; i++) {
      cache.set(i % 70, "y".repeat(by.below(2500)));
      if (i % 50 === 0) expectExact();
    }
    expect(calls).toBeGreaterThan(1000);
    expectExact();
  });

  it("may close the cache", () => {
    const { r, cache } = texts({ maxItems: 1, policy: "fifo", onEvict: () => cache.close() });
    expect([cache.set("a", "v"), cache.set("b", "v")]).toEqual([true, true]);
    expect(thrown(() => cache.get("b"))).toMatchObject({ code: "ERR_CACHE_CLOSED" });
    expect(r.usedBytes).toBe(0);
  });
});

describe("a policy of the caller's own (M28)", () => {
  it("is told how many bytes are needed and what may go, and decides", () => {
    const asked: [number, readonly EvictionCandidate[]][] = [];
    const told: unknown[] = [];
    const { cache, clock, expectExact } = texts({
      maxItems: 3,
      onEvict: ({ key, value }, why) => told.push([key, value, why]),
      policy: {
        evict(bytesNeeded, candidates) {
          asked.push([bytesNeeded, candidates]);
          return [...candidates].sort((a, b) => String(b.key).localeCompare(String(a.key))).slice(0, 1);
        },
      },
    });
    for (const [i, key] of ["a", "c", "b"].entries()) {
      cache.set(key, "v".repeat(i + 1), { priority: i === 0 ? "low" : "high" });
      clock.ms += 1000;
    }
    expect(cache.set("d", "vvvvv")).toBe(true);
    expect([...cache.keys()].sort()).toEqual(["a", "b", "d"]);
    const [bytesNeeded, candidates] = asked[0]!;
    expect([asked.length, bytesNeeded, candidates.length]).toEqual([1, 5, 3]);
    expect(candidates.find(({ key }) => key === "a")).toMatchObject({ age: 3000, priority: CACHE_PRIORITIES.low });
    expect(candidates.every(({ bytes: freed }) => freed >= 56)).toBe(true);
    expect(told).toEqual([["c", "vv", "evicted"]]);
    expect(cache.stats()).toMatchObject({ evictions: 1, deletions: 0 });
    expectExact();
  });

  it("is not asked about what is protected, and cannot let it go", () => {
    const seen: unknown[] = [];
    const { cache } = texts({
      maxItems: 20,
      policy: {
        evict(_, candidates) {
          seen.push(...candidates.map(({ key }) => key));
          return ["a"];
        },
      },
    });
    cache.set("a", "1", { priority: 100 });
    for (let i = 0; i < 19; i++) cache.set(i, "2");
    expect(cache.set("c", "3")).toBe(true);
    expect([cache.has("a"), cache.has("c"), cache.size]).toEqual([true, true, 20]);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain("a");
  });

  it("may answer keys, candidates, anything iterable, and keys that are not in", () => {
    const answers: Iterable<never>[] = [
      ["none", "a"] as never,
      new Set(["b"]) as never,
      (function* () {
        yield "c";
      })() as never,
    ];
    const { cache } = texts({ maxItems: 3, policy: { evict: () => answers.shift() ?? [] } });
    for (const key of ["a", "b", "c", "d", "e", "f"]) expect(cache.set(key, "v")).toBe(true);
    expect([...cache.keys()].sort()).toEqual(["d", "e", "f"]);
  });

  it("that names too little, nothing, nonsense, or throws, leaves the rest to the cache's own", async () => {
    const errors = reported();
    const answers: (() => never)[] = [
      () => [] as never,
      () => ["none"] as never,
      () => undefined as never,
      () => [{}] as never,
      () => {
        throw new Error("mine");
      },
    ];
    let asked = 0;
    const policy = { evict: () => answers[asked++ % answers.length]!() };
    const { cache, expectExact } = texts({ maxBytes: 48 * KIB, policy });
    for (let i = 0; i < 300; i++) cache.set(i, "v".repeat(500));
    expect([cache.size > 20, asked > 100]).toEqual([true, true]);
    await Promise.resolve();
    expect(errors.some((error) => (error as Error).message === "mine")).toBe(true);
    expectExact();
  });

  it("is asked at most three times for one value", () => {
    let asked = 0;
    const one = (candidates: readonly EvictionCandidate[]) => candidates.slice(0, 1);
    const { cache } = texts({
      maxBytes: 64 * KIB,
      policy: { evict: (_, candidates) => (asked++, one(candidates)) },
    });
    for (let i = 0; i < 400; i++) cache.set(i, "v".repeat(100));
    asked = 0;
    cache.set("long", "v".repeat(20_000));
    expect(asked).toBeLessThanOrEqual(3);
  });

  it("may use the cache, and close it: then set says so", () => {
    let isOver = false;
    const { r, cache } = texts({
      maxItems: 3,
      policy: {
        evict(_, candidates) {
          if (isOver) cache.close();
          else {
            cache.get("a");
            cache.set("a", "again");
            cache.delete("b");
          }
          return [candidates[0]!];
        },
      },
    });
    for (const key of ["a", "b", "c", "d"]) expect(cache.set(key, key)).toBe(true);
    expect(cache.get("d")).toBe("d");
    isOver = true;
    expect(thrown(() => ["e", "f", "g"].map((key) => cache.set(key, key)))).toMatchObject({ code: "ERR_CACHE_CLOSED" });
    expect(r.usedBytes).toBe(0);
  });

  it("stands in the thread that gave it, and goes with setPolicy", () => {
    const asked = vi.fn(() => []);
    const { r, cache } = texts({ maxItems: 2 });
    const theirs = Region.attachSync(r.handle()).cache<string>("cache", { codec: "utf8" });
    cache.setPolicy({ evict: asked });
    for (let i = 0; i < 9; i++) theirs.set(i, "v");
    expect(asked).not.toHaveBeenCalled();
    for (let i = 10; i < 14; i++) cache.set(i, "v");
    const count = asked.mock.calls.length;
    expect(count).toBeGreaterThan(0);
    cache.setPolicy("lru");
    for (let i = 20; i < 24; i++) cache.set(i, "v");
    expect([asked.mock.calls.length, present(cache, [22, 23])]).toEqual([count, [22, 23]]);
  });
});

describe("candidates", () => {
  it("are up to 64 of what would go first, and change nothing", () => {
    const { cache, expectExact } = texts({ policy: "fifo" });
    for (let i = 0; i < 300; i++) cache.set(i, "v".repeat(200));
    const before = cache.stats();
    const candidates = cache.candidates();
    expect(candidates.map(({ key }) => key).slice(0, 32)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(candidates.length).toBeLessThanOrEqual(64);
    expect(cache.stats()).toEqual(before);
    expectExact();
  });
});
