// Reclaimers, in Node and in a cross-origin isolated page: who is asked, for how much, from which level on. Goal: the documented order, and nobody
// asked who has nothing to do with it. Method: exact states, holders whose bytes are reservations. How evicting fails elsewhere:
// reclaim-failures.both.test.ts.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Region, StaleReservationError } from "../src/index.js";
import { allWoken, expectUsed, fits, pair, take, waits } from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";
import { reported, scene, Shelf, startTime, stopTime, turns } from "./reclaim-scene.js";

beforeEach(stopTime);
afterEach(startTime);

describe("the order", () => {
  it("is by priority, then by cost, then by who has most; each is asked for what is still missing", () => {
    const { budget } = scene(1000);
    const order: string[] = [];
    const add = (name: string, bytes: number, priority?: number, cost?: number): void => {
      const held = take(budget, bytes);
      budget.registerReclaimer({
        name,
        reclaim: (wanted) => {
          order.push(`${name} ${wanted}`);
          held.release();
        },
        reclaimable: () => bytes,
        ...(priority !== undefined && { priority }),
        ...(cost !== undefined && { cost }),
      });
    };
    add("dear", 100, 50, 9);
    add("kept", 100, 90);
    add("small", 100);
    add("large", 200);
    add("first", 100, 10);
    expect(take(budget, 900).size).toBe(900);
    // 600 are used: 500 are missing, and 50 that are a twentieth of the limit.
    expect(order).toEqual(["first 550", "large 450", "small 250", "dear 150"]);
  });

  it("forgets those of a budget that is closed, whoever closed it, and those of its place before", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const asked: string[] = [];
    for (let i = 0; i < 3; i++) {
      const budget = root.child("again");
      budget.registerReclaimer({ name: `here ${i}`, reclaim: () => void asked.push(`here ${i}`) });
      const heard: number[] = [];
      budget.onLevel([0.5], (level) => heard.push(level));
      const held = take(budget, 100);
      expect([budget.reclaimerStats().map(({ name }) => name), heard]).toEqual([[`here ${i}`], i === 0 ? [] : []]);
      held.release();
      (i === 1 ? other.budget("root").child("again") : budget).close();
    }
    const last = root.child("again");
    expect(last.reclaimerStats()).toEqual([]);
    take(last, 100);
    expect([last.tryReserve(1), asked]).toEqual([null, []]);
    expectSound(r);
  });

  it("leaves alone who is of another branch, was taken away or is of a closed budget", () => {
    const { r, budget } = scene(100);
    const [one, two, gone] = [budget.child("one", { limit: 50 }), budget.child("two"), budget.child("gone")];
    const [shelf, other] = [new Shelf(one, 50), new Shelf(two, 50)];
    const asked: string[] = [];
    gone.registerReclaimer({ name: "gone", priority: 0, reclaim: () => void asked.push("gone") });
    const remove = one.registerReclaimer({
      name: "removed",
      priority: 0,
      reclaim: () => void asked.push("removed"),
    });
    gone.close();
    remove();
    // A new budget may stand in the closed one's place: its reclaimers are its own.
    const again = one.child("again");
    one.registerReclaimer(shelf.reclaimer());
    two.registerReclaimer(other.reclaimer());
    expect(take(one, 10).size).toBe(10);
    expect([shelf.asked, other.asked, asked]).toEqual([[12], [], []]);
    expect(fits(again, 1)).toBe(true);
    expectSound(r);
  });

  it("goes on when one of them fails, which is reported and counted", async () => {
    const errors = reported();
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 100);
    const broken = new Error("broken");
    budget.registerReclaimer({
      name: "broken",
      priority: 0,
      reclaim: () => {
        throw broken;
      },
    });
    budget.registerReclaimer(shelf.reclaimer());
    expect(take(budget, 10).size).toBe(10);
    await turns();
    expect(errors).toEqual([broken]);
    expect(budget.reclaimerStats()).toEqual([
      { name: "broken", rounds: 1, reclaimedBytes: 0, mismatches: 0, failures: 1 },
      { name: "shelf", rounds: 1, reclaimedBytes: 15, mismatches: 0, failures: 0 },
    ]);
    expectSound(r);
  });

  it("asks on for what is missing by then: further up among others, and nobody where it is an item", () => {
    const { r, budget } = scene(1000);
    const [full, beside] = [budget.child("full", { limit: 500 }), budget.child("beside")];
    const [shelf, next, other] = [new Shelf(full, 40, 10), new Shelf(full, 10, 10), new Shelf(beside, 50, 10)];
    // Lowering the limit asks nobody yet.
    budget.setLimit(900);
    full.registerReclaimer(shelf.reclaimer());
    full.registerReclaimer(next.reclaimer());
    beside.registerReclaimer(other.reclaimer({ name: "other", priority: 0 }));
    expect(take(full, 100).size).toBe(100);
    // 100 and a twentieth of 500 were missing here; above, where 870 were used, 70 then, and a twentieth of 900.
    expect([shelf.asked, next.asked, other.asked]).toEqual([[125], [], [115]]);

    const narrow = r.budget("narrow", { limit: 100, maxItems: 1 });
    const only = take(narrow, 100);
    const late: number[] = [];
    narrow.registerReclaimer({ name: "only", reclaim: (bytes) => void only.tryResize(Math.max(0, only.size - bytes)) });
    narrow.registerReclaimer({ name: "late", priority: 90, reclaim: (bytes) => void late.push(bytes) });
    expect([narrow.tryReserve(10), only.size, late]).toEqual([null, 85, []]);
    expectSound(r);
  });

  it("reaches every thread: what one has is given back for a request of another", async () => {
    const { r, other } = pair();
    const mine = r.budget("root", { limit: 100 });
    const theirs = other.budget("root");
    const shelf = new Shelf(mine, 100);
    mine.registerReclaimer(shelf.reclaimer());
    const outcome = waits(theirs, 30);
    await allWoken(r, other);
    expect([outcome.state, outcome.reservation?.size]).toEqual(["granted", 30]);
    expect(shelf.asked).toEqual([35]);
    expectUsed(r, [[mine, 95]]);
  });
});

