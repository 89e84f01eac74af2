// The ways in which evicting fails elsewhere (D16–D21), in Node and in a cross-origin isolated page. Goal: a budget that is full asks no more, no longer
// and no more often than helps, and believes its counters only. Method: holders whose bytes are reservations, exact states, a clock that the
// test sets forward; where the failure is known, a control that fails like that.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Budget, ReclaimContext, Region } from "../src/index.js";
import { allWoken, codeOf, expectUsed, rejectionOf, take, waits, watched } from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";
import { pass, reported, scene, Shelf, startTime, stopTime, turns } from "./reclaim-scene.js";

beforeEach(stopTime);
afterEach(startTime);

describe("D16: a reclaimer that needs memory itself", () => {
  /** Entries of 10 bytes that need 10 bytes of workspace to be moved out. */
  function spilling(isReserved: boolean): { budget: Budget; r: Region } {
    const { r, budget } = scene(100);
    const scratch = isReserved ? take(budget, 10, "scratch") : undefined;
    const shelf = new Shelf(budget, isReserved ? 9 : 10, 10);
    budget.registerReclaimer({
      name: "spill",
      reclaim: (bytes) => {
        const space = scratch ?? budget.tryReserve(10, "scratch");
        if (space === null) return 0;
        const released = shelf.drop(bytes);
        if (space !== scratch) space.release();
        return released;
      },
    });
    return { r, budget };
  }

  it("gives back with what it reserved beforehand", () => {
    const { r, budget } = spilling(true);
    expect(take(budget, 40).size).toBe(40);
    expect(budget.topConsumers().find(({ tag }) => tag === "scratch")?.bytes).toBe(10);
    expect(budget.usedBytes).toBeLessThanOrEqual(100);
    expectSound(r);
  });

  it("that asks for it only then is told at once that there is none (control)", () => {
    const { r, budget } = spilling(false);
    expect(budget.tryReserve(40)).toBe(null);
    expectUsed(r, [[budget, 100]]);
    expect(budget.reclaimerStats()).toMatchObject([{ rounds: 1, reclaimedBytes: 0, mismatches: 0, failures: 0 }]);
  });
});

describe("D17: a reclaimer that frees nothing", () => {
  /** A cache that forgets its counter and keeps its bytes. */
  class Forgetful {
    counted = 0;
    held = 0;
    add(bytes: number): void {
      this.counted += bytes;
      this.held += bytes;
    }
    evict(): number {
      const said = this.counted;
      this.counted = 0;
      return said;
    }
  }

  it("changes no counter and lets nothing in, whatever it says; that it said so is counted", () => {
    const { r, budget } = scene(1000);
    const cache = new Forgetful();
    budget.registerReclaimer({ name: "forgetful", reclaim: () => cache.evict() });
    for (let i = 0; i < 100; i++) if (budget.tryReserve(50) !== null) cache.add(50);
    expect(cache.held).toBe(1000);
    expectUsed(r, [[budget, 1000]]);
    // Nothing was released, so nothing was tried again.
    expect(budget.stats().refused).toBe(80);
    expect(budget.reclaimerStats()).toMatchObject([{ reclaimedBytes: 0, mismatches: 1, failures: 0 }]);
    expect(codeOf({ state: "refused", error: budget.check(1) })).toBe("ERR_MEMORY_LIMIT");
  });

  it("lets more be held than the limit where it is believed (control)", () => {
    const cache = new Forgetful();
    for (let i = 0; i < 100; i++) {
      if (cache.counted + 50 > 1000) cache.evict();
      if (cache.counted + 50 <= 1000) cache.add(50);
    }
    expect(cache.held).toBeGreaterThan(2 * 1000);
  });
});

