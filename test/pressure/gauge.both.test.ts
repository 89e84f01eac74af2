// The gauge: what it knows, what it says when it does not know, what it does at once. Method: sources and a clock turned by hand.
import { describe, expect, it, vi } from "vitest";
import {
  customSource,
  PressureGauge,
  type PressureGaugeOptions,
  type PressureSource,
  type SourceReading,
} from "../../src/pressure/index.js";
import { feed, gaugeOn, LITERAL, steps } from "./feed.js";

/** A source that says what `says.now` holds, or throws it. */
function saying(name: string, first: unknown): { source: PressureSource; says: { now: unknown } } {
  const says = { now: first };
  const read = (): SourceReading | null => {
    if (says.now instanceof Error) throw says.now;
    return says.now as SourceReading;
  };
  return { source: customSource(name, read), says };
}

const of = (used: number, limit = 100): SourceReading => ({ used, limit });

describe("a gauge", () => {
  it("knows nothing before it has read anything, and says so", () => {
    const { gauge } = gaugeOn();
    expect(gauge.pressure).toBeNaN();
    expect(gauge.stale).toBe(true);
    expect([gauge.level, gauge.source, gauge.timeToLimit, gauge.scaled(0, 1)]).toEqual(["none", null, Infinity, 0]);
  });

  it("reads every source once a sample and answers the level", () => {
    const read = vi.fn(() => of(85));
    const gauge = new PressureGauge({ sources: [customSource("a", read)] });
    expect(gauge.sample()).toBe("moderate");
    expect(read).toHaveBeenCalledTimes(1);
    expect([gauge.pressure, gauge.source, gauge.stale, gauge.ordinal]).toEqual([0.85, "a", false, 2]);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("says by how much more than all is used", () => {
    const { gauge, step } = gaugeOn();
    expect(step(150)).toBe("critical");
    expect(gauge.pressure).toBe(1.5);
  });

  it("goes by the fullest of its sources and names it", () => {
    const [a, b] = [saying("a", of(10)), saying("b", of(600, 1000))];
    const gauge = new PressureGauge({ sources: [a.source, b.source] });
    expect([gauge.sample(), gauge.source, gauge.pressure]).toEqual(["low", "b", 0.6]);
    a.says.now = of(97);
    expect([gauge.sample(), gauge.source, gauge.pressure]).toEqual(["high", "a", 0.97]);
  });

  it("combines them as it is told", () => {
    const [a, b] = [saying("a", of(20)), saying("b", of(60))];
    const combine = vi.fn((readings: readonly { pressure: number }[]) =>
      readings.reduce((sum, { pressure }) => sum + pressure, 0),
    );
    const gauge = new PressureGauge({ sources: [a.source, b.source], combine });
    expect(gauge.sample()).toBe("moderate");
    expect(gauge.pressure).toBeCloseTo(0.8);
    expect(gauge.source).toBe("b");
    expect(combine).toHaveBeenLastCalledWith([
      { name: "a", used: 20, limit: 100, pressure: 0.2 },
      { name: "b", used: 60, limit: 100, pressure: 0.6 },
    ]);
    b.says.now = null;
    gauge.sample();
    expect(combine.mock.lastCall![0]).toHaveLength(1);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no sum");
      },
    ],
    ["says NaN", () => Number.NaN],
    ["says less than nothing", () => -1],
    ["says nothing", () => undefined as unknown as number],
  ])("goes by the fullest when the combination %s, and tells", (_, combine) => {
    const onError = vi.fn();
    const { gauge, step } = gaugeOn({ combine, onError });
    expect(step(97)).toBe("high");
    expect(gauge.pressure).toBe(0.97);
    expect(onError).toHaveBeenCalledTimes(1);
  });

  it("answers from what it knows when a source asks it while it is read", () => {
    const gauge: PressureGauge = new PressureGauge({
      sources: [customSource("a", () => (gauge.sample() === "none" ? of(99) : of(0)))],
    });
    expect(gauge.sample()).toBe("critical");
  });

  it("closes its sources once, reports those that cannot, and knows nothing afterwards", () => {
    const [onError, close] = [vi.fn(), vi.fn()];
    const failing = customSource(
      "failing",
      () => of(1),
      () => {
        throw new Error("stuck");
      },
    );
    const gauge = new PressureGauge({ sources: [failing, customSource("a", () => of(99), close)], onError });
    gauge.sample();
    {
      using closing = gauge;
      expect(closing.stale).toBe(false);
    }
    gauge.close();
    expect([close.mock.calls.length, onError.mock.calls.length]).toEqual([1, 1]);
    expect([gauge.sample(), gauge.observe(0.1, "a"), gauge.stale]).toEqual(["critical", "critical", true]);
  });
});

