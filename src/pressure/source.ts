// Source: what a gauge reads, and what it remembers of it. A number that is missing, impossible or too old is never taken for "0 bytes
// used": the source is stale then, left out and counted. (D33)

import { describe } from "../size.js";
import { Trend } from "./trend.js";

/** What a source says. `limit: Infinity` says that there is none: no pressure comes from it. */
export interface SourceReading {
  /** In the source's unit, bytes unless it says otherwise; 0 or more. */
  readonly used: number;
  readonly limit: number;
}

/** Something that knows how much is used of how much. */
export interface PressureSource {
  /** What events, states and `observe` call it; unique in its gauge. */
  readonly name: string;
  /** What it knows now, null when nothing. Called once a sample: microseconds, without waiting. What it throws makes it stale. */
  read(): SourceReading | null;
  /** Gives back what it holds open. After it, `read` answers null. */
  close?(): void;
}

/** What a gauge knows of one source. */
export interface SourceState extends SourceReading {
  readonly name: string;
  /** used / limit of the last good reading; NaN before the first. */
  readonly pressure: number;
  /** When that was, by the gauge's clock; −Infinity before the first. */
  readonly at: number;
  /** Whether it is left out now. */
  readonly stale: boolean;
  /** Readings that were none: thrown, null, or impossible numbers. Never reset. */
  readonly failures: number;
  /** What the last of them was; undefined while its last reading was good. */
  readonly error: unknown;
}

/** used / limit, defined everywhere: 0 without a limit, and where nothing is used of nothing (G09). Above 1 when over the limit (D49). */
export function pressureOf(used: number, limit: number): number {
  return used === 0 || limit === Infinity ? 0 : used / limit;
}

const isUsable = (reading: SourceReading | null): reading is SourceReading =>
  typeof reading?.used === "number" &&
  typeof reading.limit === "number" &&
  reading.used >= 0 &&
  reading.used < Infinity &&
  reading.limit >= 0;

/** @internal What a gauge remembers of one source. */
export class Input {
  readonly name: string;
  readonly trend = new Trend();
  used = Number.NaN;
  limit = Number.NaN;
  pressure = Number.NaN;
  at = -Infinity;
  failures = 0;
  failed = true;
  error: unknown;
  readonly #source: PressureSource | undefined;

  /** Without a source it is only pushed to. */
  constructor(name: string, source?: PressureSource) {
    this.name = name;
    this.#source = source;
  }

  /** Asks the source, if there is one to ask. Never throws. */
  read(now: number): void {
    if (this.#source === undefined) {
      if (!this.failed) this.trend.add(now, this.used);
      return;
    }
    try {
      const reading = this.#source.read();
      if (!isUsable(reading)) return this.#fail(wrong(reading));
      const { used, limit } = reading;
      this.#take(used, limit, pressureOf(used, limit), now);
      this.trend.add(now, used);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes a pressure that the source pushed. Never throws. */
  push(pressure: number, now: number): void {
    if (typeof pressure !== "number" || !(pressure >= 0)) return this.#fail(wrong(pressure));
    const limit = this.limit > 0 && this.limit < Infinity ? this.limit : 1;
    this.#take(pressure * limit, limit, pressure, now);
  }

  isFresh(now: number, staleAfterMs: number): boolean {
    return !this.failed && now - this.at <= staleAfterMs;
  }

  /** Milliseconds until `used` meets `limit` at its recent rate: 0 at the limit, Infinity when falling, flat or without a limit. */
  timeToLimit(): number {
    if (this.pressure >= 1) return 0;
    const rate = this.trend.slope();
    return rate > 0 ? (this.limit - this.used) / rate : Infinity;
  }

  /** Growth of the pressure per millisecond that is sure enough to act on. */
  growth(): number {
    return this.limit > 0 ? this.trend.sureSlope() / this.limit : 0;
  }

  close(): void {
    this.failed = true;
    this.#source?.close?.();
  }

  #take(used: number, limit: number, pressure: number, now: number): void {
    this.used = used;
    this.limit = limit;
    this.pressure = pressure;
    this.at = now;
    this.failed = false;
    this.error = undefined;
  }

  #fail(error: unknown): void {
    this.failed = true;
    this.failures++;
    this.error = error;
  }
}

function wrong(reading: unknown): unknown {
  if (reading === null || reading === undefined) return "no reading";
  const { used, limit } = reading as SourceReading;
  const what = typeof reading === "object" ? `used ${describe(used)}, limit ${describe(limit)}` : describe(reading);
  return `not a reading: ${what}`;
}
