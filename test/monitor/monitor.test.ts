// Monitor. Goal: one timer that looks in time, says when it could not, and is disturbed by nothing it calls. Method: time moved by hand,
// gauges and readings that the test sets. What a look measures stands in figures.test.ts.
import { describe, expect, it } from "vitest";
import { Monitor, type MonitorFailure } from "../../src/monitor/monitor.js";
import { FakeTime, settled } from "../flow/time.js";
import { FakeGauge, made } from "./made.js";
import { CatchingUpMonitor } from "./mutants.js";

/** When a monitor looked, in ms. */
function looks(monitor: Monitor, time: FakeTime): number[] {
  const at: number[] = [];
  monitor.on("sample", () => at.push(time.nowMs));
  return at;
}

describe("start and stop", () => {
  it("are idempotent: one timer, one observer, and none afterwards", () => {
    const { monitor, time, observers } = made();
    expect(monitor.running).toBe(false);
    expect([time.pending, observers()]).toEqual([0, 0]);
    expect(monitor.start()).toBe(monitor);
    monitor.start();
    expect([monitor.running, time.pending, observers()]).toEqual([true, 1, 1]);
    time.advance(10_000);
    expect([time.pending, observers()]).toEqual([1, 1]);
    expect(monitor.stop()).toBe(monitor);
    monitor.stop();
    expect([monitor.running, time.pending, observers()]).toEqual([false, 0, 0]);
    monitor.start();
    monitor[Symbol.dispose]();
    expect([monitor.running, time.pending, observers()]).toEqual([false, 0, 0]);
  });

  it("look after minIntervalMs first, then every intervalMs", () => {
    const { monitor, time } = made({ intervalMs: 5000, minIntervalMs: 50 });
    const at = looks(monitor, time);
    monitor.start();
    time.advance(16_000);
    expect(at).toEqual([50, 5050, 10_050, 15_050]);
    monitor.stop();
    time.advance(60_000);
    expect(at).toHaveLength(4);
  });

  it("may be called from a listener, a probe or a gauge, and still leave one timer or none", () => {
    const { monitor, time } = made();
    const at = looks(monitor, time);
    const restart = monitor.on("sample", () => monitor.stop().start());
    monitor.addProbe("restart", () => monitor.stop().start());
    monitor.start();
    time.advance(1000);
    expect([time.pending, at.length]).toEqual([1, 10]);
    restart();
    monitor.on("sample", () => monitor.stop());
    time.advance(10_000);
    expect([time.pending, at.length, monitor.running]).toEqual([0, 11, false]);
  });

  it("keep no process alive: the host's timer is unref'ed", () => {
    const timeouts = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timeouts();
    const monitor = new Monitor().start();
    expect(timeouts()).toBe(before);
    monitor.stop();
  });
});

