// GcHint: asks the engine to collect garbage, where it can be asked at all, and no more than pays (M10, T07, X14). Owns the gap between
// two collections. Between calls: the gap is the configured one times a power of two, 1 after a collection that paid, and no
// collection follows another closer than its gap, nor while collecting already takes more than its share of the time.

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import { callable, finite } from "./arguments.js";
import { type Clock, monotonicMs } from "./time.js";

export interface GcHintOptions {
  /** Makes `gc` available by V8's flag `--expose-gc` where it is not; changes the process's flags for a moment. False unless told. */
  enable?: boolean;
  /** Least milliseconds between collections; 10 000 (M47, D34) unless told. */
  softGapMs?: number;
  /** The same for urgent ones, `hint("hard")` (T07: forced at critical); 1000 unless told, at most `softGapMs`. */
  hardGapMs?: number;
  /** What the gaps grow to while collecting does not pay; 3 × `softGapMs` unless told. */
  maxGapMs?: number;
  /** Share of the memory in use that a collection must free to have paid; 0.05 unless told. */
  minGain?: number;
  /** No hints while the share of time in garbage collection is above this (M10, D35); 0.25 unless told. */
  gcThreshold?: number;
  /** That share, 0–1: `() => monitor.gcShare`. Without it only the collections asked for here are known. */
  gcShare?: () => number;
  /** Bytes in use, of what a collection can free; of the JS heap and its array buffers unless told. */
  usedBytes?: () => number;
  /** The collection itself; the engine's unless told. */
  gc?: () => void;
  clock?: Clock;
}

/** What became of a hint: collected; no engine to ask; too soon after the last; collecting already takes too much time; `gc` threw. */
export type GcOutcome = "ran" | "unavailable" | "too-soon" | "gc-share" | "failed";

export interface GcReport {
  outcome: GcOutcome;
  /** 0 unless it ran; also when the memory in use cannot be read. */
  freedBytes: number;
  durationMs: number;
}

export interface GcHintStats {
  hints: number;
  /** How often it came to each outcome. */
  outcomes: Record<GcOutcome, number>;
  freedBytes: number;
  durationMs: number;
  /** Least milliseconds between soft hints at present. */
  gapMs: number;
  available: boolean;
}

export class GcHint {
  readonly #clock: Clock;
  readonly #gapsMs: { readonly soft: number; readonly hard: number };
  readonly #maxGapMs: number;
  readonly #minGain: number;
  readonly #gcThreshold: number;
  readonly #gcShare: () => number;
  readonly #usedBytes: () => number;
  readonly #gc: (() => void) | undefined;
  readonly #outcomes: Record<GcOutcome, number> = { ran: 0, unavailable: 0, "too-soon": 0, "gc-share": 0, failed: 0 };
  #backOff = 1;
  #lastEndMs = -Infinity;
  #lastDurationMs = 0;
  #hints = 0;
  #freedBytes = 0;
  #durationMs = 0;

  /** @throws TypeError, RangeError. */
  constructor(options: GcHintOptions = {}) {
    const own = ownOptions<GcHintOptions>("GcHint", options, [
      "enable",
      "softGapMs",
      "hardGapMs",
      "maxGapMs",
      "minGain",
      "gcThreshold",
      "gcShare",
      "usedBytes",
      "gc",
      "clock",
    ]);
    const soft = finite("softGapMs", own.softGapMs ?? 10_000, 0);
    const hard = finite("hardGapMs", own.hardGapMs ?? Math.min(1000, soft), 0, soft);
    this.#gapsMs = { soft, hard };
    this.#maxGapMs = finite("maxGapMs", own.maxGapMs ?? 3 * soft, soft);
    this.#minGain = finite("minGain", own.minGain ?? 0.05, 0, 1);
    this.#gcThreshold = finite("gcThreshold", own.gcThreshold ?? 0.25, 0, 1);
    this.#gcShare = callable("gcShare", own.gcShare ?? (() => 0));
    this.#usedBytes = callable("usedBytes", own.usedBytes ?? collectableBytes);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
    if (own.gc !== undefined) callable("gc", own.gc);
    if (own.enable !== undefined && typeof own.enable !== "boolean")
      throw new TypeError(`enable must be true or false, got ${describe(own.enable)}`);
    this.#gc = own.gc ?? (own.enable && globalThis.gc === undefined ? exposedGc() : undefined);
  }

