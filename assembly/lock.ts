// Lock: the page lock, robust against the death of its holder. Owns H_LOCK: 0, or the id of the owner that holds it (an id carries
// the generation, so no other owner of the same slot is ever taken for it). What it guards is rebuilt by whoever takes it from a dead holder, and by the holder itself when an exception (a stack overflow) cut its
// own operation. Waiting is bounded: a living holder that does not let go leads to BUSY, never to a hang; a thread that may not
// sleep (a page's main thread) spins briefly, so that it gets back to the event that would tell it of a holder's death.

import { cas32, load32, notify, store32, wait32 } from "./atomic";
import { isPoisoned } from "./header";
import { endAlloc, endFree } from "./counters";
import { settleMark } from "./hint";
import { isDead, mayBlock, me, myId, waitMs } from "./owners";
import { rebuild } from "./pages";
import { H_LOCK, H_WAITERS } from "./shared/layout";
import { BUSY, NOT_ATTACHED, OK, POISONED } from "./shared/status";

// A holder's work takes well under a microsecond, so a short spin nearly always sees it end.
const SPINS: u32 = 400;
const SPINS_NO_BLOCK: u32 = 40000;
// busyMs is slept in this many slices; the holder (and who announces its death) wakes who waits, so a slice is only the longest that
// a lost wake can cost.
const SLICES: u32 = 8;
// How often a thread may be woken and find that another was quicker.
const WAKES_MAX: u32 = 1000;

/** Takes the page lock: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lock(): u32 {
  if (me == 0) return NOT_ATTACHED;
  if (!cas32(H_LOCK, 0, myId)) {
    const status = lockSlow();
    if (status != OK) return status;
  }
  if (isPoisoned()) {
    unlock();
    return POISONED;
  }
  return OK;
}

/** Takes the lock if nobody holds it, or this owner since an exception cut its operation. */
export function tryLock(): bool {
  if (isPoisoned()) return false;
  return cas32(H_LOCK, 0, myId) || (load32(H_LOCK) == myId && takeBack());
}

export function unlock(): void {
  store32(H_LOCK, 0);
  if (load32(H_WAITERS) == 0) return;
  store32(H_WAITERS, 0);
  notify(H_LOCK);
}

function lockSlow(): u32 {
  const spins = mayBlock ? SPINS : SPINS_NO_BLOCK;
  let slices = mayBlock && waitMs != 0 ? SLICES : 0;
  let wakes: u32 = 0;
  while (true) {
    for (let i: u32 = 0; i < spins; i++) {
      const holder = load32(H_LOCK);
      if (holder == 0) {
        if (cas32(H_LOCK, 0, myId)) return OK;
      } else if (holder == myId) {
        takeBack();
        return OK;
      } else if (isDead(holder) && cas32(H_LOCK, holder, myId)) {
        rebuild();
        return OK;
      }
    }
    if (slices == 0 || wakes == WAKES_MAX) return BUSY;
    store32(H_WAITERS, 1);
    const holder = load32(H_LOCK);
    if (holder == 0) continue;
    if (wait32(H_LOCK, holder, <i64>waitMs * (1000000 / SLICES))) slices--;
    else wakes++;
  }
  return BUSY;
}

/** After an exception: what the cut operation had begun was not done, and rebuild takes it back. */
function takeBack(): bool {
  endAlloc(0);
  endFree(0);
  settleMark();
  rebuild();
  return true;
}