describe("the period", () => {
  it("near a limit is a quarter of the time that is left, not below the least (§8.4)", () => {
    const { monitor, time } = made({ intervalMs: 4000 });
    // 5 % a second: full after 18 s.
    const pressure = (): number => 0.1 + (0.05 * time.nowMs) / 1000;
    monitor.addGauge("budget", {
      sample: () => {},
      level: "none",
      get pressure() {
        return pressure();
      },
    });
    const at = looks(monitor, time);
    monitor.start();
    time.advance(18_000);
    for (const [i, atMs] of at.entries()) {
      if (i === 0) continue;
      const left = (18_000 - at[i - 1]!) / 4;
      expect(atMs - at[i - 1]!).toBeCloseTo(i === 1 ? 4000 : Math.min(4000, Math.max(100, left)), 6);
    }
    expect(at.filter((atMs) => atMs > 17_000).length).toBeGreaterThan(5);
    expect(monitor.stats().periodMs).toBe(100);
  });

  it("follows headroom ÷ rate ÷ 4 exactly, and comes back to the configured one when the rise ends", () => {
    const { monitor, time } = made({ intervalMs: 4000, minIntervalMs: 100 });
    const gauge = new FakeGauge();
    monitor.addGauge("budget", gauge);
    monitor.start();
    time.advance(100);
    expect(monitor.stats().periodMs).toBe(4000);
    gauge.pressure = 0.4;
    time.advance(4000);
    // 0.4 in 4 s, 0.6 to go: 6 s, of which a quarter.
    expect(monitor.stats().periodMs).toBeCloseTo(1500, 6);
    gauge.pressure = 0.7;
    time.advance(1500);
    expect(monitor.stats().periodMs).toBeCloseTo((0.3 / 0.2 / 4) * 1000, 6);
    time.advance(60_000);
    expect(monitor.stats().periodMs).toBe(4000);
    gauge.pressure = 1.5;
    time.advance(4000);
    expect(monitor.stats().periodMs).toBe(100);
  });

  it("watches the region as well, and forgets a gauge that was taken out", () => {
    const region = { capacityBytes: 1000, usedBytes: 0, freeBytes: 1000, overheadBytes: 0, largestFreeBytes: 1000 };
    const { monitor, time } = made({ intervalMs: 1000, region: { stats: () => ({ ...region }) } });
    const gauge = new FakeGauge();
    const takeOut = monitor.addGauge("budget", gauge);
    monitor.start();
    time.advance(100);
    region.freeBytes = 500;
    time.advance(1000);
    expect(monitor.stats().periodMs).toBeCloseTo(250, 6);
    time.advance(100_000);
    gauge.pressure = 0.9;
    time.advance(time.nextMs! - time.nowMs);
    expect(monitor.stats().periodMs).toBe(100);
    takeOut();
    takeOut();
    time.advance(100);
    expect(monitor.stats().periodMs).toBe(1000);
    expect(monitor.latest!.gauges).toEqual({});
  });

  it("is at least twenty times what a look takes", () => {
    const { monitor, time } = made({ intervalMs: 1000 });
    monitor.addProbe("slow", () => void (time.nowMs += 200));
    monitor.start();
    time.advance(150);
    expect(monitor.latest!.durationMs).toBe(200);
    expect(monitor.stats()).toMatchObject({ samples: 1, totalMs: 200, averageMs: 200, periodMs: 4000 });
  });
});

describe("a busy thread", () => {
  /** The assertion of D36: a monitor that was starved for a minute looks once, not sixty times. */
  function expectOneLook(looksBefore: number, looksAfter: number): void {
    expect(looksAfter - looksBefore).toBe(1);
  }

  it("D36: makes a look late, which is said; those that were missed are skipped and not made up for", () => {
    const { monitor, time } = made();
    const at = looks(monitor, time);
    const late: unknown[] = [];
    monitor.on("late", (look) => late.push(look));
    monitor.start();
    time.advance(1100);
    time.block(60_500);
    expectOneLook(2, at.length);
    expect(late).toEqual([{ lateMs: 59_500, skipped: 59 }]);
    expect(monitor.latest).toMatchObject({ lateMs: 59_500, skipped: 59 });
    expect(monitor.stats()).toMatchObject({ late: 1, skipped: 59, samples: 3 });
    time.advance(2000);
    expect(at.slice(2)).toEqual([61_600, 62_600, 63_600]);
    expect(late).toHaveLength(1);
  });

  it("D36: makes a monitor that catches up look sixty times at once", () => {
    const time = new FakeTime();
    const monitor = new CatchingUpMonitor(time.clock, time.timers);
    time.advance(1100);
    const before = monitor.looks;
    time.block(60_500);
    expect(() => expectOneLook(before, monitor.looks)).toThrow();
  });

  it("that stops the monitor in the event of it, or starts it anew, gets no look from that timer", () => {
    for (const isRestarted of [false, true]) {
      const { monitor, time } = made();
      const at = looks(monitor, time);
      monitor.on("late", () => {
        monitor.stop();
        if (isRestarted) monitor.start();
      });
      monitor.start();
      time.block(5000);
      expect([at, time.pending]).toEqual([[], +isRestarted]);
      time.advance(100);
      expect(at).toEqual(isRestarted ? [5100] : []);
    }
  });

  it("that is late by less than a period is not worth an event", () => {
    const { monitor, time } = made();
    const late: unknown[] = [];
    monitor.on("late", (look) => late.push(look));
    monitor.start();
    time.advance(100);
    time.block(1900);
    expect(late).toEqual([]);
    expect(monitor.latest).toMatchObject({ lateMs: 900, skipped: 0 });
  });
});

