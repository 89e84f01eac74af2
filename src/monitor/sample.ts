// Sample: what one look of the monitor saw. Plain values, `null` for what is not known, so that it is JSON as it stands (`/history`).
// Owns nothing.

import { LEVELS, type Level } from "../flow/reading.js";
import type { GcSummary } from "./gc.js";
import type { ProcessMemory, SystemMemory } from "./host.js";

/** The figures of a region that a sample keeps; `region.stats()` has them. */
export interface RegionMemory {
  capacityBytes: number;
  usedBytes: number;
  freeBytes: number;
  overheadBytes: number;
  /** The largest request that would fit. */
  largestFreeBytes: number;
}

export interface GaugeSample {
  pressure: number | null;
  level: Level;
}

export interface MonitorSample {
  /** Wall clock, ms since 1970. */
  at: number;
  /** What the look itself took (self-timing). */
  durationMs: number;
  /** How late the timer was; 0 by hand. */
  lateMs: number;
  /** Looks that fell out before this one, because the thread was busy. */
  skipped: number;
  /** The highest of the gauges, and the highest level. */
  pressure: number | null;
  level: Level | null;
  gauges: Record<string, GaugeSample>;
  region: RegionMemory | null;
  /** 1 − largest free ÷ free, 0–1 (M14): what share of the free memory one request could not have. */
  fragmentation: number | null;
  process: ProcessMemory | null;
  system: SystemMemory | null;
  /** Bytes a second, averaged over about 10 s (M02). */
  allocationRate: number;
  gc: GcSummary;
  /** What the probes that answer with a number answered. */
  probes: Record<string, number>;
}

/** The five figures of what a region tells, which may be much more. */
export function regionMemory(stats: RegionMemory): RegionMemory {
  const { capacityBytes, usedBytes, freeBytes, overheadBytes, largestFreeBytes } = stats;
  return { capacityBytes, usedBytes, freeBytes, overheadBytes, largestFreeBytes };
}

/** M14: 0 when all that is free lies in one piece, or nothing is free. */
export function fragmentation({ freeBytes, largestFreeBytes }: RegionMemory): number {
  return freeBytes > 0 ? Math.min(1, Math.max(0, 1 - largestFreeBytes / freeBytes)) : 0;
}

/** The highest pressure and the highest level of all gauges; null where there is none. */
export function worst(gauges: Record<string, GaugeSample>): { pressure: number | null; level: Level | null } {
  let pressure: number | null = null;
  let ordinal = -1;
  for (const gauge of Object.values(gauges)) {
    if (gauge.pressure !== null) pressure = Math.max(pressure ?? 0, gauge.pressure);
    ordinal = Math.max(ordinal, LEVELS.indexOf(gauge.level));
  }
  return { pressure, level: LEVELS[ordinal] ?? null };
}
