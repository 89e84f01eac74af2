// Admission. Goal: refuses all, none, or the right share, by what is true at the moment of the question. Method: exact chances, seeded
// draws, and a monitor whose thread is blocked.
import { describe, expect, it } from "vitest";
import { Admission } from "../../src/flow/admission.js";
import type { SampledGauge } from "../../src/flow/reading.js";
import { Monitor } from "../../src/monitor/monitor.js";
import { random } from "../lib/random.js";
import { SampledAdmission } from "./mutants.js";
import { FakeTime } from "./time.js";

const draws = (seed: number): (() => number) => {
  const by = random(seed);
  return () => by.next() / 2 ** 32;
};

function share(pressure: number): number {
  const admission = new Admission({ pressure: () => pressure, random: draws(11) });
  let admitted = 0;
  for (let i = 0; i < 20_000; i++) admitted += +admission.admit();
  return admitted / 20_000;
}

describe("the chance of a refusal", () => {
  it("is 0 up to the soft mark, (p − soft) ÷ (hard − soft) between the marks, 1 from the hard mark on", () => {
    for (const [pressure, refused] of [
      [0, 0],
      [0.7999, 0],
      [0.8, 0],
      [0.8375, 0.25],
      [0.875, 0.5],
      [0.9125, 0.75],
      [0.95, 1],
      [1, 1],
      [7, 1],
      [Infinity, 1],
    ] as const) {
      expect(share(pressure)).toBeCloseTo(1 - refused, 1);
    }
    expect([share(0.8), share(0.95)]).toEqual([1, 0]);
  });

  it("is compared with one draw, and none is made where there is no chance", () => {
    const drawn: number[] = [];
    let pressure = 0.5;
    const answers = [0.4999, 0.5];
    const admission = new Admission({
      pressure: () => pressure,
      soft: 0.5,
      hard: 1,
      random: () => (drawn.push(pressure), answers.shift()!),
    });
    expect(admission.admit()).toBe(true);
    pressure = 1;
    expect(admission.admit()).toBe(false);
    pressure = 0.75;
    expect(admission.admit()).toBe(false);
    expect(admission.admit()).toBe(true);
    expect(drawn).toEqual([0.75, 0.75]);
    expect(admission.stats()).toMatchObject({ admitted: 2, refused: { paused: 0, hard: 1, soft: 1 }, pressure: 0.75 });
  });
});

describe("pause", () => {
  it("refuses everything until everybody who paused has resumed", () => {
    const admission = new Admission({ pressure: () => 0 });
    admission.pause("growth");
    admission.pause("growth");
    admission.pause();
    expect(admission.resume("growth")).toBe(true);
    expect([admission.paused, admission.admit()]).toEqual([true, false]);
    expect(admission.stats().pausedBy).toEqual(["caller"]);
    expect(admission.resume()).toBe(true);
    expect(admission.resume()).toBe(false);
    expect([admission.paused, admission.admit()]).toEqual([false, true]);
    expect(admission.stats()).toMatchObject({ admitted: 1, refused: { paused: 1 }, pausedBy: [] });
  });
});

describe("the reading", () => {
  it("is taken anew for each answer, from a gauge or a function", () => {
    const gauge = { pressure: 0.1 };
    const admission = new Admission({ pressure: gauge });
    expect(admission.admit()).toBe(true);
    gauge.pressure = 0.96;
    expect(admission.admit()).toBe(false);
    gauge.pressure = 0.2;
    expect(admission.admit()).toBe(true);
  });

  it("that fails leaves the last good one standing, and is counted", () => {
    let read = (): number => Number.NaN;
    const admission = new Admission({ pressure: () => read() });
    expect(admission.admit()).toBe(true);
    read = () => 0.99;
    expect(admission.admit()).toBe(false);
    for (const failing of [
      () => Number.NaN,
      () => undefined as never,
      () => {
        throw new Error("no meter");
      },
    ]) {
      read = failing;
      expect(admission.admit()).toBe(false);
    }
    read = () => 0.1;
    expect(admission.admit()).toBe(true);
    expect(admission.stats()).toMatchObject({ failedReadings: 4, pressure: 0.1, refused: { hard: 4 } });
  });
});

describe("a blocked loop", () => {
  /** The assertion: a budget fills within one turn of the loop, in which no monitor gets to look; from the hard mark on nothing is admitted. */
  function expectNoneOverTheMark(admit: () => boolean, budget: { used: number }): void {
    let over = 0;
    for (; budget.used < 1000; budget.used += 10) over += +(admit() && budget.used >= 950);
    expect(over).toBe(0);
  }

  const monitored = (budget: { used: number }): { monitor: Monitor; time: FakeTime } => {
    const time = new FakeTime();
    const { clock, timers } = time;
    const monitor = new Monitor({ clock, timers, wallClock: clock, observeGc: () => undefined });
    const gauge: { -readonly [key in keyof SampledGauge]: SampledGauge[key] } = {
      pressure: 0,
      level: "none",
      sample: () => (gauge.pressure = budget.used / 1000),
    };
    monitor.addGauge("budget", gauge);
    monitor.start();
    time.advance(100);
    return { monitor, time };
  };

  it("D36: does not make it answer from the past: it reads the exact budget, not the last sample", () => {
    const budget = { used: 0 };
    monitored(budget);
    const admission = new Admission({ pressure: () => budget.used / 1000 });
    expectNoneOverTheMark(() => admission.admit(), budget);
  });

  it("D36: an admission by the last sample takes on everything while the monitor starves", () => {
    const budget = { used: 0 };
    const { monitor } = monitored(budget);
    const admission = new SampledAdmission();
    monitor.on("sample", ({ pressure }) => admission.sampled(pressure!));
    expect(() => expectNoneOverTheMark(() => admission.admit(), budget)).toThrow();
  });
});

describe("wrong arguments", () => {
  const zero = (): number => 0;

  it.each([
    ["nothing", undefined, TypeError],
    ["no pressure", { soft: 0.5 }, TypeError],
    ["a pressure that is a number", { pressure: 0.5 }, TypeError],
    ["null", { pressure: null }, TypeError],
    ["an object without a pressure", { pressure: { usagePercent: 5 } }, TypeError],
    ["soft above hard", { pressure: zero, soft: 0.9, hard: 0.8 }, RangeError],
    ["soft at hard", { pressure: zero, soft: 0.9, hard: 0.9 }, RangeError],
    ["a negative mark", { pressure: zero, soft: -0.1 }, RangeError],
    ["a mark that is a text", { pressure: zero, soft: "80%" }, TypeError],
    ["an unknown option", { pressure: zero, sotf: 1 }, TypeError],
  ])("to the constructor: %s", (_, options, kind) => {
    expect(() => new Admission(options as never)).toThrow(kind);
  });

  it("to pause and resume", () => {
    const admission = new Admission({ pressure: zero });
    expect(() => admission.pause("")).toThrow(TypeError);
    expect(() => admission.resume(5 as never)).toThrow(TypeError);
  });
});
