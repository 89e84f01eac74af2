// LeakTracker: handles that were dropped. Goal: what was collected without a release and is still charged is told of, once for each episode, with
// all that is needed to find it; nothing else is. Method: a garbage collector that the test moves; the real one in leaks-gc.test.ts.
import { afterEach, describe, expect, it } from "vitest";
import { type LeakAlert, Monitor } from "../../src/monitor/index.js";
import { KIB } from "../lib/regions.js";
import { elsewhere, FakeFinalization, scene, stopAll } from "./leaks-scene.js";
import { ToldAtEachCollection } from "./mutants.js";

const MIN = 60_000;
const COOLDOWN_MS = 10 * MIN;

afterEach(stopAll);

/** The assertion of D41: a place that drops one thing after another is one alert. */
async function expectOneAlert(told: () => number, drop: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 50; i++) await drop();
  expect(told()).toBe(1);
}

describe("a handle that was collected without a release", () => {
  it("is told of with its budget, tag, bytes, age and place: it is still charged", async () => {
    const { r, gc, time, alerts } = scene({ frames: 1 });
    const frames = r.budget("service").child("frames");
    function load(): object {
      return frames.tryReserve(8 * KIB, "gop")!;
    }
    const dropped = load();
    time.nowMs = 90_000;
    await gc.collect(dropped);
    expect(alerts).toHaveLength(1);
    const [{ message, site, ...alert }] = alerts as [LeakAlert];
    expect(alert).toEqual({
      atMs: 90_000,
      level: "paranoid",
      interval: 1,
      kind: "reservation",
      budgetPath: "service/frames",
      tag: "gop",
      count: 1,
      bytes: 8 * KIB,
      oldestMs: 90_000,
    });
    expect(site).toMatch(/^load \(.*leaks-dropped\.test\.ts:\d+:\d+\)$/);
    expect(message).toBe(
      `LEAK: 1 reservation "gop" of 8 KiB in service/frames was collected without release() and is still charged; taken 1.5 min ago at\n    ${site}`,
    );
    expect(frames.usedBytes).toBe(8 * KIB);
  });

  it("is told of as a Block too, with its bytes of then", async () => {
    const { r, gc, alerts } = scene();
    const block = r.allocate(100);
    block.resize(20 * KIB);
    await gc.collect(block);
    expect(alerts).toMatchObject([{ kind: "block", budgetPath: "", tag: "", count: 1, bytes: 20 * KIB }]);
    expect(alerts[0]!.message).toMatch(/^LEAK: 1 Block of 20 KiB was collected without release\(\)/);
    expect(r.usedBytes).toBe(20 * KIB);
  });

  it("is told of as a Block whose name another thread has, once it has moved and that name is stale", async () => {
    const { r, gc, alerts } = scene();
    const block = r.allocate(100);
    const stale = r.open(block.handle());
    block.resize(20 * KIB);
    expect(stale.isLive).toBe(false);
    await gc.collect(block);
    expect(alerts).toMatchObject([{ kind: "block", count: 1, bytes: 20 * KIB }]);
  });

  it("is told of where its request had waited", async () => {
    const { r, gc, alerts } = scene({ frames: 1 });
    const budget = r.budget("b", { limit: 10 });
    const first = budget.tryReserve(10)!;
    const ask = (): Promise<object> => budget.reserve(10, { tag: "late" });
    const granted = ask();
    first.release();
    await gc.collect(await granted);
    expect(alerts).toMatchObject([{ tag: "late", bytes: 10 }]);
    expect(alerts[0]!.site).toMatch(/^ask /);
  });

  it("stands in leaks() and in the report, until its budget is closed", async () => {
    const { r, leaks, gc } = scene();
    const budget = r.budget("b");
    const kept = budget.tryReserve(1)!;
    await gc.collect(budget.tryReserve(1000, "t")!);
    expect(leaks.leaks()).toMatchObject({ count: 1, bytes: 1000, droppedCount: 1, droppedBytes: 1000 });
    expect(leaks.leaks().groups).toMatchObject([{ tag: "t", count: 1, bytes: 1000, droppedCount: 1 }]);
    expect(leaks.report()).toMatchObject({ count: 2, bytes: 1001, droppedCount: 1, droppedBytes: 1000 });
    expect(leaks.format()).toMatch(/dropped without release: 1 of 1000 B/);
    expect(leaks.check()).toBe(1000);
    budget.close();
    expect(leaks.leaks().groups).toEqual([]);
    expect(leaks.check()).toBe(0);
    expect(kept.isLive).toBe(false);
  });
});

