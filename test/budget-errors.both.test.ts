// What a budget says: errors, reports, the largest consumers, in Node and in a cross-origin isolated page. Goal: every number in them is
// the budget's own at that instant, every text and code is the documented one (G05–G07, M25). Method: exact states on fresh regions.
import { describe, expect, it } from "vitest";
import {
  BudgetClosedError,
  CisternError,
  ItemLimitExceededError,
  MemoryLimitExceededError,
  Region,
  RegionBusyError,
  RegionClosedError,
} from "../src/index.js";
import { BudgetWords, changedBy, errorOf, expectUsed, pair, rejectionOf, take } from "./budget-scene.js";
import { expectSound, region } from "./lib/regions.js";

describe("a request of a thread that has left", () => {
  it("is a RegionClosedError also while whoever has its place now is refused for want of room", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 10 });
    take(root, 10);
    const left = other.budget("root");
    expect([left.tryReserve(5), left.tryReserve(5)]).toEqual([null, null]);
    other.close();
    const next = Region.attachSync(r.handle());
    expect(next.ownerId & 0xff).toBe(other.ownerId & 0xff);
    expect([next.budget("root").tryReserve(5), next.budget("root").tryReserve(5)]).toEqual([null, null]);
    expect(errorOf(() => left.tryReserve(5))).toBeInstanceOf(RegionClosedError);
  });
});

describe("the error of a request that does not fit", () => {
  it("carries the numbers of the budget that refuses, and G06's text with the largest consumers (G05, G06)", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const child = root.child("child", { limit: 900 });
    take(child, 500, "frames");
    take(child, 300, "packets");
    take(root, 100, "cache");
    const error = child.check(150)!;
    expect(error).toBeInstanceOf(MemoryLimitExceededError);
    expect(error).toMatchObject({
      name: "MemoryLimitExceededError",
      code: "ERR_MEMORY_LIMIT",
      requested: 150,
      limit: 900,
      current: 800,
      available: 100,
      budgetPath: "root/child",
      consumers: [
        { tag: "frames", bytes: 500, count: 1 },
        { tag: "packets", bytes: 300, count: 1 },
      ],
    });
    expect((error as MemoryLimitExceededError).usagePercent).toBeCloseTo(88.89, 2);
    expect(error.message).toBe(
      "memory limit exceeded: requested 150 bytes, limit 900 bytes, currently allocated 800 bytes (88.9% used); no room in root/child; held by frames: 500, packets: 300",
    );
    take(root, 90);
    expect(child.check(11)).toMatchObject({ requested: 11, limit: 1000, current: 990, budgetPath: "root" });
    expect((child.check(11) as MemoryLimitExceededError).consumers.map(({ tag }) => tag)).toEqual([
      "frames",
      "packets",
      "cache",
      "",
    ]);
    expect([root.check(10), child.check(0)]).toEqual([null, null]);
  });

  it("formats as G07's block, with the numbers of a budget (G07)", () => {
    const root = region().budget("root", { limit: 1000 });
    take(root, 750);
    expect((root.check(251) as MemoryLimitExceededError).format()).toBe(
      [
        "Memory limit exceeded:",
        "  Requested: 251 bytes",
        "  Limit:     1000 bytes",
        "  Current:   750 bytes (75.0% used)",
        "  Available: 250 bytes",
      ].join("\n"),
    );
  });

  it("says ERR_MEMORY_LIMIT_NEVER for more than a limit, whichever ancestor's it is and whatever is taken (D24)", () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const wide = root.child("wide", { limit: 150 });
    expect(wide.check(151)).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER", limit: 150, budgetPath: "root/wide" });
    expect(wide.check(101)).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER", limit: 100, budgetPath: "root" });
    expect(wide.check(101)!.message).toMatch(/; more than all of root(;|$)/);
    take(wide, 60);
    expect(wide.check(41)).toMatchObject({ code: "ERR_MEMORY_LIMIT", limit: 100, budgetPath: "root" });
    expect(wide.check(101)).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER", limit: 100, budgetPath: "root" });
  });

  it("says it also where a minimum covers a part of what is too much (D24)", () => {
    const root = region().budget("root", { limit: 60 });
    const child = root.child("child", { min: 50 });
    expect([child.check(50), child.check(60)]).toEqual([null, null]);
    expect(child.check(61)).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER", limit: 60, budgetPath: "root" });
    root.setLimit(40);
    expect([child.check(50), child.check(51)]).toMatchObject([null, { code: "ERR_MEMORY_LIMIT_NEVER", limit: 40 }]);
  });

  it("of items names the budget and its number, whether it is advice or a request that may wait", async () => {
    const root = region().budget("root", { maxItems: 1 });
    const child = root.child("child");
    take(root, 5);
    const expected = { code: "ERR_ITEM_LIMIT", budgetPath: "root", maxItems: 1 };
    expect(child.check(5)).toBeInstanceOf(ItemLimitExceededError);
    expect(child.check(5)).toMatchObject(expected);
    const none = root.child("none", { maxItems: 0 });
    const never = await rejectionOf(none.reserve(5));
    expect(never).toBeInstanceOf(ItemLimitExceededError);
    expect(never).toMatchObject({ code: "ERR_ITEM_LIMIT", budgetPath: "root/none", maxItems: 0 });
  });

  it("of a budget does not speak of pieces: what is free in a budget is never in pieces", async () => {
    const root = region().budget("root", { limit: 100 });
    take(root, 60);
    const first = new AbortController();
    const waits = rejectionOf(root.reserve(50, { timeout: Infinity, signal: first.signal }));
    // It would fit, but for the one that came before it.
    const error = await rejectionOf(root.reserve(10, { timeout: 0 }));
    expect(error).toMatchObject({ code: "ERR_MEMORY_LIMIT_TIMEOUT", limit: 100, current: 60, budgetPath: "root" });
    expect((error as Error).message).toContain("; waited 0 ms for room in root");
    expect((error as Error).message).not.toContain("pieces");
    first.abort();
    await waits;
  });
});