  /** Whether there is an engine to ask. */
  get available(): boolean {
    return this.#engine() !== undefined;
  }

  /**
   * Collects garbage if that is possible and promises to pay, blocking this thread (about 1 ms per MB in use), and says what became
   * of it. A collection that frees less than `minGain` doubles the gap to the next one, up to `maxGapMs`; one that pays resets it.
   * `gc-share` tells the caller that collecting is no way out: shed load or recycle the process (D35).
   * @throws TypeError for another urgency.
   */
  hint(urgency: "soft" | "hard" = "soft"): GcReport {
    if (urgency !== "soft" && urgency !== "hard")
      throw new TypeError(`urgency must be "soft" or "hard", got ${describe(urgency)}`);
    this.#hints++;
    const gc = this.#engine();
    if (gc === undefined) return this.#told("unavailable");
    const restedMs = this.#clock() - this.#lastEndMs;
    if (!(restedMs >= this.#gapMs(urgency))) return this.#told("too-soon");
    if (this.#share(restedMs) > this.#gcThreshold) return this.#told("gc-share");
    return this.#run(gc);
  }

  stats(): GcHintStats {
    return {
      hints: this.#hints,
      outcomes: { ...this.#outcomes },
      freedBytes: this.#freedBytes,
      durationMs: this.#durationMs,
      gapMs: this.#gapMs("soft"),
      available: this.available,
    };
  }

  #run(gc: () => void): GcReport {
    const beforeBytes = read(this.#usedBytes);
    const startMs = this.#clock();
    let outcome: GcOutcome = "ran";
    try {
      gc();
    } catch {
      outcome = "failed";
    }
    this.#lastEndMs = this.#clock();
    this.#lastDurationMs = Math.max(0, this.#lastEndMs - startMs);
    const freedBytes = Math.max(0, beforeBytes - read(this.#usedBytes)) || 0;
    // Memory that cannot be read has not been seen to shrink.
    const paid = freedBytes > 0 && freedBytes >= beforeBytes * this.#minGain;
    if (paid) this.#backOff = 1;
    else if (this.#gapMs("hard") < this.#maxGapMs) this.#backOff *= 2;
    this.#freedBytes += freedBytes;
    this.#durationMs += this.#lastDurationMs;
    return this.#told(outcome, freedBytes, this.#lastDurationMs);
  }

  #told(outcome: GcOutcome, freedBytes = 0, durationMs = 0): GcReport {
    this.#outcomes[outcome]++;
    return { outcome, freedBytes, durationMs };
  }

  #gapMs(urgency: "soft" | "hard"): number {
    // A gap of 0 has nothing to double: it begins at a millisecond.
    const gapMs = this.#gapsMs[urgency];
    return this.#backOff === 1 ? gapMs : Math.min(this.#maxGapMs, Math.max(1, gapMs) * this.#backOff);
  }

  /** The share of time in garbage collection as told, or as known from here: the last collection against the rest since. */
  #share(restedMs: number): number {
    const own = restedMs < Infinity ? this.#lastDurationMs / (this.#lastDurationMs + restedMs) : 0;
    const told = read(this.#gcShare);
    return told > own ? told : own || 0;
  }

  #engine(): (() => void) | undefined {
    return this.#gc ?? (globalThis.gc as (() => void) | undefined);
  }
}

/** A reading of the caller's; NaN where it fails. */
function read(source: () => number): number {
  try {
    return source();
  } catch {
    return Number.NaN;
  }
}

/** What a collection can free. Not `external`: it counts unshared wasm memory, which no collection makes smaller. */
function collectableBytes(): number {
  const usage = globalThis.process?.memoryUsage?.();
  return usage === undefined ? Number.NaN : usage.heapUsed + usage.arrayBuffers;
}

/** V8's `gc` of a fresh context, made while the flag was on: the flag does nothing for contexts that are there. */
function exposedGc(): (() => void) | undefined {
  try {
    const v8 = globalThis.process.getBuiltinModule("node:v8");
    const vm = globalThis.process.getBuiltinModule("node:vm");
    v8.setFlagsFromString("--expose-gc");
    try {
      return vm.runInNewContext("gc") as () => void;
    } finally {
      v8.setFlagsFromString("--no-expose-gc");
    }
  } catch {
    return undefined;
  }
}