describe("nothing is told of what", () => {
  it("was released, closed with its budget or its region, before it was collected", async () => {
    const { r, gc, alerts } = scene();
    const [released, closed, block] = [r.budget("b").tryReserve(1)!, r.budget("c").tryReserve(1)!, r.allocate(1)];
    const last = r.allocate(1);
    released.release();
    r.budget("c").close();
    block.release();
    await gc.collect(released, closed, block);
    r.close();
    await gc.collect(last);
    expect(alerts).toEqual([]);
  });

  it("another thread was told the name of, adopted, or has as shared", async () => {
    const { r, leaks, gc, alerts } = scene();
    const other = elsewhere(r);
    const budget = r.budget("b");
    const [named, adopted, shared] = [1, 2, 4].map((bytes) => budget.tryReserve(bytes)!) as [never, never, never];
    const [namedBlock, adoptedBlock, sharedBlock] = [r.allocate(1), r.allocate(1), r.allocate(1)];
    const opened = other.open(namedBlock.handle());
    other.adopt(adoptedBlock.handle());
    sharedBlock.share();
    handle(named);
    other.adoptReservation(handle(adopted));
    share(shared);
    await gc.collect(named, adopted, shared, namedBlock, adoptedBlock, sharedBlock);
    expect(alerts).toEqual([]);
    // They are this thread's still, and live.
    expect(leaks.report()).toMatchObject({ count: 2, droppedCount: 0 });
    expect(opened.release()).toBe(true);
    expect(leaks.report().count).toBe(1);
    other.close();
  });

  it("was shared, also where the Block moved since", async () => {
    const { r, leaks, gc, alerts } = scene();
    const block = r.allocate(10).share();
    block.resize(20 * KIB);
    expect(leaks.report().count).toBe(0);
    await gc.collect(block);
    expect(alerts).toEqual([]);
    expect(r.usedBytes).toBe(20 * KIB);
  });

  it("could not be adopted: it is its old holder's", async () => {
    const { r, gc, alerts } = scene();
    const other = elsewhere(r);
    const block = other.allocate(10);
    const stale = block.handle();
    r.adopt(stale);
    expect(() => r.adopt(stale)).toThrow();
    expect(gc.chosen).toBe(1);
    expect(alerts).toEqual([]);
    other.close();
  });
});

