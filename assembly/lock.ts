// Lock: the page lock. Owns the latch H_LOCK. What it guards is rebuilt by whoever takes it from a dead holder, and by the holder
// itself when an exception cut its own operation; so between calls nothing half done is ever found under it.

import { cas32, load32 } from "./atomic";
import { letBudgetsGo, lockBudgets } from "./budget";
import { beBrisk } from "./charged";
import { isPoisoned } from "./header";
import { endAlloc, endFree } from "./counters";
import { settleMark } from "./hint";
import { abandonLatch, LATCHED, letLatchGo, REENTERED, REFUSED, takeLatch, tryLatch } from "./latch";
import { me, myId } from "./owners";
import { rebuild } from "./pages";
import { H_BUDGET_LOCK, H_LOCK } from "./shared/layout";
import { BUSY, NOT_ATTACHED, OK, POISONED } from "./shared/status";

/** Takes the page lock: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lock(): u32 {
  if (me == 0) return NOT_ATTACHED;
  if (!cas32(H_LOCK, 0, myId)) {
    const taken = takeLatch(H_LOCK);
    if (taken == REFUSED || !mend(taken)) return BUSY;
  }
  if (isPoisoned()) {
    unlock();
    return POISONED;
  }
  beBrisk();
  // No operation of this owner is in flight here; an exception may have left a journal that says so.
  endAlloc(0);
  endFree(0);
  return OK;
}

/** Takes the lock if nobody holds it, or this owner since an exception cut its operation. */
export function tryLock(): bool {
  if (isPoisoned()) return false;
  beBrisk();
  const taken = tryLatch(H_LOCK);
  if (taken == LATCHED) return true;
  if (taken != REENTERED || !mend(taken)) return false;
  if (isPoisoned()) unlock();
  return !isPoisoned();
}

export function unlock(): void {
  letLatchGo(H_LOCK);
}

/**
 * What the holder before had begun and not committed was not done: rebuild takes it back. What it had charged or uncharged is done first, for
 * that decides which slabs and runs there are; the latch is taken inside the page lock, never the other way about. False: a living thread did
 * not let it go in time; the page lock is let go again, for whoever comes next to mend.
 */
function mend(taken: u32): bool {
  if (taken == LATCHED) return true;
  if (taken == REENTERED) {
    endAlloc(0);
    endFree(0);
    settleMark();
  }
  if (load32(H_BUDGET_LOCK) != 0) {
    const status = lockBudgets();
    if (status == OK) letBudgetsGo();
    if (status == BUSY) {
      abandonLatch(H_LOCK);
      return false;
    }
  }
  rebuild();
  return true;
}
