// AdaptiveSizes. Goal: sizes follow the level by the table, live ones too, and one that cannot be resized disturbs nobody. Method: a gauge
// that the test sets.
import { describe, expect, it } from "vitest";
import { AdaptiveSizes, TRANSPORT_FACTORS } from "../../src/flow/adaptive.js";
import { LEVELS, type Level } from "../../src/flow/reading.js";
import { FakeGauge } from "./gauge.js";
import { settled } from "./time.js";

const made = (options?: ConstructorParameters<typeof AdaptiveSizes>[1]) => {
  const gauge = new FakeGauge();
  return { gauge, sizes: new AdaptiveSizes(gauge, options) };
};

/** A buffer that remembers what it was given. */
const buffer = (base: number, min?: number) => {
  const given: number[] = [];
  return { given, options: { base, ...(min !== undefined && { min }), resize: (n: number) => void given.push(n) } };
};

describe("size", () => {
  it("is 100, 100, 75, 50, 25 % of the base by level, and 75 % from low on with the transport's factors (T05)", () => {
    const table = (options?: ConstructorParameters<typeof AdaptiveSizes>[1]): number[] => {
      const { gauge, sizes } = made(options);
      return LEVELS.map((level) => ((gauge.level = level), sizes.size("event_buffer", 1000)));
    };
    expect(table()).toEqual([1000, 1000, 750, 500, 250]);
    expect(table({ factors: TRANSPORT_FACTORS })).toEqual([1000, 750, 750, 500, 250]);
  });

  it("is whole, and never below min, nor 0", () => {
    const { gauge, sizes } = made();
    gauge.level = "critical";
    expect(sizes.size("a", 1001)).toBe(250);
    expect(sizes.size("a", 3)).toBe(1);
    expect(sizes.size("a", 1000, { min: 400 })).toBe(400);
    expect(sizes.size("a", 1000, { min: 1000 })).toBe(1000);
  });

  it("follows the gauge's own factor, where it has one that can be and no other was asked for", () => {
    const { gauge, sizes } = made();
    const other = new AdaptiveSizes(gauge, { factors: TRANSPORT_FACTORS });
    gauge.level = "low";
    gauge.factor = 0.6;
    expect([sizes.size("a", 1000), other.size("a", 1000)]).toEqual([600, 750]);
    for (const none of [Number.NaN, 2, -1]) {
      gauge.factor = none;
      expect(sizes.size("a", 1000)).toBe(1000);
    }
  });

  it("may follow factors of its own by key", () => {
    const { gauge, sizes } = made({ overrides: { "render-queue": { critical: 1 } } });
    gauge.level = "critical";
    expect([sizes.size("render-queue", 100), sizes.size("other", 100)]).toEqual([100, 25]);
    gauge.level = "high";
    expect(sizes.size("render-queue", 100)).toBe(50);
  });
});

