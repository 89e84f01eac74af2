// Waiting for room, in Node and in a cross-origin isolated page. Goal: first come, first served, whatever attachment it comes from; each
// request has exactly one outcome, and nobody waits for what is there. Method: exact states, with all attachments in this thread; every
// wait ends by an event or by a clock that the test sets forward. How a wait ends otherwise: waiting-end.both.test.ts.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Budget, Region, Reservation } from "../src/index.js";
import { allWoken, BudgetWords, codeOf, expectAtRest, expectUsed, pair, take, waits, watched } from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";

const FOR_EVER = { timeout: Number.POSITIVE_INFINITY };
const TIMED_OUT = "ERR_MEMORY_LIMIT_TIMEOUT";
const NEVER = "ERR_MEMORY_LIMIT_NEVER";

interface Scene {
  r: Region;
  other: Region;
  root: Budget;
  /** The same budget for the other attachment. */
  theirs: Budget;
}

function scene(limit = 100): Scene {
  const { r, other } = pair();
  return { r, other, root: r.budget("root", { limit }), theirs: other.budget("root") };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("reserve", () => {
  it("grants at once what has room, with its size, tag and budget (I6)", async () => {
    const { r, root } = scene();
    const child = root.child("child");
    const held = await child.reserve(100, { tag: "frames" });
    expect([held.size, held.tag, held.budgetPath]).toEqual([100, "frames", "root/child"]);
    expect((await child.reserve(0)).size).toBe(0);
    expectUsed(r, [[root, 100]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for room and gets exactly what it asked for, from whichever attachment made room (I6)", async () => {
    const { r, other, root, theirs } = scene();
    const held = take(theirs, 100);
    const outcome = watched(root.reserve(60, { tag: "late" }));
    expect(root.usedBytes).toBe(100);
    held.release();
    // It is granted by who gives back, before anybody is told.
    expect([root.usedBytes, theirs.stats().items]).toEqual([60, 1]);
    await allWoken(r);
    expect([outcome.reservation?.size, outcome.reservation?.tag, outcome.reservation?.budgetPath]).toEqual([
      60,
      "late",
      "root",
    ]);
    expect(vi.getTimerCount()).toBe(0);
    other.close();
    expect(outcome.reservation?.release()).toBe(true);
    expectAtRest(r, root);
  });

  it("is served by whatever makes room: release, shrink, move, split and release, a higher limit, a close, a recovery", async () => {
    const { r, other, root, theirs } = scene();
    const [a, b] = [root.child("a"), r.budget("elsewhere")];
    let held = take(a, 100);
    const ways: [string, () => unknown][] = [
      ["release", () => held.release()],
      ["shrink", () => held.tryResize(50)],
      ["move", () => held.moveTo(b)],
      ["split and release", () => held.split(50)!.release()],
      ["a higher limit", () => root.setLimit(150)],
      ["a close", () => root.child("closing").close()],
      ["a recovery", () => r.recover(other.ownerId)],
    ];
    for (const [what, act] of ways) {
      held.release();
      root.setLimit(100);
      held =
        what === "a close"
          ? take(root.child("closing"), 100)
          : what === "a recovery"
            ? take(theirs, 100)
            : take(a, 100);
      if (what === "a recovery") r.markDead(other.ownerId);
      const outcome = waits(root, 50);
      expect(outcome.state, what).toBe("pending");
      act();
      await allWoken(r);
      expect(outcome.state, what).toBe("granted");
      outcome.reservation!.release();
      expectSound(r);
    }
    held.release();
    root.setLimit(100);
    expectAtRest(r, root);
  });
});

describe("first come, first served", () => {
  it("holds across attachments and budgets that share what is full", async () => {
    const { r, root, theirs } = scene();
    const budgets = [root, theirs, root.child("a"), theirs.child("a"), theirs.child("b")];
    const held = take(root, 100);
    const order: number[] = [];
    const all = Array.from({ length: 25 }, async (_, i) => {
      const mine = await budgets[i % 5]!.reserve(100, FOR_EVER);
      order.push(i);
      mine.release();
    });
    held.release();
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 25 }, (_, i) => i));
    expectAtRest(r, root);
  });

  it("keeps who would fit behind who came first: tryReserve is null, reserve waits, a grown reservation is refused", async () => {
    const { r, root, theirs } = scene();
    const held = take(root, 60);
    const first = waits(root, 50);
    expect([root.tryReserve(1), theirs.tryReserve(40), root.child("a").tryReserve(1)]).toEqual([null, null, null]);
    expect(held.tryResize(61)).toBe(false);
    expect([root.check(1), root.check(0)]).toMatchObject([{ code: "ERR_MEMORY_LIMIT", budgetPath: "root" }, null]);
    const second = waits(theirs, 40);
    // Nothing is not in anybody's way.
    expect(take(root, 0).release()).toBe(true);
    expect([root.usedBytes, first.state, second.state]).toEqual([60, "pending", "pending"]);
    held.tryResize(50);
    await allWoken(r);
    expect([root.usedBytes, second.state]).toEqual([100, "pending"]);
    held.release();
    await allWoken(r);
    expectUsed(r, [[root, 90]]);
  });

  it("holds in a budget only: who does not need what is full goes on, beside it, below it within a minimum, and above it", async () => {
    const { r, root } = scene(1000);
    const [a, b, safe] = [root.child("a", { limit: 100 }), root.child("b"), root.child("safe", { min: 50 })];
    const held = take(a, 100);
    const first = waits(a, 60);
    expect([take(b, 10).release(), take(root, 10).release(), take(safe, 60).release()]).toEqual([true, true, true]);
    expect(a.tryReserve(1)).toBe(null);
    const rest = take(root, 850);
    const second = waits(root, 100);
    expect([b.tryReserve(1), safe.tryReserve(51), root.tryReserve(1)]).toEqual([null, null, null]);
    expect(take(safe, 50).release()).toBe(true);
    rest.release();
    held.release();
    await allWoken(r);
    expect([first.state, second.state]).toEqual(["granted", "granted"]);
    expectUsed(r, [
      [root, 210],
      [a, 60],
    ]);
  });

  it("goes by when they came, not by where they wait: who is older passes on the way up, who is younger stays behind", async () => {
    const { r, root } = scene();
    const child = root.child("child", { limit: 50 });
    const [low, high] = [take(child, 50), take(root, 30)];
    const older = waits(child, 40);
    const younger = waits(root, 60);
    // In the child there is room now, in the root there is not: the older one waits there, before the younger.
    expect([low.tryResize(10), root.usedBytes]).toEqual([true, 80]);
    await allWoken(r);
    expect([older.state, younger.state]).toEqual(["granted", "pending"]);
    high.release();
    low.release();
    await allWoken(r);
    expectUsed(r, [
      [root, 100],
      [child, 40],
    ]);
  });

  it("sends who finds another budget full on the way to that one's queue, in its place", async () => {
    const { r, root } = scene();
    const child = root.child("child", { limit: 50 });
    const [low, high] = [take(child, 50), take(root, 50)];
    const [one, two, three] = [waits(child, 40), waits(root, 45), waits(child, 10)];
    // One had no room in the child; now it has none in the root, and came before two.
    root.setLimit(80);
    low.tryResize(10);
    expect([root.usedBytes, one.state, root.tryReserve(1)]).toEqual([60, "pending", null]);
    high.tryResize(30);
    await allWoken(r);
    expect([root.usedBytes, two.state]).toEqual([80, "pending"]);
    root.setLimit(130);
    await allWoken(r);
    // There is room for it in the root now, but its own budget is full again.
    expect([root.usedBytes, two.state, three.state]).toEqual([125, "granted", "pending"]);
    low.release();
    await allWoken(r);
    expect(three.state).toBe("granted");
    expectUsed(r, [
      [root, 125],
      [child, 50],
    ]);
  });

  it("goes on when the number of those who ever waited begins anew", async () => {
    const { r, root } = scene();
    new BudgetWords(r).ticket = 0xfffffffa | 0;
    const held = take(root, 100);
    const order: number[] = [];
    const all = Array.from({ length: 12 }, async (_, i) => {
      const mine = await root.reserve(100, FOR_EVER);
      order.push(i);
      expectSound(r);
      mine.release();
    });
    expectSound(r);
    held.release();
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expectAtRest(r, root);
  });

  it("grants all that fit at once, and no more (D28)", async () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const all = [30, 30, 30, 30, 30].map((bytes) => waits(root, bytes));
    held.release();
    await allWoken(r);
    expect(all.map(({ state }) => state)).toEqual(["granted", "granted", "granted", "pending", "pending"]);
    expectUsed(r, [[root, 90]]);
    all[0]!.reservation!.release();
    await allWoken(r);
    expectUsed(r, [[root, 90]]);
    all[1]!.reservation!.release();
    await allWoken(r);
    expectUsed(r, [[root, 90]]);
  });

  it("wakes whom it grants something and nobody else (D28)", async () => {
    const { r, other, root, theirs } = scene();
    const held = take(root, 100);
    const [first, second] = [waits(theirs, 60), waits(root, 60)];
    const words = new BudgetWords(r);
    const before = [words.wakes(other), words.wakes(r)];
    held.release();
    expect([words.wakes(other), words.wakes(r)]).toEqual([before[0]! + 1, before[1]]);
    await allWoken(other);
    expect([first.state, second.state]).toEqual(["granted", "pending"]);
    const later = [words.wakes(other), words.wakes(r)];
    first.reservation!.release();
    expect([words.wakes(other), words.wakes(r)]).toEqual([later[0], later[1]! + 1]);
    await allWoken(r);
    expect(second.state).toBe("granted");
    second.reservation!.release();
    expectAtRest(r, root);
  });

  it("waits for an item like for bytes", async () => {
    const { r, root } = scene();
    const few = root.child("few", { maxItems: 2 });
    const held = [take(few, 0), take(few, 0)];
    const [one, two] = [waits(few, 0), waits(few, 5)];
    expect(few.stats().items).toBe(2);
    held[0]!.release();
    await allWoken(r);
    expect([one.state, two.state]).toEqual(["granted", "pending"]);
    held[1]!.release();
    await allWoken(r);
    expect(two.state).toBe("granted");
    expect([few.stats().items, few.usedBytes]).toEqual([2, 5]);
    expectSound(r);
  });

  it("leaves nobody out: 1 000 requests of all sizes from two attachments are granted in their order (D25)", async () => {
    const { r, root, theirs } = scene(1000);
    const held = take(root, 1000);
    const order: number[] = [];
    const granted: Reservation[] = [];
    const all = Array.from({ length: 1000 }, async (_, i) => {
      const reservation = await (i % 2 ? root : theirs).reserve(1 + ((i * 677) % 1000), FOR_EVER);
      order.push(i);
      granted.push(reservation);
    });
    held.release();
    let released = 0;
    // Each gives back when it is its turn, in the order of the grants, which is what lets the next ones in.
    while (released < 1000) {
      await allWoken(r);
      for (; released < granted.length; released++) granted[released]!.release();
    }
    await Promise.all(all);
    const mine = (parity: number): number[] => order.filter((i) => i % 2 === parity);
    for (const parity of [0, 1]) expect(mine(parity)).toEqual(mine(parity).toSorted((one, two) => one - two));
    expect(new Set(order).size).toBe(1000);
    expectAtRest(r, root);
  });
});

