// Gauge: sources in, one level out. Owns the readings, the decision which source counts, and the place on the ladder. It has no timer: who
// has one calls `sample()`; who allocates calls `observe()`, and a level that its allocation reaches is raised in that very call. A level
// rises at once and falls only after samples that agree. What is not known is said to be not known: `stale`, never "0 = healthy".

import { integer, ownOptions } from "../options.js";
import { describe } from "../size.js";
import { type Band, checkedBands, fraction, presetBands, type PressureBand } from "./bands.js";
import { epochClock, LevelGauge } from "./level-gauge.js";
import type { PressureLevel } from "./levels.js";
import type { PressurePreset } from "./presets.js";
import { Input, type PressureSource, type SourceState } from "./source.js";

/** What a combination of sources is made from. */
export interface CombinedReading {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly pressure: number;
}

/** The pressure of all fresh readings together, 0 or more; there is at least one. */
export type Combine = (readings: readonly CombinedReading[]) => number;

/** How a gauge is made. */
export interface PressureGaugeOptions {
  /** Whose thresholds, labels and advice; `stream` unless told. Not together with `bands`. */
  preset?: PressurePreset;
  /** Thresholds of one's own, ascending, in fractions 0–1. */
  bands?: readonly PressureBand[];
  /** What it reads; none unless told, for a gauge that is only pushed to. `close` closes them. */
  sources?: readonly PressureSource[];
  /** How several become one: the highest counts unless told. */
  combine?: "max" | Combine;
  /** How far below its entry a level is left, as a fraction; 0.05 unless told. */
  hysteresis?: number;
  /** How many samples in a row must lie there before it is; 3 unless told. Hysteresis 0 and dwell 1 are a specification to the letter. */
  dwell?: number;
  /** Moves the entries by the growth of the deciding source within this time, at most by 10 points: what grows is met earlier, what falls
   *  is left earlier (T39). Milliseconds that a reaction takes; off unless told. */
  reactionMs?: number;
  /** From which age a source's last number counts no more, in milliseconds: more than the time between two samples. 60 000 unless told,
   *  Infinity for never. */
  staleAfterMs?: number;
  /** Milliseconds that never go back; since the epoch unless told. */
  clock?: () => number;
  /** Hears what listeners and `combine` throw; unless told it is reported like any uncaught error. */
  onError?: (error: unknown) => void;
}

/** @internal Their names. */
export const OPTIONS = [
  "preset",
  "bands",
  "sources",
  "combine",
  "hysteresis",
  "dwell",
  "reactionMs",
  "staleAfterMs",
  "clock",
  "onError",
] as const;

/** What `observe` calls a push that does not say where it comes from. */
const UNNAMED = "observed";

/** How far measured growth can move an entry: 10 points. */
const SHIFT_MAX = 0.1;

const DWELL_MAX = 1_000_000;

/** How near one or more limits are, and which level that is: `new PressureGauge({ preset: "stream", sources: [budgetSource(budget)] })`. */
export class PressureGauge extends LevelGauge {
  readonly #inputs = new Map<string, Input>();
  readonly #combine: Combine | undefined;
  readonly #reactionMs: number;
  readonly #staleAfterMs: number;
  readonly #clock: () => number;
  #reading = false;
  #closed = false;
  /** The fresh input with the highest pressure at the last decision. */
  #decider: Input | undefined;
  #shift = 0;

  /** @throws TypeError, RangeError for options that are none, with the value and what would do. */
  constructor(options?: PressureGaugeOptions) {
    const given = ownOptions<PressureGaugeOptions>("PressureGauge", options, OPTIONS);
    if (given.preset !== undefined && given.bands !== undefined)
      throw new TypeError("PressureGauge: give preset or bands, not both; presetBands(preset, entries) mixes them");
    const bands = given.bands === undefined ? presetBands(given.preset ?? "stream") : checkedBands(given.bands);
    const hysteresis = checkedHysteresis(given.hysteresis ?? 0.05, bands);
    const dwell = integer("dwell", given.dwell ?? 3, 1, DWELL_MAX);
    super(bands, hysteresis, dwell, optionalFunction("onError", given.onError));
    this.#combine = given.combine === "max" ? undefined : optionalFunction('combine, unless "max",', given.combine);
    this.#reactionMs = given.reactionMs === undefined ? 0 : duration("reactionMs", given.reactionMs, 86_400_000);
    this.#staleAfterMs = duration("staleAfterMs", given.staleAfterMs ?? 60_000, Infinity);
    this.#clock = optionalFunction("clock", given.clock) ?? epochClock();
    for (const source of checkedSources(given.sources)) this.#inputs.set(source.name, new Input(source.name, source));
  }

  /** The name of the source that decided last; null before anything was known. */
  get source(): string | null {
    return this.#decider?.name ?? null;
  }

