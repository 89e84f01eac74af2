// What a budget lets in, in Node and in a cross-origin isolated page: minimums, items, soft limits, limits that change, and what check
// and availableBytes say beforehand. Goal: a guaranteed minimum is there under full load, and advice is what a request then finds.
// Method: exact states on fresh regions, seeded sequences, bisection for the largest request that is granted.
import { describe, expect, it } from "vitest";
import { type Budget, BudgetClosedError, MemoryLimitExceededError, type Reservation } from "../src/index.js";
import { errorOf, expectUsed, fits, largest, pair, take } from "./budget-scene.js";
import { random } from "./lib/random.js";
import { expectSound, region } from "./lib/regions.js";

const SEED = 20_260_105;
const LARGEST = Number.MAX_SAFE_INTEGER;

describe("a minimum", () => {
  it("is there under full load: siblings that take all they get do not take it (D15)", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const safe = root.child("safe", { min: 300 });
    const greedy = root.child("greedy");
    const held: Reservation[] = [];
    for (let bytes = 1000; bytes >= 1; bytes = Math.floor(bytes / 2)) {
      for (let got = greedy.tryReserve(bytes); got !== null; got = greedy.tryReserve(bytes)) held.push(got);
    }
    expect([greedy.usedBytes, root.usedBytes, root.availableBytes]).toEqual([700, 1000, 0]);
    const parts = Array.from({ length: 300 }, () => take(safe, 1));
    expect([fits(safe, 1), safe.usedBytes, root.usedBytes]).toEqual([false, 300, 1000]);
    for (const part of parts) part.release();
    expect([safe.availableBytes, take(safe, 300).size]).toEqual([300, 300]);
    expectUsed(r, [
      [root, 1000],
      [greedy, 700],
      [safe, 300],
    ]);
  });

  it("is charged to the parents when the budget is made, and goes back when it is closed", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const middle = root.child("middle");
    const low = middle.child("low", { min: 400 });
    expectUsed(r, [
      [root, 400],
      [middle, 400],
      [low, 0],
    ]);
    const held = take(low, 600);
    expectUsed(r, [
      [root, 600],
      [middle, 600],
      [low, 600],
    ]);
    held.tryResize(399);
    expect([root.usedBytes, low.usedBytes, root.stats().items]).toEqual([400, 399, 1]);
    held.release();
    low.close();
    expectUsed(r, [
      [root, 0],
      [middle, 0],
    ]);
  });

  it("that its parents have no room for refuses the budget: a MemoryLimitExceededError of the one that has none", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const child = root.child("child", { limit: 500 });
    take(root, 700);
    const refused = (parent: Budget, min: number): unknown => errorOf(() => parent.child("new", { min }));
    expect(refused(child, 301)).toMatchObject({
      code: "ERR_MEMORY_LIMIT",
      requested: 301,
      limit: 1000,
      current: 700,
      budgetPath: "root",
    });
    expect(refused(child, 501)).toMatchObject({
      code: "ERR_MEMORY_LIMIT_NEVER",
      requested: 501,
      limit: 500,
      budgetPath: "root/child",
    });
    expect(refused(root, 1001)).toBeInstanceOf(MemoryLimitExceededError);
    expectUsed(r, [
      [root, 700],
      [child, 0],
    ]);
    expect(child.child("new", { min: 300 }).path).toBe("root/child/new");
    expectUsed(r, [
      [root, 1000],
      [child, 300],
    ]);
  });

  it("inside a minimum is charged once: the outer one covers the inner one", () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const outer = root.child("outer", { min: 60 });
    const inner = outer.child("inner", { min: 50 });
    expectUsed(r, [
      [root, 60],
      [outer, 50],
      [inner, 0],
    ]);
    expect([inner.availableBytes, outer.availableBytes, root.availableBytes]).toEqual([100, 50, 40]);
    take(inner, 55);
    expectUsed(r, [
      [root, 60],
      [outer, 55],
    ]);
    take(outer, 10);
    expectUsed(r, [
      [root, 65],
      [outer, 65],
      [inner, 55],
    ]);
  });
});