describe("D18: a reclaimer that comes back in", () => {
  it("is told plainly that there is no room; nobody is asked a second time meanwhile, and all it does counts", async () => {
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 60);
    const spare = take(budget, 30);
    const other = r.budget("other", { limit: 10 });
    const left = take(other, 10);
    let depth = 0;
    let deepest = 0;
    const inside: unknown[] = [];
    const late = vi.fn<(bytes: number) => number>(() => 0);
    const beside = new Shelf(budget, 10);
    const asked: string[] = [];
    const remove = budget.registerReclaimer({
      name: "inside",
      priority: 0,
      reclaim: (bytes) => {
        deepest = Math.max(deepest, ++depth);
        inside.push(budget.tryReserve(50), spare.release(), other.close().leakedBytes, left.release());
        inside.push(budget.check(1000)?.code, budget.child("made inside").limitBytes);
        budget.registerReclaimer({ name: "late", reclaim: late });
        inside.push(beside.asked.length);
        remove();
        removeNext();
        shelf.drop(bytes);
        depth--;
      },
    });
    const removeNext = budget.registerReclaimer({ name: "next", priority: 1, reclaim: () => void asked.push("next") });
    budget.registerReclaimer(beside.reclaimer({ name: "beside" }));
    expect(take(budget, 95).size).toBe(95);
    expect(inside).toEqual([null, true, 10, false, "ERR_MEMORY_LIMIT_NEVER", Infinity, 0]);
    // 30 and 60 went inside; the last five are beside's, and its five more.
    expect([beside.asked, asked, deepest, late.mock.calls.length]).toEqual([[10], [], 1, 0]);
    expect(budget.reclaimerStats().map(({ name }) => name)).toEqual(["beside", "late"]);
    await pass(0);
    expectSound(r);
  });

  it("and waits for room of the same budget ends with the round's time, and gets it afterwards", async () => {
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 100);
    let asked = 0;
    let workspace: unknown;
    budget.registerReclaimer({
      name: "waits",
      priority: 0,
      reclaim: async () => {
        asked++;
        workspace = await budget.reserve(10, { timeout: Number.POSITIVE_INFINITY });
      },
    });
    budget.registerReclaimer(shelf.reclaimer());
    const outcome = waits(budget, 20);
    await turns();
    expect([asked, outcome.state, shelf.asked]).toEqual([1, "pending", []]);
    await pass(250);
    await allWoken(r);
    expect([asked, outcome.state]).toEqual([1, "granted"]);
    await pass(10_000);
    await allWoken(r);
    expect(workspace).toMatchObject({ size: 10 });
    expectSound(r);
  });

  it("and closes the budget that asks, or its region, leaves books that are right", () => {
    const { r, budget } = scene(100);
    const child = budget.child("child", { limit: 50 });
    const shelf = new Shelf(child, 50);
    const after = vi.fn<(bytes: number) => number>(() => 0);
    child.registerReclaimer({ name: "closes", priority: 0, reclaim: () => void child.close() });
    child.registerReclaimer({ name: "after", reclaim: after });
    expect(child.tryReserve(10)).toBe(null);
    expect(after).not.toHaveBeenCalled();
    expect([child.isOpen, shelf.entries.some(({ isLive }) => isLive)]).toEqual([false, false]);
    expectUsed(r, [[budget, 0]]);
    const all = take(budget, 100);
    budget.registerReclaimer({ name: "leaves", reclaim: () => r.close() });
    expect(budget.tryReserve(10)).toBe(null);
    expect([all.isLive, all.release()]).toEqual([false, false]);
  });
});

describe("D19: many requests at once", () => {
  const ENTRIES = 2000;
  const WAITERS = 1000;

  it("that find no room are one round, which drops what they need and a little more", async () => {
    const { r, budget } = scene(2 * ENTRIES);
    const shelf = new Shelf(budget, ENTRIES, 2);
    budget.registerReclaimer(shelf.reclaimer());
    const outcomes = Array.from({ length: WAITERS }, () => waits(budget, 1));
    await pass(0);
    await allWoken(r);
    expect(outcomes.every(({ state }) => state === "granted")).toBe(true);
    // What the waiters want, and a twentieth of the limit.
    expect(shelf.asked).toEqual([WAITERS + ENTRIES / 10]);
    expect(shelf.entries.length).toBe(ENTRIES - WAITERS / 2 - ENTRIES / 20);
    expect(budget.reclaimerStats()).toMatchObject([{ rounds: 1 }]);
  });

  it("that each evict a tenth for themselves empty the cache (control)", () => {
    let entries = ENTRIES;
    let free = 0;
    for (let i = 0; i < WAITERS; i++) {
      // Nobody tells the others of the room that is coming.
      const dropped = Math.ceil(entries / 10);
      entries -= dropped;
      free += 2 * dropped;
    }
    expect([entries, free >= 2 * WAITERS]).toEqual([0, true]);
  });

  it("that do not wait run a round only when its headroom is used up", () => {
    const { budget } = scene(1000);
    const shelf = new Shelf(budget, 1000);
    budget.registerReclaimer(shelf.reclaimer());
    for (let i = 0; i < 510; i++) take(budget, 1);
    // 51 bytes a round: the one that is missing, and 50.
    expect(shelf.asked).toEqual(Array.from({ length: 10 }, () => 51));
  });
});

