// Pressure levels as the preset `stream` draws them: how full the region is, in five steps.

export const levelNames = ["none", "low", "moderate", "high", "critical"] as const;

export type LevelName = (typeof levelNames)[number];

/** Where each level begins, as a share of the limit; level `none` begins at 0. */
const STARTS: readonly number[] = [0, 0.6, 0.8, 0.95, 0.98];

export function levelOf(usedShare: number): LevelName {
  const level = STARTS.findLastIndex((start) => usedShare >= start);
  return levelNames[Math.max(0, level)]!;
}

/** Counts in which level the samples stood. */
export class LevelCounter {
  readonly counts: Record<LevelName, number> = { none: 0, low: 0, moderate: 0, high: 0, critical: 0 };

  add(usedShare: number): void {
    this.counts[levelOf(usedShare)] += 1;
  }
}
