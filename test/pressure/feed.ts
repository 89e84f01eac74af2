// Feed: what the tests of the gauge turn by hand instead of memory, and a clock beside it.
import {
  budgetSource,
  type PressureEvent,
  PressureGauge,
  type PressureGaugeOptions,
} from "../../src/pressure/index.js";

/** A budget and a clock of a test's own. */
export interface Feed {
  used: number;
  limit: number;
  now: number;
}

export const feed = (limit = 100): Feed => ({ used: 0, limit, now: 0 });

/** A gauge on one feed, and all its events so far. */
export interface Fed {
  gauge: PressureGauge;
  of: Feed;
  events: PressureEvent[];
  /** Samples once with so much used, a second later; the level after it. */
  step(used: number): string;
}

export function gaugeOn(options: PressureGaugeOptions = {}, of = feed()): Fed {
  const gauge = new PressureGauge({ sources: [budgetSource(of)], clock: () => of.now, ...options });
  const events: PressureEvent[] = [];
  gauge.on("level", (event) => events.push(event));
  const step = (used: number): string => {
    of.used = used;
    of.now += 1000;
    return gauge.sample();
  };
  return { gauge, of, events, step };
}

/** A specification to the letter. */
export const LITERAL = { hysteresis: 0, dwell: 1 };

/** `from>to` of each event. */
export const steps = (events: readonly PressureEvent[]): string[] => events.map(({ from, to }) => `${from}>${to}`);

/** The next number below. */
export function below(value: number): number {
  const bits = new BigInt64Array(1);
  const numbers = new Float64Array(bits.buffer);
  numbers[0] = value;
  bits[0]! -= 1n;
  return numbers[0];
}