describe("D20: a reclaimer that has much", () => {
  it("is asked for what is missing and a twentieth of the limit, never for more than is used", () => {
    const { budget } = scene(1000);
    const shelf = new Shelf(budget, 1000);
    budget.registerReclaimer(shelf.reclaimer());
    take(budget, 200);
    expect([shelf.asked, shelf.bytes]).toEqual([[250], 750]);
    take(budget, 1000 - 200);
    expect(shelf.asked).toEqual([250, 800]);
    expect(shelf.bytes).toBe(0);
  });

  it("is asked only for what those before it left over, also for a request that waits", async () => {
    const { r, budget } = scene(1000);
    const [first, second] = [new Shelf(budget, 300), new Shelf(budget, 700)];
    budget.registerReclaimer(first.reclaimer({ name: "first", priority: 0 }));
    budget.registerReclaimer(second.reclaimer({ name: "second" }));
    const outcome = waits(budget, 400);
    await pass(0);
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    expect([first.asked, second.asked]).toEqual([[450], [150]]);
    expect([first.bytes, second.bytes]).toEqual([0, 550]);
  });

  it("and is filled again after each request is not asked each time", () => {
    const { budget } = scene(1000);
    const shelf = new Shelf(budget, 1000);
    budget.registerReclaimer(shelf.reclaimer());
    let requests = 0;
    for (; requests < 200; requests++) {
      take(budget, 5).release();
      const entry = budget.availableBytes > 0 ? budget.tryReserve(1) : null;
      if (entry !== null) shelf.entries.push(entry);
    }
    expect(shelf.asked.length).toBeLessThanOrEqual(Math.ceil(requests / 45));
    expect(shelf.bytes).toBeGreaterThan(900);
  });
});