describe("a sample", () => {
  it("by hand needs no start, leaves the timer as it is, and is kept like any other", () => {
    const { monitor, time } = made();
    const at = looks(monitor, time);
    const sample = monitor.sample();
    expect(time.pending).toBe(0);
    expect(monitor.latest).toBe(sample);
    monitor.start();
    time.advance(30);
    monitor.sample();
    time.advance(70);
    expect(at).toEqual([0, 30, 100]);
    expect(sample).toEqual({
      at: 1_700_000_000_000,
      durationMs: 0,
      lateMs: 0,
      skipped: 0,
      pressure: null,
      level: null,
      gauges: {},
      region: null,
      fragmentation: null,
      process: null,
      system: null,
      allocationRate: 0,
      gc: { count: 0, majorCount: 0, pauseTotalMs: 0, pauseAverageMs: 0, share: 0 },
      probes: {},
    });
    expect(JSON.parse(JSON.stringify(sample))).toEqual(sample);
  });

  it("samples each gauge and takes the highest pressure and level of them", () => {
    const { monitor } = made();
    const [a, b, c] = [new FakeGauge(), new FakeGauge(), new FakeGauge()];
    monitor.addGauge("a", a);
    monitor.addGauge("b", b);
    monitor.addGauge("c", c);
    [a.pressure, b.pressure, c.pressure] = [0.3, 0.7, Number.NaN];
    [a.level, b.level] = ["high", "low"];
    expect(monitor.sample()).toMatchObject({
      pressure: 0.7,
      level: "high",
      gauges: {
        a: { pressure: 0.3, level: "high" },
        b: { pressure: 0.7, level: "low" },
        c: { pressure: null, level: "none" },
      },
    });
    expect([a.samples, b.samples, c.samples]).toEqual([1, 1, 1]);
  });

  it("holds what probes answer with a number, and runs the others all the same", () => {
    const { monitor } = made();
    let ran = 0;
    monitor.addProbe("queue", () => 7);
    monitor.addProbe("__proto__", () => 8);
    const takeOut = monitor.addProbe("detector", () => void ran++);
    expect(Object.entries(monitor.sample().probes)).toEqual([
      ["queue", 7],
      ["__proto__", 8],
    ]);
    takeOut();
    takeOut();
    monitor.addProbe("detector", () => "text");
    monitor.sample();
    expect(ran).toBe(1);
  });

  it("from within a probe reads the figures, runs nothing twice and keeps nothing", () => {
    const { monitor } = made();
    const gauge = new FakeGauge();
    monitor.addGauge("a", gauge);
    const inner: unknown[] = [];
    monitor.addProbe("p", () => (inner.push(monitor.sample()), 5));
    monitor.sample();
    monitor.sample();
    expect(inner).toHaveLength(2);
    expect(inner[1]).toMatchObject({ probes: { p: 5 }, gauges: { a: { pressure: 0 } } });
    expect([gauge.samples, monitor.history().length]).toEqual([2, 2]);
  });
});

describe("the history", () => {
  it("keeps the newest samples, oldest first, and no more than was asked for", () => {
    const { monitor, time } = made({ history: 5 });
    for (let i = 0; i < 12; i++) {
      time.nowMs = i;
      monitor.sample();
      expect(monitor.history()).toHaveLength(Math.min(i + 1, 5));
    }
    const at = (count?: number): number[] => monitor.history(count).map((sample) => sample.at - 1_700_000_000_000);
    expect(at()).toEqual([7, 8, 9, 10, 11]);
    expect(at(2)).toEqual([10, 11]);
    expect(at(0)).toEqual([]);
    expect(at(99)).toEqual([7, 8, 9, 10, 11]);
    expect(monitor.latest!.at).toBe(1_700_000_000_011);
    monitor.history().length = 0;
    expect(at()).toHaveLength(5);
    expect(() => monitor.history(-1)).toThrow(RangeError);
  });
});

