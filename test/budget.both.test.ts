// Budgets through their public face, in Node and in a cross-origin isolated page. Goal: a tree that every attachment sees alike, limits
// that are met to the byte on every level, counters that are exact in 64 bits. Method: exact states on fresh regions, two attachments;
// the walk over every invariant after each step. What else a budget lets in: budget-limit.both.test.ts.
import { describe, expect, it } from "vitest";
import { BUDGET_DEPTH_MAX } from "../assembly/shared/limits.js";
import { Budget, MemoryLimitExceededError, Region } from "../src/index.js";
import { errorOf, expectUsed, fits, largest, pair, take } from "./budget-scene.js";
import { KIB, expectSound, fillUp, region } from "./lib/regions.js";

const LARGEST = Number.MAX_SAFE_INTEGER;

describe("the tree", () => {
  it("knows names, paths, parents and depths", () => {
    const r = region();
    const root = r.budget("root", { limit: "1GiB" });
    const tiles = root.child("tiles", { priority: 80 });
    const level = tiles.child("z 7");
    expect(level).toBeInstanceOf(Budget);
    expect([root.name, tiles.name, level.name]).toEqual(["root", "tiles", "z 7"]);
    expect([root.path, tiles.path, level.path]).toEqual(["root", "root/tiles", "root/tiles/z 7"]);
    expect([root.parent, tiles.parent, level.parent]).toEqual([null, root, tiles]);
    expect([root, tiles, level].map((budget) => budget.stats().depth)).toEqual([1, 2, 3]);
    expect(take(level, 5).budgetPath).toBe("root/tiles/z 7");
    expect(level.stats()).toMatchObject({ name: "z 7", path: "root/tiles/z 7", priority: 50, usedBytes: 5, items: 1 });
    expectUsed(r, [
      [root, 5],
      [tiles, 5],
      [level, 5],
    ]);
  });

  it("is one for all attachments: the same name is the same budget, below the same parent", () => {
    const { r, other } = pair();
    const mine = r.budget("root", { limit: 100 }).child("a", { limit: 50 });
    const root = other.budget("root");
    const theirs = other.budget("a", { parent: root });
    expect([root.limitBytes, theirs.limitBytes, theirs.path]).toEqual([100, 50, "root/a"]);
    const held = take(mine, 30);
    expect([theirs.usedBytes, theirs.availableBytes, root.usedBytes]).toEqual([30, 20, 30]);
    expect(theirs.tryReserve(21)).toBe(null);
    const also = take(theirs, 20);
    expect(mine.usedBytes).toBe(50);
    held.release();
    also.release();
    expectUsed(r, [
      [mine, 0],
      [root, 0],
    ]);
  });

  it("has a name once in one place, and as often as there are places", () => {
    const r = region();
    const root = r.budget("a");
    const [one, two] = [root.child("a"), root.child("b")];
    const three = one.child("a");
    expect([root.path, one.path, three.path]).toEqual(["a", "a/a", "a/a/a"]);
    expect(r.budget("a", { parent: one }).at).toBe(three.at);
    expect(new Set([root, one, two, three].map(({ at }) => at)).size).toBe(4);
    take(three, 7);
    expectUsed(r, [
      [root, 7],
      [one, 7],
      [two, 0],
      [three, 7],
    ]);
  });

  it("opens a budget again with the same limit or none; another limit is a RangeError and changes nothing", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: "1KiB", min: 100, priority: 7, maxItems: 3 });
    const before = root.stats();
    expect(other.budget("root", { limit: 1024 }).stats()).toEqual(before);
    expect(other.budget("root", { soft: 5, min: 1, priority: 1, maxItems: 1 }).stats()).toEqual(before);
    const error = errorOf(() => other.budget("root", { limit: 1000 }));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/"root".*1024.*1000.*setLimit/);
    expect(() => other.budget("root", { limit: Infinity })).toThrow(RangeError);
    expect(root.stats()).toEqual(before);
    root.setLimit(1000);
    expect(other.budget("root", { limit: 1000 }).limitBytes).toBe(1000);
    expectSound(r);
  });

  it(`is ${BUDGET_DEPTH_MAX} levels deep at most: one more is a RangeError, and the counters reach all of them`, () => {
    const r = region();
    const line = [r.budget("level 1", { limit: 1000 })];
    for (let depth = 2; depth <= BUDGET_DEPTH_MAX; depth++) line.push(line.at(-1)!.child(`level ${depth}`));
    const leaf = line.at(-1)!;
    expect(leaf.stats().depth).toBe(BUDGET_DEPTH_MAX);
    expect(() => leaf.child("one more")).toThrow(RangeError);
    expectSound(r);
    const held = take(leaf, 1000);
    expect(leaf.tryReserve(1)).toBe(null);
    expectUsed(
      r,
      line.map((budget) => [budget, 1000]),
    );
    held.release();
    expectUsed(
      r,
      line.map((budget) => [budget, 0]),
    );
  });

  it("goes on from where its nodes and names need more room than one chunk of the region has", () => {
    const r = region();
    const budgets = Array.from({ length: 300 }, (_, i) => r.budget(`tenant ${i}`, { limit: i }));
    for (const [i, budget] of budgets.entries())
      expect([budget.limitBytes, fits(budget, i), fits(budget, i + 1)]).toEqual([i, true, false]);
    expect(r.budget("tenant 7").at).toBe(budgets[7]!.at);
    expectSound(r, 0);
  });

  it("needs room in the region: without it a budget is refused with a MemoryLimitExceededError, and nothing is changed", () => {
    const r = region({ size: 128 * KIB, name: "full" });
    const root = r.budget("root", { limit: 100 });
    const held = take(root, 40);
    const raw = fillUp(r);
    const used = r.usedBytes;
    let made = 0;
    const error = errorOf(() => {
      for (;;) root.child(`child ${made++}`);
    });
    expect(error).toBeInstanceOf(MemoryLimitExceededError);
    expect(error).toMatchObject({ code: "ERR_MEMORY_LIMIT", budgetPath: "full", limit: 128 * KIB });
    expect(errorOf(() => root.child("one more"))).toBeInstanceOf(MemoryLimitExceededError);
    expect(root.stats()).toMatchObject({ usedBytes: 40, items: 1 });
    expectSound(r, used);
    // So does a reservation: as many as there are records for, and none more.
    let count = 0;
    while (root.tryReserve(0) !== null) count++;
    expect(root.stats().items).toBe(count + 1);
    expect(held.split(10)).toBe(null);
    expect(held.size).toBe(40);
    expectSound(r, used);
    for (const offset of raw) r.heap.free(offset);
    expect(root.child("one more").path).toBe("root/one more");
    expect(held.split(10)!.size).toBe(10);
    expectSound(r, 0);
  });
});