describe("a pressure that is pushed", () => {
  it("raises the level in the call itself, and a lower one waits for samples", () => {
    const { gauge, of, events, step } = gaugeOn();
    step(50);
    of.used = 98;
    expect(gauge.observe(0.98, "budget")).toBe("critical");
    expect([gauge.pressure, gauge.source, events[0]!.to]).toEqual([0.98, "budget", "critical"]);
    for (let i = 0; i < 10; i++) expect(gauge.observe(0, "budget")).toBe("critical");
    expect(gauge.pressure).toBe(0);
    expect([0, 0, 0].map(step)).toEqual(["critical", "critical", "none"]);
  });

  it("begins the dwell anew when it lies above the gap", () => {
    const { gauge, step } = gaugeOn();
    step(98);
    step(50);
    step(50);
    gauge.observe(0.95, "budget");
    expect([50, 50, 50].map(step)).toEqual(["critical", "critical", "none"]);
  });

  it("gives way to what the source says when it is read next", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    gauge.observe(0.99, "budget");
    expect(step(10)).toBe("none");
    expect(gauge.pressure).toBe(0.1);
  });

  it("needs no source to be read, and ends when it is too old", () => {
    const { gauge, of } = gaugeOn({ sources: [], staleAfterMs: 10_000, ...LITERAL });
    expect(gauge.observe(0.96)).toBe("high");
    expect(gauge.source).toBe("observed");
    of.now = 10_000;
    expect([gauge.sample(), gauge.stale]).toEqual(["high", false]);
    of.now = 10_001;
    expect([gauge.sample(), gauge.stale]).toEqual(["high", true]);
    expect(gauge.observe(0.1)).toBe("high");
    expect(gauge.sample()).toBe("none");
  });

  it("is refused from a source that the gauge does not have", () => {
    const { gauge } = gaugeOn();
    expect(() => gauge.observe(0.5, "bugdet")).toThrow(/"bugdet" is no source of this gauge; there are "budget"/);
    expect(() => new PressureGauge().observe(0.5, "x")).toThrow(/there are none/);
  });

  it("makes its source stale when it is no pressure, and throws nothing into the allocation", () => {
    const { gauge, step } = gaugeOn();
    step(97);
    for (const wrong of [Number.NaN, -0.1, "0.5", undefined, null, {}]) {
      expect(gauge.observe(wrong as number, "budget")).toBe("high");
      expect(gauge.stale).toBe(true);
    }
    expect(gauge.sources[0]!.failures).toBe(6);
  });
});

