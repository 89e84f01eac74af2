// Time to the limit and dynamic thresholds. Goal: right for a ramp, unmoved by noise and by one wild sample, silent when there is no
// growth. Method: ramps, plateaus and falls, a second a sample, plain and with seeded noise.
import { describe, expect, it } from "vitest";
import { random } from "../lib/random.js";
import { customSource, PressureGauge } from "../../src/pressure/index.js";
import { feed, gaugeOn, LITERAL } from "./feed.js";
import { normal, uniform } from "./noise.js";

const SECOND = 1000;

describe("the time to the limit", () => {
  it("is what is left divided by the rate, for a steady ramp", () => {
    const { gauge, step } = gaugeOn();
    for (let used = 10; used <= 50; used += 5) step(used);
    expect(gauge.timeToLimit).toBeCloseTo(10 * SECOND);
    step(55);
    expect(gauge.timeToLimit).toBeCloseTo(9 * SECOND);
  });

  it("says nothing before five samples agree", () => {
    const { gauge, step } = gaugeOn();
    for (const used of [10, 20, 30, 40]) {
      step(used);
      expect(gauge.timeToLimit).toBe(Infinity);
    }
    step(50);
    expect(gauge.timeToLimit).toBeCloseTo(5 * SECOND);
  });

  it("is Infinity when nothing grows, 0 at the limit", () => {
    const { gauge, step } = gaugeOn();
    for (const used of [90, 80, 70, 60, 50, 40, 30, 20]) step(used);
    expect(gauge.timeToLimit).toBe(Infinity);
    for (let i = 0; i < 10; i++) step(20);
    expect(gauge.timeToLimit).toBe(Infinity);
    step(100);
    expect(gauge.timeToLimit).toBe(0);
  });

  it("is not moved by one wild sample", () => {
    const { gauge, step } = gaugeOn();
    for (const used of [10, 12, 14, 95, 18, 20, 22, 24]) step(used);
    expect(gauge.timeToLimit).toBeGreaterThan(30 * SECOND);
    expect(gauge.timeToLimit).toBeLessThan(45 * SECOND);
  });

  it("is right within a half for ramps of one point a second under noise of 2 points, nine times of ten", () => {
    const by = random(11);
    let [right, asked] = [0, 0];
    for (let round = 0; round < 40; round++) {
      const { gauge, step } = gaugeOn();
      for (let used = 10; used < 60; used++) {
        step(used + 2 * uniform(by));
        if (used < 18) continue;
        asked++;
        const truth = (100 - used) * SECOND;
        if (gauge.timeToLimit > truth * 0.5 && gauge.timeToLimit < truth * 1.5) right++;
      }
    }
    expect(right / asked).toBeGreaterThan(0.9);
  });

  it("is Infinity for noise around a constant, but for the few windows that chance makes rise", () => {
    const by = random(12);
    const { gauge, step } = gaugeOn();
    let finite = 0;
    for (let i = 0; i < 3600; i++) {
      step(60 + 2 * normal(by));
      if (gauge.timeToLimit < Infinity) finite++;
    }
    expect(finite / 3600).toBeLessThan(0.05);
  });

  it("goes by the source that decides, and by its limit now", () => {
    const [slow, fast] = [feed(), feed()];
    const gauge = new PressureGauge({
      clock: () => slow.now,
      sources: [customSource("slow", () => slow), customSource("fast", () => fast)],
    });
    for (let i = 0; i < 8; i++) {
      slow.now += SECOND;
      slow.used = 60 + i;
      fast.used = 10 + i * 5;
      gauge.sample();
    }
    expect([gauge.source, gauge.timeToLimit]).toEqual(["slow", expect.closeTo(33 * SECOND)]);
    slow.limit = 200;
    gauge.sample();
    expect(gauge.source).toBe("fast");
    expect(gauge.timeToLimit).toBeLessThan(33 * SECOND);
  });

  it("stands still with a clock that stands still or goes back", () => {
    const { gauge, of, step } = gaugeOn({ clock: () => 0 });
    for (let i = 0; i < 10; i++) step(i * 5);
    expect(gauge.timeToLimit).toBe(Infinity);
    const back = gaugeOn();
    for (let i = 0; i < 10; i++) {
      back.step(i * 5);
      back.of.now -= 2 * SECOND;
    }
    expect(back.gauge.timeToLimit).toBe(Infinity);
    expect(of.used).toBe(45);
  });

  it("knows growth that is only pushed, as of the samples between", () => {
    const { gauge, of } = gaugeOn({ sources: [] });
    for (let i = 0; i < 8; i++) {
      of.now += SECOND;
      gauge.observe(0.1 + i * 0.05);
      gauge.sample();
    }
    expect(gauge.timeToLimit).toBeCloseTo(11 * SECOND);
  });
});

describe("T39: dynamic thresholds", () => {
  const ramp = (perSecond: number, from: number, samples: number): number[] =>
    Array.from({ length: samples }, (_, i) => from + perSecond * i);

  it("are off unless asked for", () => {
    const { gauge, step } = gaugeOn();
    for (const used of ramp(1, 40, 8)) step(used);
    expect(gauge.shift).toBe(0);
  });

  it("meet growth earlier, by what grows in the time that a reaction takes", () => {
    const { gauge, step } = gaugeOn({ reactionMs: 4000 });
    for (const used of ramp(1, 48, 8)) step(used);
    expect(gauge.shift).toBeCloseTo(0.04);
    expect([gauge.pressure, gauge.level]).toEqual([0.55, "none"]);
    expect(step(56)).toBe("low");
    expect(gaugeOn().step(56)).toBe("none");
  });

  it("move by 10 points at most, in either direction", () => {
    const { gauge, step } = gaugeOn({ reactionMs: 60_000, ...LITERAL });
    for (const used of ramp(2, 20, 8)) step(used);
    expect(gauge.shift).toBe(0.1);
    expect(gauge.level).toBe("none");
    for (const used of ramp(2, 36, 8)) step(used);
    expect([gauge.pressure, gauge.level]).toEqual([0.5, "low"]);
    for (const used of ramp(-2, 64, 8)) step(used);
    expect(gauge.shift).toBe(-0.1);
    expect([gauge.pressure, gauge.level]).toEqual([0.5, "none"]);
  });

  it("leave what falls earlier, but never at the limit itself", () => {
    const { gauge, step } = gaugeOn({ reactionMs: 60_000, ...LITERAL });
    for (const used of ramp(-1, 108, 8)) step(used);
    expect([gauge.shift, gauge.pressure, gauge.level]).toEqual([-0.1, 1.01, "critical"]);
    expect(step(100)).toBe("critical");
    expect(step(99)).toBe("moderate");
  });

  it("do not move where growth does not stand out from noise", () => {
    const by = random(13);
    const { gauge, step } = gaugeOn({ reactionMs: 5000 });
    let moved = 0;
    for (let i = 0; i < 3600; i++) {
      step(50 + 2 * uniform(by));
      if (gauge.shift !== 0) moved++;
    }
    expect(moved / 3600).toBeLessThan(0.1);
  });
});
