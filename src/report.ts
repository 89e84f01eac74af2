// Report: what `region.check()` and `region.stats()` answer.

/** What a walk over every invariant found: `usedBytes + freeBytes + overheadBytes = capacityBytes`. */
export interface CheckReport {
  ok: boolean;
  problems: string[];
  capacityBytes: number;
  usedBytes: number;
  freeBytes: number;
  overheadBytes: number;
}

/** Where the bytes are. */
export interface RegionStats {
  capacityBytes: number;
  usedBytes: number;
  freeBytes: number;
  overheadBytes: number;
  committedBytes: number;
  peakBytes: number;
  largestFreeBytes: number;
  freeRuns: number;
  slabs: number;
  runs: number;
  blocks: number;
  owners: number;
  /** Owners that are marked dead and not recovered. */
  deadOwners: number;
  maxOwners: number;
  rebuilds: number;
  /** Not 0: since a thread died in the middle of a raw allocation or free `usedBytes` may be off by that block, whose bytes these are as
   *  far as they are known; settled by the first walk (this one, if 0) that finds nobody at work. */
  undecidedBytes: number;
}