describe("scaled", () => {
  it("is 0 up to the one pressure, 1 from the other on, and linear between", () => {
    const { gauge, step } = gaugeOn();
    const at = (used: number): number => {
      step(used);
      return gauge.scaled(0.8, 0.9);
    };
    expect([0, 79, 80, 90, 91, 500].map(at)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(at(85)).toBeCloseTo(0.5);
    expect(at(82.5)).toBeCloseTo(0.25);
  });

  it("never leaves 0 to 1 and never falls while the pressure rises", () => {
    const { gauge, step } = gaugeOn();
    let last = 0;
    for (let used = 0; used <= 300; used += 0.5) {
      step(used);
      const now = gauge.scaled(0.33, 0.77);
      expect(now).toBeGreaterThanOrEqual(last);
      expect(now).toBeLessThanOrEqual(1);
      last = now;
    }
  });

  it("refuses a range that is none", () => {
    const { gauge } = gaugeOn();
    for (const [from, to] of [
      [0.9, 0.8],
      [0.8, 0.8],
      [-1, 1],
      [0, Infinity],
      [Number.NaN, 1],
      [0, Number.NaN],
    ] as const)
      expect(() => gauge.scaled(from, to)).toThrow(RangeError);
    expect(() => gauge.scaled("0" as unknown as number, 1)).toThrow(TypeError);
  });
});

describe("D33: a source that fails", () => {
  it.each([
    ["throws", new Error("gone")],
    ["says null", null],
    ["says nothing", undefined],
    ["says NaN used", of(Number.NaN)],
    ["says NaN limit", of(1, Number.NaN)],
    ["says a negative use", of(-1)],
    ["says a negative limit", of(1, -1)],
    ["says endless use", of(Infinity)],
    ["says texts", { used: "1", limit: "100" }],
    ["says a promise", Promise.resolve(of(1))],
    ["says a number", 5],
  ])("is left out and counted when it %s: the others decide", (_, said) => {
    const [a, b] = [saying("a", of(99)), saying("b", of(50))];
    const gauge = new PressureGauge({ sources: [a.source, b.source], ...LITERAL });
    expect(gauge.sample()).toBe("critical");
    a.says.now = said;
    expect([gauge.sample(), gauge.source, gauge.stale]).toEqual(["none", "b", false]);
    const [stateA, stateB] = gauge.sources;
    expect(stateA).toMatchObject({ name: "a", stale: true, failures: 1, pressure: 0.99 });
    expect(stateA!.error).toBeDefined();
    expect(stateB).toMatchObject({ name: "b", stale: false, failures: 0, error: undefined });
    a.says.now = of(99);
    expect(gauge.sample()).toBe("critical");
    expect(gauge.sources[0]).toMatchObject({ stale: false, failures: 1, error: undefined });
  });

  it("never reads as healthy: when nothing is known the level stays and the gauge says that it is stale", () => {
    const { source, says } = saying("a", of(99));
    const gauge = new PressureGauge({ sources: [source], ...LITERAL });
    const events = vi.fn();
    gauge.on("level", events);
    gauge.sample();
    says.now = new Error("gone");
    for (let i = 0; i < 100; i++) expect(gauge.sample()).toBe("critical");
    expect([gauge.stale, gauge.pressure]).toEqual([true, 0.99]);
    expect(gauge.scaled(0.9, 1)).toBeCloseTo(0.9);
    expect(events).toHaveBeenCalledTimes(1);
    expect(gauge.sources[0]!.failures).toBe(100);
    says.now = of(0);
    expect([gauge.sample(), gauge.stale]).toEqual(["none", false]);
  });

  it("does not let a level fall by samples that knew nothing", () => {
    const { source, says } = saying("a", of(99));
    const gauge = new PressureGauge({ sources: [source] });
    gauge.sample();
    says.now = of(0);
    gauge.sample();
    gauge.sample();
    says.now = null;
    for (let i = 0; i < 10; i++) expect(gauge.sample()).toBe("critical");
    says.now = of(0);
    expect(gauge.sample()).toBe("none");
  });

  it("by telling nothing new is stale from `staleAfterMs` on", () => {
    const { gauge, of, step } = gaugeOn({ staleAfterMs: 5000 });
    step(10);
    of.now += 5000;
    expect(gauge.stale).toBe(false);
    of.now += 1;
    expect(gauge.stale).toBe(true);
    expect(gauge.sources[0]!.stale).toBe(true);
    step(10);
    expect(gauge.stale).toBe(false);
  });

  it("is never stale by age when told so, nor when a clock goes back", () => {
    const { gauge, of, step } = gaugeOn({ staleAfterMs: Infinity });
    step(10);
    of.now = 1e15;
    expect(gauge.stale).toBe(false);
    const backwards = gaugeOn();
    backwards.of.now = 1e6;
    backwards.step(10);
    backwards.of.now = 0;
    expect(backwards.gauge.stale).toBe(false);
    expect(backwards.step(99)).toBe("critical");
  });
});

describe("D36: a loop that is blocked", () => {
  it("does not hide a budget's crossing: the push is seen while nobody samples", () => {
    const { gauge, of, step, events } = gaugeOn();
    step(10);
    of.now += 3_600_000;
    expect(gauge.stale).toBe(true);
    expect(gauge.observe(0.98, "budget")).toBe("critical");
    expect([gauge.stale, events[0]!.at]).toEqual([false, of.now]);
  });
});

describe("D49: a limit that is lowered below what is used", () => {
  it("is critical at the next sample, and nothing is negative", () => {
    const { gauge, of, step } = gaugeOn();
    step(50);
    of.limit = 25;
    expect(step(50)).toBe("critical");
    expect([gauge.pressure, gauge.timeToLimit, gauge.scaled(0.8, 1)]).toEqual([2, 0, 1]);
    expect([20, 20, 20].map(step).at(-1)).toBe("moderate");
    expect(gauge.pressure).toBe(0.8);
  });

  it("to 0 is critical while something is used, and nothing when nothing is (G09)", () => {
    const { gauge, of, step } = gaugeOn({ ...LITERAL });
    of.limit = 0;
    expect([step(1), gauge.pressure, gauge.timeToLimit]).toEqual(["critical", Infinity, 0]);
    expect([step(0), gauge.pressure, gauge.timeToLimit]).toEqual(["none", 0, Infinity]);
  });

  it("and one that is taken away is no pressure", () => {
    const { gauge, of, step } = gaugeOn({ ...LITERAL });
    of.limit = Infinity;
    expect([step(2 ** 52), gauge.pressure, gauge.timeToLimit, gauge.stale]).toEqual(["none", 0, Infinity, false]);
  });
});

describe("D50: numbers near 2^53", () => {
  it("meet their entries exactly", () => {
    const limit = Number.MAX_SAFE_INTEGER;
    const { gauge, step } = gaugeOn({ ...LITERAL }, feed(limit));
    expect(step(limit - 1)).toBe("critical");
    expect(gauge.pressure).toBeLessThan(1);
    expect([step(limit), gauge.pressure]).toEqual(["critical", 1]);
    expect([step(2 ** 51 * 1.2), gauge.pressure]).toEqual(["none", expect.closeTo(0.3)]);
    expect(step(0)).toBe("none");
  });

  it("of any size and kind, also floats, give a pressure and never a throw", () => {
    const { gauge, of, step } = gaugeOn();
    for (const limit of [0.5, 1, 1e-300, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 1e300]) {
      for (const share of [0, 0.25, 0.5, 1, 3]) {
        of.limit = limit;
        step(limit * share);
        expect(gauge.pressure).toBe(share);
        expect(gauge.timeToLimit).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

describe("a gauge's options", () => {
  const source = customSource("a", () => null);
  it.each<[string, unknown, unknown, RegExp]>([
    ["no object", 5, TypeError, /5/],
    ["a misspelt one", { histeresis: 0.05 }, TypeError, /"histeresis"/],
    ["preset and bands", { preset: "cache", bands: [{ enter: 0.5, level: "high" }] }, TypeError, /not both/],
    ["a negative gap", { hysteresis: -0.1 }, RangeError, /-0\.1/],
    ["a gap in percent", { hysteresis: 5 }, RangeError, /5/],
    ["a gap that no level can be left by", { hysteresis: 0.6 }, RangeError, /never left/],
    ["no gap", { hysteresis: Number.NaN }, RangeError, /NaN/],
    ["no dwell", { dwell: 0 }, RangeError, /dwell/],
    ["half a sample", { dwell: 1.5 }, RangeError, /1\.5/],
    ["a text for a number", { dwell: "3" }, TypeError, /"3"/],
    ["no sources", { sources: source }, TypeError, /array/],
    ["a source that is none", { sources: [{ name: "a" }] }, TypeError, /sources\[0\]/],
    ["null for a source", { sources: [null] }, TypeError, /null/],
    ["two sources of one name", { sources: [source, source] }, RangeError, /two named "a"/],
    ["a combination that is none", { combine: "min" }, TypeError, /"max".*"min"/],
    ["a clock that is none", { clock: 5 }, TypeError, /clock.*5/],
    ["an error handler that is none", { onError: true }, TypeError, /onError.*true/],
    ["no time to be stale after", { staleAfterMs: 0 }, RangeError, /0/],
    ["a negative reaction", { reactionMs: -1 }, RangeError, /-1/],
    ["an endless reaction", { reactionMs: Infinity }, RangeError, /Infinity/],
    ["a reaction that is no number", { reactionMs: "5s" }, TypeError, /"5s"/],
  ])("are refused: %s", (_, options, error, text) => {
    const make = (): unknown => new PressureGauge(options as PressureGaugeOptions);
    expect(make).toThrow(error as typeof Error);
    expect(make).toThrow(text);
  });

  it("that say what is so anyway change nothing", () => {
    const told = gaugeOn({ preset: "stream", combine: "max", hysteresis: 0.05, dwell: 3, staleAfterMs: 60_000 });
    const untold = gaugeOn();
    const trace = [0, 60, 56, 54, 54, 54, 99, 94, 92, 92, 92, 10, 10, 10];
    expect(trace.map(told.step)).toEqual(trace.map(untold.step));
    expect(steps(told.events)).toEqual(steps(untold.events));
  });

  it("need not be given: the clock is the time of day, and never goes back", () => {
    const gauge = new PressureGauge();
    gauge.observe(0.5);
    const [state] = gauge.sources;
    expect(Math.abs(state!.at - Date.now())).toBeLessThan(60_000);
  });
});
