// Budgets that are closed, in Node and in a cross-origin isolated page. Goal: after a close nothing is granted in any thread, every byte is
// back with the parent, the report says what was leaked, and no old handle ever works again. Method: exact states, two attachments,
// the words of a close that was cut in the middle; the walk over every invariant after each step.
import { describe, expect, it } from "vitest";
import {
  type Budget,
  BudgetClosedError,
  type CloseReport,
  Region,
  RegionBusyError,
  StaleReservationError,
} from "../src/index.js";
import { BudgetWords, errorOf, expectUsed, pair, rejectionOf, take } from "./budget-scene.js";
import { random } from "./lib/random.js";
import { expectSound, region } from "./lib/regions.js";

const SEED = 20_260_106;

/** A budget that was closed: whatever wants something of it says so, and it shows nothing. */
async function expectClosed(budget: Budget): Promise<void> {
  expect(budget.isOpen).toBe(false);
  for (const act of [
    () => budget.tryReserve(0),
    () => budget.tryReserve(1, "x"),
    () => budget.child("child"),
    () => budget.setLimit(1),
    () => budget.check(1),
    () => budget.stats(),
    () => budget.topConsumers(),
  ]) {
    const error = errorOf(act);
    expect(error, String(act)).toBeInstanceOf(BudgetClosedError);
    expect(error, String(act)).toMatchObject({ code: "ERR_BUDGET_CLOSED", budgetPath: budget.path });
  }
  expect(await rejectionOf(budget.reserve(0))).toBeInstanceOf(BudgetClosedError);
  const { limitBytes, usedBytes, peakBytes, availableBytes, usagePercent, isOverSoft } = budget;
  expect([limitBytes, usedBytes, peakBytes, availableBytes, usagePercent, isOverSoft]).toEqual([0, 0, 0, 0, 0, false]);
}

const reportOf = (path: string, children: CloseReport[] = []): CloseReport => ({
  path,
  leaked: 0,
  leakedBytes: 0,
  consumers: [],
  children,
});

