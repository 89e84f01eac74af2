// GC: what the engine's garbage collector does, as far as the host tells (M02, M23). `GcStatistics` owns the counts; the host is asked
// by a PerformanceObserver, which Node has for it and pages have not.

import { Rate } from "./rate.js";

export type GcKind = "minor" | "major" | "incremental" | "weak" | "other";

/** One collection, or a step of one. */
export interface GcEvent {
  kind: GcKind;
  /** How long it stopped this thread. */
  durationMs: number;
  /** Whether a program had asked for it. */
  forced: boolean;
}

/** Calls `listener` for each collection from now on; returns how to stop that, or undefined where the host tells nothing. */
export type ObserveGc = (listener: (event: GcEvent) => void) => (() => void) | undefined;

export interface GcSummary {
  count: number;
  /** Of the whole heap: after one of them, what is in use is live. */
  majorCount: number;
  pauseTotalMs: number;
  pauseAverageMs: number;
  /** Share of the time that collections took lately, 0–1 (M10, D35). */
  share: number;
}

// Node's perf_hooks.constants.NODE_PERFORMANCE_GC_*: bits, and the same in all its versions.
const KINDS = new Map<unknown, GcKind>([
  [1, "minor"],
  [2, "minor"],
  [4, "major"],
  [8, "incremental"],
  [16, "weak"],
]);
const FORCED = 4;
const MEMORY_MS = 10_000;

/** Observes by the host's PerformanceObserver. */
export const observeGc: ObserveGc = (listener) => {
  if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes("gc")) return undefined;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind, flags = 0 } = (entry as { detail?: { kind?: number; flags?: number } }).detail ?? {};
      listener({ kind: KINDS.get(kind) ?? "other", durationMs: entry.duration, forced: (flags & FORCED) !== 0 });
    }
  });
  observer.observe({ type: "gc" });
  return () => observer.disconnect();
};

export class GcStatistics {
  readonly #rate = new Rate(MEMORY_MS);
  #count = 0;
  #majorCount = 0;
  #pauseTotalMs = 0;
  /** Pauses that the rate has not been told about. */
  #recentMs = 0;

  /** Counts a collection. O(1). */
  add({ kind, durationMs }: GcEvent): void {
    this.#count++;
    if (kind === "major") this.#majorCount++;
    this.#pauseTotalMs += durationMs;
    this.#recentMs += durationMs;
  }

  /** Brings the share of time up to `atMs`; once a sample. O(1). */
  tick(atMs: number): void {
    this.#rate.add(this.#recentMs, atMs);
    this.#recentMs = 0;
  }

  get share(): number {
    return Math.min(1, this.#rate.perSecond / 1000);
  }

  summary(): GcSummary {
    return {
      count: this.#count,
      majorCount: this.#majorCount,
      pauseTotalMs: this.#pauseTotalMs,
      pauseAverageMs: this.#count === 0 ? 0 : this.#pauseTotalMs / this.#count,
      share: this.share,
    };
  }
}
