// LeakTrend. Goal: finds a fast leak in hours and takes nothing healthy for one. Method: seeded traces of each kind, 60 of each, over a
// working day and over three days; the rules of others on the same traces.
import { describe, expect, it } from "vitest";
import { LeakTrend, type LeakTrendAlert, type LeakTrendOptions } from "../../src/monitor/trend.js";
import { FiveRisesRule, RisingLeakRule } from "./mutants.js";
import { HEALTHY, type Kind, MIB, SAMPLE_MS, trace, type TraceSample } from "./traces.js";

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);
const HOUR_MS = 3_600_000;

/** What a rule makes of a sample: something is an alarm. */
type Rule = (sample: TraceSample) => unknown;

/** When a rule alarmed, of all samples. */
const alarms = (samples: readonly TraceSample[], rule: Rule): TraceSample[] => samples.filter((sample) => rule(sample));

const onFloor = (options?: LeakTrendOptions): Rule => {
  const trend = new LeakTrend(options);
  return ({ floorBytes, atMs }) => floorBytes !== undefined && trend.observe(floorBytes, atMs);
};

const onUse = (options?: LeakTrendOptions): Rule => {
  const trend = new LeakTrend(options);
  return ({ usedBytes, atMs }) => trend.observe(usedBytes, atMs);
};

const rising = (): Rule => {
  const rule = new RisingLeakRule();
  return ({ usedBytes }) => rule.observe(usedBytes);
};

const fiveRises = (): Rule => {
  const rule = new FiveRisesRule();
  return ({ floorBytes }) => floorBytes !== undefined && rule.observe(floorBytes);
};

/** The assertion of D40: in `hours` of a healthy process, of any seed, no alarm. */
function expectQuiet(kind: Kind, hours: number, made: () => Rule): void {
  expect(SEEDS.filter((seed) => alarms(trace(kind, seed, hours), made()).length > 0)).toEqual([]);
}

/** The assertion of D41: however long the leak goes on, one alarm. */
function expectOneAlarm(samples: readonly TraceSample[], rule: Rule): void {
  expect(alarms(samples, rule)).toHaveLength(1);
}

describe("a healthy process", () => {
  it.each(HEALTHY)("D40: raises no alarm in 8 hours, nor in three days: %s", (kind) => {
    expectQuiet(kind, 8, () => onFloor());
    expectQuiet(kind, 72, () => onFloor());
    expectQuiet(kind, 72, () => onUse());
  });

  it.each(HEALTHY)("D40: raises an alarm by XyPriss' rule in each of 60 runs: %s", (kind) => {
    expect(() => expectQuiet(kind, 8, rising)).toThrow();
    expect(SEEDS.filter((seed) => alarms(trace(kind, seed), rising()).length > 0)).toHaveLength(SEEDS.length);
  });

  it.each(HEALTHY)("D40: raises an alarm by the rule of five rises in a row: %s", (kind) => {
    expect(() => expectQuiet(kind, 8, fiveRises)).toThrow();
  });

  it("D40: that is collected every five hours leaks by its raw use, and not by its floor", () => {
    const lazy: TraceSample[] = [];
    for (let i = 0; i < 2880; i++) {
      const garbage = i % 600;
      const living = 100 * MIB;
      const floorBytes = garbage === 0 ? living : undefined;
      lazy.push({ atMs: i * SAMPLE_MS, usedBytes: living + garbage * 0.2 * MIB, floorBytes });
    }
    expect(alarms(lazy, onFloor())).toHaveLength(0);
    expect(alarms(lazy, onUse()).length).toBeGreaterThan(0);
  });

  it("has a base that wanders by less than the least rise in bytes", () => {
    const trend = new LeakTrend();
    for (let window = 0; window < 40; window++) {
      expect(trend.observe(100 + window * 5000, window * 20 * 60_000)).toBeUndefined();
    }
  });
});

describe("a leak", () => {
  it("D40: of 24 % of the base an hour is found in each of 60 runs, within 200 minutes", () => {
    const minutes = SEEDS.map((seed) => {
      const [first] = alarms(trace("fast leak", seed), onFloor());
      return (first?.atMs ?? Infinity) / 60_000;
    });
    expect(Math.min(...minutes)).toBeGreaterThanOrEqual(140);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(200);
  });

  it("D40: of 6 % an hour is too slow for windows of 20 minutes, and is found within 30 hours by windows of four hours", () => {
    const slow: LeakTrendOptions = { windowMs: 4 * HOUR_MS, minRise: 0.01 };
    for (const seed of SEEDS) {
      expect(alarms(trace("slow leak", seed), onFloor())).toHaveLength(0);
      const found = alarms(trace("slow leak", seed, 72), onFloor(slow));
      expect(found).toHaveLength(1);
      expect(found[0]!.atMs / HOUR_MS).toBeLessThanOrEqual(30);
    }
    for (const kind of HEALTHY) expectQuiet(kind, 120, () => onFloor(slow));
  });

  it("D41: is told of once, however long it goes on", () => {
    for (const seed of SEEDS.slice(0, 20)) expectOneAlarm(trace("fast leak", seed, 72), onFloor());
  });

  it("D41: is told of at each sample by XyPriss' rule", () => {
    expect(() => expectOneAlarm(trace("fast leak", 1, 8), rising())).toThrow();
    expect(alarms(trace("fast leak", 1, 8), rising()).length).toBeGreaterThan(20);
  });
});

/** A floor for each window of 20 minutes; what the trend said at each. */
function windows(trend: LeakTrend, megabytes: readonly number[], beginMs = 0): (LeakTrendAlert | undefined)[] {
  return megabytes.map((mb, i) => trend.observe(mb * MIB, beginMs + i * 20 * 60_000));
}