describe("what is registered", () => {
  it("is resized when a change of level changes its size, and only then", () => {
    const { gauge, sizes } = made();
    const { given, options } = buffer(1000, 300);
    sizes.register("events", options);
    expect(given).toEqual([]);
    for (const level of ["low", "moderate", "high", "critical", "high", "none", "none"] as const) gauge.become(level);
    expect(given).toEqual([750, 500, 300, 500, 1000]);
    expect(sizes.stats()).toMatchObject({ level: "none", sizes: { events: 1000 }, resizes: 5, failures: 0 });
  });

  it("gets the size of the present level at once", () => {
    const { gauge, sizes } = made();
    gauge.level = "high";
    const { given, options } = buffer(1000);
    sizes.register("events", options);
    expect(given).toEqual([500]);
  });

  it("is let alone once it is taken out, and the key is free again", () => {
    const { gauge, sizes } = made();
    const first = buffer(1000);
    const second = buffer(100);
    const takeOut = sizes.register("events", first.options);
    expect(() => sizes.register("events", second.options)).toThrow(/"events"/);
    takeOut();
    sizes.register("events", second.options);
    takeOut();
    gauge.become("critical");
    expect([first.given, second.given]).toEqual([[], [25]]);
  });

  it("that fails, at once or later, stops no other, and is tried again at the next change", async () => {
    const { gauge, sizes } = made();
    const error = new Error("cannot shrink");
    const tried: number[] = [];
    let isFailing = true;
    const sync = (n: number): void => {
      tried.push(n);
      if (isFailing) throw error;
    };
    sizes.register("sync", { base: 8, resize: sync });
    sizes.register("async", { base: 4, resize: async (n) => sync(n) });
    const { given, options } = buffer(1000);
    sizes.register("good", options);
    gauge.become("high");
    await settled();
    expect([tried, given]).toEqual([[4, 2], [500]]);
    expect(sizes.stats()).toMatchObject({ failures: 2, lastError: error, sizes: { sync: 0, async: 0, good: 500 } });
    isFailing = false;
    gauge.become("high");
    await settled();
    expect([tried, given]).toEqual([[4, 2, 4, 2], [500]]);
    expect(sizes.stats().sizes).toEqual({ sync: 4, async: 2, good: 500 });
  });

  it("ends up with the size of the level that is, when a resize changes the level from within (D38)", () => {
    const { gauge, sizes } = made();
    const last = buffer(1000);
    sizes.register("frees much", { base: 1000, resize: (n) => void (n === 250 && gauge.become("low")) });
    sizes.register("last", last.options);
    gauge.become("critical");
    expect(sizes.stats().sizes).toEqual({ "frees much": 1000, last: 1000 });
    expect(last.given).toEqual([]);
  });

  it("may take itself and others out while it is resized", () => {
    const { gauge, sizes } = made();
    const out: (() => void)[] = [];
    const given: string[] = [];
    for (const key of ["a", "b", "c"]) {
      const resize = (): void => {
        given.push(key);
        for (const takeOut of out) takeOut();
      };
      out.push(sizes.register(key, { base: 100, resize }));
    }
    gauge.become("high");
    expect(given).toEqual(["a"]);
  });

  it("is left as it is by close, after which the gauge moves nothing", () => {
    const { gauge, sizes } = made();
    const { given, options } = buffer(1000);
    sizes.register("events", options);
    gauge.become("high");
    sizes[Symbol.dispose]();
    sizes.close();
    gauge.become("critical");
    expect(given).toEqual([500]);
  });
});

describe("wrong arguments", () => {
  it("to the constructor", () => {
    const gauge = new FakeGauge();
    for (const options of [
      { factor: {} },
      { factors: { ...TRANSPORT_FACTORS, hihg: 1 } },
      { factors: { none: 1 } },
      { overrides: 5 },
      { overrides: { a: { low: "75%" } } },
      { overrides: { a: 5 } },
    ]) {
      expect(() => new AdaptiveSizes(gauge, options as never)).toThrow(TypeError);
    }
    expect(() => new AdaptiveSizes(gauge, { factors: { ...TRANSPORT_FACTORS, high: 50 } })).toThrow(RangeError);
    for (const none of [undefined, null, {}, 5]) expect(() => new AdaptiveSizes(none as never)).toThrow(TypeError);
  });

  it("to size and register", () => {
    const { gauge, sizes } = made();
    for (const base of [0, -1, 1.5, Number.NaN, 2 ** 53]) expect(() => sizes.size("a", base)).toThrow(RangeError);
    expect(() => sizes.size("a", 10, { min: 11 })).toThrow(RangeError);
    expect(() => sizes.size("a", "10" as never)).toThrow(TypeError);
    expect(() => sizes.size("", 10)).toThrow(TypeError);
    expect(() => sizes.register("a", { base: 10 } as never)).toThrow(TypeError);
    expect(() => sizes.register("a", { base: 10, resize: () => {}, mim: 1 } as never)).toThrow(TypeError);
    gauge.level = "severe" as Level;
    expect(() => sizes.size("a", 10)).toThrow(/severe/);
    expect(sizes.stats().sizes).toEqual({});
  });
});
