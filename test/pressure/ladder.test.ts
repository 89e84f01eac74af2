// The ladder: up at once, down after the gap and the dwell. Method: the edges by hand, then random samples and pushes against a model
// that knows nothing of counters: it keeps the whole history and looks back.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ladder } from "../../src/pressure/ladder.js";
import { type Band, presetBands, PRESSURE_PRESETS } from "../../src/pressure/index.js";
import { gaugeOn, LITERAL, steps } from "./feed.js";

const SEED = Number(process.env.CISTERN_FUZZ_SEED ?? 20_260_105);

type Move = readonly [pressure: number, isSample: boolean];

/** The band after these moves, by looking back from each. */
function modelled(bands: readonly Band[], hysteresis: number, dwell: number, moves: readonly Move[]): number {
  let index = 0;
  for (const [now, [pressure, isSample]] of moves.entries()) {
    const entered = bands.findLastIndex(({ enter }) => pressure >= enter);
    const isHeld = (band: number): boolean => {
      const leave = bands[band]!.enter - hysteresis;
      const last = moves.slice(0, now + 1).findLastIndex(([at]) => at >= leave);
      return moves.slice(last + 1, now + 1).filter(([, sampled]) => sampled).length < dwell;
    };
    if (isSample) while (index > entered && !isHeld(index)) index--;
    index = Math.max(index, entered);
  }
  return index;
}

describe("the ladder", () => {
  it("rises at once, over as many levels as the pressure does, and never waits for critical", () => {
    for (const before of [0, 61, 81, 96]) {
      const { step, events } = gaugeOn();
      step(before);
      expect(step(98)).toBe("critical");
      expect(events.at(-1)!.to).toBe("critical");
    }
  });

  it("falls after exactly three samples below entry − 0.05, unless told", () => {
    const { step } = gaugeOn();
    step(98);
    expect([92.9, 92.9, 92.9].map(step)).toEqual(["critical", "critical", "high"]);
    expect([89, 89, 89].map(step)).toEqual(["high", "high", "moderate"]);
  });

  it("holds at exactly entry − 0.05, for ever", () => {
    for (const preset of PRESSURE_PRESETS) {
      for (const { enter, level } of presetBands(preset).slice(1)) {
        const { step } = gaugeOn({ preset });
        step(enter * 100);
        for (let i = 0; i < 20; i++) expect(step(Math.round(enter * 100 - 5))).toBe(level);
      }
    }
  });

  it("begins the dwell anew when one sample lies above the gap", () => {
    const { step } = gaugeOn();
    step(98);
    expect([90, 90, 93, 90, 90].map(step)).toEqual(Array(5).fill("critical"));
    expect(step(90)).toBe("high");
  });

  it("falls over several levels at once when all of them have been left for so long", () => {
    const { step, events } = gaugeOn();
    step(99);
    expect([1, 1, 1].map(step)).toEqual(["critical", "critical", "none"]);
    expect(steps(events)).toEqual(["none>critical", "critical>none"]);
  });

  it("falls only as far as the last samples allow: each level has its own dwell", () => {
    const { step } = gaugeOn();
    step(99);
    expect([92, 85, 70, 70, 70].map(step)).toEqual(["critical", "critical", "high", "moderate", "low"]);
  });

  it("is a specification to the letter with hysteresis 0 and dwell 1", () => {
    const { step } = gaugeOn({ preset: "dataframe", ...LITERAL });
    expect([94.9, 95, 94.9, 95, 59.9, 60, 59.9].map(step)).toEqual([
      "high",
      "critical",
      "high",
      "critical",
      "none",
      "low",
      "none",
    ]);
  });

  it("takes any gap and dwell", () => {
    const { step } = gaugeOn({ hysteresis: 0.2, dwell: 5 });
    step(98);
    expect([78, 77.9, 77.9, 77.9, 77.9].map(step)).toEqual(Array(5).fill("critical"));
    expect(step(77.9)).toBe("high");
  });

  it("agrees with the model that looks back over the whole history", () => {
    const move = fc.tuple(
      fc.integer({ min: 0, max: 110 }).map((percent) => percent / 100),
      fc.boolean(),
    );
    const setting = fc.record({
      preset: fc.constantFrom(...PRESSURE_PRESETS),
      hysteresis: fc.constantFrom(0, 0.01, 0.05, 0.3),
      dwell: fc.integer({ min: 1, max: 4 }),
      moves: fc.array(move, { maxLength: 40 }),
    });
    fc.assert(
      fc.property(setting, ({ preset, hysteresis, dwell, moves }) => {
        const bands = presetBands(preset);
        const ladder = new Ladder(bands, hysteresis, dwell);
        for (const [pressure, isSample] of moves) {
          if (isSample) ladder.step(pressure);
          else ladder.raise(pressure);
        }
        expect(ladder.index).toBe(modelled(bands, hysteresis, dwell, moves));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
