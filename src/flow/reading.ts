// Reading: the shapes of what tells the pressure, no more of a PressureGauge than flow control and the monitor need. Owns nothing.

/** Ordinal, from nothing to do to refuse new work. */
export type Level = "none" | "low" | "moderate" | "high" | "critical";

export const LEVELS: readonly Level[] = ["none", "low", "moderate", "high", "critical"];

/** How full something is: 0 is empty, 1 is the limit, above it is over the limit. */
export interface PressureReading {
  readonly pressure: number;
}

/** Something that has a level and says when it changes. */
export interface LevelReading {
  readonly level: Level;
  /** What adaptive sizes are to be multiplied with now, where it says so: a PressureGauge's preset does. Above 0 to 1. */
  readonly factor?: number;
  on(type: "level", listener: (event: unknown) => void, options: { signal: AbortSignal }): unknown;
}

/** A gauge that the monitor samples. */
export interface SampledGauge extends PressureReading {
  readonly level: Level;
  sample(): unknown;
}