describe("topConsumers", () => {
  it("sums by tag what is reserved here and below, the largest first (M25)", () => {
    const { r, other } = pair();
    const root = r.budget("root");
    const [a, b] = [root.child("a"), root.child("b")];
    for (let i = 0; i < 10; i++) take(a, 10, "frames");
    take(b, 50, "frames");
    take(b, 120, "packets");
    take(other.budget("root"), 30);
    const all = [
      { tag: "frames", bytes: 150, count: 11 },
      { tag: "packets", bytes: 120, count: 1 },
      { tag: "", bytes: 30, count: 1 },
    ];
    expect(root.topConsumers()).toEqual(all);
    expect(other.budget("root").topConsumers(100)).toEqual(all);
    expect(root.topConsumers(2)).toEqual(all.slice(0, 2));
    expect(a.topConsumers()).toEqual([{ tag: "frames", bytes: 100, count: 10 }]);
    for (let i = 0; i < 9; i++) take(a, 1000 + i, `tag ${i}`);
    expect(root.topConsumers().map(({ tag }) => tag)).toEqual(["tag 8", "tag 7", "tag 6", "tag 5", "tag 4"]);
    expect(root.topConsumers(20)).toHaveLength(12);
  });

  it("count what is held, not what waits", async () => {
    const root = region().budget("root", { limit: 100 });
    const held = take(root, 100, "held");
    const waits = root.reserve(50, { tag: "waits" });
    const only = [{ tag: "held", bytes: 100, count: 1 }];
    expect(root.topConsumers()).toEqual(only);
    expect((root.check(1) as MemoryLimitExceededError).consumers).toEqual(only);
    held.release();
    expect((await waits).tag).toBe("waits");
    expect(root.topConsumers()).toEqual([{ tag: "waits", bytes: 50, count: 1 }]);
  });

  it("follow what is resized, split, moved and released", () => {
    const root = region().budget("root");
    const [a, b] = [root.child("a"), root.child("b")];
    const held = take(a, 100, "x");
    held.tryResize(60);
    const part = held.split(20)!;
    part.moveTo(b);
    expect(root.topConsumers()).toEqual([{ tag: "x", bytes: 60, count: 2 }]);
    expect([a.topConsumers(), b.topConsumers()]).toEqual([
      [{ tag: "x", bytes: 40, count: 1 }],
      [{ tag: "x", bytes: 20, count: 1 }],
    ]);
    held.release();
    part.release();
    expect(root.topConsumers()).toEqual([]);
  });
});

describe("stats", () => {
  it("are the budget's numbers of this instant, all of them", () => {
    const root = region().budget("root", { limit: 200, min: 10, soft: 0.5, priority: 3, bypass: 4, maxItems: 9 });
    take(root, 60).release();
    take(root, 50, "x");
    root.tryReserve(151);
    expect(root.stats()).toEqual({
      name: "root",
      path: "root",
      limitBytes: 200,
      usedBytes: 50,
      peakBytes: 60,
      availableBytes: 150,
      minBytes: 10,
      softBytes: 100,
      usagePercent: 25,
      items: 1,
      maxItems: 9,
      refused: 1,
      overLimitBytes: 0,
      priority: 3,
      bypass: 4,
      depth: 1,
    });
    expect(root).toMatchObject({
      limitBytes: 200,
      usedBytes: 50,
      peakBytes: 60,
      availableBytes: 150,
      usagePercent: 25,
    });
  });

  it("keep the peak: it never falls, and rises by what was granted only (I8)", () => {
    const root = region().budget("root", { limit: 1000 });
    let peak = 0;
    for (const bytes of [10, 500, 20, 700, 1000, 5]) {
      const held = take(root, bytes);
      root.tryReserve(1001 - bytes);
      peak = Math.max(peak, bytes);
      expect(root.peakBytes).toBe(peak);
      held.release();
      expect(root.peakBytes).toBe(peak);
    }
  });
});