describe("maxItems", () => {
  it("counts reservations here and below, whatever their size", () => {
    const r = region();
    const root = r.budget("root", { maxItems: 3 });
    const [a, b] = [root.child("a", { maxItems: 2 }), root.child("b")];
    const held = [take(a, 0), take(a, 1_000_000)];
    expect([a.tryReserve(0), a.stats().refused]).toEqual([null, 1]);
    held.push(take(b, 5));
    expect([b.tryReserve(0), root.tryReserve(0), root.stats().refused]).toEqual([null, null, 2]);
    expect([root.stats().items, a.stats().items, b.stats().items]).toEqual([3, 2, 1]);
    expect(root.check(0)).toMatchObject({ code: "ERR_ITEM_LIMIT", budgetPath: "root", maxItems: 3 });
    expect(held.pop()!.release()).toBe(true);
    expect([fits(b, 0), fits(a, 0)]).toEqual([true, false]);
    expectSound(r);
  });

  it("of 0 lets nothing in", () => {
    expect(region().budget("none", { maxItems: 0 }).tryReserve(0)).toBe(null);
  });
});

describe("soft", () => {
  it("says from where on a budget is full, and refuses nothing", () => {
    const root = region().budget("root", { limit: 100, soft: 0.8 });
    const held = take(root, 80);
    expect(root.isOverSoft).toBe(false);
    expect([held.tryResize(81), root.isOverSoft, held.tryResize(100), root.isOverSoft]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    held.release();
    expect(root.isOverSoft).toBe(false);
  });

  it("given as a share follows the limit, whoever changes it; given in bytes it stays", () => {
    const { r, other } = pair();
    const options = [{ soft: 0.8 }, { soft: "80%" }, { soft: 1 }, { soft: 80 }];
    const [fraction, text, whole, bytes] = options.map((one, i) => r.budget(`b${i}`, { limit: 100, ...one }));
    const softs = (): number[] => [fraction!, text!, whole!, bytes!].map((budget) => budget.stats().softBytes);
    expect(softs()).toEqual([80, 80, 100, 80]);
    for (let i = 0; i < 4; i++) other.budget(`b${i}`).setLimit(50);
    expect(softs()).toEqual([40, 40, 50, 80]);
    expect(other.budget("b0").stats().softBytes).toBe(40);
    take(fraction!, 41);
    expect([fraction!.isOverSoft, other.budget("b0").isOverSoft]).toEqual([true, true]);
    fraction!.setLimit(Infinity);
    expect([fraction!.stats().softBytes, fraction!.isOverSoft]).toEqual([Infinity, false]);
    fraction!.setLimit(2 ** 52);
    expect(fraction!.stats().softBytes).toBe(Math.floor(0.8 * 2 ** 52));
    expectSound(r);
  });
});

describe("setLimit", () => {
  it("below what only empty slabs take gives those back, and so does check before it says no", () => {
    const r = region({ size: "1MiB" });
    const root = r.budget("root", { limit: 20_000 });
    const child = root.child("child");
    const slabs = (): void => {
      for (const offset of [8, 64, 512, 2048].map((bytes) => r.heap.allocUnsafe(bytes, { budget: child })))
        r.heap.free(offset);
    };
    slabs();
    expect(root.usedBytes).toBeGreaterThan(5000);
    expect(root.check(19_000)).toBe(null);
    expect(root.usedBytes).toBe(0);
    slabs();
    root.setLimit(1000);
    expect([root.usedBytes, root.stats().overLimitBytes]).toEqual([0, 0]);
    expectSound(r);
  });

  it("below what is used keeps it all, grants nothing until enough is given back, and never shows less than nothing (D49)", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const child = root.child("child");
    const held = [take(child, 60), take(child, 40)];
    other.budget("root").setLimit(50);
    expect(root.stats()).toMatchObject({
      limitBytes: 50,
      usedBytes: 100,
      availableBytes: 0,
      usagePercent: 200,
      overLimitBytes: 50,
    });
    expect(child.stats().overLimitBytes).toBe(0);
    expect([fits(child, 1), fits(child, 0), child.availableBytes]).toEqual([false, true, 0]);
    expect(root.check(1)).toMatchObject({ available: 0, usagePercent: 200, current: 100, limit: 50 });
    expect([held[0]!.tryResize(61), held[0]!.tryResize(60)]).toEqual([false, true]);
    held[0]!.release();
    expect([child.availableBytes, fits(child, 11), fits(child, 10)]).toEqual([10, false, true]);
    root.setLimit(0);
    expect([root.usedBytes, fits(child, 1)]).toEqual([40, false]);
    root.setLimit(Infinity);
    expect(fits(child, LARGEST)).toBe(true);
    expectSound(r);
  });

  it("below a child's minimum leaves that minimum (D49)", () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const child = root.child("child", { min: 60 });
    root.setLimit(10);
    expect([largest(child), child.availableBytes, largest(root)]).toEqual([60, 60, 0]);
    expectSound(r);
  });

  it("lets a reservation move between budgets whose parent is over its limit: the parent's use stays the same (D49)", () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const [a, b] = [root.child("a"), root.child("b")];
    const held = take(a, 60);
    root.setLimit(50);
    expect(held.moveTo(b)).toBe(true);
    expectUsed(r, [
      [root, 60],
      [a, 0],
      [b, 60],
    ]);
  });

  it("of a closed budget is a BudgetClosedError", () => {
    const root = region().budget("root");
    root.close();
    expect(errorOf(() => root.setLimit(5))).toBeInstanceOf(BudgetClosedError);
  });
});