describe("a reservation that grows or moves where there is no room", () => {
  it("makes room as a request does: for what it lacks", () => {
    const { r, budget } = scene(1000);
    const [full, other] = [budget.child("full", { limit: 400 }), budget.child("other")];
    const shelf = new Shelf(full, 30, 10);
    full.registerReclaimer(shelf.reclaimer());
    const [grows, moves] = [take(full, 50), take(other, 100)];
    expect([grows.tryResize(100), shelf.asked, full.usedBytes]).toEqual([true, [], 400]);
    // 50 and a twentieth of the limit, by tens; then 50 are free, and 50 more are missing.
    expect([grows.tryResize(150), shelf.asked, full.usedBytes]).toEqual([true, [70], 380]);
    expect([moves.moveTo(full), shelf.asked, full.usedBytes]).toEqual([true, [70, 100], 380]);
    expect([moves.budgetPath, grows.size]).toEqual(["root/full", 150]);
    expect([grows.tryResize(401), grows.size]).toEqual([false, 150]);
    expectSound(r);
  });

  it("is as before when nobody can, and stale when who was asked closed its budget", () => {
    const { r, budget } = scene(100);
    const held = take(budget, 60);
    budget.registerReclaimer({ name: "nothing", reclaim: () => 0 });
    expect([held.tryResize(101), held.tryResize(80), held.size]).toEqual([false, true, 80]);
    const child = budget.child("child");
    const [moved, rest] = [take(child, 10), take(child, 10)];
    budget.registerReclaimer({ name: "closes", priority: 0, reclaim: () => void child.close() });
    expect(() => moved.tryResize(50)).toThrow(StaleReservationError);
    expect([rest.isLive, budget.usedBytes]).toEqual([false, 80]);
    expectSound(r);
  });
});

describe("what one thread could not give back", () => {
  it("is asked of the next one, and not all of it again (D20)", async () => {
    const { r, other } = pair();
    const third = Region.attachSync(r.handle());
    const root = r.budget("root", { limit: 200 });
    const [some, much] = [new Shelf(other.budget("root"), 20), new Shelf(third.budget("root"), 180)];
    other.budget("root").registerReclaimer(some.reclaimer());
    third.budget("root").registerReclaimer(much.reclaimer());
    expect(root.tryReserve(60)).toBe(null);
    await allWoken(r, other, third);
    // 60 and a twentieth of the limit; 40 of it were missing then.
    expect([some.asked, much.asked, root.usedBytes]).toEqual([[70], [50], 130]);
    expectSound(r);
  });
});

