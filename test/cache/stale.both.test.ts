// staleWhileRevalidate. Goal: a value whose time is over is gone for all but fetch, which answers it at once and has it loaded anew once, in one thread; it
// goes at its end; a load that fails changes nothing and is reported. Method: a clock that the test moves, loads that it ends, two attachments.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type CacheOptions, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { reported } from "../reclaim-scene.js";
import { held, turn } from "./held.js";
import { type Scene, texts, thrown } from "./scene.js";

afterEach(() => vi.unstubAllGlobals());

const TTL = 1000;
const STALE = 500;

/** A cache with `k` in it, which is fresh for a second, and stale for half a second more. */
function aged(options: CacheOptions<string> = {}): Scene<string> {
  const all = texts({ ttl: TTL, staleWhileRevalidate: STALE, ...options });
  all.cache.set("k", "old");
  return all;
}

describe("a stale value", () => {
  it("has expired for all but fetch, and is in until its end", async () => {
    const { cache, clock, expectExact } = aged();
    clock.ms += TTL - 1;
    expect([cache.get("k"), [...cache.keys()]]).toEqual(["old", ["k"]]);
    clock.ms += 1;
    expect([cache.get("k"), cache.peek("k"), cache.has("k"), cache.pin("k")]).toEqual([
      undefined,
      undefined,
      false,
      undefined,
    ]);
    expect([cache.getInto("k", new Uint8Array(9)), [...cache.keys()], [...cache], cache.size]).toEqual([-1, [], [], 1]);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 3, expirations: 0 });
    clock.ms += STALE;
    expect([cache.get("k"), cache.size, cache.stats().expirations]).toEqual([undefined, 0, 1]);
    expectExact();
  });

  it("is answered by fetch at once, and loaded anew once, whoever asks meanwhile", async () => {
    const { cache, clock, expectExact } = aged();
    clock.ms += TTL;
    const { load, end, count } = held();
    expect([await cache.fetch("k", load), await cache.fetch("k", load)]).toEqual(["old", "old"]);
    await turn();
    expect([count(), cache.stats().hits, cache.has("k")]).toEqual([1, 2, false]);
    end("new");
    await turn();
    expect([cache.get("k"), await cache.fetch("k", load), count()]).toEqual(["new", "new", 1]);
    clock.ms += TTL - 1;
    expect(cache.get("k")).toBe("new");
    expectExact();
  });

  it("is loaded anew by one thread of all", async () => {
    const { r, cache, clock } = aged();
    const theirs = Region.attachSync(r.handle()).cache<string>("cache", { codec: "utf8", now: clock.now });
    clock.ms += TTL;
    const [first, second] = [held(), held()];
    expect([await cache.fetch("k", first.load), await theirs.fetch("k", second.load)]).toEqual(["old", "old"]);
    await turn();
    expect([first.count(), second.count()]).toEqual([1, 0]);
    first.end("new");
    await turn();
    expect([await theirs.fetch("k", second.load), second.count()]).toEqual(["new", 0]);
    expectSound(r);
  });

  it("at its end is waited for by who asks then, from the load that is under way", async () => {
    const { cache, clock } = aged();
    clock.ms += TTL;
    const { load, end, count } = held();
    await cache.fetch("k", load);
    clock.ms += STALE;
    const asked = cache.fetch("k", load);
    await turn();
    end("new");
    expect([await asked, count()]).toEqual(["new", 1]);
  });

  it("stays where the load fails, until its end, and each failure is reported in a turn of its own", async () => {
    const errors = reported();
    const { cache, clock } = aged();
    clock.ms += TTL;
    const fails = (why: string) => (): never => {
      throw new Error(why);
    };
    expect(await cache.fetch("k", fails("one"))).toBe("old");
    await turn();
    expect(await cache.fetch("k", fails("two"))).toBe("old");
    await turn();
    expect(errors.map((error) => (error as Error).message)).toEqual(["one", "two"]);
    clock.ms += STALE;
    await expect(cache.fetch("k", fails("three"))).rejects.toThrow("three");
    expect(errors).toHaveLength(2);
  });

  it("tells onRefreshError of a failure, where there is one, and not where somebody waits for that load", async () => {
    const errors = reported();
    const told: unknown[] = [];
    const { cache, clock } = aged({ onRefreshError: (error, key) => told.push([(error as Error).message, key]) });
    clock.ms += TTL;
    const { load, fail } = held();
    await cache.fetch("k", load);
    await turn();
    fail(new Error("one"));
    await turn();
    await cache.fetch("k", load);
    clock.ms += STALE;
    const asked = cache.fetch("k", load);
    await turn();
    fail(new Error("two"));
    await expect(asked).rejects.toThrow("two");
    expect([told, errors]).toEqual([[["one", "k"]], []]);
  });

  it("that is set or deleted meanwhile is not put in over that", async () => {
    const { cache, clock } = aged();
    for (const act of [() => cache.set("k", "newer"), () => cache.delete("k")]) {
      cache.set("k", "old");
      clock.ms += TTL;
      const { load, end } = held();
      await cache.fetch("k", load);
      await turn();
      act();
      const left = cache.peek("k");
      end("older");
      await turn();
      expect(cache.peek("k")).toBe(left);
    }
  });

  it("counts from its own time to live, and one that lives for ever is never stale", async () => {
    const { cache, clock } = aged();
    cache.set("short", "s", { ttl: 10 });
    cache.set("ever", "e", { ttl: Number.POSITIVE_INFINITY });
    clock.ms += 10;
    const { load } = held();
    expect([cache.get("short"), await cache.fetch("short", load), cache.get("ever")]).toEqual([undefined, "s", "e"]);
    clock.ms += STALE;
    expect([cache.size, cache.has("short"), cache.size]).toEqual([3, false, 2]);
  });
});

describe("the option", () => {
  it("is one for all threads: another is a RangeError that says what is there", () => {
    const { r, cache, clock } = aged();
    const theirs = Region.attachSync(r.handle());
    expect(thrown(() => theirs.cache("cache", { staleWhileRevalidate: 9 }))).toBeInstanceOf(RangeError);
    expect(thrown(() => theirs.cache("cache", { staleWhileRevalidate: 9 })).message).toMatch(
      /staleWhileRevalidate 500, not 9/,
    );
    const there = theirs.cache<string>("cache", { codec: "utf8", now: clock.now, staleWhileRevalidate: STALE });
    there.set("j", "v");
    clock.ms += TTL;
    expect([cache.has("j"), there.has("j"), there.size]).toEqual([false, false, 2]);
  });

  it("is a number of milliseconds; 0 is none", () => {
    const { r } = texts();
    for (const wrong of ["5", null, {}] as unknown as number[])
      expect(thrown(() => r.cache("x", { staleWhileRevalidate: wrong }))).toBeInstanceOf(TypeError);
    for (const wrong of [-1, Number.NaN, 1e300])
      expect(thrown(() => r.cache("x", { staleWhileRevalidate: wrong })).message).toMatch(
        /staleWhileRevalidate must be 0 to/,
      );
    expect(thrown(() => r.cache("x", { onRefreshError: 5 as never })).message).toMatch(/onRefreshError.*function/);
    r.cache("x", { staleWhileRevalidate: 0, maxBytes: "64KiB" }).close();
  });
});
