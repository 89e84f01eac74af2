// The public entry: re-exports only.

/** The region and what it hands out. */
export { Region, type CheckReport, type RegionHandle, type RegionOptions, type RegionStats } from "./region.js";
export { Heap, type AllocFailure, type AllocOptions } from "./heap.js";
export { Block, type BlockHandle } from "./block.js";
export type { RecoveryReport, WatchOptions, WorkerLike } from "./recovery.js";
export type { FullHook } from "./exhaustion.js";

/** States a program can meet, each with a stable `code`. */
export {
  CisternError,
  MemoryLimitExceededError,
  NoOwnerSlotError,
  NotARegionError,
  OwnerAliveError,
  RegionBusyError,
  RegionClosedError,
  RegionInUseError,
  RegionPoisonedError,
  StaleBlockError,
  type LimitFacts,
} from "./errors.js";

/** Sizes as people write them. */
export { formatSize, parseSize } from "./size.js";
