// Lock: the page lock. Owns the latch H_LOCK. What it guards is rebuilt by whoever takes it from a dead holder, and by the holder
// itself when an exception cut its own operation; so between calls nothing half done is ever found under it.

import { cas32 } from "./atomic";
import { isPoisoned } from "./header";
import { endAlloc, endFree } from "./counters";
import { settleMark } from "./hint";
import { INHERITED, LATCHED, letLatchGo, REENTERED, REFUSED, takeLatch, tryLatch } from "./latch";
import { me, myId } from "./owners";
import { rebuild } from "./pages";
import { H_LOCK } from "./shared/layout";
import { BUSY, NOT_ATTACHED, OK, POISONED } from "./shared/status";

/** Takes the page lock: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lock(): u32 {
  if (me == 0) return NOT_ATTACHED;
  if (!cas32(H_LOCK, 0, myId)) {
    const taken = takeLatch(H_LOCK);
    if (taken == REFUSED) return BUSY;
    mend(taken);
  }
  if (isPoisoned()) {
    unlock();
    return POISONED;
  }
  // No operation of this owner is in flight here; an exception may have left a journal that says so.
  endAlloc(0);
  endFree(0);
  return OK;
}

/** Takes the lock if nobody holds it, or this owner since an exception cut its operation. */
export function tryLock(): bool {
  if (isPoisoned()) return false;
  const taken = tryLatch(H_LOCK);
  if (taken == REFUSED) return false;
  if (taken == LATCHED) return true;
  mend(taken);
  return !isPoisoned();
}

export function unlock(): void {
  letLatchGo(H_LOCK);
}

/** What the holder before had begun and not committed was not done: rebuild takes it back. */
function mend(taken: u32): void {
  if (taken == REENTERED) {
    endAlloc(0);
    endFree(0);
    settleMark();
  }
  if (taken == REENTERED || taken == INHERITED) rebuild();
}
