// AdaptiveSizes: buffers that are smaller while memory is short (T05, G12). Owns who is registered and the size each was last given.
// Between calls each registered one has the size of the gauge's level, except where its `resize` failed: that is tried again at the
// next change of level.

import { integer, ownOptions } from "../options.js";
import { describe } from "../size.js";
import { callable, finite, having, label } from "./arguments.js";
import { LEVELS, type Level, type LevelReading } from "./reading.js";

/** The share of its base size that a buffer has at each level, 0–1. */
export type SizeFactors = Readonly<Record<Level, number>>;

/** Shrinks from `moderate` on, by the levels' action classes. */
export const CANONICAL_FACTORS: SizeFactors = { none: 1, low: 1, moderate: 0.75, high: 0.5, critical: 0.25 };

/** Shrinks from `low` on: T05's factors, which belong to the bands of the preset `transport` (70, 85, 95 %). */
export const TRANSPORT_FACTORS: SizeFactors = { none: 1, low: 0.75, moderate: 0.75, high: 0.5, critical: 0.25 };

export interface AdaptiveSizesOptions {
  /** The gauge's own, where it has `factor`, unless told; else CANONICAL_FACTORS. */
  factors?: SizeFactors;
  /** Other factors for single keys: `{ "render-queue": { critical: 0.5 } }`. */
  overrides?: Readonly<Record<string, Partial<SizeFactors>>>;
}

export interface SizeOptions {
  /** Never smaller than this; 1 unless told. */
  min?: number;
}

/** A buffer whose size follows the level. */
export interface Resizable {
  /** Its size without pressure, an integer ≥ 1; entries or bytes, whatever `resize` takes. */
  base: number;
  min?: number;
  /** Gives it the size `size`. A throw, or a rejection, counts as a failure and stops nobody else's. */
  resize(size: number): void | Promise<void>;
}

export interface AdaptiveSizesStats {
  level: Level;
  /** What was last given, by key. */
  sizes: Record<string, number>;
  /** Sizes given (T08). */
  resizes: number;
  failures: number;
  /** What the last failure was. */
  lastError: unknown;
}

interface Entry {
  readonly key: string;
  readonly base: number;
  readonly min: number;
  readonly resize: (size: number) => void | Promise<void>;
  /** 0 while nothing was given, or the last attempt failed. */
  size: number;
}

export class AdaptiveSizes {
  readonly #gauge: LevelReading;
  readonly #factors: SizeFactors;
  readonly #isGaugesFactor: boolean;
  readonly #overrides: ReadonlyMap<string, Partial<SizeFactors>>;
  readonly #entries = new Map<string, Entry>();
  readonly #ended = new AbortController();
  #resizes = 0;
  #failures = 0;
  #lastError: unknown;

  /** @throws TypeError, RangeError. */
  constructor(gauge: LevelReading, options: AdaptiveSizesOptions = {}) {
    const { factors, overrides = {} } = ownOptions<AdaptiveSizesOptions>("AdaptiveSizes", options, [
      "factors",
      "overrides",
    ]);
    this.#gauge = having("gauge", gauge, ["on"]);
    if (typeof overrides !== "object" || overrides === null)
      throw new TypeError(`overrides must be an object of factors by key, got ${describe(overrides)}`);
    const own = factorsOf("factors", factors ?? CANONICAL_FACTORS);
    for (const level of LEVELS) finite(`factors.${level}`, own[level], 0, 1);
    this.#factors = own as SizeFactors;
    this.#isGaugesFactor = factors === undefined;
    this.#overrides = new Map(
      Object.entries(overrides).map(([key, some]) => [key, factorsOf(`overrides["${key}"]`, some)]),
    );
    gauge.on("level", () => this.#adapt(), { signal: this.#ended.signal });
  }

  /**
   * The size that `key` should have now: `base` times the factor of the gauge's level, rounded down, not below `min` (T05). O(1).
   * @throws TypeError, RangeError for sizes that are no integers with 1 ≤ min ≤ base.
   */
  size(key: string, base: number, options?: SizeOptions): number {
    label("key", key);
    const { min = 1 } = ownOptions<SizeOptions>("size", options, ["min"]);
    integer("base", base, 1, Number.MAX_SAFE_INTEGER);
    integer("min", min, 1, base);
    return this.#sizeOf(key, base, min);
  }

  /**
   * Lets `resize` follow the level: called now if the level asks for less than `base`, then at each change of level that changes the
   * size. Returns the function that takes it out. O(1); a change of level is O(registered).
   * @throws TypeError for a key that is registered already, and as `size` does.
   */
  register(key: string, options: Resizable): () => void {
    label("key", key);
    const { base, min = 1, resize } = ownOptions<Resizable>("register", options, ["base", "min", "resize"]);
    const whole = integer("base", base, 1, Number.MAX_SAFE_INTEGER);
    const entry: Entry = {
      key,
      base: whole,
      min: integer("min", min, 1, whole),
      resize: callable("resize", resize!),
      size: whole,
    };
    if (this.#entries.has(key))
      throw new TypeError(`register: "${key}" is registered already; take it out first, or choose another key`);
    this.#entries.set(key, entry);
    this.#fit(entry);
    return () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
  }

  stats(): AdaptiveSizesStats {
    return {
      level: this.#gauge.level,
      sizes: Object.fromEntries([...this.#entries].map(([key, { size }]) => [key, size])),
      resizes: this.#resizes,
      failures: this.#failures,
      lastError: this.#lastError,
    };
  }

  /** Stops following the gauge; sizes stay as they are. Idempotent. */
  close(): void {
    this.#ended.abort();
    this.#entries.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #adapt(): void {
    for (const entry of this.#entries.values()) this.#fit(entry);
  }

  /** Gives an entry its size. The level is read anew for each: a `resize` that frees memory may have changed it from within. */
  #fit(entry: Entry): void {
    const { key, base, min, size: before } = entry;
    const size = this.#sizeOf(key, base, min);
    if (size === before) return;
    entry.size = size;
    this.#resizes++;
    const failed = (error: unknown): void => {
      this.#failures++;
      this.#lastError = error;
      if (entry.size === size) entry.size = 0;
    };
    try {
      const pending = entry.resize(size);
      if (pending !== undefined) Promise.resolve(pending).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #sizeOf(key: string, base: number, min: number): number {
    const { level, factor: own } = this.#gauge;
    const usual = this.#isGaugesFactor && own !== undefined && own >= 0 && own <= 1 ? own : this.#factors[level];
    const factor = this.#overrides.get(key)?.[level] ?? usual;
    if (factor === undefined) throw new TypeError(`"${level}" is no level; there are ${LEVELS.join(", ")}`);
    return Math.max(min, Math.floor(base * factor));
  }
}

function factorsOf(name: string, factors: Partial<SizeFactors>): Partial<SizeFactors> {
  const own = ownOptions<Partial<SizeFactors>>(name, factors, LEVELS);
  for (const [level, factor] of Object.entries(own)) finite(`${name}.${level}`, factor, 0, 1);
  return own as Partial<SizeFactors>;
}