describe("what fails", () => {
  it("D33, D37: stops nothing else, is counted and told of by name", async () => {
    const boom = new Error("boom");
    const fail = (): never => {
      throw boom;
    };
    const { monitor, time } = made({
      region: { stats: fail },
      readProcess: fail,
      readSystem: fail,
      allocatedBytes: fail,
    });
    const failures: MonitorFailure[] = [];
    const heard: string[] = [];
    monitor.on("error", (failure) => failures.push(failure));
    monitor.on("error", fail);
    monitor.addGauge("thrown", { sample: fail, pressure: 0.5, level: "low" });
    monitor.addGauge("rejected", { sample: () => Promise.reject(boom), pressure: 0.4, level: "none" });
    const unreadable = {
      sample: () => {},
      level: "none" as const,
      get pressure(): number {
        return fail();
      },
    };
    monitor.addGauge("unreadable", unreadable);
    monitor.addProbe("thrown", fail);
    monitor.addProbe("rejected", async () => fail());
    monitor.addProbe("good", () => 1);
    monitor.on("sample", fail);
    monitor.on("sample", () => heard.push("sample"));
    monitor.start();
    time.advance(1100);
    await settled();
    expect(heard).toEqual(["sample", "sample"]);
    expect(monitor.latest).toMatchObject({
      region: null,
      process: null,
      system: null,
      fragmentation: null,
      pressure: 0.5,
      gauges: { thrown: { pressure: 0.5 }, rejected: { pressure: 0.4 } },
      probes: { good: 1 },
    });
    expect(Object.keys(monitor.latest!.gauges)).toEqual(["thrown", "rejected"]);
    const parts = ["gauge thrown", "gauge rejected", "gauge unreadable", "probe thrown", "probe rejected"];
    const host = ["region.stats", "readProcess", "readSystem", "allocatedBytes", "listener of sample"];
    expect(failures.map(({ what }) => what).sort()).toEqual([...parts, ...host, ...parts, ...host].sort());
    for (const { error } of failures) expect(error).toBe(boom);
    // Each was heard of by a listener that throws itself.
    expect(monitor.stats().failures).toBe(40);
  });

  it("is an observer too: it may be missing, or throw", () => {
    for (const observeGc of [
      () => undefined,
      () => {
        throw new Error("not here");
      },
    ]) {
      const { monitor, time } = made({ observeGc });
      monitor.start();
      time.advance(100);
      expect(monitor.latest!.gc.count).toBe(0);
      monitor.stop();
    }
  });
});

describe("wrong arguments", () => {
  it.each([
    ["an unknown option", { interval: 5 }, TypeError],
    ["no interval", { intervalMs: 0 }, RangeError],
    ["a least above the interval", { intervalMs: 50, minIntervalMs: 60 }, RangeError],
    ["no history", { history: 0 }, RangeError],
    ["too much history", { history: 2_000_000 }, RangeError],
    ["a region without stats", { region: {} }, TypeError],
    ["a region that is a text", { region: "" }, TypeError],
    ["a counter that is a text", { allocatedBytes: "" }, TypeError],
    ["a clock that is none", { clock: 5 }, TypeError],
    ["timers without set", { timers: { clear: () => {} } }, TypeError],
    ["a counter that is a number", { allocatedBytes: 5 }, TypeError],
  ])("to the constructor: %s", (_, options, kind) => {
    expect(() => new Monitor(options as never)).toThrow(kind);
  });

  it("to addGauge and addProbe, and names that are taken", () => {
    const { monitor } = made();
    monitor.addGauge("a", new FakeGauge());
    monitor.addProbe("a", () => 1);
    expect(() => monitor.addGauge("a", new FakeGauge())).toThrow(/"a"/);
    expect(() => monitor.addProbe("a", () => 1)).toThrow(/"a"/);
    expect(() => monitor.addGauge("b", {} as never)).toThrow(TypeError);
    expect(() => monitor.addProbe("b", 5 as never)).toThrow(TypeError);
    expect(() => monitor.addProbe("", () => 1)).toThrow(TypeError);
    expect(monitor.sample().probes).toEqual({ a: 1 });
  });
});
