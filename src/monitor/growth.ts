// GrowthDetector: memory that will meet its limit in seconds (M41). Owns the readings of the last horizon. It asks how long the headroom lasts at the
// rate that most of the last steps had: a single step, however high, is no growth, and growth far from the limit is no trouble.

import { callable, finite } from "../flow/arguments.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { integer, ownOptions } from "../options.js";
import { describe } from "../size.js";
import { Episode, type Look } from "./episode.js";

export interface GrowthOptions {
  /** Growth that meets the limit sooner than this is abnormal; 10 000 ms unless told. */
  horizonMs?: number;
  /** Steps between readings that are looked at; 5 unless told. One reading more must be there before anything is said. */
  steps?: number;
  /** What must have come on top of the least use within the horizon, as a share of the limit, 0–1; 0.02 unless told: less is noise. */
  minGrowth?: number;
  /** Least milliseconds between alerts; 60 000 unless told. */
  cooldownMs?: number;
  clock?: Clock;
}

/** "High memory growth detected" (M41): what was seen. */
export interface GrowthAlert {
  atMs: number;
  usedBytes: number;
  limitBytes: number;
  bytesPerSecond: number;
  timeToLimitMs: number;
}

interface Reading {
  readonly usedBytes: number;
  readonly atMs: number;
}

// An episode is over once there is twice the horizon.
const RELEASE = 2;
const RESOLUTION = 1000;

export class GrowthDetector {
  readonly #horizonMs: number;
  readonly #steps: number;
  readonly #minGrowth: number;
  readonly #clock: Clock;
  readonly #episode: Episode;
  readonly #readings: Reading[] = [];

  /** @throws TypeError, RangeError. */
  constructor(options: GrowthOptions = {}) {
    const own = ownOptions<GrowthOptions>("GrowthDetector", options, [
      "horizonMs",
      "steps",
      "minGrowth",
      "cooldownMs",
      "clock",
    ]);
    this.#horizonMs = finite("horizonMs", own.horizonMs ?? 10_000, 1);
    this.#steps = integer("steps", own.steps ?? 5, 2, 1000);
    this.#minGrowth = finite("minGrowth", own.minGrowth ?? 0.02, 0, 1);
    this.#episode = new Episode(own.cooldownMs ?? 60_000);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
  }

  /** Whether growth is abnormal, since the alert and until there is time again. */
  get abnormal(): boolean {
    return this.#episode.open;
  }

  /**
   * Takes a reading, at any interval: exact use of a budget or region, or what is in use after a collection. Answers once for each
   * episode: then release what can be, and pause new work. A reading that is not 1/1000 of the horizon later than the last one is left
   * out. O(readings within the horizon), at most 1001 of them.
   * @throws TypeError, RangeError.
   */
  observe(usedBytes: number, limitBytes: number, atMs: number = this.#clock()): GrowthAlert | undefined {
    finite("usedBytes", usedBytes, 0);
    finite("limitBytes", limitBytes, 0);
    // A clock that says NaN leaves a reading out.
    if (typeof atMs !== "number") throw new TypeError(`atMs must be a number, got ${describe(atMs)}`);
    const readings = this.#readings;
    if (!(atMs >= (readings.at(-1)?.atMs ?? -Infinity) + this.#horizonMs / RESOLUTION)) return undefined;
    readings.push({ usedBytes, atMs });
    if (readings.length <= this.#steps) return undefined;
    while (readings.length > this.#steps + 1 && readings[0]!.atMs < atMs - this.#horizonMs) readings.shift();

    const bytesPerSecond = steadyRate(readings.slice(-this.#steps - 1));
    const headroomBytes = Math.max(0, limitBytes - usedBytes);
    const timeToLimitMs = bytesPerSecond > 0 ? (headroomBytes / bytesPerSecond) * 1000 : Infinity;
    const grownBytes = usedBytes - Math.min(...readings.map(({ usedBytes }) => usedBytes));
    const look = this.#look(timeToLimitMs, grownBytes >= limitBytes * this.#minGrowth);
    if (!this.#episode.update(look, atMs)) return undefined;
    return { atMs, usedBytes, limitBytes, bytesPerSecond, timeToLimitMs };
  }

  #look(timeToLimitMs: number, isGrown: boolean): Look {
    if (timeToLimitMs <= this.#horizonMs && isGrown) return "trouble";
    return timeToLimitMs > this.#horizonMs * RELEASE ? "over" : "unsure";
  }
}

/** A second: the median of the steps' rates, and no more than they make together. */
function steadyRate(readings: readonly Reading[]): number {
  const rates = readings
    .slice(1)
    .map((reading, at) => rate(readings[at]!, reading))
    .sort((a, b) => a - b);
  const median = rates[Math.floor((rates.length - 1) / 2)]!;
  return Math.min(median, rate(readings[0]!, readings.at(-1)!));
}

const rate = (from: Reading, to: Reading): number => ((to.usedBytes - from.usedBytes) / (to.atMs - from.atMs)) * 1000;
