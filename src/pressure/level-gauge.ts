// Level gauge: a pressure, its place on a ladder of bands, and who hears of it. What every gauge has, however it comes by its number; a region's
// own needs no more. Between calls the level is that of the last pressure it was given, risen at once and fallen only as the ladder lets it.

import { describe } from "../size.js";
import type { Band } from "./bands.js";
import { PressureEvent, PressureEvents } from "./events.js";
import { Ladder } from "./ladder.js";
import { levelOrdinal, type PressureLevel } from "./levels.js";

/** Level, label and advice by a preset's bands. */
export abstract class LevelGauge extends PressureEvents {
  /** Its bands, lowest first. */
  readonly bands: readonly Band[];
  /** @internal */
  protected readonly ladder: Ladder;
  /** @internal The last one that was known. */
  protected known = Number.NaN;

  /** @internal */
  constructor(bands: readonly Band[], hysteresis: number, dwell: number, onError?: (error: unknown) => void) {
    super(onError);
    this.bands = bands;
    this.ladder = new Ladder(bands, hysteresis, dwell);
  }

  /** Share of the limit that is used, 0–1 and above when over it; the last one while nothing is known, NaN before anything was. */
  get pressure(): number {
    this.look();
    return this.known;
  }

  /** The last level that was known; `none` before anything was. (G10, T08) */
  get level(): PressureLevel {
    this.look();
    return this.band.level;
  }

  /** The level as a number, 0 (`none`) to 4 (`critical`), for metrics. */
  get ordinal(): number {
    return levelOrdinal(this.level);
  }

  /** What the preset's specification calls this level. (G11, M29, C28, T03, X10) */
  get label(): string {
    this.look();
    return this.band.label;
  }

  /** What the preset's specification says to do about it. (G11, M30–M33) */
  get advice(): string {
    this.look();
    return this.band.advice;
  }

  /** What adaptive sizes are to be multiplied by now, above 0 to 1 (T05). */
  get factor(): number {
    this.look();
    return this.band.factor;
  }

  /**
   * Milliseconds until the limit is met at the rate of the last samples: 0 at the limit, Infinity when use falls, is flat, or its growth
   * does not stand out from its noise. Five samples are the least that say anything. About 0.5 µs.
   */
  abstract get timeToLimit(): number;

  /**
   * A dial for gradual actions, as in Envoy: 0 up to the pressure `from`, 1 from `to` on, linear between; 0 while nothing is known. O(1).
   * @throws TypeError, RangeError unless 0 ≤ from < to.
   */
  scaled(from: number, to: number): number {
    if (typeof from !== "number" || typeof to !== "number")
      throw new TypeError(`scaled needs two numbers, got ${describe(from)} and ${describe(to)}`);
    if (!(from >= 0 && from < to && to < Infinity))
      throw new RangeError(`scaled needs 0 ≤ from < to, got ${from} and ${to}; 80 % is 0.8`);
    this.look();
    if (!(this.known > from)) return 0;
    return this.known >= to ? 1 : (this.known - from) / (to - from);
  }

  /** Looks once and moves the level: up at once, down as the dwell allows. Listeners run before it returns. */
  abstract sample(): PressureLevel;

  /** @internal Before something is read of it: a gauge that costs little to sample looks anew. */
  protected look(): void {}

  /** @internal */
  protected get band(): Band {
    return this.bands[this.ladder.index]!;
  }

  /** @internal Announces the level where it is another than before. */
  protected moved(from: PressureLevel, source: string, at: number): PressureLevel {
    const to = this.band.level;
    if (to !== from) this.post(new PressureEvent({ from, to, pressure: this.known, source, at }));
    return this.band.level;
  }
}

/** @internal Milliseconds since the epoch that no change of the wall clock moves. */
export function epochClock(): () => number {
  const { timeOrigin } = performance;
  return () => timeOrigin + performance.now();
}
