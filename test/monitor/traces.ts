// Traces: what a process's memory does over hours, made up by seed. A live set by kind, noise on it, and garbage that piles up on it until
// a collection; one sample every 30 s. Megabytes of a base of 100.
import { random } from "../lib/random.js";

export type Kind = "flat" | "warm-up" | "daily wave" | "sawtooth" | "step" | "fast leak" | "slow leak";

export const HEALTHY: readonly Kind[] = ["flat", "warm-up", "daily wave", "sawtooth", "step"];
export const SAMPLE_MS = 30_000;
export const MIB = 2 ** 20;

export interface TraceSample {
  atMs: number;
  /** In use, garbage and all. */
  usedBytes: number;
  /** In use after the major collection that ended in this sample; undefined where none did. */
  floorBytes: number | undefined;
}

const HOUR_MS = 3_600_000;
const BASE = 100;

/** Live megabytes after `hours`, without noise. Drawn once for each trace. */
function liveSet(kind: Kind, uniform: (least: number, most: number) => number): (hours: number) => number {
  switch (kind) {
    case "warm-up": {
      // From a share of the base to all of it, with a time constant of ten minutes to an hour and a half.
      const rest = uniform(0.1, 0.6);
      const constant = uniform(1 / 6, 1.5);
      return (hours) => BASE * (1 - rest * Math.exp(-hours / constant));
    }
    case "daily wave": {
      const swing = uniform(0.1, 0.3);
      const phase = uniform(0, 2 * Math.PI);
      return (hours) => BASE * (1 + swing * Math.sin(phase + (2 * Math.PI * hours) / 24));
    }
    case "sawtooth": {
      // A batch that takes half of the base, bit by bit, and gives it back at its end.
      const periodHours = uniform(0.05, 0.9);
      const phase = uniform(0, 1);
      return (hours) => BASE * (1 + 0.5 * ((phase + hours / periodHours) % 1));
    }
    case "step": {
      const at = uniform(0.5, 7);
      const height = uniform(0.2, 1.5);
      return (hours) => BASE * (hours < at ? 1 : 1 + height);
    }
    case "fast leak":
      return (hours) => BASE * (1 + 0.24 * hours);
    case "slow leak":
      return (hours) => BASE * (1 + 0.06 * hours);
    default:
      return () => BASE;
  }
}

/** A trace of `hours`. The same for the same kind and seed. */
export function trace(kind: Kind, seed: number, hours = 8): TraceSample[] {
  const by = random(seed * 7919 + kind.length);
  const uniform = (least: number, most: number): number => least + ((most - least) * by.next()) / 2 ** 32;
  const live = liveSet(kind, uniform);
  // Garbage comes at so many megabytes a sample; a collection when it reaches its room.
  const churn = uniform(2, 12);
  const room = uniform(20, 60);
  let garbage = 0;
  const samples: TraceSample[] = [];
  for (let atMs = 0; atMs < hours * HOUR_MS; atMs += SAMPLE_MS) {
    const noise = uniform(-1.5, 1.5) + uniform(-1.5, 1.5);
    const living = live(atMs / HOUR_MS) + noise;
    garbage += churn * uniform(0.5, 1.5);
    const isCollected = garbage >= room;
    if (isCollected) garbage = 0;
    samples.push({
      atMs,
      usedBytes: (living + garbage) * MIB,
      floorBytes: isCollected ? living * MIB : undefined,
    });
  }
  return samples;
}
