// The public entry: re-exports only.

/** The region and what it hands out. */
export { Region } from "./region.js";
export type { CheckReport, RegionStats } from "./report.js";
export type { RegionHandle, RegionOptions } from "./making.js";
export { Heap, type AllocFailure, type AllocOptions } from "./heap.js";
export { Block, type BlockHandle } from "./block.js";
export type { BudgetOptions } from "./limits.js";
export { Budget, type BudgetStats, type CloseReport, type Consumer, type ReserveOptions } from "./budget.js";
export { Ring } from "./ring/ring.js";
export type { Queue, RingEvents, RingMetrics, RingWaitOptions } from "./ring/queue.js";
export type { Overflow, RingOptions } from "./ring/options.js";
export type { RingCodec, RingCodecName } from "./ring/codec.js";
export type { ReadLease, WriteLease } from "./ring/leases.js";
export { RingClosedError, RingDecodeError, RingFullError, RingTimeoutError, StaleLeaseError } from "./ring/errors.js";
export { Cache } from "./cache/cache.js";
export type { CacheEntry, CacheOptions, EvictReason, NamespaceLimits, SetOptions } from "./cache/options.js";
export {
  CACHE_PRIORITIES,
  type CacheFavour,
  type CachePolicyName,
  type CachePriority,
  type CustomPolicy,
  type EvictionCandidate,
} from "./cache/policies.js";
export type { EvictionListener, RemoteEviction } from "./cache/evictions.js";
export type { CacheStats, NamespaceStats } from "./cache/stats.js";
export type { Pin } from "./cache/pin.js";
export type { CacheKey } from "./cache/open.js";
export { estimateSize } from "./cache/estimate.js";
export { CacheClosedError, CachePinsError, StalePinError } from "./cache/errors.js";
export type { LevelListener } from "./levels.js";
export type { ReclaimContext, Reclaimer, ReclaimerStats } from "./reclaim.js";
export { Reservation, type ReservationHandle } from "./reservation.js";
export type { RegionGauge } from "./pressure/region-gauge.js";
export type { PressureEvent, PressureListener } from "./pressure/events.js";
export type { PressureLevel } from "./pressure/levels.js";
export type { PressurePreset } from "./pressure/presets.js";
export type { RecoveryReport, WatchOptions, WorkerLike } from "./recovery.js";
export type { FullHook } from "./exhaustion.js";

/** States a program can meet, each with a stable `code`. */
export {
  BudgetClosedError,
  BudgetInUseError,
  CisternError,
  ItemLimitExceededError,
  MemoryLimitExceededError,
  NoOwnerSlotError,
  NotARegionError,
  OwnerAliveError,
  RegionBusyError,
  RegionClosedError,
  RegionInUseError,
  RegionPoisonedError,
  StaleBlockError,
  StaleReservationError,
  type LimitFacts,
} from "./errors.js";

/** Sizes as people write them. */
export { formatSize, parseSize } from "./size.js";