describe("a limit", () => {
  it.each([0, 1, 2, 3])("%i levels above is met to the byte, and what is refused changes no counter", (above) => {
    const r = region();
    const line: Budget[] = [];
    for (let i = 0; i < 4; i++) {
      const options = i === 3 - above ? { limit: 1000 } : {};
      line.push(line.length === 0 ? r.budget("0", options) : line.at(-1)!.child(String(i), options));
    }
    const leaf = line[3]!;
    const limited = line[3 - above]!;
    const held = [take(leaf, 400), take(leaf, 599)];
    expect(leaf.tryReserve(2)).toBe(null);
    held.push(take(leaf, 1));
    for (const bytes of [1, 2, 1000, LARGEST]) expect(leaf.tryReserve(bytes)).toBe(null);
    expect(fits(leaf, 0)).toBe(true);
    expectUsed(
      r,
      line.map((budget) => [budget, 1000]),
    );
    expect(limited.stats()).toMatchObject({
      usagePercent: 100,
      availableBytes: 0,
      peakBytes: 1000,
      refused: 5,
      items: 3,
    });
    for (const budget of line) if (budget !== limited) expect(budget.stats().refused).toBe(0);
    for (const reservation of held) expect(reservation.release()).toBe(true);
    expect(line.map(({ usedBytes, peakBytes }) => [usedBytes, peakBytes])).toEqual(line.map(() => [0, 1000]));
    expectSound(r);
  });

  it("is each budget's own: a sibling's load leaves its share, to the parent's limit (D14)", () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const [a, b] = [root.child("a", { limit: 60 }), root.child("b", { limit: 60 })];
    take(a, 60);
    expect([fits(a, 1), fits(b, 41), fits(b, 40)]).toEqual([false, false, true]);
    take(b, 40);
    expect([fits(a, 0), fits(b, 1), fits(root, 1)]).toEqual([true, false, false]);
    expectUsed(r, [
      [root, 100],
      [a, 60],
      [b, 40],
    ]);
  });

  it("of 0 lets nothing but nothing in; without a limit there is no end", () => {
    const r = region();
    const none = r.budget("none", { limit: 0 });
    expect([fits(none, 1), fits(none, 0), none.usagePercent, none.availableBytes]).toEqual([false, true, 0, 0]);
    const open = r.budget("open");
    expect([take(open, LARGEST).size, open.usagePercent, open.availableBytes]).toEqual([LARGEST, 0, Infinity]);
    expectSound(r);
  });

  it("of 2^52 and more is met to the byte too, and never wraps (D50)", () => {
    const r = region();
    for (const limit of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52, LARGEST - 1, LARGEST]) {
      const root = r.budget(String(limit), { limit });
      const leaf = root.child("leaf", { min: limit - 10 });
      expect([largest(leaf), largest(root)]).toEqual([limit, 10]);
      const held = [take(leaf, limit - 3), take(leaf, 2)];
      expect([root.usedBytes, leaf.usedBytes, root.availableBytes]).toEqual([limit - 1, limit - 1, 1]);
      expect([fits(leaf, 2), fits(leaf, LARGEST), fits(leaf, 1)]).toEqual([false, false, true]);
      expect(held[0]!.tryResize(limit - 1)).toBe(false);
      expect(held[0]!.tryResize(limit - 2)).toBe(true);
      expect([leaf.usedBytes, leaf.peakBytes, held[0]!.size]).toEqual([limit, limit, limit - 2]);
      for (const reservation of held) reservation.release();
      expectUsed(r, [
        [leaf, 0],
        [root, limit - 10],
      ]);
    }
  });

  it("that does not bind adds up beyond 2^53 without a wrap, and comes back to nothing (D50)", () => {
    const r = region();
    const root = r.budget("root");
    const leaf = root.child("leaf", { limit: LARGEST });
    const held = Array.from({ length: 100 }, () => take(root, LARGEST));
    expect(root.usedBytes).toBeGreaterThan(2 ** 59);
    expect([fits(leaf, LARGEST), fits(root, LARGEST)]).toEqual([true, true]);
    for (const reservation of held) reservation.release();
    expectUsed(r, [
      [root, 0],
      [leaf, 0],
    ]);
  });
});

describe("what is known of a region", () => {
  it("is not changed by budgets but for what their tables take, and budgets outlive the thread that made them", () => {
    const { r, other } = pair();
    const made = other.budget("made", { limit: 100 });
    take(made, 40);
    other.close();
    const root = r.budget("made");
    expect([root.limitBytes, root.usedBytes]).toEqual([100, 0]);
    expect(made.isOpen).toBe(true);
    expectSound(r, 0);
    expect(Region.attachSync(r.handle()).budget("made").at).toBe(root.at);
  });
});
