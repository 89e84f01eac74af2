// RateController: a rate that follows a pressure (M48), additive increase and multiplicative decrease. Owns the rate and a short history
// of readings. Between calls the rate is from `min` to `max`, and is what was last applied.

import { integer, ownOptions } from "../options.js";
import { bytesPerSecond, callable, finite } from "./arguments.js";

export interface RateControllerOptions {
  /** Bytes per second, the least and the most; numbers above 0 or texts like `"10MiB"`. */
  min: number | string;
  max: number | string;
  /** Where to begin; `max` unless told. */
  initial?: number | string;
  /** The pressure to aim at, above 0 to 1; 0.7 unless told. */
  target?: number;
  /** Nothing changes within this share of the target above and below it; 0.1 unless told. */
  deadBand?: number;
  /** What is added below the band, as a share of `max`; 0.05 unless told. */
  increase?: number;
  /** What the rate is multiplied with above the band, above 0 to below 1; 0.7 unless told. Twice from `dropAt` on. */
  decrease?: number;
  /** From this pressure on the rate falls twice as fast and `shouldDrop` says so; 0.9 unless told. */
  dropAt?: number;
  /** Readings that are remembered, the later the heavier; 5 unless told, 1 for none but the last. */
  history?: number;
  /** Called with each new rate: `(rate) => throttle.setRate(rate)`. */
  apply?: (rate: number) => void;
}

export interface RateControllerStats {
  rate: number;
  /** Of the last good reading, and of the history. */
  pressure: number | undefined;
  smoothedPressure: number | undefined;
  increases: number;
  decreases: number;
  /** Readings that were no number; the rate stood. */
  failedReadings: number;
}

// A reading this far from the history is a change and not noise: then it counts 0.7, the history 0.3.
const SUDDEN = 0.1;
const SUDDEN_WEIGHT = 0.7;
// How far over the limit makes no difference, but would stay in the history.
const READING_MAX = 2;

export class RateController {
  readonly #min: number;
  readonly #max: number;
  readonly #target: number;
  readonly #deadBand: number;
  readonly #increase: number;
  readonly #decrease: number;
  readonly #dropAt: number;
  readonly #historySize: number;
  readonly #apply: (rate: number) => void;
  readonly #history: number[] = [];
  #rate: number;
  #increases = 0;
  #decreases = 0;
  #failedReadings = 0;

  /** Applies nothing yet. @throws TypeError, RangeError. */
  constructor(options: RateControllerOptions) {
    const own = ownOptions<RateControllerOptions>("RateController", options, [
      "min",
      "max",
      "initial",
      "target",
      "deadBand",
      "increase",
      "decrease",
      "dropAt",
      "history",
      "apply",
    ]);
    this.#min = bytesPerSecond("min", own.min);
    this.#max = finite("max", bytesPerSecond("max", own.max), this.#min);
    this.#rate = finite("initial", bytesPerSecond("initial", own.initial ?? this.#max), this.#min, this.#max);
    this.#target = above0("target", own.target ?? 0.7, 1);
    this.#deadBand = finite("deadBand", own.deadBand ?? 0.1, 0, 1);
    this.#increase = above0("increase", own.increase ?? 0.05, 1);
    this.#decrease = above0("decrease", own.decrease ?? 0.7, 1 - Number.EPSILON);
    this.#dropAt = finite("dropAt", own.dropAt ?? 0.9, 0);
    this.#historySize = integer("history", own.history ?? 5, 1, 1000);
    this.#apply = own.apply === undefined ? () => {} : callable("apply", own.apply);
  }

  /** Bytes per second. */
  get rate(): number {
    return this.#rate;
  }

  /** Whether the last reading was at `dropAt` or above: throw whole units of work away rather than slow all of them down. */
  get shouldDrop(): boolean {
    return (this.#history.at(-1) ?? 0) >= this.#dropAt;
  }

  /**
   * Takes a reading (1 is the limit), at whatever interval the rate should be adjusted, and returns the rate. Below target × (1 −
   * deadBand) it rises by a fixed step, above target × (1 + deadBand) it is cut by a ratio, between them it stands. What is no number
   * changes nothing. What `apply` throws goes to the caller, and the rate stays what it was. O(history).
   */
  update(pressure: number): number {
    if (typeof pressure !== "number" || Number.isNaN(pressure)) {
      this.#failedReadings++;
      return this.#rate;
    }
    const reading = Math.min(pressure, READING_MAX);
    this.#history.push(reading);
    if (this.#history.length > this.#historySize) this.#history.shift();
    const rate = Math.min(this.#max, Math.max(this.#min, this.#next(this.#blended(reading))));
    if (rate === this.#rate) return rate;
    this.#apply(rate);
    // commit
    if (rate > this.#rate) this.#increases++;
    else this.#decreases++;
    return (this.#rate = rate);
  }

  stats(): RateControllerStats {
    return {
      rate: this.#rate,
      pressure: this.#history.at(-1),
      smoothedPressure: this.#history.length === 0 ? undefined : this.#smoothed(),
      increases: this.#increases,
      decreases: this.#decreases,
      failedReadings: this.#failedReadings,
    };
  }

  #next(pressure: number): number {
    if (pressure < this.#target * (1 - this.#deadBand)) return this.#rate + this.#increase * this.#max;
    if (pressure <= this.#target * (1 + this.#deadBand)) return this.#rate;
    return this.#rate * (pressure >= this.#dropAt ? this.#decrease ** 2 : this.#decrease);
  }

  #blended(pressure: number): number {
    const smoothed = this.#smoothed();
    if (!(Math.abs(pressure - smoothed) > SUDDEN)) return smoothed;
    return pressure * SUDDEN_WEIGHT + smoothed * (1 - SUDDEN_WEIGHT);
  }

  /** The mean of the history, each reading weighted by its place in it. */
  #smoothed(): number {
    const { length } = this.#history;
    return this.#history.reduce((sum, pressure, at) => sum + pressure * (at + 1), 0) / ((length * (length + 1)) / 2);
  }
}

function above0(name: string, value: number, most: number): number {
  if (finite(name, value, 0, most) > 0) return value;
  throw new RangeError(`${name} must be above 0, got ${value}`);
}
