// fetch. Goal: one load a key at a time; its value, or its error, to all that asked; errors are not kept; nothing that was said since is undone by a
// load that began before. Method: loads that the test ends when it likes.
import { describe, expect, it, vi } from "vitest";
import { held, turn } from "./held.js";
import { texts } from "./scene.js";

describe("fetch", () => {
  it("answers what is in, and loads what is not, which is in from then on", async () => {
    const { cache } = texts();
    const load = vi.fn((key: unknown) => `loaded ${String(key)}`);
    cache.set("in", "value");
    expect([await cache.fetch("in", load), await cache.fetch("out", load), await cache.fetch("out", load)]).toEqual([
      "value",
      "loaded out",
      "loaded out",
    ]);
    expect([load.mock.calls, cache.peek("out")]).toEqual([[["out"]], "loaded out"]);
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 1, sets: 2 });
  });

  it("loads once for all that ask meanwhile, and again once that has gone", async () => {
    const { cache } = texts();
    const { load, end, count } = held();
    const asked = Array.from({ length: 10 }, () => cache.fetch("k", load));
    await turn();
    end("v");
    expect([await Promise.all(asked), count()]).toEqual([Array(10).fill("v"), 1]);
    cache.delete("k");
    const again = cache.fetch("k", load);
    await turn();
    end("w");
    expect([await again, count()]).toEqual(["w", 2]);
  });

  it("tells keys apart as the cache does: texts, numbers and bytes that look alike", async () => {
    const { cache } = texts();
    const loads: unknown[] = [];
    const keys = ["1,2", new Uint8Array([1, 2]), "\x001,2", "b1,2", 1, "1", Number.NaN, "NaN", 0];
    const load = async (key: unknown): Promise<string> => {
      loads.push(key);
      await turn();
      return `${typeof key} ${String(key)}`;
    };
    const values = await Promise.all(keys.map((key) => cache.fetch(key, load)));
    expect([loads.length, values]).toEqual([keys.length, keys.map((key) => `${typeof key} ${String(key)}`)]);
    expect([await cache.fetch(-0, load), await cache.fetch(new Uint8Array([1, 2]), load), loads.length]).toEqual([
      "number 0",
      "object 1,2",
      keys.length,
    ]);
  });

  it("puts bytes in under what the key was when it was asked for", async () => {
    const { cache } = texts();
    const { load, end } = held();
    const key = new Uint8Array([1, 2]);
    const asked = cache.fetch(key, load);
    key[0] = 9;
    await turn();
    end("v");
    await asked;
    expect([cache.get(new Uint8Array([1, 2])), cache.get(key)]).toEqual(["v", undefined]);
  });

  it("tells all that wait of an error, and keeps nothing of it", async () => {
    const { cache } = texts();
    const { load, fail, end } = held();
    const asked = [cache.fetch("k", load), cache.fetch("k", load)];
    await turn();
    fail(new Error("no"));
    for (const one of asked) await expect(one).rejects.toThrow("no");
    expect(cache.has("k")).toBe(false);
    const again = cache.fetch("k", load);
    await turn();
    end("v");
    expect(await again).toBe("v");
    const thrower = (): never => {
      throw new Error("at once");
    };
    await expect(cache.fetch("j", thrower)).rejects.toThrow("at once");
    await expect(cache.fetch("j", () => 5 as never)).rejects.toThrow(TypeError);
  });

  it("puts in by the options of who began: time to live, priority, namespace", async () => {
    const { cache, clock } = texts({ namespaces: { a: {} } });
    await cache.fetch("k", () => "v", { ttl: 100, namespace: "a", priority: "high" });
    expect([cache.stats().namespaces["a"]!.items, cache.candidates()[0]!.priority]).toEqual([1, 80]);
    clock.ms += 100;
    expect(await cache.fetch("k", () => "w", { ttl: 100 })).toBe("w");
  });

  it("answers the value also where it is not taken", async () => {
    const { cache } = texts({ maxValueBytes: 10, policy: "lru" });
    expect(await cache.fetch("k", () => "x".repeat(11))).toBe("x".repeat(11));
    expect([cache.has("k"), cache.stats().refused.tooLarge]).toEqual([false, 1]);
  });

  it("ends for who gives up, and goes on for the others", async () => {
    const { cache } = texts();
    const { load, end, count } = held();
    const abort = new AbortController();
    const [mine, theirs] = [cache.fetch("k", load, { signal: abort.signal }), cache.fetch("k", load)];
    await turn();
    abort.abort(new Error("enough"));
    await expect(mine).rejects.toThrow("enough");
    end("v");
    expect([await theirs, cache.get("k"), count()]).toEqual(["v", "v", 1]);
    await expect(cache.fetch("other", load, { signal: abort.signal })).rejects.toThrow("enough");
    expect(await cache.fetch("k", load, { signal: abort.signal })).toBe("v");
    expect(count()).toBe(1);
  });

  it("leaves no listener on a signal, and no rejection unheard", async () => {
    const unheard = vi.fn();
    process.on("unhandledRejection", unheard);
    const { cache } = texts();
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
    await cache.fetch("k", () => "v", { signal });
    await expect(cache.fetch("j", () => Promise.reject(new Error("no")), { signal })).rejects.toThrow("no");
    const abort = new AbortController();
    const { load, fail } = held();
    const asked = cache.fetch("i", load, { signal: abort.signal });
    await turn();
    abort.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
    fail(new Error("late"));
    await turn();
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
    expect(unheard).not.toHaveBeenCalled();
    process.off("unhandledRejection", unheard);
  });

  it("does not put in over what was set, deleted or cleared since it began", async () => {
    const { cache } = texts();
    const since: [() => void, string | undefined][] = [
      [() => cache.set("k", "newer"), "newer"],
      [() => cache.delete("k"), undefined],
      [() => cache.clear(), undefined],
    ];
    for (const [act, left] of since) {
      const { load, end } = held();
      cache.delete("k");
      const asked = cache.fetch("k", load);
      await turn();
      act();
      end("older");
      expect([await asked, cache.peek("k")]).toEqual(["older", left]);
    }
  });

  it("loads anew for who asks after the key was deleted, beside the load that began before", async () => {
    const { cache } = texts();
    const [first, second] = [held(), held()];
    const older = cache.fetch("k", first.load);
    await turn();
    cache.delete("k");
    const newer = cache.fetch("k", second.load);
    await turn();
    second.end("new");
    expect([await newer, cache.get("k")]).toEqual(["new", "new"]);
    first.end("old");
    expect([await older, cache.get("k")]).toEqual(["old", "new"]);
  });

  it("that is under way when the cache is closed still answers, and touches nothing", async () => {
    const { r, cache } = texts();
    const { load, end } = held();
    const asked = cache.fetch("k", load);
    await turn();
    cache.close();
    end("v");
    expect([await asked, r.usedBytes]).toEqual(["v", 0]);
  });

  it("may fetch others in its load, and set its own key there", async () => {
    const { cache } = texts();
    const value = await cache.fetch("outer", async () => `of ${await cache.fetch("inner", () => "inner")}`);
    expect([value, cache.get("inner")]).toEqual(["of inner", "inner"]);
    const own = await cache.fetch("own", () => {
      cache.set("own", "set by the load");
      return "answered";
    });
    expect([own, cache.get("own")]).toEqual(["answered", "set by the load"]);
  });
});
