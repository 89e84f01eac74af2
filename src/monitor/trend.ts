// LeakTrend: memory that is never given back, found by statistics (X03, X13, §8.7 (3)). Owns the floors of the last windows of time. It looks
// at the floor, what is in use after a major collection or a budget's least use in a window, since what lies above it is garbage.
// A leak is `windows` windows in a row each of which sets a record, by a margin, without slowing down. What it cannot find: leaks
// slower than the margin. What it can mistake for a leak: a rise of `windows` × `windowMs` that keeps its pace, such as the morning of
// a day whose load swings by more than ± 30 % (at ± 40 %, 31 of 100 simulated runs of three days). Windows of hours have that under
// control, and find slow leaks in a day or two: `windowMs: 4 * 3_600_000, minRise: 0.01`.

import { callable, finite } from "../flow/arguments.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { integer, ownOptions } from "../options.js";
import { Episode, type Look } from "./episode.js";

export interface LeakTrendOptions {
  /** 20 minutes unless told. */
  windowMs?: number;
  /** Records in a row that make a leak; 6 unless told. */
  windows?: number;
  /** What the windows of a leak rise by on average, and each at least by half, as a share of what they began from; 0.04 unless told. */
  minRise?: number;
  /** The same in bytes; 64 KiB unless told. Both must be reached. */
  minRiseBytes?: number;
  /** The limit that the time left is reckoned to; without it the time is not known. */
  limitBytes?: number | (() => number);
  /** Least milliseconds between alerts; `windows` × `windowMs` unless told. */
  cooldownMs?: number;
  clock?: Clock;
}

/** How soon it ends badly: within an hour, six, a day, or later; `moderate` when the limit is not known. */
export type LeakSeverity = "low" | "moderate" | "high" | "critical";

export interface LeakTrendAlert {
  atMs: number;
  severity: LeakSeverity;
  /** The floors of the windows that make the leak, oldest first; the first is what it grew from. */
  floorsBytes: number[];
  bytesPerHour: number;
  timeToLimitMs: number | undefined;
}

interface Floor {
  /** The window's number, counted from the first reading. */
  readonly index: number;
  readonly bytes: number;
}

const HOUR_MS = 3_600_000;
// How far back a record stands, in multiples of `windows`: a day of windows by default. Yesterday's peak makes today's no record.
const MEMORY = 12;
const LEAST = 0.5;
// The second half must rise at least this fast, against the first: memory that is warming up slows down.
const STEADINESS = 0.75;
const SEVERITIES: readonly { severity: LeakSeverity; belowMs: number }[] = [
  { severity: "critical", belowMs: HOUR_MS },
  { severity: "high", belowMs: 6 * HOUR_MS },
  { severity: "moderate", belowMs: 24 * HOUR_MS },
];

export class LeakTrend {
  readonly #windowMs: number;
  readonly #windows: number;
  readonly #minRise: number;
  readonly #minRiseBytes: number;
  readonly #limitBytes: () => number;
  readonly #clock: Clock;
  readonly #episode: Episode;
  /** Closed windows in which there was a reading, oldest first. */
  #floors: Floor[] = [];
  /** How many of the last of them were records, in a row. */
  #records = 0;
  /** The record that they began from. */
  #baseBytes = 0;
  /** How many of the last were not even higher than all before. */
  #quiet = 0;
  /** The floor under which an episode's growth counts as given back. */
  #givenBackBytes = 0;
  #beginMs: number | undefined;
  #index = 0;
  #least = Infinity;
  #alert: LeakTrendAlert | undefined;

  /** @throws TypeError, RangeError. */
  constructor(options: LeakTrendOptions = {}) {
    const own = ownOptions<LeakTrendOptions>("LeakTrend", options, [
      "windowMs",
      "windows",
      "minRise",
      "minRiseBytes",
      "limitBytes",
      "cooldownMs",
      "clock",
    ]);
    this.#windowMs = finite("windowMs", own.windowMs ?? 20 * 60_000, 1);
    this.#windows = integer("windows", own.windows ?? 6, 2, 1000);
    this.#minRise = finite("minRise", own.minRise ?? 0.04, 0);
    this.#minRiseBytes = finite("minRiseBytes", own.minRiseBytes ?? 65_536, 0);
    const { limitBytes = Number.NaN } = own;
    if (typeof limitBytes === "number") {
      if (own.limitBytes !== undefined) finite("limitBytes", limitBytes, 0);
      this.#limitBytes = () => limitBytes;
    } else {
      this.#limitBytes = callable("limitBytes", limitBytes);
    }
    this.#episode = new Episode(own.cooldownMs ?? this.#windows * this.#windowMs);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
  }

