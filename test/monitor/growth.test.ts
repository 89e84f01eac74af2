// GrowthDetector. Goal: says in time that the limit is seconds away, once, and nothing about steps, noise, or growth that has time. Method:
// small traces, a reading a second.
import { describe, expect, it } from "vitest";
import { GrowthDetector, type GrowthOptions } from "../../src/monitor/growth.js";
import { random } from "../lib/random.js";
import { LastStepGrowth } from "./mutants.js";

interface Detector {
  observe(usedBytes: number, limitBytes: number, atMs: number): { timeToLimitMs: number } | undefined;
}

/** The seconds at which a detector alarmed, of a trace towards a limit of 1000. */
function alarmed(used: readonly number[], detector: Detector = new GrowthDetector(), beginMs = 0): number[] {
  return used.flatMap((bytes, second) => (detector.observe(bytes, 1000, beginMs + second * 1000) ? [second] : []));
}

const line = (from: number, perSecond: number, seconds: number): number[] =>
  Array.from({ length: seconds }, (_, i) => from + perSecond * i);

/** The assertion: a trace of a healthy process raises nothing. */
const expectQuiet = (used: readonly number[], detector?: Detector): void => expect(alarmed(used, detector)).toEqual([]);

describe("growth", () => {
  it("is abnormal when the limit is less than ten seconds away at its rate (M41)", () => {
    // 1000 − used ≤ 10 × 20 first at 800, after 20 s.
    expect(alarmed(line(400, 20, 30))).toEqual([20]);
    const detector = new GrowthDetector();
    for (const [second, used] of line(400, 20, 20).entries()) detector.observe(used, 1000, second * 1000);
    expect(detector.observe(800, 1000, 20_000)).toEqual({
      atMs: 20_000,
      usedBytes: 800,
      limitBytes: 1000,
      bytesPerSecond: 20,
      timeToLimitMs: 10_000,
    });
    expect(detector.abnormal).toBe(true);
  });

  it("is seen at any interval, and with the horizon and steps that were asked for", () => {
    const seconds = (stepMs: number, options: GrowthOptions): number[] => {
      const detector = new GrowthDetector(options);
      return line(0, stepMs / 10, 100_000 / stepMs).flatMap((used, i) =>
        detector.observe(used, 10_000, i * stepMs) ? [(i * stepMs) / 1000] : [],
      );
    };
    expect(seconds(100, { horizonMs: 30_000 })).toEqual([70]);
    expect(seconds(250, { horizonMs: 1000, steps: 2, minGrowth: 0 })).toEqual([99]);
    expect(seconds(1000, { horizonMs: 30_000, steps: 50 })).toEqual([70]);
  });

  it("that reaches the limit, and passes it, has no time left", () => {
    const detector = new GrowthDetector();
    const said = line(1000, 50, 10).map((used, i) => detector.observe(used, 1000, i * 1000));
    expect(said.filter(Boolean)).toEqual([expect.objectContaining({ timeToLimitMs: 0 })]);
  });
});

describe("no growth", () => {
  const step = [...line(300, 0, 20), ...line(900, 0, 20)];

  it("is a single step, however high", () => {
    expectQuiet(step);
    expectQuiet([...line(100, 0, 10), ...line(995, 0, 10)]);
  });

  it("is what the last step alone takes for an emergency", () => {
    expect(() => expectQuiet(step, new LastStepGrowth())).toThrow();
  });

  it("is noise of two points near the limit", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const by = random(seed);
      for (const middle of [880, 950, 985]) {
        expectQuiet(Array.from({ length: 3600 }, () => middle - 10 + by.below(20)));
      }
    }
  });

  it("is what comes and goes far from the limit, fast as it may", () => {
    expectQuiet(Array.from({ length: 300 }, (_, i) => 300 + 20 * (i % 15)));
  });

  it("is what comes and goes near the limit, and adds up to nothing", () => {
    expectQuiet(Array.from({ length: 300 }, (_, i) => 900 + 18 * (i % 5)));
  });

  it("is a fall, or growth that has time", () => {
    expectQuiet(line(1000, -10, 100));
    expectQuiet(line(0, 1, 900));
  });
});

describe("one alert", () => {
  it("D41: is raised for an episode, which ends when there is time again", () => {
    const detector = new GrowthDetector({ cooldownMs: 0 });
    expect(alarmed(line(700, 20, 15), detector)).toHaveLength(1);
    expect(alarmed(line(980, 0, 30), detector, 20_000)).toEqual([]);
    expect(detector.abnormal).toBe(false);
    expect(alarmed([...line(500, 0, 6), ...line(700, 20, 15)], detector, 60_000)).toHaveLength(1);
  });

  it("D41: is not raised anew when growth eases for a moment: the episode ends at twice the horizon", () => {
    const detector = new GrowthDetector({ cooldownMs: 0 });
    const eased = line(880, 8, 8);
    expect(alarmed([...line(700, 20, 10), ...eased, ...line(944, 20, 3)], detector)).toHaveLength(1);
    expect(detector.abnormal).toBe(true);
  });

  it("D41: is raised at each look by a rule without episodes", () => {
    expect(alarmed(line(700, 20, 15), new LastStepGrowth()).length).toBeGreaterThan(5);
  });

  it("D41: is not raised again within the cooldown, and is after it if growth still goes on", () => {
    const detector = new GrowthDetector({ cooldownMs: 30_000 });
    const surge = [...line(700, 40, 7), ...line(500, 0, 6)];
    const said = alarmed([...surge, ...surge, ...surge, ...surge], detector);
    expect(said).toHaveLength(2);
    expect(said[1]! - said[0]!).toBeGreaterThanOrEqual(30);
  });
});

describe("wrong arguments", () => {
  it("are refused", () => {
    expect(() => new GrowthDetector({ horizon: 5 } as never)).toThrow(TypeError);
    for (const wrong of [{ horizonMs: 0 }, { steps: 1 }, { minGrowth: 2 }, { cooldownMs: -1 }]) {
      expect(() => new GrowthDetector(wrong)).toThrow(RangeError);
    }
    const detector = new GrowthDetector();
    expect(() => detector.observe(-1, 10, 0)).toThrow(RangeError);
    expect(() => detector.observe(1, Number.NaN, 0)).toThrow(RangeError);
    expect(() => detector.observe("1" as never, 10, 0)).toThrow(TypeError);
    for (const atMs of ["1000", new Date(0), 5n]) expect(() => detector.observe(1, 10, atMs as never)).toThrow(/atMs/);
  });

  it("of a time that does not go on leave a reading out", () => {
    const detector = new GrowthDetector();
    for (const atMs of [0, 1000, 1000, 500, Number.NaN, 1009, 2000, 3000, 4000, 4009]) {
      expect(detector.observe(700 + atMs / 20 || 0, 1000, atMs)).toBeUndefined();
    }
    expect(detector.observe(950, 1000, 5000)).toBeDefined();
  });
});
