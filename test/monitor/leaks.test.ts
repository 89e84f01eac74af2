// LeakTracker: reports of what lives. Goal: what is tracked is reported by kind, budget, tag, age and place, exactly as it is in the region at that
// instant, however it was taken and however it went. Method: small scenes on a clock that the test moves, every handle tracked.
import { afterEach, describe, expect, it } from "vitest";
import { formatLeaks, trackLeaks } from "../../src/monitor/index.js";
import { tracker } from "../../src/tracker.js";
import { settled } from "../flow/time.js";
import { expectSound, KIB, region } from "../lib/regions.js";
import { elsewhere, scene, stopAll } from "./leaks-scene.js";

const SEC = 1000;
const MIN = 60 * SEC;

afterEach(stopAll);

describe("a report of what lives", () => {
  it("adds up by kind, budget, tag, age and place, the largest first", () => {
    const { r, leaks, time } = scene();
    const service = r.budget("service");
    const frames = service.child("frames");
    const gop = (): unknown => frames.tryReserve(1000, "gop");
    gop();
    time.nowMs = 30 * SEC;
    for (let i = 0; i < 2; i++) gop();
    service.tryReserve(500, "gop");
    service.tryReserve(100);
    r.allocate(4 * KIB);
    time.nowMs = 31 * SEC;

    const { groups, ...sums } = leaks.report();
    expect(sums).toEqual({
      atMs: 31 * SEC,
      level: "paranoid",
      interval: 1,
      count: 6,
      bytes: 3600 + 4 * KIB,
      droppedCount: 0,
      droppedBytes: 0,
    });
    expect(
      groups.map(({ kind, budgetPath, tag, age, count, bytes, oldestMs }) => [
        kind,
        budgetPath,
        tag,
        age.fromMs,
        age.belowMs,
        count,
        bytes,
        oldestMs,
      ]),
    ).toEqual([
      ["block", "", "", SEC, 10 * SEC, 1, 4 * KIB, SEC],
      ["reservation", "service/frames", "gop", SEC, 10 * SEC, 2, 2000, SEC],
      ["reservation", "service/frames", "gop", 10 * SEC, MIN, 1, 1000, 31 * SEC],
      ["reservation", "service", "gop", SEC, 10 * SEC, 1, 500, SEC],
      ["reservation", "service", "", SEC, 10 * SEC, 1, 100, SEC],
    ]);
    const [, two, one] = groups;
    expect(two!.site).toMatch(/^gop \(.*leaks\.test\.ts:\d+:\d+\)\n/);
    // Called from another line of this test.
    expect(one!.site).not.toBe(two!.site);
  });

  it("keeps two places apart, and adds up what one place took", () => {
    const { r, leaks } = scene({ frames: 1 });
    const budget = r.budget("b");
    for (let i = 0; i < 3; i++) budget.tryReserve(10);
    budget.tryReserve(20);
    const { groups } = leaks.report();
    expect(groups.map(({ count, bytes }) => [count, bytes])).toEqual([
      [3, 30],
      [1, 20],
    ]);
    expect(groups.every(({ site }) => /leaks\.test\.ts:\d+:\d+\)?$/.test(site))).toBe(true);
  });

  it("has the ages that it was told, and leaves out what is younger than asked", () => {
    const { r, leaks, time } = scene({ agesMs: [5, 50] });
    const budget = r.budget("b");
    for (const bytes of [4, 3, 2, 1]) {
      budget.tryReserve(bytes);
      time.nowMs += 5;
    }
    time.nowMs = 50;
    // Taken on one line, at 0, 5, 10 and 15.
    expect(leaks.report().groups.map(({ age, bytes }) => [age.fromMs, age.belowMs, bytes])).toEqual([
      [5, 50, 6],
      [50, Infinity, 4],
    ]);
    expect(leaks.report({ minAgeMs: 45 }).bytes).toBe(7);
    expect(leaks.report({ minAgeMs: 51 }).groups).toEqual([]);
  });

  it("is of the instant: resized, moved, split and granted at last, and at its place of then", async () => {
    const { r, leaks } = scene({ frames: 1 });
    const [one, two] = [r.budget("one", { limit: 100 }), r.budget("two")];
    const held = one.tryReserve(60, "t")!;
    const part = held.split(20)!;
    expect(part.tryResize(50)).toBe(true);
    expect(held.moveTo(two)).toBe(true);
    function ask(): Promise<unknown> {
      return one.reserve(80, { tag: "late" });
    }
    const late = ask();
    expect(leaks.report().count).toBe(2);
    part.release();
    await late;
    const now = (): unknown => one.reserve(20, { tag: "now" });
    await now();
    const rows = leaks.report().groups.map(({ budgetPath, tag, count, bytes }) => [budgetPath, tag, count, bytes]);
    expect(rows).toEqual([
      ["one", "late", 1, 80],
      ["two", "t", 1, 40],
      ["one", "now", 1, 20],
    ]);
    const [asked, , granted] = leaks.report().groups;
    expect(asked!.site).toMatch(/^ask /);
    expect(granted!.site).toMatch(/^now /);
  });

  it("follows a Block that grows out of its place, and says what the region has granted", () => {
    const { r, leaks } = scene();
    const block = r.allocate(100);
    const { site } = leaks.report().groups[0]!;
    const { offset } = block;
    expect(leaks.report().bytes).toBe(r.heap.usableSize(offset));
    block.resize(20 * KIB);
    expect(block.offset).not.toBe(offset);
    expect(leaks.report()).toMatchObject({ count: 1, bytes: r.heap.usableSize(block.offset), groups: [{ site }] });
    block.release();
    expect(leaks.report().count).toBe(0);
    expectSound(r, 0);
  });

  it("leaves out what is no longer this thread's: released, closed with its budget, adopted elsewhere, shared", () => {
    const { r, leaks } = scene();
    const other = elsewhere(r);
    const [kept, closed] = [r.budget("kept"), r.budget("closed")];
    const ends = [
      () => kept.tryReserve(10)!.release(),
      () => void closed.tryReserve(10),
      () => void other.adoptReservation(kept.tryReserve(10)!.handle()),
      () => void kept.tryReserve(10)!.share(),
      () => r.allocate(10).release(),
      () => void other.adopt(r.allocate(10).handle()),
      () => void r.allocate(10).share(),
    ];
    for (const end of ends) end();
    expect(leaks.report().count).toBe(1);
    closed.close();
    expect(leaks.report()).toMatchObject({ count: 0, bytes: 0, groups: [] });
    other.close();
    r.close();
  });

  it("has what this thread adopted, and not what it only opened", () => {
    const { r, leaks } = scene();
    const other = elsewhere(r);
    const [block, opened] = [other.allocate(64), other.allocate(64)];
    const reservation = other.budget("b").tryReserve(7, "t")!;
    expect(r.open(opened.handle()).isLive).toBe(true);
    expect(leaks.report().count).toBe(0);
    r.adopt(block.handle());
    r.adoptReservation(reservation.handle());
    expect(leaks.report().groups.map(({ kind, tag, bytes }) => [kind, tag, bytes])).toEqual([
      ["block", "", 64],
      ["reservation", "t", 7],
    ]);
    other.close();
  });

  it("of a budget has what is in it and below it, and what all threads hold there", () => {
    const { r, leaks } = scene();
    const service = r.budget("service");
    service.child("frames").tryReserve(5, "gop");
    service.tryReserve(3, "tile");
    r.budget("service2").tryReserve(100, "gop");
    const other = elsewhere(r);
    other.budget("service").tryReserve(1000, "gop");
    const report = leaks.report({ budget: service });
    expect(report).toMatchObject({ count: 2, bytes: 8 });
    expect(report.consumers).toEqual([
      { tag: "gop", bytes: 1005, count: 2 },
      { tag: "tile", bytes: 3, count: 1 },
    ]);
    expect(leaks.report()).not.toHaveProperty("consumers");
    other.close();
  });

  it("D13: before a budget is closed says path, tag, bytes, age and place of what the close will give back", () => {
    const { r, leaks, time } = scene({ frames: 1 });
    const service = r.budget("service");
    (function load() {
      service.child("frames").tryReserve(8 * KIB, "gop");
    })();
    time.nowMs = 90 * SEC;
    const held = leaks.report({ budget: service });
    const { children } = service.close();
    expect(children[0]).toMatchObject({ leaked: 1, leakedBytes: 8 * KIB });
    expect(formatLeaks(held)).toMatch(
      /^Live: 1 of 8 KiB; dropped without release: 0 of 0 B \(level paranoid\)\n {2}1 reservation "gop" of 8 KiB in service\/frames, 1 min to 10 min\n {4}load \(.*leaks\.test\.ts:\d+:\d+\)$/,
    );
    expect(leaks.format()).toBe("Live: 0 of 0 B; dropped without release: 0 of 0 B (level paranoid)");
  });

  it("D13: comes with the close itself, Blocks that were charged included, and not without a tracker", () => {
    const { r, leaks, time } = scene({ frames: 1 });
    const service = r.budget("service");
    const frames = service.child("frames");
    (function load() {
      frames.tryReserve(8 * KIB, "gop");
      r.allocate(KIB, { budget: frames });
    })();
    frames.tryReserve(KIB)!.release();
    time.nowMs = 90 * SEC;
    expect(leaks.report({ budget: service })).toMatchObject({ count: 2, bytes: 9 * KIB });
    const { tracked, children } = service.close();
    expect(tracked).toEqual([]);
    const age = { fromMs: MIN, belowMs: 10 * MIN };
    const site = expect.stringMatching(/^load \(.*leaks\.test\.ts:\d+:\d+\)$/) as string;
    expect(children[0]!.tracked).toMatchObject([
      { kind: "reservation", budgetPath: "service/frames", tag: "gop", age, site, count: 1, bytes: 8 * KIB },
      { kind: "block", budgetPath: "service/frames", tag: "", age, site, count: 1, bytes: KIB },
    ]);
    expect(service.close()).not.toHaveProperty("tracked");
    leaks.stop();
    expect(r.budget("service").close()).not.toHaveProperty("tracked");
  });

  it("of a closed region is empty", () => {
    const { r, leaks } = scene();
    r.allocate(10);
    r.budget("b").tryReserve(10);
    r.close();
    expect(leaks.report().count).toBe(0);
    expect(leaks.check()).toBe(0);
  });
});

