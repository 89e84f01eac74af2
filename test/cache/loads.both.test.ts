// fetch across attachments. Goal: of all that want a key one loads it, and the others get what it put in; what anybody says of the key meanwhile is newer than
// what is being loaded; who throws, gives up, leaves or dies holds up nobody. Method: two or three attachments of one thread, each an owner of its own, with
// loads that the test ends. Real threads: fetch-threads.test.ts.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Cache, type CacheOptions, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { held, turn } from "./held.js";
import { KIB, MIB, texts } from "./scene.js";

const LOADS_MAX = 64;

afterEach(() => vi.unstubAllGlobals());

interface Other {
  readonly region: Region;
  readonly cache: Cache<string>;
}

/** One more attachment to the region, at its cache. */
function other(r: Region): Other {
  const region = Region.attachSync(r.handle());
  return { region, cache: region.cache<string>("cache", { codec: "utf8" }) };
}

/** Two attachments at one cache. */
function pair(options: CacheOptions<string> = {}): {
  r: Region;
  mine: Cache<string>;
  theirs: Cache<string>;
  it: Other;
} {
  const { r, cache } = texts(options);
  const it = other(r);
  return { r, mine: cache, theirs: it.cache, it };
}

describe("a key that two fetch", () => {
  it("is loaded by the first, and the second gets what that put in", async () => {
    const { r, mine, theirs } = pair();
    const [first, second] = [held(), held()];
    const asked = [mine.fetch("k", first.load)];
    await turn();
    asked.push(theirs.fetch("k", second.load), theirs.fetch("k", second.load));
    await turn();
    first.end("v");
    expect(await Promise.all(asked)).toEqual(["v", "v", "v"]);
    expect([first.count(), second.count(), theirs.get("k")]).toEqual([1, 0, "v"]);
    expectSound(r);
  });

  it("is loaded by the second where the first throws, and only the first is told of that", async () => {
    const { r, mine, theirs } = pair();
    const [first, second] = [held(), held()];
    const failing = mine.fetch("k", first.load);
    await turn();
    const waiting = theirs.fetch("k", second.load);
    await turn();
    first.fail(new Error("no"));
    await expect(failing).rejects.toThrow("no");
    await vi.waitFor(() => expect(second.count()).toBe(1));
    second.end("w");
    expect([await waiting, mine.get("k")]).toEqual(["w", "w"]);
    expectSound(r);
  });

  it("is loaded by each where the value is not taken, the later ones at once", async () => {
    const { r, mine, it: theirs } = pair({ maxValueBytes: 4, policy: "lru" });
    const third = other(r);
    const long = "x".repeat(5);
    const loads = [held(), held(), held()];
    const asked = [mine, theirs.cache, third.cache].map((cache, i) => cache.fetch("k", loads[i]!.load));
    const ended = new Set<number>();
    // Each that begins to load is ended; nobody has more than two loads before its own.
    while (ended.size < 3) {
      await turn();
      loads.forEach(({ count, end }, i) => {
        if (count() === 0 || ended.has(i)) return;
        ended.add(i);
        end(long);
      });
    }
    expect(await Promise.all(asked)).toEqual([long, long, long]);
    expect([mine.has("k"), mine.stats().refused.tooLarge]).toEqual([false, 3]);
    expectSound(r);
  });

  it("is not loaded by who finds it in once it has its claim", async () => {
    const { mine, theirs } = pair();
    const load = vi.fn(() => "loaded");
    const asked = theirs.fetch("k", load);
    mine.set("k", "set");
    expect([await asked, load.mock.calls.length]).toEqual(["set", 0]);
  });

  it("is loaded once beside other keys, each as long as it takes", async () => {
    const { mine, theirs } = pair();
    const [slow, quick, none] = [held(), held(), held()];
    const asked = [mine.fetch("slow", slow.load), mine.fetch("quick", quick.load)];
    await turn();
    const waiting = [theirs.fetch("slow", none.load), theirs.fetch("quick", none.load)];
    await turn();
    quick.end("q");
    expect([await asked[1], await waiting[1]]).toEqual(["q", "q"]);
    slow.end("s");
    expect([await asked[0], await waiting[0], none.count()]).toEqual(["s", "s", 0]);
  });

  it("is waited for also where the host has no Atomics.waitAsync", async () => {
    vi.resetModules();
    const { waitAsync } = Atomics as { waitAsync?: unknown };
    Object.assign(Atomics, { waitAsync: undefined });
    try {
      const { Region: Plain } = await import("../../src/index.js");
      const r = Plain.createSync({ size: MIB, maxOwners: 4 });
      const mine = r.cache<string>("cache", { codec: "utf8", maxBytes: 256 * KIB });
      const theirs = Plain.attachSync(r.handle()).cache<string>("cache", { codec: "utf8" });
      const [first, second] = [held(), held()];
      const asked = mine.fetch("k", first.load);
      await turn();
      const waiting = theirs.fetch("k", second.load);
      await turn();
      first.end("v");
      expect([await asked, await waiting, second.count()]).toEqual(["v", "v", 0]);
    } finally {
      Object.assign(Atomics, { waitAsync });
      vi.resetModules();
    }
  });
});

