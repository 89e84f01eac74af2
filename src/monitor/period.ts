// AdaptivePeriod: when to look next (§8.4, after earlyoom). Owns how fast each thing it was told about fills. Far from the limit, or
// at rest, it is the configured period; near it, a quarter of the time that is left at the present rate, not below the least.

import { finite } from "../flow/arguments.js";
import { Rate } from "./rate.js";

interface Filling {
  pressure: number;
  atMs: number;
  /** A second, of the last step alone: a sudden rise counts at once. */
  latest: number;
  readonly average: Rate;
}

// Four looks before the limit is reached.
const LOOKS = 4;
const MEMORY_MS = 10_000;

export class AdaptivePeriod {
  readonly #leastMs: number;
  readonly #configuredMs: number;
  readonly #fillings = new Map<string, Filling>();

  /** @throws TypeError, RangeError. */
  constructor(leastMs: number, configuredMs: number) {
    this.#configuredMs = finite("intervalMs", configuredMs, 1);
    this.#leastMs = finite("minIntervalMs", leastMs, 1, configuredMs);
  }

  /** `name` is this full at `atMs`: 0 is empty, 1 is the limit. What is no number is left out. O(1). */
  observe(name: string, pressure: number, atMs: number): void {
    if (!Number.isFinite(pressure)) return;
    const before = this.#fillings.get(name);
    const average = before?.average ?? new Rate(MEMORY_MS);
    const rise = before === undefined ? 0 : pressure - before.pressure;
    const sinceMs = before === undefined ? 0 : atMs - before.atMs;
    average.add(rise, atMs);
    const latest = sinceMs > 0 ? (rise / sinceMs) * 1000 : (before?.latest ?? 0);
    this.#fillings.set(name, { pressure, atMs, latest, average });
  }

  /** `name` counts no more. */
  forget(name: string): void {
    this.#fillings.delete(name);
  }

  /** Milliseconds to the next look: clamp(headroom ÷ recent rate ÷ 4, least, configured), of whatever fills first. O(observed). */
  nextMs(): number {
    let nextMs = this.#configuredMs;
    for (const { pressure, latest, average } of this.#fillings.values()) {
      const perSecond = Math.max(latest, average.perSecond);
      if (perSecond > 0) nextMs = Math.min(nextMs, (Math.max(0, 1 - pressure) / perSecond / LOOKS) * 1000);
    }
    return Math.max(this.#leastMs, nextMs);
  }
}
