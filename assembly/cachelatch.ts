// Cache latch: who changes a cache. Owns K_LATCH. Whoever takes it from a dead holder, or finds it its own since an exception, first makes whole what
// was half done: an entry that is in by its place keeps all that was written for it, any other change is written back; then what was taken from the
// region and has no place goes back, what was to come out comes out, and a load's value that was overtaken. That of a dead owner is taken by its recovery too, whether or not that
// owner used the cache: it may have recovered another, or checked the region.

import { get32, put32 } from "./memory";
import { cas32, load32, store32 } from "./atomic";
import { forgetLoad, settleLoad } from "./cacheloads";
import { dropEmptyPage, givePageBack } from "./cachepage";
import { reap, settleRemoval, removeAll } from "./entries";
import { isPoisoned } from "./header";
import { LATCHED, letLatchGo, REFUSED, takeLatch, tryLatch } from "./latch";
import { me, myId } from "./owners";
import { isIn, settleSplit } from "./table";
import { keep, rollBack } from "./undo";
import { GONE_DELETED, K_DEAD, K_LATCH, K_LIMBO, K_NEW } from "./shared/caches";
import { LATCH_MARK } from "./shared/layout";
import { BUSY, NOT_ATTACHED, OK, POISONED } from "./shared/status";

/** Takes the cache's latch: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lockCache(cache: usize): u32 {
  if (me == 0) return NOT_ATTACHED;
  if (!cas32(cache + K_LATCH, 0, myId)) {
    const taken = takeLatch(cache + K_LATCH);
    if (taken == REFUSED) return BUSY;
    if (taken != LATCHED) mend(cache);
  }
  if (!isPoisoned()) return OK;
  letLatchGo(cache + K_LATCH);
  return POISONED;
}

/** Takes the latch if nobody has it, or this owner since an exception. */
export function tryCache(cache: usize): bool {
  if (me == 0 || isPoisoned()) return false;
  const taken = tryLatch(cache + K_LATCH);
  if (taken == REFUSED) return false;
  if (taken != LATCHED) mend(cache);
  return true;
}

/** Lets the latch go, after what others left to be done for want of it. */
export function letCacheGo(cache: usize): void {
  while (true) {
    if (load32(cache + K_DEAD) != 0) sweepDead(cache);
    if (get32(cache + K_LIMBO) != 0) reap(cache);
    letLatchGo(cache + K_LATCH);
    if (load32(cache + K_DEAD) == 0 || !tryCache(cache)) return;
  }
}

function mend(cache: usize): void {
  const e = <usize>get32(cache + K_NEW);
  if (e != 0 && isIn(e)) keep(cache);
  else rollBack(cache);
  forgetLoad(cache);
  put32(cache + K_NEW, 0);
  givePageBack(cache);
  settleSplit(cache);
  settleRemoval(cache);
  dropEmptyPage(cache);
  settleLoad(cache);
}

/**
 * Makes whole what owner `id`, dead or this one, was doing under the latch, if it has it: then this owner has it. Under the page lock, so that the
 * cache is there, also for one that does not use it; `mendInherited` follows.
 */
export function takeFrom(cache: usize, id: u32): bool {
  while (true) {
    const word = load32(cache + K_LATCH);
    if ((word & ~LATCH_MARK) != id) return false;
    if (cas32(cache + K_LATCH, word, myId | (word & LATCH_MARK))) return true;
  }
  return false;
}

/** Once the latch is let go, the cache may be gone. */
export function mendInherited(cache: usize): void {
  mend(cache);
  letLatchGo(cache + K_LATCH);
}

/** Takes out what was deleted by who did not get the latch. O(entries). */
function sweepDead(cache: usize): void {
  store32(cache + K_DEAD, 0);
  removeAll(cache, GONE_DELETED, true);
}
