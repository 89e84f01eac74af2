// The exports, and nothing else: numbers in, numbers out. Arguments are checked by the bindings; an instance that is attached to
// nothing answers "nothing there" to every call.

export { buildId, createRegion, attachRegion, detachRegion, closeRegion, reason } from "./region";
export {
  alloc,
  allocUnsafe,
  allocAligned,
  allocNext,
  allocSlow,
  free,
  freeAtEdge,
  freeScrubbed,
  hasRuns,
  usableSize,
} from "./heap";
export { realloc } from "./resize";
export { blockAlloc, blockFree, blockIsLive, blockMove } from "./record";
export { allocIn, allocSlowIn, allocUnsafeIn, freeAtEdgeIn } from "./arena";
export { blockAllocIn, budgetAt, chargeInstead } from "./charged";
export { intern } from "./names";
export {
  budgetNumber,
  callForBytes,
  closeBudget,
  openBudget,
  setBudgetLevels,
  setBudgetLimit,
  wouldRefuse,
} from "./nodes";
export {
  reserve,
  reserveOrWait,
  reservationCancel,
  reservationFree,
  reservationIsLive,
  reservationMove,
  reservationPass,
  reservationResize,
  reservationSplit,
} from "./reservation";
export { ringCommit, ringPop, ringPush, ringRelease, ringReserve, ringTake } from "./ring";
export { ringPopMany, ringPushMany } from "./ringbatch";
export { hasEnded } from "./ringend";
export { closeRing, leaveRing, openRing, ringAgain, ringReturn, ringSetLimits, ringTrim } from "./ringlife";
export {
  cacheAbort,
  cacheClear,
  cacheCommit,
  cacheDelete,
  cacheDrop,
  cacheEvict,
  cacheExpire,
  cachePin,
  cacheReserve,
  cacheSet,
  cacheUnpin,
} from "./cache";
export { cacheHear } from "./cachehear";
export { cacheClaim, cacheEndLoad } from "./cachefetch";
export { cacheIsLoading } from "./cacheloads";
export { cacheCandidates, cacheKeys } from "./cachekeys";
export { cacheSetLimits, cacheSetPolicy, cacheSetSpace, leaveCache, openCache } from "./cachelife";
export { cacheCopy, cacheGet, cacheMissed, cacheStill } from "./lookup";
export { recover } from "./recover";
export { markDead } from "./owners";
export { check } from "./check";