  /** The leak that was told of, while its episode goes on. */
  get alert(): LeakTrendAlert | undefined {
    return this.#alert;
  }

  /**
   * Takes a reading of the floor: `monitor.on("gc", (gc) => gc.usedBytes !== undefined && trend.observe(gc.usedBytes))`, or a budget's use at
   * every sample. Answers with an alert once for each episode, at the first reading after the window that completes it; windows
   * without a reading say nothing. A clock that goes back stands still. O(1); at the end of a window O(windows × 12).
   * @throws TypeError, RangeError.
   */
  observe(usedBytes: number, atMs: number = this.#clock()): LeakTrendAlert | undefined {
    finite("usedBytes", usedBytes, 0);
    finite("atMs", atMs, -Number.MAX_VALUE);
    this.#beginMs ??= atMs;
    const index = Math.max(this.#index, Math.floor((atMs - this.#beginMs) / this.#windowMs));
    let alert: LeakTrendAlert | undefined;
    if (index > this.#index) {
      alert = this.#close({ index: this.#index, bytes: this.#least }, atMs);
      this.#index = index;
      this.#least = Infinity;
    }
    this.#least = Math.min(this.#least, usedBytes);
    return alert;
  }

  /** A window is over: its floor is known. */
  #close(floor: Floor, atMs: number): LeakTrendAlert | undefined {
    const isFirst = this.#floors.length === 0;
    const record = Math.max(...this.#floors.map(({ bytes }) => bytes));
    if (this.#records === 0) this.#baseBytes = record;
    this.#records = !isFirst && floor.bytes >= record + this.#riseBytes() * LEAST ? this.#records + 1 : 0;
    this.#quiet = isFirst || floor.bytes > record ? 0 : this.#quiet + 1;
    this.#floors = [...this.#floors, floor].slice(-MEMORY * this.#windows);
    const look = this.#look(floor);
    if (this.#episode.update(look, atMs)) this.#alert = this.#describe(atMs);
    else if (this.#episode.open) return undefined;
    else this.#alert = undefined;
    return this.#alert;
  }

  #look(floor: Floor): Look {
    if (this.#records >= this.#windows && this.#isLeak()) return "trouble";
    const isGivenBack = this.#alert !== undefined && floor.bytes < this.#givenBackBytes;
    return this.#quiet >= this.#windows || isGivenBack || !this.#episode.open ? "over" : "unsure";
  }

  #isLeak(): boolean {
    const leak = this.#leak();
    const first = leak[0]!;
    const middle = leak[Math.floor(leak.length / 2)]!;
    const last = leak.at(-1)!;
    if (last.bytes - first.bytes < this.#windows * this.#riseBytes()) return false;
    return slope(middle, last) >= STEADINESS * slope(first, middle);
  }

  /** What a window of a leak rises by. */
  #riseBytes(): number {
    return Math.max(this.#baseBytes * this.#minRise, this.#minRiseBytes);
  }

  /** The windows that make the leak, with the one before them. */
  #leak(): Floor[] {
    return this.#floors.slice(-this.#windows - 1);
  }

  #describe(atMs: number): LeakTrendAlert {
    const leak = this.#leak();
    const first = leak[0]!;
    const last = leak.at(-1)!;
    const bytesPerMs = slope(first, last) / this.#windowMs;
    const leftMs = Math.max(0, this.#limitBytes() - last.bytes) / bytesPerMs;
    const timeToLimitMs = Number.isFinite(leftMs) ? leftMs : undefined;
    this.#givenBackBytes = (first.bytes + last.bytes) / 2;
    return {
      atMs,
      severity: severityOf(timeToLimitMs),
      floorsBytes: leak.map(({ bytes }) => bytes),
      bytesPerHour: bytesPerMs * HOUR_MS,
      timeToLimitMs,
    };
  }
}

/** Bytes a window. */
const slope = (from: Floor, to: Floor): number => (to.bytes - from.bytes) / (to.index - from.index);

function severityOf(timeToLimitMs: number | undefined): LeakSeverity {
  if (timeToLimitMs === undefined) return "moderate";
  return SEVERITIES.find(({ belowMs }) => timeToLimitMs < belowMs)?.severity ?? "low";
}