const LEAK = [100, 110, 120, 130, 140, 150, 160];

describe("the alert", () => {
  it("comes with the first reading after the sixth record, and says from what to what, how fast and how long", () => {
    const trend = new LeakTrend({ limitBytes: 460 * MIB });
    const said = windows(trend, [...LEAK, 170]);
    expect(said.slice(0, -1)).toEqual(Array(7).fill(undefined));
    expect(said.at(-1)).toEqual({
      atMs: 140 * 60_000,
      severity: "moderate",
      floorsBytes: LEAK.map((mb) => mb * MIB),
      bytesPerHour: 30 * MIB,
      timeToLimitMs: 10 * HOUR_MS,
    });
    expect(trend.alert).toBe(said.at(-1));
  });

  it("is as severe as the limit is near", () => {
    const severity = (limitBytes?: LeakTrendOptions["limitBytes"]): string | undefined => {
      const trend = new LeakTrend(limitBytes === undefined ? {} : { limitBytes });
      return windows(trend, [...LEAK, 170]).at(-1)?.severity;
    };
    expect(severity(150 * MIB)).toBe("critical");
    expect(severity(189 * MIB)).toBe("critical");
    expect(severity(190 * MIB)).toBe("high");
    expect(severity(() => 340 * MIB)).toBe("moderate");
    expect(severity(880 * MIB)).toBe("low");
    expect(severity()).toBe("moderate");
    expect(severity(() => Number.NaN)).toBe("moderate");
  });

  it("does not come for growth that slows down, that is too slow, or that pauses", () => {
    expect(windows(new LeakTrend(), [100, 130, 155, 175, 190, 200, 208, 209])).toEqual(Array(8).fill(undefined));
    expect(windows(new LeakTrend(), [100, 103, 106, 109, 112, 115, 118, 121])).toEqual(Array(8).fill(undefined));
    expect(windows(new LeakTrend(), [100, 110, 120, 130, 130, 140, 150, 160, 170])).toEqual(Array(9).fill(undefined));
  });

  it("does not come for a peak that was there within the last day, and does for a new one", () => {
    const day = Array.from({ length: 72 }, (_, i) => (i === 5 ? 165 : 100));
    expect(windows(new LeakTrend(), [...day.slice(0, 40), ...LEAK, 165]).filter(Boolean)).toEqual([]);
    expect(windows(new LeakTrend(), [...day, ...day.map(() => 100), ...LEAK, 165]).filter(Boolean)).toHaveLength(1);
  });

  it("passes over windows without a reading", () => {
    const trend = new LeakTrend();
    const said = LEAK.concat(170).map((mb, i) => trend.observe(mb * MIB, i * HOUR_MS));
    expect(said.at(-1)).toMatchObject({ bytesPerHour: 10 * MIB });
    expect(said.filter(Boolean)).toHaveLength(1);
  });

  it("D41: comes again when the memory was given back and a new leak begins, but not within the cooldown", () => {
    const again = [...LEAK, 170, 90, 91, ...Array(72).fill(90), ...LEAK, 170];
    for (const [cooldownMs, alerts] of [
      [0, 2],
      [2 * HOUR_MS, 2],
      [80 * HOUR_MS, 1],
    ] as const) {
      const trend = new LeakTrend({ cooldownMs });
      expect(windows(trend, again).filter(Boolean)).toHaveLength(alerts);
    }
  });

  it("D41: that fell into the cooldown is raised after it, if the leak still goes on", () => {
    const trend = new LeakTrend({ cooldownMs: 5 * HOUR_MS });
    const first = [...LEAK, 170];
    const second = Array.from({ length: 16 }, (_, i) => 200 + 12 * i);
    const said = windows(trend, [...first, 80, 80, ...second]);
    expect(said.map((alert, i) => (alert ? i : -1)).filter((i) => i >= 0)).toEqual([7, 22]);
  });

  it("is over when half of the growth was given back, or when nothing grew for six windows", () => {
    for (const after of [
      [129, 129],
      [160, 160, 160, 160, 160, 160, 160, 160],
    ]) {
      const trend = new LeakTrend();
      windows(trend, [...LEAK, 170]);
      expect(trend.alert).toBeDefined();
      windows(trend, after, 160 * 60_000);
      expect(trend.alert).toBeUndefined();
    }
  });

  it("is not confused by a clock that goes back", () => {
    const trend = new LeakTrend();
    windows(trend, LEAK);
    expect(trend.observe(165 * MIB, -1e9)).toBeUndefined();
    expect(trend.observe(170 * MIB, 140 * 60_000)).toMatchObject({ bytesPerHour: 30 * MIB });
  });
});

describe("wrong arguments", () => {
  it.each([
    ["an unknown option", { window: 1 }, TypeError],
    ["one window", { windows: 1 }, RangeError],
    ["no time", { windowMs: 0 }, RangeError],
    ["a negative rise", { minRise: -0.1 }, RangeError],
    ["a limit as text", { limitBytes: "1GB" }, TypeError],
    ["a negative limit", { limitBytes: -1 }, RangeError],
    ["a negative cooldown", { cooldownMs: -1 }, RangeError],
  ])("to the constructor: %s", (_, options, kind) => {
    expect(() => new LeakTrend(options as never)).toThrow(kind);
  });

  it("to observe", () => {
    const trend = new LeakTrend();
    for (const wrong of [-1, Number.NaN, Infinity]) expect(() => trend.observe(wrong, 0)).toThrow(RangeError);
    expect(() => trend.observe("1" as never, 0)).toThrow(TypeError);
    expect(() => trend.observe(1, Number.NaN)).toThrow(RangeError);
  });
});