describe("close", () => {
  it("of a budget with nothing in it reports nothing, and gives its minimum back", async () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const child = root.child("child", { min: 40 });
    take(child, 60).release();
    expect(child.close()).toEqual(reportOf("root/child"));
    await expectClosed(child);
    expectUsed(r, [[root, 0]]);
    expect(take(root, 100).release()).toBe(true);
  });

  it("reports what was leaked, by tag, and gives every byte back to the parents (D13)", async () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const child = root.child("child", { min: 50 });
    const held = [take(child, 100, "frames"), take(child, 20, "frames"), take(child, 300), take(child, 0, "empty")];
    take(child, 7).release();
    const kept = take(root, 10, "kept");
    expect(root.usedBytes).toBe(430);
    expect(child.close()).toEqual({
      path: "root/child",
      leaked: 4,
      leakedBytes: 420,
      consumers: [
        { tag: "", bytes: 300, count: 1 },
        { tag: "frames", bytes: 120, count: 2 },
        { tag: "empty", bytes: 0, count: 1 },
      ],
      children: [],
    });
    expectUsed(r, [[root, 10]]);
    expect(root.stats()).toMatchObject({ items: 1, peakBytes: 430 });
    for (const reservation of held) {
      expect([reservation.isLive, reservation.size, reservation.tag, reservation.budgetPath]).toEqual([
        false,
        0,
        "",
        "",
      ]);
      expect(reservation.release(), "a release after the close").toBe(false);
    }
    for (const act of [
      () => held[0]!.tryResize(1),
      () => held[0]!.split(0),
      () => held[0]!.moveTo(root),
      () => held[0]!.handle(),
      () => held[0]!.share(),
    ])
      expect(errorOf(act), String(act)).toBeInstanceOf(StaleReservationError);
    expect(kept.isLive).toBe(true);
    await expectClosed(child);
    expectUsed(r, [[root, 10]]);
  });

  it("closes first what is below, and reports it there (D13)", async () => {
    const r = region();
    const root = r.budget("root");
    const [a, b] = [root.child("a"), root.child("b")];
    const deep = a.child("deep", { min: 5 });
    take(root, 1, "root");
    take(a, 20, "a");
    take(deep, 300, "deep");
    const report = root.close();
    expect(report).toMatchObject({
      path: "root",
      leaked: 1,
      leakedBytes: 1,
      consumers: [{ tag: "root", bytes: 1, count: 1 }],
    });
    const children = new Map(report.children.map((child) => [child.path, child]));
    expect([...children.keys()].sort()).toEqual(["root/a", "root/b"]);
    expect(children.get("root/b")).toEqual(reportOf("root/b"));
    expect(children.get("root/a")).toEqual({
      path: "root/a",
      leaked: 1,
      leakedBytes: 20,
      consumers: [{ tag: "a", bytes: 20, count: 1 }],
      children: [
        {
          path: "root/a/deep",
          leaked: 1,
          leakedBytes: 300,
          consumers: [{ tag: "deep", bytes: 300, count: 1 }],
          children: [],
        },
      ],
    });
    for (const budget of [root, a, b, deep]) await expectClosed(budget);
    expectSound(r);
  });

  it("a second time reports nothing, in whatever thread, and leaves a new budget of the name alone (D09)", () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100 });
    const theirs = other.budget("root");
    take(root, 30);
    expect(root.close()).toMatchObject({ leaked: 1, leakedBytes: 30 });
    expect([root.close(), theirs.close()]).toEqual([reportOf("root"), reportOf("root")]);
    const fresh = r.budget("root", { limit: 50 });
    const held = take(fresh, 20);
    expect([root.close(), theirs.close()]).toEqual([reportOf("root"), reportOf("root")]);
    expect([fresh.isOpen, held.isLive, fresh.usedBytes]).toEqual([true, true, 20]);
    expectSound(r);
  });

  it("ends grants in every thread at once: no late request and no late child brings it back (D11)", async () => {
    const { r, other } = pair();
    const root = r.budget("root");
    const mine = root.child("child", { limit: 100 });
    const theirs = other.budget("root").child("child");
    const held = take(theirs, 10);
    mine.close();
    await expectClosed(theirs);
    expect([held.isLive, held.release()]).toEqual([false, false]);
    expect(errorOf(() => take(root, 5).moveTo(theirs))).toBeInstanceOf(BudgetClosedError);
    expect(errorOf(() => other.budget("late", { parent: theirs }))).toBeInstanceOf(BudgetClosedError);
    expectUsed(r, [[root, 5]]);
    // The place is another budget's now, and the old handles are as closed as before.
    const fresh = root.child("another");
    expect(fresh.at).toBe(mine.at);
    await expectClosed(mine);
    await expectClosed(theirs);
    expectUsed(r, [
      [root, 5],
      [fresh, 0],
    ]);
  });

  it("leaves the name free: opening it again gives a fresh budget, and old reservations stay stale (D12)", () => {
    const r = region();
    const root = r.budget("root", { limit: 1000 });
    const seen = new Set<string>();
    for (let round = 1; round <= 50; round++) {
      const budget = root.child("again", { limit: round, maxItems: round });
      const stats = budget.stats();
      expect(stats).toMatchObject({
        limitBytes: round,
        maxItems: round,
        usedBytes: 0,
        peakBytes: 0,
        items: 0,
        refused: 0,
      });
      const held = take(budget, round);
      expect(budget.tryReserve(1)).toBe(null);
      seen.add(`${budget.at}/${budget.state}`);
      expect(budget.close()).toMatchObject({ leaked: 1, leakedBytes: round });
      expect([held.isLive, held.release()]).toEqual([false, false]);
    }
    expect(seen.size, "handles, all different").toBe(50);
    expectUsed(r, [[root, 0]]);
  });

  it("gives back what other threads reserved and what the region holds for all", () => {
    const { r, other } = pair();
    const root = r.budget("root");
    take(other.budget("root"), 5);
    take(other.budget("root"), 6).share();
    take(root, 7);
    expect(root.close()).toMatchObject({ leaked: 3, leakedBytes: 18 });
    expectSound(r);
    other.close();
    expectSound(r);
  });

  it("happens at the end of a using declaration", () => {
    const r = region();
    let kept: Budget;
    {
      using budget = r.budget("scoped");
      kept = budget;
      take(budget, 5);
    }
    expect(kept.isOpen).toBe(false);
    expectSound(r);
  });

  it("of a budget in which somebody waits reports what was held only, and grants nothing on the way (D11)", async () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    take(root, 10, "held");
    const waiting = [95, 20, 100].map((bytes) => rejectionOf(root.reserve(bytes, { tag: "waits" })));
    const report = root.close();
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: "ERR_BUDGET_CLOSED", budgetPath: "root" });
    expect(report).toEqual({
      ...reportOf("root"),
      leaked: 1,
      leakedBytes: 10,
      consumers: [{ tag: "held", bytes: 10, count: 1 }],
    });
    expectSound(r);
  });

  it("grants what it gives back to who waits further up", async () => {
    const r = region();
    const root = r.budget("root", { limit: 100 });
    const child = root.child("child", { min: 30 });
    take(child, 50);
    const waits = root.reserve(100);
    expect(child.close()).toMatchObject({ leaked: 1, leakedBytes: 50 });
    expect((await waits).size).toBe(100);
    expectUsed(r, [[root, 100]]);
  });
});

