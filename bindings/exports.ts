// The TypeScript type of the core's exports; a test compares it with the module. Offsets come back as signed 32-bit numbers, so
// callers apply `>>> 0`; truth values come back as 0 or 1.

export interface CoreExports {
  buildId(): number;
  createRegion(pages: number, owners: number, mayBlock: number, busyMs: number, thread: number, scrub: number): number;
  attachRegion(mayBlock: number, busyMs: number, thread: number): number;
  detachRegion(): number;
  closeRegion(): number;
  reason(): number;
  alloc(bytes: number): number;
  allocUnsafe(bytes: number): number;
  allocAligned(bytes: number, align: number): number;
  allocNext(bytes: number): number;
  allocSlow(bytes: number): number;
  free(offset: number): number;
  freeScrubbed(offset: number): number;
  hasRuns(grains: number, count: number): number;
  freeAtEdge(offset: number, grain: number, tag: number, index: number): number;
  realloc(offset: number, bytes: number): number;
  usableSize(offset: number): number;
  blockAlloc(bytes: number, align: number): number;
  blockAllocIn(node: number, state: number, bytes: number, align: number): number;
  budgetAt(offset: number): number;
  chargeInstead(offset: number, claimLow: number, claimHigh: number, instead: number): number;
  allocIn(node: number, state: number, bytes: number, align: number): number;
  allocSlowIn(node: number, state: number, bytes: number, align: number): number;
  freeAtEdgeIn(offset: number, grain: number, tag: number, index: number): number;
  allocUnsafeIn(node: number, state: number, bytes: number): number;
  blockFree(offset: number, claimLow: number, claimHigh: number): number;
  blockIsLive(offset: number, claimLow: number, claimHigh: number): number;
  blockMove(offset: number, claimLow: number, claimHigh: number, shared: number): number;
  intern(bytes: number, kept: number): number;
  openBudget(parent: number, parentState: number, name: number): number;
  setBudgetLevels(node: number, state: number): number;
  setBudgetLimit(node: number, state: number, limit: number): number;
  callForBytes(node: number, state: number, bytes: number): void;
  wouldRefuse(node: number, state: number, bytes: number): number;
  budgetNumber(node: number, field: number): number;
  closeBudget(node: number, state: number): number;
  reserve(node: number, state: number, bytes: number, tag: number): number;
  reserveOrWait(node: number, state: number, bytes: number, tag: number): number;
  reservationCancel(record: number, claimLow: number, claimHigh: number): number;
  reservationFree(record: number, claimLow: number, claimHigh: number): number;
  reservationIsLive(record: number, claimLow: number, claimHigh: number): number;
  reservationMove(record: number, claimLow: number, claimHigh: number, node: number, state: number): number;
  reservationPass(record: number, claimLow: number, claimHigh: number, shared: number): number;
  reservationResize(record: number, claimLow: number, claimHigh: number, bytes: number): number;
  reservationSplit(record: number, claimLow: number, claimHigh: number, bytes: number): number;
  openRing(name: number): number;
  closeRing(ring: number): number;
  hasEnded(ring: number): number;
  leaveRing(ring: number): number;
  ringSetLimits(ring: number, records: number, bytes: number, high: number, low: number, policy: number): void;
  ringTrim(ring: number): number;
  ringAgain(ring: number): number;
  ringReturn(ring: number, d: number): void;
  ringPush(ring: number, from: number, bytes: number, tag: number): number;
  ringPushMany(ring: number, from: number, count: number): number;
  ringReserve(ring: number, bytes: number, wants: number): number;
  ringCommit(ring: number, descriptor: number, bytes: number, tag: number, wants: number): number;
  ringRelease(ring: number, descriptor: number): void;
  ringPop(ring: number, to: number, room: number): number;
  ringPopMany(ring: number, to: number, room: number, max: number): number;
  ringTake(ring: number): number;
  openCache(name: number): number;
  leaveCache(cache: number): number;
  cacheSetLimits(cache: number, bytes: number, values: number, items: number): number;
  cacheSetSpace(cache: number, space: number, items: number, bytes: number): number;
  cacheSetPolicy(cache: number, policy: number, favour: number, retention: number, isCritical: number): number;
  cacheGet(cache: number, at: number, key: number, isPeek: number): number;
  cacheCopy(cache: number, at: number, key: number, isPeek: number, to: number, room: number): number;
  cacheMissed(cache: number): void;
  cacheStill(cache: number): number;
  cacheSet(cache: number, at: number, key: number, bytes: number, about: number, expires: number, now: number): number;
  cacheReserve(
    cache: number,
    at: number,
    key: number,
    bytes: number,
    about: number,
    expires: number,
    now: number,
  ): number;
  cacheCommit(cache: number): number;
  cacheAbort(cache: number): void;
  cachePin(cache: number, at: number, key: number, isPeek: number): number;
  cacheClaim(cache: number, at: number, key: number): number;
  cacheIsLoading(cache: number, claim: number, hash: number, owner: number): number;
  cacheEndLoad(cache: number, claim: number): void;
  cacheHear(cache: number, name: number, isThere: number): void;
  cacheUnpin(cache: number, entry: number): number;
  cacheDelete(cache: number, at: number, key: number): number;
  cacheExpire(cache: number, at: number, key: number, now: number): number;
  cacheDrop(cache: number, at: number, key: number, now: number): number;
  cacheEvict(cache: number, bytes: number, about: number, now: number): number;
  cacheClear(cache: number): number;
  cacheKeys(cache: number, bucket: number, at: number, room: number, from: number): number;
  cacheCandidates(cache: number, at: number, room: number, now: number): number;
  recover(ownerId: number): number;
  markDead(ownerId: number): number;
  check(): number;
}
