// Levels: the five words for how near a limit is, and their order. A level's meaning is a class of action, not a number: which share of a
// limit is "high" is the preset's to say. Chromium's none, moderate and critical are among them. (M29)

/**
 * `none`: normal · `low`: observe, clean up in the background · `moderate`: warn, reclaim what is cheap · `high`: reclaim hard, throttle ·
 * `critical`: refuse new work, emergency reclaim.
 */
export type PressureLevel = "none" | "low" | "moderate" | "high" | "critical";

/** Lowest first: a level's index is its ordinal, 0–4. */
export const PRESSURE_LEVELS: readonly PressureLevel[] = ["none", "low", "moderate", "high", "critical"];

/** A level's rank, 0 (`none`) to 4 (`critical`); −1 for what is no level. O(1). */
export const levelOrdinal = (level: PressureLevel): number => PRESSURE_LEVELS.indexOf(level);

/** @internal By level, what adaptive sizes are multiplied by unless a band says otherwise (T05). */
export const FACTORS: readonly number[] = [1, 1, 0.75, 0.5, 0.25];