describe("D21: a round", () => {
  it("passes over who freed nothing, each time twice as long and at most 30 s, and asks the others", () => {
    const { budget } = scene(1000);
    const shelf = new Shelf(budget, 1000);
    const asked: number[] = [];
    budget.registerReclaimer({ name: "barren", priority: 0, reclaim: () => void asked.push(performance.now()) });
    budget.registerReclaimer(shelf.reclaimer());
    const start = performance.now();
    const rests: number[] = [];
    while (asked.length < 12) {
      const before = asked.length;
      take(budget, budget.availableBytes + 1).release();
      if (asked.length > before && before > 0) rests.push(asked.at(-1)! - asked.at(-2)!);
      vi.advanceTimersByTime(50);
      shelf.entries.push(...Array.from({ length: budget.availableBytes }, () => take(budget, 1)));
      expect(performance.now() - start).toBeLessThan(400_000);
    }
    expect(rests).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  it("ends at its time although it makes progress", () => {
    const { budget } = scene(1000);
    const shelf = new Shelf(budget, 1000);
    budget.registerReclaimer({
      name: "slow",
      reclaim: () => {
        vi.advanceTimersByTime(100);
        return shelf.drop(1);
      },
    });
    expect(budget.tryReserve(500)).toBe(null);
    expect(shelf.bytes).toBe(1000 - 3);
  });

  it("ends in one pass where nobody frees anything", () => {
    const { budget } = scene(10);
    take(budget, 10);
    for (const name of ["a", "b", "c"]) budget.registerReclaimer({ name, reclaim: (bytes) => bytes });
    expect(budget.tryReserve(1)).toBe(null);
    expect(budget.tryReserve(1)).toBe(null);
    expect(budget.reclaimerStats().map(({ rounds }) => rounds)).toEqual([1, 1, 1]);
  });

  it("waits for one that never finishes until its time only, and never asks that one again", async () => {
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 100);
    const signals: ReclaimContext[] = [];
    budget.registerReclaimer({
      name: "hangs",
      priority: 0,
      reclaim: (_bytes, context) => {
        signals.push(context);
        return new Promise(() => {});
      },
    });
    budget.registerReclaimer(shelf.reclaimer());
    const outcome = waits(budget, 20);
    await turns();
    expect([signals.length, signals[0]?.signal.aborted, outcome.state]).toEqual([1, false, "pending"]);
    await pass(249);
    expect([signals[0]?.signal.aborted, shelf.asked]).toEqual([false, []]);
    await pass(1);
    expect(signals[0]?.signal.aborted).toBe(true);
    await pass(60_000);
    await allWoken(r);
    expect([outcome.state, signals.length]).toEqual(["granted", 1]);
  });

  it("counts what one that takes longer frees after its time", async () => {
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 100);
    let finish = (): void => {};
    budget.registerReclaimer({
      name: "late",
      reclaim: (bytes) => new Promise((resolve) => (finish = () => resolve(shelf.drop(bytes)))),
    });
    const outcome = waits(budget, 20);
    await pass(5000);
    expect([outcome.state, budget.reclaimerStats()[0]?.rounds]).toEqual(["pending", 1]);
    finish();
    await pass(0);
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    expect(budget.reclaimerStats()).toMatchObject([{ rounds: 1, reclaimedBytes: 25, mismatches: 0, failures: 0 }]);
  });

  it("that one finishes late is not asked for again, where nobody waits for it", async () => {
    const { r, budget } = scene(100);
    const shelf = new Shelf(budget, 100);
    const asked: number[] = [];
    budget.registerReclaimer({
      name: "late",
      reclaim: async (bytes) => {
        asked.push(bytes);
        await Promise.resolve();
        return shelf.drop(bytes);
      },
    });
    expect(budget.tryReserve(20)).toBe(null);
    await pass(60_000);
    await allWoken(r);
    expect([asked, shelf.bytes]).toEqual([[25], 75]);
    expect(take(budget, 20).size).toBe(20);
  });

  it("is over for one whose promise is rejected, also where nobody waited for it", async () => {
    const errors = reported();
    const { budget } = scene(100);
    const held = take(budget, 100);
    const broken = new Error("broken later");
    budget.registerReclaimer({ name: "broken", reclaim: () => Promise.reject(broken) });
    expect(budget.tryReserve(1)).toBe(null);
    await turns();
    expect(errors).toEqual([broken]);
    expect(budget.reclaimerStats()).toMatchObject([{ rounds: 1, failures: 1 }]);
    expect(held.size).toBe(100);
  });

  it("that is asked for in vain comes again when somebody has rested, without a timer that spins, and ends with the request", async () => {
    const { r, budget } = scene(100);
    const elsewhere = r.budget("elsewhere", { limit: 10 });
    elsewhere.registerReclaimer(new Shelf(elsewhere, 10).reclaimer({ name: "elsewhere" }));
    const held = take(budget, 100);
    const asked: number[] = [];
    const start = performance.now();
    budget.registerReclaimer({ name: "barren", reclaim: () => void asked.push(performance.now() - start) });
    const outcome = watched(budget.reserve(20, { timeout: 1000 }));
    await pass(0);
    const spied = vi.spyOn(globalThis, "setTimeout");
    await pass(999);
    expect(asked).toEqual([0, 100, 300, 700]);
    expect(spied.mock.calls.length).toBeLessThan(30);
    await pass(1);
    expect(codeOf(outcome)).toBe("ERR_MEMORY_LIMIT_TIMEOUT");
    await pass(60_000);
    expect(asked.length).toBeLessThanOrEqual(5);
    expect(held.size).toBe(100);
  });

  it("in vain for one budget does not keep another waiting", async () => {
    const { r, budget } = scene(100);
    const barren = r.budget("barren", { limit: 100 });
    take(barren, 100);
    barren.registerReclaimer({ name: "barren", reclaim: () => 0 });
    const shelf = new Shelf(budget, 100);
    budget.registerReclaimer(shelf.reclaimer());
    const refused = rejectionOf(barren.reserve(50, { timeout: 10_000 }));
    await pass(20);
    const outcome = waits(budget, 50);
    await pass(0);
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    await pass(10_000);
    expect(await refused).toMatchObject({ code: "ERR_MEMORY_LIMIT_TIMEOUT" });
  });
});