describe("what can never be granted", () => {
  it.each([
    ["the budget's own limit", 0],
    ["its parent's", 1],
    ["the root's", 2],
  ])("for %s is refused at once, also while others wait (D24)", async (_, level) => {
    const { r, root } = scene(500);
    const line = [root, root.child("1", { limit: 500 })];
    line.push(line[1]!.child("2", { limit: 500 }));
    line[2 - level]!.setLimit(100);
    const leaf = line[2]!;
    const held = take(leaf, 60);
    const first = waits(leaf, 80);
    const impossible = waits(leaf, 101);
    await allWoken(r);
    expect(impossible.error).toMatchObject({
      code: NEVER,
      requested: 101,
      limit: 100,
      budgetPath: line[2 - level]!.path,
    });
    expect(vi.getTimerCount()).toBe(0);
    held.release();
    await allWoken(r);
    expect(first.state).toBe("granted");
    expectSound(r);
  });

  it("for a limit further up is refused at once although a nearer budget is only full (D24)", async () => {
    const { r, root } = scene(100);
    const child = root.child("child", { limit: 150 });
    take(child, 60);
    const covered = r.budget("low", { limit: 60 }).child("covered", { min: 50 });
    const few = root.child("few", { maxItems: 1 });
    take(few, 0);
    const impossible = [waits(child, 120), waits(few, 120), waits(covered, 61)];
    await allWoken(r);
    expect(impossible.map(({ error }) => error)).toMatchObject([
      { code: NEVER, limit: 100, budgetPath: "root" },
      { code: NEVER, limit: 100, budgetPath: "root" },
      { code: NEVER, limit: 60, budgetPath: "low" },
    ]);
    expectSound(r);
  });

  it("since a limit was lowered is told at once, and those behind go on", async () => {
    const { r, root } = scene();
    const held = take(root, 60);
    const [large, small] = [waits(root, 90), waits(root, 20)];
    expect(small.state).toBe("pending");
    root.setLimit(80);
    await allWoken(r);
    expect([large.state, codeOf(large), small.state]).toEqual(["refused", NEVER, "granted"]);
    held.release();
    expectUsed(r, [[root, 20]]);
  });

  it("since a limit was lowered is told at once wherever it stands in the queue", async () => {
    const { r, root } = scene();
    const held = take(root, 60);
    const [first, large, last] = [waits(root, 70), waits(root, 90), waits(root, 10)];
    root.setLimit(80);
    await allWoken(r);
    expect([first.state, codeOf(large), last.state]).toEqual(["pending", NEVER, "pending"]);
    held.release();
    await allWoken(r);
    expectUsed(r, [[root, 80]]);
  });

  it("since a limit further up was lowered is told at once too, and those behind go on", async () => {
    const { r, root } = scene(1000);
    const child = root.child("child", { limit: 100 });
    take(child, 60);
    const [large, small] = [waits(child, 80), waits(child, 10)];
    root.setLimit(70);
    await allWoken(r);
    expect([large.state, codeOf(large), small.state]).toEqual(["refused", NEVER, "granted"]);
    expectUsed(r, [
      [root, 70],
      [child, 70],
    ]);
  });
});