describe("what is said of a key while another loads it", () => {
  it.each<[string, (cache: Cache<string>) => void, string | undefined]>([
    ["set", (cache) => void cache.set("k", "newer"), "newer"],
    ["delete", (cache) => void cache.delete("k"), undefined],
    ["clear", (cache) => cache.clear(), undefined],
    ["a set that is refused", (cache) => void cache.set("k", "x".repeat(300 * KIB)), undefined],
  ])("%s: the load is answered, and not put in", async (_, act, left) => {
    const { r, mine, theirs } = pair();
    const { load, end } = held();
    const asked = mine.fetch("k", load);
    await turn();
    act(theirs);
    end("older");
    expect([await asked, mine.peek("k"), theirs.peek("k")]).toEqual(["older", left, left]);
    expectSound(r);
  });

  it("also where the value is a long one", async () => {
    const { mine, theirs } = pair();
    const { load, end } = held();
    const asked = mine.fetch("k", load);
    await turn();
    theirs.set("k", "newer");
    end("o".repeat(20 * KIB));
    expect([(await asked).length, mine.peek("k")]).toEqual([20 * KIB, "newer"]);
  });

  it("wakes who waits for that load: with what was set, or to load anew", async () => {
    const { mine, theirs } = pair();
    const [older, newer] = [held(), held()];
    const asked = [mine.fetch("set", older.load), mine.fetch("deleted", older.load)];
    await turn();
    const waiting = [theirs.fetch("set", newer.load), theirs.fetch("deleted", newer.load)];
    await turn();
    mine.set("set", "s");
    expect(await waiting[0]).toBe("s");
    mine.delete("deleted");
    await vi.waitFor(() => expect(newer.count()).toBe(1));
    newer.end("n");
    expect([await waiting[1], mine.get("deleted")]).toEqual(["n", "n"]);
    older.end("older");
    expect([await asked[1], mine.get("deleted")]).toEqual(["older", "n"]);
    void asked[0]!.catch(() => {});
  });

  it("is no load's affair when it is said of another key", async () => {
    const { mine, theirs } = pair();
    const { load, end } = held();
    const asked = mine.fetch("k", load);
    await turn();
    for (let i = 0; i < 500; i++) {
      theirs.set(i, "v");
      theirs.delete(i);
    }
    end("v");
    expect([await asked, theirs.get("k")]).toEqual(["v", "v"]);
  });

  it("by another thread is not undone by who asks this thread after it", async () => {
    const { mine, theirs } = pair();
    const [older, newer] = [held(), held()];
    const first = mine.fetch("k", older.load);
    await turn();
    theirs.delete("k");
    const second = mine.fetch("k", newer.load);
    await turn();
    newer.end("new");
    expect([await second, theirs.get("k")]).toEqual(["new", "new"]);
    older.end("old");
    expect([await first, theirs.get("k")]).toEqual(["old", "new"]);
  });

  it("by the caller's own policy, while what was loaded is put in, is not taken for what was loaded", async () => {
    let isAsked = false;
    const { mine } = pair({
      maxItems: 2,
      policy: {
        evict(_, candidates) {
          if (!isAsked) {
            isAsked = true;
            mine.delete(candidates[0]!.key);
            mine.set("x", "asked");
          }
          return [candidates.at(-1)!];
        },
      },
    });
    mine.set("a", "v");
    mine.set("b", "v");
    expect([await mine.fetch("k", () => "v"), isAsked]).toEqual(["v", true]);
    expect(mine.get("x") ?? mine.get("k")).toBeDefined();
    for (const key of ["y", "z"]) expect(mine.set(key, "w") && mine.get(key)).toBe("w");
  });
});

