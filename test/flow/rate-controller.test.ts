// RateController. Goal: a rate that finds what the memory can take and stays there, in its bounds, whatever it is told. Method: single
// steps against the rule, and a simulated queue as the plant.
import { describe, expect, it } from "vitest";
import { RateController } from "../../src/flow/rate-controller.js";
import { Throttle } from "../../src/flow/throttle.js";
import { random } from "../lib/random.js";
import { FakeTime } from "./time.js";

const RULE = { min: 100, max: 1000, target: 0.5, history: 1 } as const;

describe("one reading", () => {
  it.each([
    ["below the dead band adds a fixed step", 0.44, 450],
    ["at its lower edge changes nothing", 0.45, 400],
    ["at the target changes nothing", 0.5, 400],
    ["at its upper edge changes nothing", 0.55, 400],
    ["above it multiplies with the ratio", 0.56, 280],
    ["at dropAt multiplies twice", 0.9, 196],
    ["far over the limit multiplies twice", 50, 196],
    ["that is no number changes nothing", Number.NaN, 400],
  ])("%s (M48)", (_, pressure, rate) => {
    const controller = new RateController({ ...RULE, initial: 400 });
    expect(controller.update(pressure)).toBeCloseTo(rate, 9);
    expect(controller.rate).toBeCloseTo(rate, 9);
  });

  it("keeps the rate from min to max", () => {
    const controller = new RateController(RULE);
    expect(controller.rate).toBe(1000);
    for (let i = 0; i < 50; i++) controller.update(1);
    expect(controller.rate).toBe(100);
    for (let i = 0; i < 50; i++) controller.update(0);
    expect(controller.rate).toBe(1000);
    expect(controller.stats()).toMatchObject({ increases: 18, pressure: 0, failedReadings: 0 });
  });

  it("counts 0.7 when it is far from the history, else the history counts, the later the heavier", () => {
    const controller = new RateController({ ...RULE, history: 3, initial: 500 });
    for (const pressure of [0.4, 0.4, 0.4]) controller.update(pressure);
    expect(controller.rate).toBe(650);
    expect(controller.update(0.46)).toBe(700);
    expect(controller.stats().smoothedPressure).toBeCloseTo((0.4 + 2 * 0.4 + 3 * 0.46) / 6, 12);
    // 0.7 × 1 + 0.3 × 0.72, the history with it: above dropAt.
    expect(controller.update(1)).toBeCloseTo(700 * 0.7 ** 2, 9);
  });

  it("says from dropAt on that whole units of work should be dropped", () => {
    const controller = new RateController(RULE);
    expect(controller.shouldDrop).toBe(false);
    controller.update(0.89);
    expect(controller.shouldDrop).toBe(false);
    controller.update(0.9);
    expect(controller.shouldDrop).toBe(true);
    controller.update(Number.NaN);
    expect(controller.shouldDrop).toBe(true);
    controller.update(0.2);
    expect(controller.shouldDrop).toBe(false);
  });
});

describe("apply", () => {
  it("is called with each new rate, such as a throttle's", () => {
    const { clock, timers } = new FakeTime();
    const throttle = new Throttle({ rate: 1000, clock, timers });
    const controller = new RateController({ ...RULE, apply: (rate) => throttle.setRate(rate) });
    controller.update(0.9);
    expect(throttle.rate).toBeCloseTo(490, 9);
    controller.update(0.5);
    expect(throttle.rate).toBe(controller.rate);
  });

  it("that throws reaches the caller, and the rate stays what was applied", () => {
    const applied: number[] = [];
    let isFailing = true;
    const apply = (rate: number): void => {
      if (isFailing) throw new Error("closed");
      applied.push(rate);
    };
    const controller = new RateController({ ...RULE, apply });
    expect(() => controller.update(0.6)).toThrow("closed");
    expect(controller.rate).toBe(1000);
    isFailing = false;
    controller.update(0.6);
    expect(applied).toEqual([700]);
    expect(controller.stats().decreases).toBe(1);
  });
});

describe("in a loop with a queue", () => {
  it("finds what the consumer takes, keeps the queue off its limit, and follows when it changes", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const by = random(seed);
      const controller = new RateController({ min: 10, max: 2000, target: 0.5, increase: 0.01, decrease: 0.8 });
      let queued = 0;
      let lost = 0;
      let taken = 0;
      let wanted = 0;
      for (let step = 0; step < 6000; step++) {
        const capacity = (step < 3000 ? 800 : 300) * (0.8 + (0.4 * by.next()) / 2 ** 32);
        const come = controller.rate * 0.1;
        lost += Math.max(0, queued + come - 1000);
        queued = Math.min(1000, queued + come);
        const gone = Math.min(queued, capacity * 0.1);
        queued -= gone;
        if (step > 500) {
          taken += gone;
          wanted += capacity * 0.1;
        }
        controller.update(queued / 1000);
      }
      expect(taken / wanted).toBeGreaterThan(0.9);
      expect(lost / taken).toBeLessThan(0.01);
    }
  });
});

describe("wrong arguments", () => {
  it.each([
    ["nothing", undefined, TypeError],
    ["no max", { min: 1 }, TypeError],
    ["min above max", { min: 2, max: 1 }, RangeError],
    ["a min of 0", { min: 0, max: 1 }, RangeError],
    ["a beginning outside", { min: 1, max: 2, initial: 3 }, RangeError],
    ["a target of 0", { ...RULE, target: 0 }, RangeError],
    ["a target in percent", { ...RULE, target: 70 }, RangeError],
    ["a decrease that is none", { ...RULE, decrease: 1 }, RangeError],
    ["a decrease to nothing", { ...RULE, decrease: 0 }, RangeError],
    ["no increase", { ...RULE, increase: 0 }, RangeError],
    ["no history", { ...RULE, history: 0 }, RangeError],
    ["an apply that is none", { ...RULE, apply: 5 }, TypeError],
    ["an unknown option", { ...RULE, targte: 0.5 }, TypeError],
  ])("%s", (_, options, kind) => {
    expect(() => new RateController(options as never)).toThrow(kind);
  });
});