describe("a tracker", () => {
  it("hears of nothing once it is stopped or off, has forgotten everything, and leaves no hook behind", async () => {
    expect(tracker).toBeUndefined();
    const { r, leaks, gc, alerts } = scene();
    const other = scene();
    const dropped = r.budget("b").tryReserve(10)!;
    leaks.stop();
    leaks.stop();
    expect(leaks.level).toBe("off");
    r.allocate(10);
    expect(leaks.report().count).toBe(0);
    await gc.collect(dropped);
    expect(alerts).toEqual([]);
    expect(tracker).toBeDefined();
    other.leaks.setLevel("off");
    expect(tracker).toBeUndefined();
    other.leaks.setLevel("paranoid");
    other.r.allocate(10);
    expect(other.leaks.report().count).toBe(1);
    other.leaks[Symbol.dispose]();
    expect(tracker).toBeUndefined();
  });

  it("hears of one region, also where several are tracked", () => {
    const [one, two] = [scene(), scene()];
    one.r.allocate(1);
    two.r.budget("b").tryReserve(2);
    two.r.allocate(2);
    expect([one.leaks.report().count, two.leaks.report().count]).toEqual([1, 2]);
  });

  it("is one for a region and thread, until it is stopped", () => {
    const { r, leaks } = scene();
    expect(() => trackLeaks(r)).toThrow(/is tracked already in this thread/);
    const off = trackLeaks(r, { level: "off" });
    expect(() => off.setLevel("simple")).toThrow(TypeError);
    expect(off.level).toBe("off");
    leaks.stop();
    off.setLevel("simple");
    expect(off.level).toBe("simple");
    off.stop();
  });

  it("remembers what lives, and at most as much again and 1024 of what was released", () => {
    const { r, leaks } = scene({ level: "simple", interval: 1 });
    const budget = r.budget("b");
    const live = Array.from({ length: 500 }, () => budget.tryReserve(1)!);
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      budget.tryReserve(1)!.release();
      most = Math.max(most, leaks.size);
    }
    expect(most).toBe(2 * live.length + 1024);
    expect(leaks.report().count).toBe(500);
    expect(leaks.size).toBe(500);
  });

  it("refuses what is no region, level, option or filter, with the value in the text", () => {
    const r = region();
    const wrong: [() => unknown, typeof TypeError, RegExp][] = [
      [
        () => trackLeaks({} as never),
        TypeError,
        /region must be an object with handle\(\), allocate\(\), got an object/,
      ],
      [() => trackLeaks(r, { level: "loud" as never }), TypeError, /level must be one of "off", .*got "loud"/],
      [() => trackLeaks(r, { levels: "off" } as never), TypeError, /unknown option "levels"/],
      [() => trackLeaks(r, { interval: 0 }), RangeError, /interval must be an integer from 1 to 1000000, got 0/],
      [() => trackLeaks(r, { frames: 51 }), RangeError, /frames must be an integer from 1 to 50, got 51/],
      [() => trackLeaks(r, { agesMs: [5, 5] }), RangeError, /agesMs must ascend from above 0, got 5, 5/],
      [() => trackLeaks(r, { agesMs: 5 as never }), TypeError, /agesMs must be an array of milliseconds, got 5/],
      [() => trackLeaks(r, { cooldownMs: -1 }), RangeError, /cooldownMs must be a finite number of at least 0, got -1/],
      [() => trackLeaks(r, { clock: 1 as never }), TypeError, /clock must be a function, got 1/],
      [() => trackLeaks(r, { random: 1 as never }), TypeError, /random must be a function, got 1/],
      [() => trackLeaks(r, { finalization: 1 as never }), TypeError, /finalization must be a function, got 1/],
    ];
    for (const [call, error, text] of wrong) {
      expect(call).toThrow(error);
      expect(call).toThrow(text);
    }
    const leaks = trackLeaks(r);
    expect(() => leaks.report({ budget: region().budget("b") })).toThrow(/must be a Budget of the tracked region/);
    expect(() => leaks.report({ budget: 5 as never })).toThrow(TypeError);
    expect(() => leaks.report({ minAgeMs: Number.NaN })).toThrow(RangeError);
    expect(() => leaks.report({ age: 1 } as never)).toThrow(/unknown option "age"/);
    leaks.stop();
  });

  it("whose chance fails refuses nobody memory either", async () => {
    let isBroken = false;
    const random = (): number => {
      if (isBroken) throw new Error("no chance");
      return 0;
    };
    const { r, leaks, failures } = scene({ level: "advanced", interval: 2, random });
    isBroken = true;
    const budget = r.budget("b", { limit: 1 });
    const first = budget.tryReserve(1)!;
    const later = budget.reserve(1);
    expect(first.release()).toBe(true);
    expect((await later).release()).toBe(true);
    expect(leaks.report().count).toBe(0);
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(["no chance", "no chance"]);
  });

  it("has no place where the program has its own form of stacks", () => {
    const { r, leaks, failures } = scene();
    const { prepareStackTrace } = Error;
    Error.prepareStackTrace = (_error, frames) => frames;
    try {
      r.allocate(1);
    } finally {
      Error.prepareStackTrace = prepareStackTrace;
    }
    expect(leaks.report().groups).toMatchObject([{ site: "", count: 1 }]);
    expect(failures).toEqual([]);
  });

  it("that fails refuses nobody memory, and says what it was", async () => {
    const { r, failures } = scene({
      clock: () => {
        throw new Error("no time");
      },
    });
    const budget = r.budget("b", { limit: 100 });
    const held = budget.tryReserve(100)!;
    const late = budget.reserve(60);
    expect(held.release()).toBe(true);
    expect((await late).size).toBe(60);
    await settled();
    expect(r.allocate(10).isLive).toBe(true);
    expect(failures.map(({ what, error }) => `${what}: ${(error as Error).message}`)).toEqual([
      "tracking: no time",
      "tracking: no time",
      "tracking: no time",
    ]);
  });
});
