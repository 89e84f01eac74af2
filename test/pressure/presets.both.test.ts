// Presets and bands. Goal: each specification's ladder, to the letter, and nothing else accepted. Method: the table of governance.md §2.2
// written down once more, in percent; each entry exactly, the number just below it, and every tenth of a percent between.
import { describe, expect, it } from "vitest";
import {
  levelOrdinal,
  PRESSURE_LEVELS,
  PRESSURE_PRESETS,
  PressureGauge,
  type PressureBand,
  presetBands,
  type PressurePreset,
} from "../../src/pressure/index.js";
import { below, gaugeOn, LITERAL } from "./feed.js";

type Row = [enterPercent: number, level: string, label: string, factor: number];

const DATAFRAME: Row[] = [
  [0, "none", "low", 1],
  [60, "low", "medium", 1],
  [80, "high", "high", 0.5],
  [95, "critical", "critical", 0.25],
];
const stream = (low: number, soft: number, hard: number, critical: number): Row[] => [
  [0, "none", "none", 1],
  [low, "low", "low", 1],
  [soft, "moderate", "moderate", 0.75],
  [hard, "high", "high", 0.5],
  [critical, "critical", "critical", 0.25],
];
const CACHE: Row[] = [
  [0, "none", "normal", 1],
  [80, "moderate", "warning", 0.75],
  [90, "high", "critical", 0.5],
  [95, "critical", "emergency", 0.25],
];
const transport = (low: number, high: number, critical: number): Row[] => [
  [0, "none", "normal", 1],
  [low, "low", "low", 0.75],
  [high, "high", "high", 0.5],
  [critical, "critical", "critical", 0.25],
];
const cluster = (warning: number, critical: number): Row[] => [
  [0, "none", "healthy", 1],
  [warning, "moderate", "warning", 0.75],
  [critical, "critical", "critical", 0.25],
];

const TABLE: [PressurePreset, string, Row[]][] = [
  ["dataframe", "G10, G11", DATAFRAME],
  ["stream", "M06–M08, M29", stream(60, 80, 95, 98)],
  ["stream.dev", "M45", stream(60, 70, 90, 98)],
  ["cache", "C08, C09, C28", CACHE],
  ["transport", "T02, T03", transport(70, 85, 95)],
  ["transport.dev", "T33", transport(50, 70, 90)],
  ["cluster", "X10, X11", cluster(80, 95)],
  ["cluster.advanced", "X34", cluster(70, 85)],
  ["cluster.conservative", "X36", cluster(70, 85)],
  ["cluster.lowMemory", "X32", cluster(60, 75)],
  ["cluster.highMemory", "X33", cluster(85, 95)],
];

describe("the presets", () => {
  it("are those of the table", () => {
    expect([...PRESSURE_PRESETS].sort()).toEqual(TABLE.map(([name]) => name).sort());
  });

  for (const [preset, rows, bands] of TABLE) {
    describe(`${preset} (${rows})`, () => {
      for (const [index, [percent, level, label, factor]] of bands.entries()) {
        it(`enters ${level} "${label}" at exactly ${percent} % and not before`, () => {
          const { gauge, step } = gaugeOn({ preset, ...LITERAL });
          expect(step(percent)).toBe(level);
          expect(gauge.label).toBe(label);
          expect(gauge.factor).toBe(factor);
          expect(gauge.ordinal).toBe(PRESSURE_LEVELS.indexOf(gauge.level));
          expect(gauge.advice).not.toBe("");
          if (index === 0) return;
          expect(gauge.observe(below(percent / 100))).toBe(level);
          const fresh = gaugeOn({ preset, ...LITERAL }).gauge;
          expect(fresh.observe(below(percent / 100))).toBe(bands[index - 1]![1]);
          expect(fresh.observe(percent / 100)).toBe(level);
        });
      }

      it("answers as its table does for every tenth of a percent from 0 to 120, up and down", () => {
        const { gauge, step } = gaugeOn({ preset, ...LITERAL }, { used: 0, limit: 1000, now: 0 });
        const tenths = Array.from({ length: 1201 }, (_, tenth) => tenth);
        for (const tenth of [...tenths, ...tenths.toReversed()]) {
          const [, level, label] = bands.findLast(([percent]) => tenth >= percent * 10)!;
          expect(`${tenth}: ${step(tenth)}`).toBe(`${tenth}: ${level}`);
          expect(gauge.label).toBe(label);
        }
      });
    });
  }

  it("are `stream` unless told", () => {
    expect(new PressureGauge().bands).toEqual(presetBands("stream"));
  });

  it("give the specifications' advice word by word where they have some (G11)", () => {
    expect(presetBands("dataframe").map(({ advice }) => advice)).toEqual([
      "Normal operation",
      "Monitor closely, consider reducing batch size",
      "Use memory-efficient algorithms, trigger GC",
      "Abort non-essential operations, scale up",
    ]);
  });

  it("reach every level of the specification's four thresholds, the one too that its own loop cannot (M34)", () => {
    const { step } = gaugeOn({ preset: "stream", ...LITERAL });
    expect([59, 60, 80, 95, 98].map(step)).toEqual(["none", "low", "moderate", "high", "critical"]);
  });

  it("take a configuration's own thresholds", () => {
    const bands = presetBands("transport", [0.5, 0.6, 0.7]);
    expect(bands.map(({ enter }) => enter)).toEqual([0, 0.5, 0.6, 0.7]);
    expect(bands.map(({ label }) => label)).toEqual(["normal", "low", "high", "critical"]);
    expect(() => presetBands("transport", [0.5, 0.6])).toThrow(/takes 3 entries, got 2/);
    expect(() => presetBands("cluster", [0.9, 0.8])).toThrow(RangeError);
    expect(() => presetBands("cluster", [70, 85])).toThrow(/70; 80 % is 0\.8/);
  });

  it("are refused by a name that is none, also one that every object has", () => {
    for (const name of ["", "Stream", "streams", "constructor", "toString", "__proto__", "stream.", 5, null, {}]) {
      expect(() => presetBands(name as PressurePreset)).toThrow(TypeError);
    }
    expect(() => presetBands("fast" as PressurePreset)).toThrow(/"fast".*there are dataframe, stream/);
  });
});