describe("an alert", () => {
  it("D41: is one for all that a place drops, until that is given back", async () => {
    const { r, leaks, gc, time, alerts } = scene({ frames: 1 });
    const budget = r.budget("b");
    const drop = (): Promise<void> => {
      time.nowMs += MIN;
      return gc.collect(budget.tryReserve(100, "t")!);
    };
    await expectOneAlert(() => alerts.length, drop);
    expect(leaks.leaks()).toMatchObject({ count: 50, bytes: 5000 });
  });

  it("D41: is one for each in a detector that tells of what it finds (control)", async () => {
    const gc = new FakeFinalization();
    const control = new ToldAtEachCollection(gc.make);
    const drop = (): Promise<void> => {
      const handle = {};
      control.track(handle);
      return gc.collect(handle);
    };
    await expect(expectOneAlert(() => control.alerts, drop)).rejects.toThrow("expected 50 to be 1");
  });

  it("says all that one collection found", async () => {
    const { r, gc, time, alerts } = scene();
    const budget = r.budget("b");
    const dropped = [10, 20, 30].map((bytes) => {
      time.nowMs += 1000;
      return budget.tryReserve(bytes, "t")!;
    });
    time.nowMs = 10_000;
    await gc.collect(...dropped);
    expect(alerts).toMatchObject([{ count: 3, bytes: 60, oldestMs: 9000 }]);
    expect(alerts[0]!.message).toMatch(
      /^LEAK: 3 reservations "t" of 60 B in b were .* are still charged; taken 9 s ago at/,
    );
  });

  it("comes again for a new episode, not within the cooldown, and then if it still goes on", async () => {
    const { r, leaks, gc, time, alerts } = scene({ frames: 1, cooldownMs: COOLDOWN_MS });
    const drop = (): Promise<void> => gc.collect(r.budget("b").tryReserve(1)!);
    for (let i = 0; i < 3; i++) {
      await drop();
      r.budget("b").close();
      leaks.check();
      time.nowMs += MIN;
    }
    expect(alerts).toHaveLength(1);
    await drop();
    expect(alerts).toHaveLength(1);
    time.nowMs = COOLDOWN_MS;
    leaks.check();
    leaks.check();
    expect(alerts).toHaveLength(2);
    r.budget("b").close();
    time.nowMs = 3 * COOLDOWN_MS;
    await drop();
    expect(alerts).toHaveLength(3);
  });

  it("is of one budget, tag and place: another is another", async () => {
    const { r, gc, alerts } = scene({ frames: 1 });
    const [a, b] = [r.budget("a"), r.budget("b")];
    const take = [() => a.tryReserve(1, "s")!, () => a.tryReserve(1, "t")!, () => b.tryReserve(1, "t")!];
    for (const one of [...take, ...take]) await gc.collect(one());
    expect(alerts.map(({ budgetPath, tag }) => `${budgetPath} ${tag}`)).toEqual(["a s", "a t", "b t"]);
  });

  it("is one for all the rest where there are more than 1000 of them, and room is made by those that are over", async () => {
    const { r, leaks, gc, alerts } = scene({ level: "simple", interval: 1 });
    const [first, second] = [r.budget("first"), r.budget("second")];
    await gc.collect(...Array.from({ length: 1000 }, (_, i) => first.tryReserve(1, `t${i}`)!));
    expect(alerts).toHaveLength(1000);
    for (let i = 0; i < 3; i++) await gc.collect(second.tryReserve(1, `u${i}`)!);
    expect(alerts.slice(1000)).toMatchObject([{ budgetPath: "", tag: "other", site: "", count: 1 }]);
    first.close();
    leaks.check();
    await gc.collect(second.tryReserve(1, "v")!);
    expect(alerts.at(-1)).toMatchObject({ budgetPath: "second", tag: "v" });
    expect(alerts).toHaveLength(1002);
  });

  it("says how many handles it stands for, and what to do for the place", async () => {
    const { r, gc, alerts } = scene({ level: "simple", interval: 4, random: () => 0 });
    await gc.collect(r.budget("b").tryReserve(1)!);
    expect(alerts).toMatchObject([{ site: "", interval: 4, level: "simple" }]);
    expect(alerts[0]!.message).toMatch(/taken 0 ms ago, 1 in 4 tracked somewhere: the level advanced says where$/);
  });

  it("reaches the other listeners when one throws, and what it threw is told", async () => {
    const { r, leaks, gc, failures } = scene();
    let heard = 0;
    leaks.on("leak", () => {
      throw new Error("no log");
    });
    leaks.on("leak", () => heard++);
    await gc.collect(r.budget("b").tryReserve(1)!);
    expect(heard).toBe(1);
    expect(failures).toMatchObject([{ what: "listener of leak", error: { message: "no log" } }]);
  });

  it("can be looked for by a monitor, which has the leaked bytes in its samples", async () => {
    const { r, leaks, gc } = scene();
    const monitor = new Monitor({ readProcess: () => undefined, readSystem: () => undefined });
    monitor.addProbe("leaked bytes", () => leaks.check());
    expect(monitor.sample().probes).toEqual({ "leaked bytes": 0 });
    await gc.collect(r.budget("b").tryReserve(77)!);
    expect(monitor.sample().probes).toEqual({ "leaked bytes": 77 });
  });
});

const handle = <T>(of: { handle(): T }): T => of.handle();
const share = (what: { share(): unknown }): unknown => what.share();
