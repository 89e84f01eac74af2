// Random listeners (I7). Goal: for every listener the events are one alternating, ordered sequence, each `from` the `to` before, the same
// for all, the last `to` the gauge's level, whatever the listeners do. Method: fast-check programs of samples and of what listeners do at
// the events they hear; what fails is shrunk.
//
//   CISTERN_FUZZ_SEED  seed of fast-check
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PressureEvent, PressureGauge } from "../../src/pressure/index.js";
import { type Feed, feed, gaugeOn, LITERAL } from "./feed.js";

const SEED = Number(process.env.CISTERN_FUZZ_SEED ?? 20_260_105);

const ACTS = ["nothing", "take", "free", "push", "throw", "stop", "add"] as const;

const PROGRAM = fc.record({
  literal: fc.boolean(),
  /** How much is used at each sample. */
  samples: fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 30 }),
  /** What the listeners do, in the order in which they hear something. */
  acts: fc.array(fc.constantFrom(...ACTS), { maxLength: 12 }),
  listeners: fc.integer({ min: 1, max: 4 }),
});

function act(what: string | undefined, gauge: PressureGauge, of: Feed, stops: (() => void)[]): void {
  if (what === "take") of.used += 25;
  if (what === "free") of.used = Math.max(0, of.used - 40);
  if (what === "take" || what === "free") gauge.sample();
  if (what === "push") gauge.observe(0.97, "budget");
  if (what === "stop") stops.pop()?.();
  if (what === "add") gauge.on("level", () => {});
  if (what === "throw") throw new Error("a listener's");
}

function expectAlternating(events: readonly PressureEvent[]): void {
  let [level, time] = ["none", 0];
  for (const { from, to, at } of events) {
    expect(from).toBe(level);
    expect(to).not.toBe(level);
    expect(at).toBeGreaterThanOrEqual(time);
    [level, time] = [to, at];
  }
}

describe("I7: events form one alternating, ordered sequence", () => {
  it("for every listener, whatever the listeners do", () => {
    let [told, nested] = [0, 0];
    const property = fc.property(PROGRAM, ({ literal, samples, acts, listeners }) => {
      const of = feed();
      const { gauge, events, step } = gaugeOn({ ...(literal ? LITERAL : {}), onError: () => {} }, of);
      const heard: PressureEvent[][] = Array.from({ length: listeners }, () => []);
      const left = [...acts];
      const stops: (() => void)[] = [];
      let [depth, deepest] = [0, 0];
      for (const list of heard) {
        const listener = (event: PressureEvent): void => {
          list.push(event);
          const before = gauge.level;
          deepest = Math.max(deepest, ++depth);
          try {
            act(left.shift(), gauge, of, stops);
          } finally {
            depth--;
            if (gauge.level !== before) nested++;
          }
        };
        stops.push(gauge.on("level", listener));
      }
      for (const used of samples) {
        step(used);
        expect(events.at(-1)?.to ?? "none").toBe(gauge.level);
      }
      expect(deepest).toBeLessThanOrEqual(1); // Never inside of another delivery.
      expectAlternating(events);
      // A listener hears what all hear, up to where it was stopped.
      for (const list of heard) expect(list).toEqual(events.slice(0, list.length));
      told += events.length;
    });
    fc.assert(property, { seed: SEED, numRuns: 1000 });
    expect(told).toBeGreaterThan(1000);
    expect(nested).toBeGreaterThan(100);
  });
});