describe("while another thread holds the latch of the budgets", () => {
  it("whatever changes the tree says RegionBusyError and changes nothing, and goes on when it is free again", async () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const [child, third] = [root.child("child"), root.child("third")];
    const held = take(child, 10, "x");
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    for (const [what, act] of Object.entries({
      tryReserve: () => child.tryReserve(1),
      "tryReserve of a tag": () => child.tryReserve(1, "x"),
      child: () => root.child("new"),
      budget: () => r.budget("new"),
      setLimit: () => root.setLimit(5),
      close: () => child.close(),
      tryResize: () => held.tryResize(1),
      split: () => held.split(1),
      moveTo: () => held.moveTo(third),
      share: () => held.share(),
      adoptReservation: () => r.adoptReservation(held.handle()),
    })) {
      const before = [root.stats(), child.stats()];
      const error = errorOf(act);
      expect(error, what).toBeInstanceOf(RegionBusyError);
      expect(error, what).toMatchObject({ code: "ERR_REGION_BUSY" });
      expect([root.stats(), child.stats()], what).toEqual(before);
    }
    expect(await rejectionOf(child.reserve(1))).toBeInstanceOf(RegionBusyError);
    // Reading needs no latch, but the walk over all of it does.
    expect([child.usedBytes, child.availableBytes, held.size, root.topConsumers().length]).toEqual([10, 90, 10, 1]);
    expect(errorOf(() => r.check())).toBeInstanceOf(RegionBusyError);
    words.latch = 0;
    expect([child.isOpen, held.isLive, held.size]).toEqual([true, true, 10]);
    expect(take(child, 90).release()).toBe(true);
    expectUsed(r, [
      [root, 10],
      [child, 10],
    ]);
  });

  it("that has ended, the next one takes it over: nothing is lost and nothing is stuck", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const held = take(root, 10);
    take(other.budget("root"), 5);
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    r.markDead(other.ownerId);
    expect(take(root, 20).size).toBe(20);
    expect([words.latch, held.release()]).toEqual([0, true]);
    words.latch = other.ownerId;
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 1, reservedBytes: 5 });
    expect(words.latch).toBe(0);
    expectUsed(r, [[root, 20]]);
  });

  it("that has ended before it ever reserved anything, recovery lets it go all the same (D47)", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true });
    expect(words.latch, "the latch of the budgets").toBe(0);
    expect(take(root, 20).size).toBe(20);
  });
});

describe("after its region was closed", () => {
  it("a budget refuses with RegionClosedError whatever would change it, and writes nothing", async () => {
    const { r, other } = pair({ name: "left" });
    const root = other.budget("root", { limit: 100 });
    const child = root.child("child");
    const held = take(child, 10, "x");
    other.close();
    // Another thread has the slot now: what stands in it is not this one's any more.
    const next = Region.attachSync(r.handle());
    expect(next.ownerId & 0xff).toBe(other.ownerId & 0xff);
    let rejected: Promise<unknown> = Promise.resolve();
    const changed = changedBy(r, () => {
      for (const [what, act] of Object.entries({
        tryReserve: () => child.tryReserve(1),
        "tryReserve of a tag": () => child.tryReserve(1, "a tag"),
        child: () => root.child("new", { limit: 77 }),
        setLimit: () => root.setLimit(5),
        close: () => child.close(),
        budget: () => other.budget("new"),
        adoptReservation: () => other.adoptReservation({ record: 8, claim: [1, 1] }),
      })) {
        const error = errorOf(act);
        expect(error, what).toBeInstanceOf(RegionClosedError);
        expect(error, what).toBeInstanceOf(CisternError);
        expect(error, what).toMatchObject({ code: "ERR_REGION_CLOSED", message: 'region "left" is closed' });
      }
      rejected = rejectionOf(child.reserve(1, { tag: "another tag" }));
    });
    expect(await rejected).toBeInstanceOf(RegionClosedError);
    expect(changed, "words that a closed attachment wrote").toEqual([]);
    expect([held.isLive, held.release(), held.size]).toEqual([false, false, 0]);
    expectUsed(r, [[r.budget("root"), 0]]);
    expectSound(r);
  });

  it("by the thread that held them its reservations are back, and the budgets stand for the others", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const mine = take(root, 10);
    const theirs = take(other.budget("root"), 80);
    const shared = take(other.budget("root"), 5).share();
    const adopted = r.adoptReservation(take(other.budget("root"), 5).handle());
    other.close();
    expect([mine.isLive, theirs.isLive, shared.isLive, adopted.isLive]).toEqual([true, false, true, true]);
    expect([root.usedBytes, root.isOpen]).toEqual([20, true]);
    expect(r.adoptReservation(shared.handle()).release()).toBe(true);
    expectUsed(r, [[root, 15]]);
  });

  it("says BudgetClosedError first where the budget was closed in a region that is open", () => {
    const root = region().budget("root");
    root.close();
    for (const act of [
      () => root.tryReserve(1),
      () => root.child("a"),
      () => root.stats(),
      () => root.check(1),
      () => root.topConsumers(),
    ])
      expect(errorOf(act)).toBeInstanceOf(BudgetClosedError);
  });
});