  /** Whether nothing is known now: no source gave a usable number within `staleAfterMs`. Level and pressure stay what they were. (D33) */
  get stale(): boolean {
    const now = this.#clock();
    for (const input of this.#inputs.values()) if (input.isFresh(now, this.#staleAfterMs)) return false;
    return true;
  }

  /** What is known of each source, for metrics: its last reading, whether it is left out, how often it failed. O(sources). */
  get sources(): readonly SourceState[] {
    const now = this.#clock();
    return [...this.#inputs.values()].map((input) => {
      const { name, used, limit, pressure, at, failures, error } = input;
      return { name, used, limit, pressure, at, stale: !input.isFresh(now, this.#staleAfterMs), failures, error };
    });
  }

  /**
   * Milliseconds until the deciding source meets its limit at the rate of its last samples: 0 at the limit, Infinity when it falls, is
   * flat, or its growth does not stand out from its noise. Five samples are the least that say anything. About 0.5 µs.
   */
  override get timeToLimit(): number {
    return this.#decider?.timeToLimit() ?? Infinity;
  }

  /** How far the entries lie lower now because of growth (higher when negative), −0.1 to 0.1; 0 without `reactionMs`. (T39) */
  get shift(): number {
    return this.#shift;
  }

  /**
   * Reads every source once and moves the level: up at once, down after the dwell. Listeners run before it returns. Called from within a
   * source it only answers. O(sources); what the sources cost besides.
   */
  override sample(): PressureLevel {
    if (this.#reading || this.#closed) return this.band.level;
    const now = this.#clock();
    this.#reading = true;
    for (const input of this.#inputs.values()) input.read(now);
    this.#reading = false;
    if (!this.#decide(now)) return this.band.level;
    this.#shift = this.#grownBy();
    const from = this.band.level;
    this.ladder.step(this.#projected());
    return this.moved(from, this.#decider!.name, now);
  }

  /**
   * Takes a pressure that a source pushes between samples: the crossing that an allocation causes. A higher level is entered at once, in
   * this call; a lower one waits for samples. A number that is none makes the source stale, as if it had been read. About 0.2 µs, half of
   * them the clock's.
   * @throws RangeError for a name that is no source of this gauge.
   */
  observe(pressure: number, source: string = UNNAMED): PressureLevel {
    if (this.#closed) return this.band.level;
    const now = this.#clock();
    this.#inputOf(source).push(pressure, now);
    if (!this.#decide(now)) return this.band.level;
    const from = this.band.level;
    this.ladder.raise(this.#projected());
    return this.moved(from, this.#decider!.name, now);
  }

  /** Closes its sources, those too that others read: from now on nothing is known and no level changes. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const input of this.#inputs.values()) {
      try {
        input.close();
      } catch (error) {
        this.report(error);
      }
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Settles which source counts and what the pressure is; false when no source is fresh, and all stays as it was. */
  #decide(now: number): boolean {
    let highest: Input | undefined;
    for (const input of this.#inputs.values()) {
      if (!input.isFresh(now, this.#staleAfterMs)) continue;
      if (highest === undefined || input.pressure > highest.pressure) highest = input;
    }
    if (highest === undefined) return false;
    this.#decider = highest;
    this.known = this.#combine ? this.#combined(this.#combine, highest, now) : highest.pressure;
    return true;
  }

  /** What `combine` says; the highest when it says nothing usable. */
  #combined(combine: Combine, highest: Input, now: number): number {
    const readings = this.#freshReadings(now);
    try {
      const pressure = combine(readings);
      if (typeof pressure === "number" && pressure >= 0) return pressure;
      this.report(new TypeError(`combine must return a pressure of 0 or more, got ${describe(pressure)}`));
    } catch (error) {
      this.report(error);
    }
    return highest.pressure;
  }

  #freshReadings(now: number): CombinedReading[] {
    return [...this.#inputs.values()]
      .filter((input) => input.isFresh(now, this.#staleAfterMs))
      .map(({ name, used, limit, pressure }) => ({ name, used, limit, pressure }));
  }

  #grownBy(): number {
    if (this.#reactionMs === 0) return 0;
    const growth = (this.#decider?.growth() ?? 0) * this.#reactionMs;
    return Math.min(SHIFT_MAX, Math.max(-SHIFT_MAX, growth));
  }

  /** The pressure as the ladder sees it: lower entries and a higher pressure are the same. At the limit itself nothing is waited for. */
  #projected(): number {
    const pressure = this.known;
    return pressure >= 1 ? pressure : pressure + this.#shift;
  }

  #inputOf(name: string): Input {
    const known = this.#inputs.get(name);
    if (known !== undefined) return known;
    if (name !== UNNAMED) {
      const names = [...this.#inputs.keys()].map((key) => `"${key}"`).join(", ");
      throw new RangeError(`observe: ${describe(name)} is no source of this gauge; there are ${names || "none"}`);
    }
    const input = new Input(name);
    this.#inputs.set(name, input);
    return input;
  }
}

function optionalFunction<T>(name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function")
    throw new TypeError(`PressureGauge: ${name} must be a function, got ${describe(value)}`);
  return value;
}

function duration(name: string, value: unknown, most: number): number {
  if (typeof value !== "number")
    throw new TypeError(`${name} must be a number of milliseconds, got ${describe(value)}`);
  if (!(value > 0 && value <= most))
    throw new RangeError(`${name} must be more than 0 and at most ${most} milliseconds, got ${value}`);
  return value;
}

/** A gap that every band can be left by: pressure is never below 0. */
function checkedHysteresis(value: unknown, bands: readonly Band[]): number {
  const hysteresis = fraction("hysteresis", value);
  const lowest = bands[1]?.enter ?? 1;
  if (hysteresis >= lowest)
    throw new RangeError(
      `hysteresis must be below the lowest entry: a level entered at ${lowest} and left below ${lowest} − ${hysteresis} is never left`,
    );
  return hysteresis;
}

function checkedSources(sources: readonly PressureSource[] = []): readonly PressureSource[] {
  if (!Array.isArray(sources)) throw new TypeError(`sources must be an array, got ${describe(sources)}`);
  const names = new Set<string>();
  for (const [index, source] of (sources as readonly PressureSource[]).entries()) {
    if (typeof source?.read !== "function" || typeof source.name !== "string")
      throw new TypeError(`sources[${index}] must be { name, read() }, got ${describe(source)}`);
    if (names.has(source.name))
      throw new RangeError(`sources[${index}]: there are two named "${source.name}"; give one another name`);
    names.add(source.name);
  }
  return sources;
}
