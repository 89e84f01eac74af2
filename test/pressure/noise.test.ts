// Flapping (D29). Goal: a value that wanders around a threshold, with noise, changes the level a few times and not hundreds of times, and
// a real rise is still seen at once. Method: seeded traces of an hour of seconds (see noise.ts), each through a bare gauge and a default one.
import { describe, expect, it } from "vitest";
import {
  presetBands,
  PRESSURE_PRESETS,
  type PressureGaugeOptions,
  type PressurePreset,
} from "../../src/pressure/index.js";
import { gaugeOn, LITERAL } from "./feed.js";
import { normal, type Noise, noisyTrace, uniform } from "./noise.js";

const SEEDS = [1, 7, 42, 1234, 20_260_105];

const CHANGES_MAX = 20;
const BARE_CHANGES_MIN = 500;

function changes(trace: readonly number[], options: PressureGaugeOptions): number {
  const { step, events } = gaugeOn(options);
  for (const pressure of trace) step(pressure * 100);
  return events.length;
}

const entries = (preset: PressurePreset): number[] =>
  presetBands(preset)
    .slice(1)
    .map(({ enter }) => enter);

const cases = PRESSURE_PRESETS.flatMap((preset) => entries(preset).map((enter) => [preset, enter] as const));

/** Of one threshold, over all seeds: the most changes with these options, the fewest of the bare gauge. */
function worst(preset: PressurePreset, enter: number, noise: Noise, options: PressureGaugeOptions = {}) {
  const traces = SEEDS.map((seed) => noisyTrace(seed, enter, noise));
  return {
    most: Math.max(...traces.map((trace) => changes(trace, { preset, ...options }))),
    bareLeast: Math.min(...traces.map((trace) => changes(trace, { preset, ...LITERAL }))),
  };
}

describe("D29: a value held near a threshold, with noise of 2 points, for 3,600 samples", () => {
  it.each(cases)(
    `%s at %d: at most ${CHANGES_MAX} changes where the bare threshold makes over ${BARE_CHANGES_MIN}`,
    (preset, enter) => {
      const { most, bareLeast } = worst(preset, enter, uniform);
      expect(most).toBeLessThanOrEqual(CHANGES_MAX);
      expect(bareLeast).toBeGreaterThan(BARE_CHANGES_MIN);
    },
  );

  it("makes more without the gap (control)", () => {
    expect(worst("stream", 0.8, uniform, { hysteresis: 0 }).most).toBeGreaterThan(CHANGES_MAX);
  });

  it("makes more without the dwell (control), which noise with outliers needs", () => {
    expect(worst("stream", 0.8, normal).most).toBeLessThanOrEqual(CHANGES_MAX);
    expect(worst("stream", 0.8, normal, { dwell: 1 }).most).toBeGreaterThan(CHANGES_MAX);
  });

  it("holds with dynamic thresholds too", () => {
    for (const [preset, enter] of cases) {
      expect(worst(preset, enter, uniform, { reactionMs: 5000 }).most).toBeLessThanOrEqual(CHANGES_MAX);
    }
  });

  it("changes a twentieth as often as bare thresholds even where noise is normal and two entries lie within it", () => {
    for (const [preset, enter] of cases) {
      const { most, bareLeast } = worst(preset, enter, normal);
      expect(most * 20).toBeLessThan(bareLeast);
    }
  });

  it("still sees a step to critical in one sample, from wherever the noise left it", () => {
    for (const seed of SEEDS) {
      for (const [preset, enter] of cases) {
        const { step } = gaugeOn({ preset });
        for (const pressure of noisyTrace(seed, enter).slice(0, 50)) step(pressure * 100);
        expect(step(99)).toBe("critical");
      }
    }
  });
});