describe("check and availableBytes", () => {
  it(`say what tryReserve does, in a sequence of 5 000 requests to a random tree, seed ${SEED}`, () => {
    const by = random(SEED);
    const r = region();
    const budgets = [r.budget("0", { limit: 3000, maxItems: 60 })];
    for (let i = 1; i < 10; i++) {
      const options = { limit: by.below(3) ? by.below(2000) : Infinity, maxItems: by.below(3) ? 40 : Infinity };
      const parent = by.pick(budgets);
      const min = by.below(2) ? by.below(Math.min(options.limit, 200)) : 0;
      if (parent.availableBytes >= min) budgets.push(parent.child(String(i), { ...options, min }));
    }
    const held: Reservation[] = [];
    for (let step = 0; step < 5000; step++) {
      const budget = by.pick(budgets);
      const room = budget.availableBytes;
      const bytes = by.pick([0, room, room + 1, by.below(400), by.size(1, 1e6)]);
      if (!Number.isSafeInteger(bytes)) continue;
      const advice = budget.check(bytes);
      const granted = budget.tryReserve(bytes);
      const what = `step ${step}, seed ${SEED}: ${bytes} bytes of ${budget.path}, ${room} available`;
      expect(advice === null, what).toBe(granted !== null);
      if (advice?.code !== "ERR_ITEM_LIMIT") expect(granted !== null, what).toBe(bytes <= room);
      if (granted !== null) held.push(granted);
      if (by.below(20) === 0) budget.setLimit(by.below(2) ? by.below(2500) : Infinity);
      while (held.length > by.below(70)) held.splice(by.below(held.length), 1)[0]!.release();
      if (step % 50 === 0) expectSound(r);
    }
    for (const reservation of held) reservation.release();
    expectSound(r);
  });

  it("find the largest request that is granted, on every level and within minimums", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const middle = root.child("middle", { limit: 700, min: 200 });
    const low = middle.child("low", { min: 100 });
    const all = [root, middle, low];
    const agree = (): void => expect(all.map((budget) => budget.availableBytes)).toEqual(all.map(largest));
    agree();
    const held = [take(low, 30), take(middle, 350), take(root, 540)];
    agree();
    expect(low.availableBytes).toBe(80);
    root.setLimit(500);
    agree();
    held[1]!.release();
    agree();
    held[2]!.release();
    agree();
    root.setLimit(10);
    agree();
    expectSound(r);
  });
});