describe("the levels", () => {
  it("are five, in order (M29)", () => {
    expect(PRESSURE_LEVELS.map(levelOrdinal)).toEqual([0, 1, 2, 3, 4]);
    expect(levelOrdinal("medium" as "low")).toBe(-1);
  });
});

describe("bands of one's own", () => {
  it("stand over a `none` that begins at 0", () => {
    const { gauge, step } = gaugeOn({
      bands: [{ enter: 0.5, level: "high", label: "hot", advice: "run" }],
      ...LITERAL,
    });
    expect([gauge.level, gauge.label, gauge.advice, gauge.factor]).toEqual(["none", "none", "", 1]);
    expect(step(50)).toBe("high");
    expect([gauge.label, gauge.advice, gauge.factor]).toEqual(["hot", "run", 0.5]);
    expect(step(49)).toBe("none");
  });

  it("may begin at 0 with any level, which then is the lowest there is", () => {
    const { gauge, step } = gaugeOn({
      bands: [
        { enter: 0, level: "low" },
        { enter: 1, level: "critical", factor: 0.1 },
      ],
    });
    expect(gauge.level).toBe("low");
    expect(step(100)).toBe("critical");
    expect(gauge.factor).toBe(0.1);
  });

  it("cannot be changed behind the gauge's back", () => {
    const bands: PressureBand[] = [{ enter: 0.5, level: "high" }];
    const { gauge, step } = gaugeOn({ bands, ...LITERAL });
    bands[0] = { enter: 0.1, level: "low" };
    expect(step(20)).toBe("none");
    expect(() => (gauge.bands as PressureBand[]).push(bands[0]!)).toThrow(TypeError);
  });

  const high = { enter: 0.5, level: "high" };
  it.each([
    ["no array", high, TypeError, /array/],
    ["null", null, TypeError, /null|object/],
    ["none at all", [], RangeError, /at least one/],
    ["percent", [{ enter: 80, level: "high" }], RangeError, /80; 80 % is 0\.8/],
    ["a negative entry", [{ enter: -0.1, level: "high" }], RangeError, /-0\.1/],
    ["NaN", [{ enter: Number.NaN, level: "high" }], RangeError, /NaN/],
    ["a text for a number", [{ enter: "0.8", level: "high" }], TypeError, /"0\.8"/],
    ["no entry", [{ level: "high" }], TypeError, /undefined/],
    ["no level", [{ enter: 0.5 }], TypeError, /none, low, moderate, high, critical/],
    ["a specification's label for a level", [{ enter: 0.5, level: "medium" }], TypeError, /"medium"/],
    ["equal entries", [high, { enter: 0.5, level: "critical" }], RangeError, /ascend/],
    ["descending entries", [high, { enter: 0.4, level: "critical" }], RangeError, /ascend/],
    ["descending levels", [high, { enter: 0.6, level: "low" }], RangeError, /"low" does not come after "high"/],
    ["one level twice", [high, { enter: 0.6, level: "high" }], RangeError, /ascend in level/],
    ["none above 0", [{ enter: 0.5, level: "none" }], RangeError, /ascend in level/],
    ["a key that is none", [{ ...high, entry: 0.5 }], TypeError, /"entry"/],
    ["a factor of 0", [{ ...high, factor: 0 }], RangeError, /never reach 0/],
    ["a factor above 1", [{ ...high, factor: 2 }], RangeError, /2/],
    ["a label that is no text", [{ ...high, label: 5 }], TypeError, /label/],
    ["a band that is none", [null], TypeError, /bands\[0\]/],
  ])("are refused: %s", (_, bands, error, text) => {
    const make = (): unknown => new PressureGauge({ bands: bands as PressureBand[] });
    expect(make).toThrow(error);
    expect(make).toThrow(text);
  });
});