describe("a limit that is raised", () => {
  it("grants at once what fits now, in order, from whichever thread it was raised", async () => {
    const { r, root, theirs } = scene();
    take(root, 100);
    const all = [50, 60, 10].map((bytes) => waits(root.child("child"), bytes));
    theirs.setLimit(210);
    await allWoken(r);
    expect(all.map(({ state }) => state)).toEqual(["granted", "granted", "pending"]);
    theirs.setLimit(Infinity);
    await allWoken(r);
    expectUsed(r, [[root, 220]]);
  });
});

describe("a time-out", () => {
  it("of 0 tries once and gives up at the next turn, with the wait in the text (D22)", async () => {
    const { r, root } = scene();
    const held = take(root, 100, "held");
    const outcome = watched(root.reserve(60, { timeout: 0 }));
    expect(outcome.state).toBe("pending");
    vi.advanceTimersByTime(0);
    await allWoken(r);
    expect(outcome.error).toMatchObject({
      code: TIMED_OUT,
      requested: 60,
      limit: 100,
      current: 100,
      budgetPath: "root",
    });
    expect((outcome.error as Error).message).toMatch(/; waited 0 ms for room in root; held by held: 100$/);
    held.release();
    expectAtRest(r, root);
  });

  it("is 5 s unless told, and ends at its millisecond (D22)", async () => {
    const { r, root } = scene();
    take(root, 100);
    const [usual, longer] = [watched(root.reserve(1)), watched(root.reserve(1, { timeout: 60_000 }))];
    vi.advanceTimersByTime(4999);
    await allWoken(r);
    expect([usual.state, longer.state]).toEqual(["pending", "pending"]);
    vi.advanceTimersByTime(1);
    await allWoken(r);
    expect([codeOf(usual), longer.state]).toEqual([TIMED_OUT, "pending"]);
    expect((usual.error as Error).message).toContain("waited 5000 ms");
    vi.advanceTimersByTime(55_000);
    await allWoken(r);
    expect([codeOf(longer), vi.getTimerCount()]).toEqual([TIMED_OUT, 0]);
    expectSound(r);
  });

  it("in the same turn as the grant leaves exactly one of both, whichever came first (D07)", async () => {
    const { r, root } = scene();
    for (const releasesFirst of [true, false]) {
      const held = take(root, 100);
      const outcome = watched(root.reserve(60, { timeout: 10 }));
      if (releasesFirst) held.release();
      vi.advanceTimersByTime(10);
      if (!releasesFirst) held.release();
      await allWoken(r);
      expect(outcome.state).toBe(releasesFirst ? "granted" : "refused");
      expect(root.usedBytes).toBe(releasesFirst ? 60 : 0);
      outcome.reservation?.release();
      expectAtRest(r, root);
    }
  });

  it("of the first in line lets the next one in (D08)", async () => {
    const { r, root } = scene();
    take(root, 60);
    const first = watched(root.reserve(50, { timeout: 10 }));
    const second = waits(root, 40);
    vi.advanceTimersByTime(10);
    await allWoken(r);
    expect([codeOf(first), second.state]).toEqual([TIMED_OUT, "granted"]);
    expectUsed(r, [[root, 100]]);
  });

  it("comes also when the latch cannot be had at that instant: a little later, and once", async () => {
    const { r, other, root } = scene();
    const held = take(root, 100);
    const outcome = watched(root.reserve(60, { timeout: 10 }));
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    vi.advanceTimersByTime(50);
    expect(outcome.state).toBe("pending");
    words.latch = 0;
    vi.advanceTimersByTime(50);
    await allWoken(r);
    expect([codeOf(outcome), vi.getTimerCount()]).toEqual([TIMED_OUT, 0]);
    held.release();
    expectAtRest(r, root);
  });

  it("of two that hold and wait for each other frees them both (D23)", async () => {
    const { r, root, theirs } = scene();
    const [a, b] = [take(root, 50), take(theirs, 50)];
    const [one, two] = [watched(root.reserve(10, { timeout: 20 })), watched(theirs.reserve(10, { timeout: 30 }))];
    vi.advanceTimersByTime(20);
    await allWoken(r);
    a.release();
    await allWoken(r);
    expect([codeOf(one), two.state]).toEqual([TIMED_OUT, "granted"]);
    b.release();
    two.reservation!.release();
    expectAtRest(r, root);
  });
});