describe("who waits for another's load", () => {
  it("may give up: the load goes on, and its value is put in", async () => {
    const { mine, theirs } = pair();
    const [first, second] = [held(), held()];
    const asked = mine.fetch("k", first.load);
    await turn();
    const abort = new AbortController();
    const waiting = theirs.fetch("k", second.load, { signal: abort.signal });
    await turn();
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    // Nobody waits there any more, so nobody loads there either; who asks again does.
    const again = theirs.fetch("k", second.load);
    first.end("v");
    expect([await asked, await again, second.count()]).toEqual(["v", "v", 0]);
  });

  it("and the only one to want it gave up, loads nothing when that load fails", async () => {
    const { mine, theirs } = pair();
    const [first, second] = [held(), held()];
    const asked = mine.fetch("k", first.load);
    await turn();
    const abort = new AbortController();
    const waiting = theirs.fetch("k", second.load, { signal: abort.signal });
    await turn();
    abort.abort();
    await expect(waiting).rejects.toThrow();
    first.fail(new Error("no"));
    await expect(asked).rejects.toThrow("no");
    await turn();
    expect(second.count()).toBe(0);
  });

  it("loads when the loader leaves the cache", async () => {
    const { r, mine, theirs } = pair();
    const [first, second] = [held(), held()];
    const asked = theirs.fetch("k", first.load);
    await turn();
    const waiting = mine.fetch("k", second.load);
    await turn();
    theirs.close();
    await vi.waitFor(() => expect(second.count()).toBe(1));
    second.end("mine");
    first.end("theirs");
    expect([await waiting, await asked, mine.get("k")]).toEqual(["mine", "theirs", "mine"]);
    expectSound(r);
  });

  it("loads for itself when it leaves the cache", async () => {
    const { mine, theirs } = pair();
    const first = held();
    const asked = mine.fetch("k", first.load);
    await turn();
    const waiting = theirs.fetch("k", () => "its own");
    await turn();
    theirs.close();
    expect(await waiting).toBe("its own");
    first.end("v");
    expect([await asked, mine.get("k")]).toEqual(["v", "v"]);
  });

  it.each([
    ["and is recovered", true],
    ["and is said to be dead, though nobody recovers it", false],
  ])("loads when the loader dies %s", async (_, isRecovered) => {
    const { r, mine, it: theirs } = pair();
    const [first, second] = [held(), held()];
    void theirs.cache.fetch("k", first.load);
    await turn();
    const waiting = mine.fetch("k", second.load);
    await turn();
    r.markDead(theirs.region.ownerId);
    if (isRecovered) expect(r.recover(theirs.region.ownerId).done).toBe(true);
    await vi.waitFor(() => expect(second.count()).toBe(1));
    second.end("mine");
    expect([await waiting, mine.get("k")]).toEqual(["mine", "mine"]);
    if (!isRecovered) r.recover(theirs.region.ownerId);
    expectSound(r);
  });
});

describe("more loads than there are claims", () => {
  it("are each one's own, and put in where nothing is", async () => {
    const { r, mine, theirs } = pair();
    const loads = Array.from({ length: LOADS_MAX }, held);
    const asked = loads.map(({ load }, i) => mine.fetch(i, load));
    const [one, two, three] = [held(), held(), held()];
    asked.push(mine.fetch("one", one.load), theirs.fetch("one", two.load), mine.fetch("three", three.load));
    await turn();
    expect([one.count(), two.count(), three.count()]).toEqual([1, 1, 1]);
    theirs.set("three", "newer");
    expectSound(r);
    one.end("v");
    two.end("w");
    three.end("older");
    loads.forEach(({ end }, i) => end(String(i)));
    expect(await Promise.all(asked)).toEqual([...loads.map((_, i) => String(i)), "v", "w", "older"]);
    expect([mine.get("one"), mine.get("three"), mine.get(5)]).toEqual(["v", "newer", "5"]);
    // They are over, so the next one's is known to all again.
    const [first, second] = [held(), held()];
    const last = [mine.fetch("k", first.load)];
    await turn();
    last.push(theirs.fetch("k", second.load));
    await turn();
    first.end("x");
    expect([...(await Promise.all(last)), second.count()]).toEqual(["x", "x", 0]);
    expectSound(r);
  });
});