describe("a limit that is lowered below what is used", () => {
  it("asks this thread's reclaimers for what is over before it returns, and those of others soon (C25, D49)", async () => {
    const { r, other } = pair();
    const mine = r.budget("root", { limit: 1000 });
    const theirs = other.budget("root");
    const [here, there] = [new Shelf(mine, 30, 10), new Shelf(theirs, 60, 10)];
    mine.registerReclaimer(here.reclaimer());
    theirs.registerReclaimer(there.reclaimer());
    mine.setLimit(800);
    // 900 are used: 100 are over, and a twentieth of the limit beside.
    expect([here.asked, there.asked, mine.usedBytes]).toEqual([[140], [], 760]);
    mine.setLimit(400);
    expect([here.asked, mine.usedBytes]).toEqual([[140, 380], 600]);
    await allWoken(r, other);
    expect([there.asked, mine.usedBytes]).toEqual([[220], 380]);
    expectSound(r);
  });

  it("asks who stands below it too, and nobody while it stays above what is used, nor for a limit that is raised", () => {
    const { r, budget } = scene(1000);
    const [child, beside] = [budget.child("child"), budget.child("beside")];
    const [shelf, other] = [new Shelf(child, 50, 10), new Shelf(beside, 10, 10)];
    child.registerReclaimer(shelf.reclaimer());
    beside.registerReclaimer(other.reclaimer());
    for (const limit of [600, 2000, Infinity, 1000]) budget.setLimit(limit);
    expect([shelf.asked, other.asked]).toEqual([[], []]);
    child.setLimit(400);
    expect([shelf.asked, other.asked, child.usedBytes]).toEqual([[120], [], 380]);
    expectSound(r);
  });

  it("waits for nobody: who answers a promise gives back later, and the limit is lowered although nobody can", async () => {
    const { budget } = scene(100);
    const shelf = new Shelf(budget, 50);
    take(budget, 50);
    let released = 0;
    const reclaim = async (bytes: number): Promise<void> => {
      await Promise.resolve();
      released += shelf.drop(bytes);
    };
    budget.registerReclaimer({ name: "later", reclaim });
    budget.setLimit(40);
    expect([budget.limitBytes, released]).toEqual([40, 0]);
    await turns();
    expect([budget.limitBytes, budget.usedBytes, budget.availableBytes]).toEqual([40, 50, 0]);
  });
});

describe("a reclaimer's minLevel", () => {
  it("keeps it out of what a budget below that level asks for, and the context tells the level", () => {
    const { budget } = scene(100);
    const [cheap, dear] = [new Shelf(budget, 60), new Shelf(budget, 20)];
    budget.registerReclaimer(cheap.reclaimer());
    budget.registerReclaimer(dear.reclaimer({ name: "dear", priority: 0, minLevel: 2 }));
    budget.onLevel([0.5, 0.9], () => {});
    // 80 of 100: level 1.
    expect(take(budget, 30).size).toBe(30);
    expect([cheap.asked, dear.asked]).toEqual([[15], []]);
    expect(cheap.contexts[0]).toMatchObject({ level: 1, budgetPath: "root" });
    // 95 of 100: level 2, and its priority is the lower one.
    expect(take(budget, 10).size).toBe(10);
    expect([cheap.asked.length, dear.asked]).toEqual([1, [10]]);
    expect(dear.contexts[0]!.level).toBe(2);
  });

  it("is 0 to 4: a RangeError or TypeError names what else it was", () => {
    const { budget } = scene(100);
    const reclaim = (): void => {};
    for (const minLevel of [-1, 5, 0.5, Number.NaN])
      expect(() => budget.registerReclaimer({ name: "x", reclaim, minLevel })).toThrow(RangeError);
    for (const minLevel of ["high", null] as unknown as number[])
      expect(() => budget.registerReclaimer({ name: "x", reclaim, minLevel })).toThrow(TypeError);
    expect(budget.reclaimerStats()).toEqual([]);
  });
});