describe("a close that was cut", () => {
  it("by the latch says RegionBusyError; called again it goes on", () => {
    const { r, other } = pair();
    const root = r.budget("root");
    const child = root.child("child", { min: 5 });
    take(child, 10);
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    expect(errorOf(() => child.close())).toBeInstanceOf(RegionBusyError);
    expect(child.isOpen).toBe(true);
    words.latch = 0;
    words.startClosing(child, r.ownerId);
    expect(child.isOpen).toBe(false);
    expect(child.close()).toMatchObject({ leaked: 1, leakedBytes: 10 });
    expectUsed(r, [[root, 0]]);
  });

  it.each([true, false])(
    "by the closer's death is ended by its recovery (it had reserved something before: %s) (D46)",
    (hasClaimed) => {
      const { r, other } = pair();
      const root = r.budget("root");
      const child = root.child("child", { min: 5 });
      const held = take(child, 10);
      if (hasClaimed) take(other.budget("root"), 3);
      new BudgetWords(r).startClosing(child, other.ownerId);
      r.markDead(other.ownerId);
      expect(r.recover(other.ownerId)).toMatchObject({ done: true });
      expect([held.isLive, child.isOpen]).toEqual([false, false]);
      expectUsed(r, [[root, 0]]);
      expect(root.child("child").at).toBe(child.at);
      expect(root.close()).toMatchObject({ leaked: 0 });
      expectSound(r);
    },
  );

  it("below a budget that is to be closed leads to RegionBusyError or is ended with it, never to a loop without an end", () => {
    const { r, other } = pair();
    const root = r.budget("root");
    const child = root.child("child", { min: 5 });
    take(child, 10);
    take(other.budget("root"), 3);
    new BudgetWords(r).startClosing(child, other.ownerId);
    r.markDead(other.ownerId);
    try {
      root.close();
    } catch (error) {
      expect(error).toBeInstanceOf(RegionBusyError);
    }
    r.recover(other.ownerId);
    root.close();
    expect(root.isOpen).toBe(false);
    expectSound(r);
  });
});

describe("a thousand budgets made and closed", () => {
  it(`leave nothing behind, seed ${SEED}`, () => {
    const by = random(SEED);
    const r = region();
    const second = Region.attachSync(r.handle());
    const root = r.budget("root", { limit: 1e6 });
    const open: Budget[] = [root];
    for (let step = 0; step < 1000; step++) {
      const parent = by.pick(open);
      if (by.below(3) && parent.stats().depth < 8) {
        const made = (by.below(2) ? r : second).budget("root").at === root.at;
        expect(made).toBe(true);
        open.push(parent.child(`child ${step}`, { min: by.below(100) }));
      } else if (parent !== root) {
        const { children } = parent.close();
        expect(children.length).toBeGreaterThanOrEqual(0);
        for (let i = open.length - 1; i >= 0; i--) if (!open[i]!.isOpen) open.splice(i, 1);
      }
      if (by.below(2)) by.pick(open).tryReserve(by.below(500));
      if (step % 100 === 0) expectSound(r);
    }
    expectSound(r);
    for (const budget of open.slice(1)) budget.close();
    const own = root.topConsumers(1)[0]?.bytes ?? 0;
    expectUsed(r, [[root, own]]);
    expect(root.close()).toMatchObject({ leakedBytes: own });
    expectSound(r, 0);
  });
});
